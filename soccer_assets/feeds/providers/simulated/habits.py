"""What real providers do to the rows of a match, for the simulated feed: off unless it is made with `Habits`.

A match has at most one habit. Which one, and the instants at which it shows, follow from seed, season and
match: the same question has the same answer. The world itself is not changed but for what is put off.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import lru_cache

import msgspec
import numpy as np
from msgspec.structs import replace

from soccer_assets.clock import isoformat
from soccer_assets.feeds.providers.simulated.season import DAY, NEVER, Season, play_season
from soccer_assets.feeds.providers.simulated.world import League, uniforms
from soccer_assets.football.matches import MatchStatus
from soccer_assets.football.records import RawMatch

LONGEST_PUT_OFF_DAYS = 110
LONGEST_WRONG_DATE_DAYS = 3
# What a list of fixtures shortens, and to what; the word is left out where it is empty.
_SHORT = {
    "United": "Utd",
    "Rovers": "Rov.",
    "FC": "",
    "City": "",
    "Sporting": "Sp.",
    "Athletic": "Ath",
    "Wanderers": "Wand.",
    "Real": "R.",
}


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of matches, 0 to 1 and at most 1 together; all 0 is a feed without habits.

    Attributes:
        put_off: moved by days or months; told with the old date until then.
        made_anew: moved, and told under another id; the old row goes, or stays as postponed.
        exchanged: home and away of both matches of a pair are exchanged before the first.
        struck_off: no longer listed, and never played.
        date_corrected: reported on a wrong day first, after it was played too.
        score_corrected: reported with a wrong score first.
        season_corrected: filed under a wrong season first.
        told_twice: listed in two rows.
        spelled_otherwise: share of clubs that lists of fixtures abbreviate.
        longest_wrong_date_days: most days that a wrong day is off.
        has_ids: whether rows carry ids of match and teams; else the provider has none.
    """

    put_off: float = 0.0
    made_anew: float = 0.0
    exchanged: float = 0.0
    struck_off: float = 0.0
    date_corrected: float = 0.0
    score_corrected: float = 0.0
    season_corrected: float = 0.0
    told_twice: float = 0.0
    spelled_otherwise: float = 0.0
    longest_wrong_date_days: int = 1
    has_ids: bool = True


class Kind(StrEnum):
    """Habits that a match can have, by the name of their share."""

    PUT_OFF = "put_off"
    MADE_ANEW = "made_anew"
    EXCHANGED = "exchanged"
    STRUCK_OFF = "struck_off"
    DATE_CORRECTED = "date_corrected"
    SCORE_CORRECTED = "score_corrected"
    SEASON_CORRECTED = "season_corrected"
    TOLD_TWICE = "told_twice"


class Change(msgspec.Struct, frozen=True):
    """The habit of one match.

    Attributes:
        told_at: from when the rows are right, in seconds since 1970.
        shift: of the kickoff, in seconds; of a wrong date, how far it is off.
        has_two_rows: whether the old row stays beside the new one, or the match changes its id.
    """

    kind: Kind
    told_at: int
    shift: int = 0
    has_two_rows: bool = False


@lru_cache(maxsize=512)
def changes_of(seed: int, league: League, year: int, habits: Habits) -> Mapping[int, Change]:
    """The habit of each match of a season that has one, by its row."""
    season = play_season(seed, league, year)
    lots, when, how_far, whether = uniforms((4, len(season.home)), "habits", seed, league.number, year)
    bounds = np.cumsum([getattr(habits, kind.value) for kind in Kind])
    kinds = list(Kind)
    diary = _Diary(season)
    found: dict[int, Change] = {}
    for row in np.flatnonzero(lots < bounds[-1]).tolist():
        if row in found or not _is_plain(season, row):
            continue
        kind = kinds[int(np.searchsorted(bounds, lots[row], side="right"))]
        change = Change(kind, _told_at(season, row, kind, when[row]), 0, bool(whether[row] < 0.5))  # noqa: PLR2004 - one of two
        if kind in _SHIFTS:
            change = replace(change, shift=diary.reserve(row, _days(change, how_far[row], habits)))
            if not change.shift:
                continue
        if kind is Kind.EXCHANGED:
            other = diary.return_match(row)
            if other in found or not _is_plain(season, other):
                continue
            first = min(int(season.kickoff[row]), int(season.kickoff[other]))
            change = replace(change, told_at=first - int((1 + 20 * when[row]) * DAY))
            found[other] = change
        found[row] = change
    return found


def listed_rows(match_at: Callable[[int], RawMatch], change: Change, now: int) -> list[RawMatch]:
    """The rows of a match that the feed lists now: none, one or two.

    Args:
        match_at: the match as the world has it at an instant.
        change: its habit.
        now: seconds since 1970.
    """
    true = true_match(match_at, change, now)
    kind, is_told = change.kind, now >= change.told_at
    if kind is Kind.TOLD_TWICE:  # the second row learns of the result a day later
        return [true, _under_another_id(match_at(now - DAY))]
    if not is_told:
        return [true]
    if kind is Kind.STRUCK_OFF:
        return []
    if kind is Kind.MADE_ANEW:
        old = _with_status(_unplayed(match_at, now), MatchStatus.POSTPONED)
        return [_under_another_id(true), *([old] if change.has_two_rows else [])]
    if kind is Kind.EXCHANGED and change.has_two_rows:
        return [_under_another_id(true)]
    return [true]


def true_match(match_at: Callable[[int], RawMatch], change: Change, now: int) -> RawMatch:
    """The match as it is, by what the feed has told until now: what its readers should hold.

    A match that was struck off is withdrawn.
    """
    kind, is_told = change.kind, now >= change.told_at
    if kind in (Kind.PUT_OFF, Kind.MADE_ANEW):
        # All of the match is later by the shift: the world at the earlier instant, with later dates.
        later = match_at(now - change.shift)
        return _moved(later, change.shift) if is_told else _unplayed(match_at, now)
    if kind is Kind.STRUCK_OFF:
        match = _unplayed(match_at, now)
        return _with_status(match, MatchStatus.WITHDRAWN) if is_told else match
    if kind is Kind.EXCHANGED and is_told:
        return _exchanged(match_at(now))
    return match_at(now) if is_told else _before_corrected(match_at(now), change)


def abbreviated(name: str) -> str:
    """The name as a list of fixtures spells it."""
    return " ".join(short for word in name.split() if (short := _SHORT.get(word, word)))


class _Diary:
    """The days on which each club of a season plays, so that what moves finds a free one."""

    def __init__(self, season: Season) -> None:
        self._season = season
        self._days: defaultdict[int, set[int]] = defaultdict(set)
        for row in range(len(season.home)):
            for kickoff in (season.first_kickoff[row], season.kickoff[row]):
                self._take(row, int(kickoff) // DAY)

    def reserve(self, row: int, days: Iterable[int]) -> int:
        """Seconds to the first of some days from a match's own that is free for both clubs; 0 without one."""
        kickoff = int(self._season.kickoff[row]) // DAY
        for shift in days:
            if self._is_free(row, kickoff + shift, kickoff):
                self._take(row, kickoff + shift)
                return shift * DAY
        return 0

    def return_match(self, row: int) -> int:
        """The row of the match at the other club's ground."""
        season = self._season
        return int(np.flatnonzero((season.home == season.away[row]) & (season.away == season.home[row]))[0])

    def _is_free(self, row: int, day: int, own: int) -> bool:
        clubs = (int(self._season.home[row]), int(self._season.away[row]))
        near = {day - 1, day, day + 1} - {own}
        return all(near.isdisjoint(self._days[club]) for club in clubs)

    def _take(self, row: int, day: int) -> None:
        for club in (int(self._season.home[row]), int(self._season.away[row])):
            self._days[club].add(day)


_SHIFTS = frozenset({Kind.PUT_OFF, Kind.MADE_ANEW, Kind.DATE_CORRECTED})


def _is_plain(season: Season, row: int) -> bool:
    """Whether the world itself neither postpones nor corrects a match: else it has no habit besides."""
    return bool(season.postponed_at[row] == NEVER and season.corrected_at[row] == season.known_at[row])


def _told_at(season: Season, row: int, kind: Kind, when: float) -> int:
    """When the right rows appear: results are corrected days later, fixtures around their kickoff."""
    if kind in (Kind.DATE_CORRECTED, Kind.SCORE_CORRECTED):
        return int(season.known_at[row] + (1 + 7 * when) * DAY)
    return int(season.kickoff[row] + (14 * when - 10) * DAY)


def _days(change: Change, how_far: float, habits: Habits) -> Iterable[int]:
    """By how many days a date may be off, the wanted number first."""
    if change.kind is Kind.DATE_CORRECTED:
        days = 1 + int(how_far * habits.longest_wrong_date_days)
        return (days, -days) if change.has_two_rows else (-days, days)
    least = 2 + int(how_far**2 * (LONGEST_PUT_OFF_DAYS - 10))
    return range(least, least + 9)


def _before_corrected(match: RawMatch, change: Change) -> RawMatch:
    """What is told of a match before its date, score or season is corrected."""
    if change.kind is Kind.DATE_CORRECTED:
        return _moved(match, change.shift)
    if change.kind is Kind.SCORE_CORRECTED and match.status is MatchStatus.FINISHED:
        score = [(match.home_goals or 0) + 1, match.away_goals]
        return replace(match, home_goals=score[0], payload=match.payload | {"score": score})
    if change.kind is Kind.SEASON_CORRECTED:
        return replace(match, season=_wrong_season(match.season))
    return match


def _unplayed(match_at: Callable[[int], RawMatch], now: int) -> RawMatch:
    """The match as it was before its kickoff."""
    return match_at(min(now, int(match_at(now).kickoff.timestamp()) - DAY))


def _with_status(match: RawMatch, status: MatchStatus) -> RawMatch:
    return replace(match, payload=match.payload | {"status": status.value}, status=status)


def _moved(match: RawMatch, seconds: int) -> RawMatch:
    kickoff = match.kickoff + dt.timedelta(seconds=seconds)
    return replace(match, kickoff=kickoff, payload=match.payload | {"kickoff": isoformat(kickoff)})


def _under_another_id(match: RawMatch) -> RawMatch:
    id_ = f"{match.source_match_id}|2"
    return replace(match, source_match_id=id_, payload=match.payload | {"id": id_})


def _exchanged(match: RawMatch) -> RawMatch:
    """The match at the other ground: the club that was away plays and scores as the home side."""
    sides = {"home": match.away_team, "away": match.home_team}
    turned = {name: match.payload[name][::-1] for name in ("score", "half_time") if name in match.payload}
    return replace(
        match,
        payload=match.payload | sides | turned,
        home_team=match.away_team,
        away_team=match.home_team,
        home_goals=match.away_goals,
        away_goals=match.home_goals,
        home_goals_half_time=match.away_goals_half_time,
        away_goals_half_time=match.home_goals_half_time,
        odds=None,
        stats=None,
    )


def _wrong_season(label: str) -> str:
    """``2024`` for ``2024/2025``, and the other way round."""
    return label[:4] if "/" in label else f"{label}/{int(label) + 1}"
