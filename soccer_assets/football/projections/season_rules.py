"""The rules of one season of one league: clubs, stages, tie-breakers, bands, deductions.

They are resolved from `seasons.toml` for a number of clubs; a league or season that is not told is refused
with what to write. Not here: which clubs play, and their results.
"""

import datetime as dt
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import NamedTuple

import msgspec

from soccer_assets.football.club_names import Likeness, likeness
from soccer_assets.football.football_error import FootballError
from soccer_assets.football.league_blocks import (
    Annulled,
    Awarded,
    Band,
    Deduction,
    Rules,
    Stage,
    Tie,
)
from soccer_assets.football.projections.play_offs import SeasonPlayOff, season_play_offs
from soccer_assets.football.season_formats import load_season_formats, season_format

_A_DAY = dt.timedelta(days=1)
# Of the simulated world: how many clubs change leagues, and a number below that of its smallest league.
_MOVES = 3
_LEAST_SIMULATED = 4


class NotProjectedError(FootballError):
    """A season that cannot be projected; the text begins with "not projected: " and says what to write."""

    def __init__(self, why: str) -> None:
        super().__init__(f"not projected: {why}")


class PlaceBand(NamedTuple):
    """A band of a season: places from ``first`` to ``last``, counted from 1, both in it."""

    name: str
    first: int
    last: int
    cups: bool


class SeasonRules(msgspec.Struct, frozen=True, kw_only=True):
    """How the table of a season is made.

    Attributes:
        clubs: how many clubs finish the season.
        stages: the first is of all clubs; later ones may be in groups by place.
        ties: tie-breakers in order.
        curtailed: ``ppg`` or ``void`` where the season ended early.
        source: where the rules are told.
        deciders: places, from 1, at which a club and the next one, level on points, play a deciding match.
        play_offs: after the last round, also those in which the league's clubs meet a league below.
    """

    competition: str
    season: str
    clubs: int
    stages: tuple[Stage, ...]
    ties: tuple[Tie, ...]
    bands: tuple[PlaceBand, ...]
    source: str
    win: int = 3
    h2h_when_complete: bool = False
    deductions: tuple[Deduction, ...] = ()
    annulled: tuple[Annulled, ...] = ()
    curtailed: str = ""
    deciders: tuple[int, ...] = ()
    play_offs: tuple[SeasonPlayOff, ...] = ()

    def ties_of(self, stage: int) -> tuple[Tie, ...]:
        """The tie-breakers of a stage's table."""
        return self.stages[stage].ties or self.ties

    def matches(self, stage: int) -> int:
        """How many matches a stage has."""
        one = self.stages[stage]
        if one.groups:
            return sum(_pairs(group.clubs) * group.meets for group in one.groups)
        return _pairs(self.clubs) * one.meets

    def known_deductions(self, day: dt.date) -> tuple[Deduction, ...]:
        """Those announced by a day."""
        return tuple(one for one in self.deductions if one.announced <= day)

    def points_off(self, club: str, day: dt.date, *, in_table: bool = False) -> int:
        """Points taken from a club by the end of the season, as known on a day.

        Args:
            club: its name in the data, see `named_club`.
            day: what was announced later is unknown.
            in_table: only what counts in the table of that day.
        """
        known = (one for one in self.known_deductions(day) if one.club == club)
        return sum(one.points for one in known if not in_table or one.counts_from <= day)


def season_rules(competition: str, season: str, clubs: int | None = None) -> SeasonRules:
    """The rules of a season.

    Args:
        competition: code such as ``ENG-1``.
        season: label such as ``2024/2025`` or ``2025``.
        clubs: how many clubs the season has, where that is known; else the number that is told.

    Raises:
        NotProjectedError: the league or the season is not told, or has another number of clubs.
    """
    league, form = load_season_formats().get(competition), season_format(competition, season)
    what = "`rules` with `from`, `stages`, `ties`, and `bands`, in football/seasons.toml"
    if league is None:
        raise NotProjectedError(f"{competition} is not told; write a block [{competition}] with {what}")
    if league.not_projected:
        raise NotProjectedError(f"{league.not_projected}, in block [{competition}] of football/seasons.toml")
    rules = league.rules_of(season)
    if rules is None or form is None:
        raise NotProjectedError(f"{competition} has no rules for {season}; write {what}")
    count = form.clubs if clubs is None else clubs
    if not form.least_clubs <= count <= form.clubs:
        raise NotProjectedError(
            f"{competition} {season} has {count} clubs in its matches and fixtures, and {form.clubs} by "
            "football/seasons.toml; write the number of clubs there, or wait for the fixtures"
        )
    return SeasonRules(
        competition=competition,
        season=season,
        clubs=count,
        stages=_stages(rules, count, competition, season),
        ties=rules.ties,
        bands=_bands(league.bands_of(season), count, competition, season),
        source=rules.source or league.source,
        deciders=tuple(place if place > 0 else count + place for place in rules.deciding_matches),
        win=rules.win,
        h2h_when_complete=rules.h2h_when_complete,
        deductions=tuple(one for one in league.deductions if one.season == season),
        annulled=tuple(one for one in league.annulled if one.season == season),
        curtailed=next((one.rule for one in league.curtailed if one.season == season), ""),
        play_offs=season_play_offs(competition, season, count),
    )


def simulated_rules(competition: str, season: str, clubs: int, tier: int) -> SeasonRules:
    """The rules of a league of the simulated feed, which differ by the size of the league alone.

    Raises:
        NotProjectedError: too few of its clubs are known yet.
    """
    if clubs < _LEAST_SIMULATED:
        raise NotProjectedError(f"{clubs} clubs of {competition} {season} are known; wait for the fixtures")
    lower = PlaceBand("relegated", clubs - _MOVES + 1, clubs, cups=False)
    upper = PlaceBand("promoted", 1, _MOVES, cups=False)
    return SeasonRules(
        competition=competition,
        season=season,
        clubs=clubs,
        stages=(Stage(meets=2),),
        ties=("goal_difference", "goals"),
        bands=(PlaceBand("title", 1, 1, cups=False), lower if tier == 1 else upper),
        source="the simulated world: two matches a pair, three clubs change leagues",
    )


def told_competitions() -> tuple[str, ...]:
    """Competitions with rules, in order."""
    return tuple(sorted(code for code, league in load_season_formats().items() if league.rules))


def named_club(name: str, clubs: Iterable[str]) -> str | None:
    """The one of a season's clubs that a name of `seasons.toml` means; None where none or several do."""
    found = {club: likeness(name, club) for club in clubs}
    best = max(found.values(), default=Likeness.NONE)
    named = [club for club, how in found.items() if how == best]
    return named[0] if best >= Likeness.STRONG and len(named) == 1 else None


@cache
def load_awarded() -> Awarded:
    """What `awarded.toml` tells, read once.

    Raises:
        ValueError: a block lacks a field, or has one that is not known.
    """
    package = __package__.rpartition(".")[0]
    return Awarded.read(resources.files(package).joinpath("awarded.toml").read_bytes())


def awarded_score(
    competition: str, season: str, day: dt.date, home: str, away: str, awarded: Awarded | None = None
) -> tuple[int, int] | None:
    """The awarded score of a match; None where it was decided on the pitch.

    Args:
        competition: code such as ``TUR-1``.
        season: its label.
        day: of the match; a result told for the day before or after is the same match.
        home: the home side's name, in any of its spellings.
        away: likewise.
        awarded: instead of the file's.
    """
    told = load_awarded() if awarded is None else awarded
    for one in told.results:
        is_season = (one.competition, one.season) == (competition, season)
        is_pair = is_season and _same(one.home, home) and _same(one.away, away)
        if is_pair and abs(one.day - day) <= _A_DAY:
            return one.score
    for club in told.clubs:
        if (club.competition, club.season) != (competition, season) or day < club.start:
            continue
        if _same(club.club, home):
            return club.score
        if _same(club.club, away):
            return club.score[1], club.score[0]
    return None


def _same(one: str, other: str) -> bool:
    return likeness(one, other) >= Likeness.STRONG


def _pairs(clubs: int) -> int:
    return clubs * (clubs - 1) // 2


def _stages(rules: Rules, clubs: int, competition: str, season: str) -> tuple[Stage, ...]:
    for stage in rules.stages:
        grouped = sum(group.clubs for group in stage.groups)
        if stage.groups and sorted(stage.seeding) != list(range(1, clubs + 1)):
            raise NotProjectedError(
                f"the groups of {competition} {season} have {grouped} clubs and the season {clubs}; write "
                "them anew in football/seasons.toml"
            )
    return rules.stages


def _bands(bands: Iterable[Band], clubs: int, competition: str, season: str) -> tuple[PlaceBand, ...]:
    placed = []
    for band in bands:
        first, last = (place if place > 0 else clubs + 1 + place for place in band.places)
        if not 1 <= first <= last <= clubs:
            raise NotProjectedError(
                f"the band {band.name} of {competition} {season} has places {first} to {last}, and the "
                f"season {clubs} clubs"
            )
        placed.append(PlaceBand(band.name, first, last, band.cups))
    return tuple(placed)
