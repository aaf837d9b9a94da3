"""An audit of a feed: reads everything it offers, stores nothing, accounts for every row."""

from collections import Counter
from collections.abc import Mapping

import msgspec

from soccer_assets.clock import Clock
from soccer_assets.feeds.protocol import Feed
from soccer_assets.feeds.validation import validate_rows
from soccer_assets.feeds.visibility import LOOK_AHEAD
from soccer_assets.football.matches import Window
from soccer_assets.football.records import RawMatch, Rejection, Repeat
from soccer_assets.football.text_folding import fold


class Duplicate(msgspec.Struct, frozen=True):
    """A match the feed has twice: the second row, and the first."""

    row: str
    twin: str


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """What a feed offers: ``rows`` is the sum of matches, duplicates and rejected rows.

    Attributes:
        statuses: how many matches have which status.
        scored: matches with a 90-minute score.
        competitions: matches by competition.
        rejected: rows that could not be parsed.
        reasons: number of rejections by reason, the most frequent first.
    """

    feed: str
    window: Window
    rows: int
    matches: int
    scored: int
    statuses: Mapping[str, int]
    competitions: Mapping[str, int]
    duplicates: tuple[Duplicate, ...]
    rejected: int
    reasons: Mapping[str, int]


def audit(feed: Feed, clock: Clock) -> Audit:
    """Read all the feed offers, from its first month to a year ahead, in one pass.

    Two rows are one match if they share the feed's own id, or competition, UTC day and both teams.

    Raises:
        FeedError: the feed cannot be read to its end; there is no partial audit.
    """
    window = Window(feed.first_month(), clock.now().date() + LOOK_AHEAD)
    statuses: Counter[str] = Counter()
    competitions: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    duplicates = []
    seen: dict[tuple[str, ...], str] = {}
    rows = scored = 0
    for item in validate_rows(feed.fetch(window, clock), clock.now()):
        rows += 1
        if isinstance(item, Rejection):
            reasons[item.reason] += 1
            continue
        row = item.match if isinstance(item, Repeat) else item
        keys = _keys(row)
        twin = next((seen[key] for key in keys if key in seen), None)
        if twin is not None:
            duplicates.append(Duplicate(_described(row), twin))
            continue
        seen.update(dict.fromkeys(keys, _described(row)))
        statuses[row.status.value] += 1
        competitions[row.competition] += 1
        scored += row.home_goals is not None
    return Audit(
        feed=feed.name,
        window=window,
        rows=rows,
        matches=statuses.total(),
        scored=scored,
        statuses=dict(statuses.most_common()),
        competitions=dict(sorted(competitions.items())),
        duplicates=tuple(duplicates),
        rejected=reasons.total(),
        reasons=dict(reasons.most_common()),
    )


def _keys(match: RawMatch) -> list[tuple[str, ...]]:
    teams = fold(match.home_team), fold(match.away_team)
    meeting = (match.competition, match.kickoff.date().isoformat(), *teams)
    return [meeting] if match.source_match_id is None else [meeting, (match.source_match_id,)]


def _described(match: RawMatch) -> str:
    score = "-" if match.home_goals is None else f"{match.home_goals}-{match.away_goals}"
    own_id = "" if match.source_match_id is None else f" (id {match.source_match_id})"
    return (
        f"{match.competition} {match.season} {match.kickoff:%Y-%m-%d} "
        f"{match.home_team} {score} {match.away_team}{own_id}"
    )
