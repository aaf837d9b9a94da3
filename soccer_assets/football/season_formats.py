"""Formats of leagues by season: how many clubs a season has, and how often a pair can meet.

The data is ``seasons.toml`` beside this module, written down from the competitions' own regulations. It tells
when a season's roster is full, so that another spelling cannot be another club, and when a second match of
one ordered pair is another meeting rather than the same one reported twice. Not here: a season's teams, and
the rules of its table (``projections/season_rules.py``), which the same blocks tell.
"""

import datetime as dt
from functools import cache
from importlib import resources
from typing import Annotated, Any

import msgspec

from soccer_assets.football.league_blocks import LeagueBlock

_Count = Annotated[int, msgspec.Meta(ge=1)]

# Play-offs with clubs of other tiers come last. The earliest guests: Belgium's play-offs II of 2017 on 31
# March, Ireland's play-offs of 2019 on 4 October.
_GUESTS_FROM_OF_TWO_YEARS, _GUESTS_FROM_OF_ONE_YEAR = "03-15", "09-20"


class SeasonFormat(msgspec.Struct, frozen=True, kw_only=True):
    """The format of one season of one league.

    Attributes:
        clubs: clubs of the league itself.
        least_clubs: fewest clubs of a complete season, where an expelled club's results were deleted.
        guests: most clubs of another tier, in play-offs that providers file under this league.
        guests_from: first day on which guests can play.
        meetings: most matches of one ordered pair (home, away) in the league's own rounds.
        most_meetings: the same with play-offs and finals.
        repeats_from: first day on which a pair can meet again beyond its rounds, where the format says so.
        why: what is exceptional about the season; empty where nothing is.
    """

    clubs: int
    least_clubs: int
    guests: int
    meetings: int
    most_meetings: int
    guests_from: dt.date = dt.date.min
    repeats_from: dt.date | None = None
    why: str = ""

    def meets_once_by(self, day: dt.date) -> bool:
        """Whether an ordered pair has met at most once by a day of the season."""
        is_before_repeats = self.repeats_from is not None and day < self.repeats_from
        return self.meetings == 1 and (self.most_meetings == 1 or is_before_repeats)

    @property
    def most_clubs(self) -> int:
        """Most distinct clubs that a provider's rows of the season can name."""
        return self.clubs + self.guests

    def most_clubs_on(self, day: dt.date) -> int:
        """The same of its rows up to a day: a guest never plays before the play-offs."""
        return self.most_clubs if day >= self.guests_from else self.clubs


class _Format(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from"}):
    """A format as `seasons.toml` has it."""

    start: str
    clubs: _Count
    meetings: _Count
    most: int = 0
    guests: int = 0
    repeats_from: Annotated[str, msgspec.Meta(pattern=r"^[01]\d-[0-3]\d$")] | None = None


class _Exception(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One season that differs from its format, and why."""

    season: str
    clubs: _Count
    why: str
    least_clubs: int = 0
    meetings: int = 0
    most: int = 0
    guests: int = 0


class _League(LeagueBlock, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A competition's block of `seasons.toml`."""

    source: Annotated[str, msgspec.Meta(min_length=1)]
    formats: tuple[_Format, ...]
    exceptions: tuple[_Exception, ...] = ()


@cache
def load_season_formats() -> dict[str, _League]:
    """The blocks of `seasons.toml` by competition, read once.

    Raises:
        ValueError: a block lacks a field, or has one that is not known.
    """
    return read_league_blocks(resources.files(__package__).joinpath("seasons.toml").read_bytes())


def read_league_blocks(text: bytes | str) -> dict[str, _League]:
    """The blocks of a TOML text by competition.

    Raises:
        ValueError: the text is no TOML, or a block lacks a field, has one that is not known or a value that
            cannot be meant; names the block.
    """
    try:
        blocks = msgspec.toml.decode(text, type=dict[str, dict[str, Any]])
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise ValueError(f"seasons.toml: {fault}") from fault
    return {code: _league(code, block) for code, block in blocks.items()}


def _league(code: str, block: dict[str, Any]) -> _League:
    try:
        return msgspec.convert(block, _League)
    except msgspec.ValidationError as fault:
        raise ValueError(f"seasons.toml, block [{code}]: {fault}") from fault


@cache
def season_format(competition: str, season: str) -> SeasonFormat | None:
    """The format of a season, such as ``ENG-1`` and ``2024/2025``; None where it is not told.

    A label of one year is no season of a league that is told by two: it holds halves of two seasons.
    """
    league = load_season_formats().get(competition)
    if league is None:
        return None
    held = [
        block for block in league.formats if block.start <= season and ("/" in block.start) == ("/" in season)
    ]
    if not held:
        return None
    base = max(held, key=lambda block: block.start)
    differs = next((block for block in league.exceptions if block.season == season), None)
    clubs = differs.clubs if differs else base.clubs
    meetings = (differs and differs.meetings) or base.meetings
    return SeasonFormat(
        clubs=clubs,
        least_clubs=(differs and differs.least_clubs) or clubs,
        guests=(differs and differs.guests) or base.guests,
        guests_from=_day_of(season, _GUESTS_FROM_OF_TWO_YEARS if "/" in season else _GUESTS_FROM_OF_ONE_YEAR),
        meetings=meetings,
        most_meetings=max((differs and differs.most) or base.most, meetings),
        repeats_from=_day_of(season, base.repeats_from) if base.repeats_from else None,
        why=differs.why if differs else "",
    )


def _day_of(season: str, day: str) -> dt.date:
    """A day such as ``05-01`` of a season's last year."""
    return dt.date.fromisoformat(f"{season.rpartition('/')[2]}-{day}")
