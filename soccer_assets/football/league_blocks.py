"""The rules of a league's table as `seasons.toml` tells them: the types, and what makes a block invalid.

A block that cannot be meant is refused when the file is read, by a sentence that names the place. Not here:
the rules of one season (``projections/season_rules.py``).
"""

import datetime as dt
import itertools
from typing import Annotated, Literal, Self

import msgspec

from soccer_assets.football.play_off_blocks import PlayOff

_Text = Annotated[str, msgspec.Meta(min_length=1)]
Season = Annotated[str, msgspec.Meta(pattern=r"^\d{4}(/\d{4})?$")]
_MOST_CLUBS = 64
_MOST_POINTS = 100
_MOST_MEETS = 6

Tie = Literal[
    "goal_difference",
    "goals",
    "wins",
    "away_goals",
    "away_wins",
    "h2h_points",
    "h2h_goal_difference",
    "h2h_goals",
    "h2h_away_goals",
    "h2h_wins",
    "half_point",  # lost to rounding when points were halved goes first, gained last
    "stage_place",  # in the stage before
    "stage_points",  # of the stage before, as they were before they were halved
]
Share = Literal["all", "half_up", "half_down", "none"]
"""How many of the points of the stages before a group starts with; a half point is rounded up or down."""
Fresh = Literal["h2h", "goals"]
"""What a stage counts of its own matches alone: the mini-table; goals and wins."""
BAND_NAMES = (
    *("title", "champions_league", "europa_league", "conference_league", "european_places"),
    *("libertadores", "sudamericana", "top_six", "championship_group", "champions_play_off", "play_off"),
    *("promoted", "promotion_play_off", "relegation_play_off", "relegated"),
)
"""Names that a band can have; see the glossary of the documentation."""


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The clubs of the next places of the stage before, or of ``places``, which play among themselves."""

    clubs: Annotated[int, msgspec.Meta(ge=1, le=_MOST_CLUBS)]
    meets: Annotated[int, msgspec.Meta(ge=0, le=_MOST_MEETS)]
    points: Share = "all"
    places: tuple[Annotated[int, msgspec.Meta(ge=1, le=_MOST_CLUBS)], ...] = ()

    def __post_init__(self) -> None:
        """Refuse another number of places than of clubs."""
        if self.places and len(self.places) != self.clubs:
            raise ValueError(f"{len(self.places)} places of a group of {self.clubs} clubs")


class Stage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stage: all clubs meet ``meets`` times a pair, or each of ``groups`` does on its own.

    ``ties`` are the criteria of this stage's table, where they are not those of the rules; ``fresh`` is what
    they count of this stage alone.
    """

    meets: Annotated[int, msgspec.Meta(ge=0, le=_MOST_MEETS)] = 0
    groups: tuple[Group, ...] = ()
    ties: tuple[Tie, ...] = ()
    fresh: tuple[Fresh, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a stage with both or neither, and criteria told twice."""
        if bool(self.meets) == bool(self.groups):
            raise ValueError("a stage has either `meets` or `groups`")
        if self.fresh and not self.groups:
            raise ValueError("`fresh` is of a stage in groups: the first counts its own matches anyway")
        if len(set(self.seeding)) != len(self.seeding):
            raise ValueError("a place is of one group")
        _once(self.ties)

    @property
    def seeding(self) -> tuple[int, ...]:
        """The place in the stage before, from 1, of each place at the start of this one."""
        found: list[int] = []
        for group in self.groups:
            found += group.places or range(len(found) + 1, len(found) + 1 + group.clubs)
        return tuple(found)


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from", "until": "to"}):
    """Stages and tie-breakers from one season to another; without ``to`` until the next rules.

    ``deciding_matches`` are places for which two clubs level on points play a match: 1 is the title, between
    the first two; -3 is between the first of the last three and the club before it.
    """

    start: Season
    stages: Annotated[tuple[Stage, ...], msgspec.Meta(min_length=1)]
    ties: Annotated[tuple[Tie, ...], msgspec.Meta(min_length=1)]
    until: Season | None = None
    h2h_when_complete: bool = False
    win: Annotated[int, msgspec.Meta(ge=2, le=3)] = 3
    source: str = ""
    deciding_matches: tuple[Annotated[int, msgspec.Meta(ge=-_MOST_CLUBS, le=_MOST_CLUBS)], ...] = ()

    def __post_init__(self) -> None:
        """Refuse a first stage in groups, seasons out of order, and criteria told twice."""
        if self.stages[0].groups:
            raise ValueError("the first stage is of all clubs: it has `meets`")
        if 0 in self.deciding_matches:
            raise ValueError("places of deciding matches count from 1, or from -1 up")
        _in_order(self.start, self.until)
        _once(self.ties)


class Band(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from", "until": "to"}):
    """Places with one consequence; those below zero count from the last one up: -1 is the last place.

    ``cups``: places of cup winners can move it by one or two, so it is the league's own number.
    """

    name: _Text
    places: tuple[int, int]
    start: Season | None = None
    until: Season | None = None
    cups: bool = False

    def __post_init__(self) -> None:
        """Refuse a name that is not known, a place of 0, and places out of order."""
        first, last = self.places
        if self.name not in BAND_NAMES:
            raise ValueError(f"no band is called {self.name!r}; known: {', '.join(BAND_NAMES)}")
        if first == 0 or (first > 0) != (last > 0) or first > last or max(abs(first), last) > _MOST_CLUBS:
            raise ValueError(f"places of {self.name} are the first and the last, both from 1 or both from -1")
        _in_order(self.start, self.until)


class Deduction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Points taken from a club; below zero they are given back.

    It is unknown before the day it was ``announced``, and counts in tables from ``effective`` on, which is
    the same day where nothing else is told.
    """

    season: Season
    club: _Text
    points: Annotated[int, msgspec.Meta(ge=-_MOST_POINTS, le=_MOST_POINTS)]
    announced: dt.date
    why: _Text
    effective: dt.date | None = None

    def __post_init__(self) -> None:
        """Refuse no points."""
        if self.points == 0:
            raise ValueError("a deduction of 0 points is none")

    @property
    def counts_from(self) -> dt.date:
        """The first day of tables with it."""
        return self.effective or self.announced


class Annulled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A club whose results were deleted on a day: it stands last, and its matches count for nobody."""

    season: Season
    club: _Text
    day: dt.date
    why: _Text


class Curtailed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A season that ended early: final places by points per game, or none at all."""

    season: Season
    rule: Literal["ppg", "void"]
    why: _Text


class ByDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Clubs that went up or down, or stayed, otherwise than their places say: a licence, a court."""

    season: Season
    clubs: Annotated[tuple[_Text, ...], msgspec.Meta(min_length=1)]
    why: _Text


class LeagueBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `seasons.toml` tells of a league's tables."""

    rules: tuple[Rules, ...] = ()
    bands: tuple[Band, ...] = ()
    deductions: tuple[Deduction, ...] = ()
    annulled: tuple[Annulled, ...] = ()
    curtailed: tuple[Curtailed, ...] = ()
    by_decision: tuple[ByDecision, ...] = ()
    play_offs: tuple[PlayOff, ...] = ()
    not_projected: str = ""

    def __post_init__(self) -> None:
        """Refuse rules out of order or that overlap, and rules beside a reason for none."""
        if self.rules and self.not_projected:
            raise ValueError("a league has either `rules` or `not_projected`")
        for one, after in itertools.pairwise(self.rules):
            if after.start <= (one.until or one.start):
                raise ValueError(f"the rules from {after.start} begin before those from {one.start} end")
        for play_off in self.play_offs:
            _in_order(play_off.start, play_off.until)
        seasons = [block.season for block in self.curtailed]
        if len(set(seasons)) != len(seasons):
            raise ValueError("a season is curtailed once")

    def rules_of(self, season: str) -> Rules | None:
        """The rules of a season; None where they are not told. A label of one year never meets one of two."""
        held = [block for block in self.rules if _holds(block.start, block.until, season)]
        return held[-1] if held else None

    def bands_of(self, season: str) -> tuple[Band, ...]:
        """The bands of a season, in the file's order."""
        return tuple(band for band in self.bands if _holds(band.start, band.until, season))

    def play_offs_of(self, season: str) -> tuple[PlayOff, ...]:
        """The play-offs of a season, in the file's order."""
        return tuple(one for one in self.play_offs if _holds(one.start, one.until, season))


def _holds(start: str | None, until: str | None, season: str) -> bool:
    told = start or until
    is_same_kind = told is None or ("/" in told) == ("/" in season)
    return is_same_kind and (start is None or start <= season) and (until is None or season <= until)


def _in_order(start: str | None, until: str | None) -> None:
    for season in (start, until):
        if season and "/" in season and int(season[5:]) != int(season[:4]) + 1:
            raise ValueError(f"{season} is no season: the second year follows the first")
    if start and until and (start > until or ("/" in start) != ("/" in until)):
        raise ValueError(f"from {start} to {until} holds no season")


def _once(ties: tuple[str, ...]) -> None:
    if len(set(ties)) != len(ties):
        raise ValueError("a tie-breaker is told once")


_Code = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}-[0-9]$")]
_Score = tuple[Annotated[int, msgspec.Meta(ge=0, le=20)], Annotated[int, msgspec.Meta(ge=0, le=20)]]


class AwardedResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A result that was decided by a committee: it counts in the table, never in training or settling."""

    competition: _Code
    season: Season
    day: dt.date
    home: _Text
    away: _Text
    score: _Score
    source: _Text
    announced: dt.date | None = None


class WithdrawnClub(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from"}):
    """A club whose matches from a day on were all awarded; ``score`` is its own goals and the other's."""

    competition: _Code
    season: Season
    club: _Text
    start: dt.date
    score: _Score
    source: _Text


class Awarded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `awarded.toml` tells."""

    results: tuple[AwardedResult, ...] = ()
    clubs: tuple[WithdrawnClub, ...] = ()

    @classmethod
    def read(cls, text: bytes | str) -> Self:
        """The results of a TOML text.

        Raises:
            ValueError: the text is no TOML, or a block lacks a field or has one that is not known.
        """
        try:
            return msgspec.toml.decode(text, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            raise ValueError(f"awarded.toml: {fault}") from fault
