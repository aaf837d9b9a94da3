"""An audit of a feed: reads everything it offers, stores nothing, accounts for every row.

Rows pass the same validation as on their way into a home. Names are compared as the feed writes them, so that
its own spellings of one club show: fixtures of a name that has no result, more clubs than the league has.
"""

import datetime as dt
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from soccer_assets.clock import Clock
from soccer_assets.feeds.feed_set import members_of
from soccer_assets.feeds.protocol import Feed
from soccer_assets.feeds.validation import PRICES_REMOVED, validate_rows
from soccer_assets.feeds.visibility import LOOK_AHEAD
from soccer_assets.football.club_names import Likeness, likeness
from soccer_assets.football.competitions import UNKNOWN_COMPETITION, load_competitions
from soccer_assets.football.exchanged_sides import SideWins
from soccer_assets.football.matches import STATUS_RULES, Window
from soccer_assets.football.records import (
    RawMatch,
    RejectedResult,
    Rejection,
    Repeat,
    UndrawnFixture,
    UnreadableFile,
)
from soccer_assets.football.season_formats import season_format
from soccer_assets.football.text_folding import fold

_UNKNOWN = re.compile(UNKNOWN_COMPETITION.format("""['"](.*?)['"]"""))
# What one reason has of its row: quoted text, and numbers.
_VALUE = re.compile(r"""'[^']*'|"[^"]*"|\d+""")
# Where no format is known, a second match of one pair is a repeat if it has the same score so soon after.
_DAYS_OF_A_REPEAT = 3


class Duplicate(msgspec.Struct, frozen=True):
    """A match the feed has twice: the second row, and the first."""

    row: str
    twin: str


class NameWithoutHistory(msgspec.Struct, frozen=True, order=True):
    """A name with fixtures and no result anywhere in the feed: often a known club in another spelling."""

    competition: str
    name: str
    fixtures: int


class TooManyClubs(msgspec.Struct, frozen=True, order=True):
    """A season with more names than the league has clubs: some club goes by two names.

    Attributes:
        most: clubs of the league, with guests of its play-offs.
        alike: pairs of names that resemble each other and have neither met nor shared a day.
    """

    competition: str
    season: str
    most: int
    names: tuple[str, ...]
    alike: tuple[tuple[str, str], ...] = ()


class Meetings(msgspec.Struct, frozen=True, order=True):
    """Matches of one ordered pair that one season cannot have."""

    competition: str
    season: str
    most: int
    matches: tuple[str, ...]


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """What a feed offers: ``rows`` is the sum of matches, duplicates, rejected and undrawn rows.

    Attributes:
        statuses: how many matches have which status.
        scored: matches with a 90-minute score.
        competitions: matches by competition.
        rejected: rows that could not be parsed.
        reasons: number of rejections by reason, the most frequent first; reasons that differ in values alone,
            such as dates, under the first of them.
        undrawn: fixtures whose teams are not known yet, by reason.
        prices_removed: matches whose prices are implausible; the matches stay.
        unknown_competitions: rows of competitions that the catalogue does not know, by the feed's name of it.
        names_without_history: names with fixtures and no result.
        too_many_clubs: seasons with more names than clubs.
        meetings_told_twice: matches of one pair beyond what the season's format allows.
        contradictions: duplicates with another score.
        exchanged_sides: seasons whose home and away sides seem to be exchanged.
        files_passed_over: what is wrong with each file that cannot be read; not among the rows.
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
    undrawn: Mapping[str, int]
    prices_removed: int
    unknown_competitions: Mapping[str, int]
    names_without_history: tuple[NameWithoutHistory, ...]
    too_many_clubs: tuple[TooManyClubs, ...]
    meetings_told_twice: tuple[Meetings, ...]
    contradictions: tuple[Duplicate, ...]
    exchanged_sides: tuple[str, ...]
    files_passed_over: tuple[str, ...]


class _Reported(msgspec.Struct, frozen=True):
    """What the audit keeps of a match: a day, whether it is over, its score, and the row in words."""

    day: dt.date
    is_over: bool
    score: tuple[int, int] | None
    row: str


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
    undrawn: Counter[str] = Counter()
    files, duplicates, contradictions = list[str](), list[Duplicate](), list[Duplicate]()
    seen: dict[tuple[str, ...], _Reported] = {}
    seasons: defaultdict[tuple[str, str], _Season] = defaultdict(_Season)
    rows = scored = prices_removed = 0
    items = validate_rows(feed.fetch(window, clock), clock.now())
    for item in items:
        if isinstance(item, UnreadableFile):
            files.append(item.reason)
            continue
        if isinstance(item, Rejection) and item.reason.startswith(PRICES_REMOVED):
            prices_removed += 1
            continue
        rows += 1
        if isinstance(item, Rejection):
            (undrawn if isinstance(item, UndrawnFixture) else reasons)[item.reason] += 1
            if isinstance(item, RejectedResult):
                next(items, None)  # the same row as a fixture
            continue
        row = item.match if isinstance(item, Repeat) else item
        reported, keys = _reported(row), _keys(row)
        twin = next((seen[key] for key in keys if key in seen), None)
        if twin is not None:
            duplicates.append(Duplicate(reported.row, twin.row))
            if None not in (reported.score, twin.score) and reported.score != twin.score:
                contradictions.append(duplicates[-1])
            continue
        seen.update(dict.fromkeys(keys, reported))
        statuses[row.status.value] += 1
        competitions[row.competition] += 1
        scored += row.home_goals is not None
        seasons[row.competition, row.season].add(row, reported)
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
        reasons=_grouped(reasons),
        undrawn=dict(undrawn.most_common()),
        prices_removed=prices_removed,
        unknown_competitions=_unknown_competitions(feed, competitions, reasons),
        names_without_history=tuple(sorted(_names_without_history(seasons))),
        too_many_clubs=tuple(sorted(_too_many_clubs(seasons))),
        meetings_told_twice=tuple(sorted(_meetings_told_twice(seasons))),
        contradictions=tuple(contradictions),
        exchanged_sides=tuple(_exchanged_sides(feed.name, seasons)),
        files_passed_over=tuple(files),
    )


class _Season:
    """The names and meetings of one season of one competition."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.results: set[str] = set()
        self.fixtures: Counter[str] = Counter()
        self.days: defaultdict[str, set[dt.date]] = defaultdict(set)
        self.meetings: defaultdict[tuple[str, str], list[_Reported]] = defaultdict(list)
        self.wins: Counter[int] = Counter()

    def add(self, match: RawMatch, reported: _Reported) -> None:
        """Count a match."""
        for name in (match.home_team, match.away_team):
            self.names.setdefault(fold(name), name)
            self.days[fold(name)].add(reported.day)
            if reported.is_over:
                self.results.add(fold(name))
            elif STATUS_RULES[match.status].is_served:
                self.fixtures[fold(name)] += 1
        self.meetings[fold(match.home_team), fold(match.away_team)].append(reported)
        if reported.score is not None and not match.neutral:
            self.wins[(reported.score[0] > reported.score[1]) - (reported.score[0] < reported.score[1])] += 1

    def alike(self, least: Likeness) -> tuple[tuple[str, str], ...]:
        """Pairs of names at least so alike that have not shared a day; who has met has shared one."""
        return tuple(
            (self.names[one], self.names[other])
            for one, other in itertools.combinations(sorted(self.names), 2)
            if likeness(one, other) >= least and self.days[one].isdisjoint(self.days[other])
        )


def _grouped(reasons: Mapping[str, int]) -> dict[str, int]:
    counted: Counter[str] = Counter()
    first: dict[str, str] = {}
    for reason, rows in reasons.items():
        counted[first.setdefault(_VALUE.sub("?", reason), reason)] += rows
    return dict(counted.most_common())


_Seasons = Mapping[tuple[str, str], _Season]


def _names_without_history(seasons: _Seasons) -> Iterable[NameWithoutHistory]:
    known = {name for season in seasons.values() for name in season.results}
    found: Counter[tuple[str, str]] = Counter()
    for (competition, _), season in seasons.items():
        for name, fixtures in season.fixtures.items():
            if name not in known:
                found[competition, season.names[name]] += fixtures
    return (NameWithoutHistory(*key, fixtures) for key, fixtures in found.items())


def _too_many_clubs(seasons: _Seasons) -> Iterable[TooManyClubs]:
    for (competition, label), season in seasons.items():
        expected = season_format(competition, label)
        if expected is None or len(season.names) <= expected.clubs:
            continue
        is_beyond = len(season.names) > expected.most_clubs
        # A guest of the play-offs may resemble a club, as Dundee United does Dundee.
        alike = season.alike(Likeness.STRONG if is_beyond else Likeness.SAME)
        if is_beyond or alike:
            names = tuple(sorted(season.names.values()))
            yield TooManyClubs(competition, label, expected.most_clubs, names, alike)


def _meetings_told_twice(seasons: _Seasons) -> Iterable[Meetings]:
    for (competition, label), season in seasons.items():
        expected = season_format(competition, label)
        for matches in season.meetings.values():
            # A match that was put off or abandoned is not a meeting of its own.
            played = sorted((one for one in matches if one.is_over), key=lambda one: one.day)
            is_over = expected is not None and len(played) > expected.most_meetings
            if is_over or (expected is None and _repeats(played)):
                most = expected.most_meetings if expected is not None else len(played) - 1
                yield Meetings(competition, label, most, tuple(one.row for one in played))


def _exchanged_sides(feed: str, seasons: _Seasons) -> Iterable[str]:
    for (competition, label), season in sorted(seasons.items()):
        wins = SideWins(
            competition=competition,
            season=label,
            source=feed,
            results=season.wins.total(),
            home_wins=season.wins[1],
            away_wins=season.wins[-1],
        )
        if wins.are_exchanged:
            yield str(wins)


def _repeats(played: list[_Reported]) -> bool:
    return any(
        one.score is not None and one.score == other.score and (other.day - one.day).days <= _DAYS_OF_A_REPEAT
        for one, other in itertools.pairwise(played)
    )


def _unknown_competitions(
    feed: Feed, competitions: Mapping[str, int], reasons: Mapping[str, int]
) -> dict[str, int]:
    """Rows by the feed's name of the competition: rejected, left out, or with a code of their own."""
    found: Counter[str] = Counter()
    for reason, rows in reasons.items():
        if named := _UNKNOWN.match(reason):
            found[named[1]] += rows
    for member in members_of(feed):
        found.update(getattr(member, "outside_catalogue", {}))
    if not feed.is_simulated:
        known, named_by = load_competitions(), feed.competitions()
        for code in competitions.keys() - known.keys():
            names = named_by[code].feeds.values() if code in named_by else ()
            found[next(iter(names), code)] += competitions[code]
    return dict(found.most_common())


def _reported(match: RawMatch) -> _Reported:
    is_scored = match.home_goals is not None and match.away_goals is not None
    score = (match.home_goals or 0, match.away_goals or 0) if is_scored else None
    return _Reported(match.kickoff.date(), STATUS_RULES[match.status].settles, score, _described(match))


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
