"""The catalogue of competitions: their attributes, their seasons, and their names in each feed.

It is read from ``competitions.toml`` beside this module; adding a league needs one block there and no code.
"""

import datetime as dt
import re
from functools import cache, lru_cache
from importlib import resources
from typing import Annotated, Literal

import msgspec

from soccer_assets.football.club_sides import side_of_competition
from soccer_assets.football.identity import Pool
from soccer_assets.football.text_folding import fold

# Autumn seasons start on 1 July, but 2019/20 ended in July and August 2020. 8 August is right for 24 of 28
# leagues; Scotland and Mexico had started again by then, Switzerland and Romania had not finished.
_TURN = (7, 1)
_TURN_OF_YEAR = {2020: (8, 8)}


# A club of Monaco plays in the French league.
_PLAYS_ELSEWHERE = {"MCO": "France"}
_WITH_COUNTRY = re.compile(r"(.*\S) \(([A-Z]{3})\)")
INTERNATIONAL = "International"
# How the reason of a row begins whose competition is not in the catalogue; the feed's name of it in quotes.
UNKNOWN_COMPETITION = "the competition {} is not in competitions.toml"

# The squad of competitions whose matches are rated as internationals.
NATIONAL = "national"


class Competition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One competition.

    Attributes:
        code: our name for it, such as ``ENG-1``.
        tier: 1 is the country's top league; 0 is a cup or a competition of national teams.
        squad: ``first``, ``reserve`` or ``national``; with sex and age group it separates rating pools.
        time_zone: IANA name of the zone in which its days are counted.
        calendar: ``autumn`` seasons run over two years, ``year`` seasons within one.
        autumn_from: the year in which a competition of calendar ``year`` changes to ``autumn``, in July.
        feeds: name of the feed -> what that feed calls the competition.
    """

    code: str
    name: Annotated[str, msgspec.Meta(min_length=1)]
    country: Annotated[str, msgspec.Meta(min_length=1)]
    tier: Annotated[int, msgspec.Meta(ge=0)]
    time_zone: str
    calendar: Literal["autumn", "year"]
    autumn_from: int | None = None
    sex: Literal["men", "women"] = "men"
    age_group: str = "senior"
    squad: Literal["first", "reserve", "national"] = "first"
    feeds: dict[str, str] = {}

    def __hash__(self) -> int:
        """By code: the feeds' names have no hash."""
        return hash(self.code)

    def calendar_on(self, day: dt.date) -> Literal["autumn", "year"]:
        """The calendar of the season that a day belongs to."""
        is_changed = self.autumn_from is not None and day >= dt.date(self.autumn_from, *_TURN)
        return "autumn" if is_changed else self.calendar

    @property
    def pool(self) -> Pool:
        """The scope within which an entrant's name is one team; in international cups see `club_and_pool`."""
        return Pool(self.country, self.sex, self.age_group, self.squad)


@cache
def load_competitions() -> dict[str, Competition]:
    """The catalogue by code, read once.

    Raises:
        ValueError: a block of the catalogue lacks a field, or has one that is not known; names the block.
    """
    text = resources.files(__package__).joinpath("competitions.toml").read_bytes()
    blocks = msgspec.toml.decode(text, type=dict[str, dict[str, object]])
    return {code: _competition(code, block) for code, block in blocks.items()}


def competitions_of_feed(name: str) -> dict[str, Competition]:
    """The competitions of the catalogue that a feed has, by code."""
    return {
        code: competition for code, competition in load_competitions().items() if name in competition.feeds
    }


def season_of(competition: Competition, day: dt.date) -> str:
    """The season a day belongs to by the competition's calendar: ``2024/2025`` or ``2025``.

    For sources without seasons; a source's own is better (Brazil's 2020 ran to February 2021).
    """
    if competition.calendar_on(day) == "year":
        return str(day.year)
    month, day_of_month = _TURN_OF_YEAR.get(day.year, _TURN)
    start = day.year if day >= dt.date(day.year, month, day_of_month) else day.year - 1
    return f"{start}/{start + 1}"


def club_of(name: str, competition: Competition) -> tuple[str, str]:
    """Name and country of a team as an entrant of a competition.

    In an international cup the country is read from a suffix with the code that the catalogue's competitions
    begin with: ``Arsenal FC (ENG)`` is Arsenal FC of England.
    """
    if competition.country == INTERNATIONAL and competition.squad != NATIONAL:
        found = _WITH_COUNTRY.fullmatch(name)
        if found and (country := _countries().get(found[2])) is not None:
            return found[1], country
    return name, competition.country


def entrant_name(club: str, country: str, competition: Competition) -> str:
    """The name of a club as `club_of` reads it: in an international cup with its country's code."""
    if competition.country != INTERNATIONAL or competition.squad == NATIONAL:
        return club
    code = next((code for code, name in _countries().items() if name == country), None)
    return club if code is None else f"{club} ({code})"


@lru_cache(maxsize=200_000)  # a million matches name 30,000 entrants
def club_and_pool(name: str, competition: Competition) -> tuple[str, Pool]:
    """An entrant's name without its country's code, and the pool in which it is one team."""
    club, country = club_of(name, competition)
    return club, Pool(country, competition.sex, competition.age_group, competition.squad)


@cache
def _countries() -> dict[str, str]:
    leagues = [competition for competition in load_competitions().values() if competition.tier]
    return _PLAYS_ELSEWHERE | {
        competition.code.partition("-")[0]: competition.country for competition in leagues
    }


def squad_of(matches: float, with_ground: float) -> Literal["first", "national"]:
    """The squad of an archive's competition, from its matches and those with a value for neutral ground.

    Archives have that value for matches of national teams only. Graph and backtest both use this rule.
    """
    return "national" if 2 * with_ground > matches else "first"


def uncatalogued(
    country: str,
    name: str,
    *,
    tier: int,
    calendar: Literal["autumn", "year"],
    squad: Literal["first", "national"],
    feed: str,
) -> Competition:
    """A competition outside the catalogue; its code is made of country and name: ``CHILE-TOP-DIVISION``.

    The same country and name, however spelled, give the same code in every file.
    """
    sex, age_group, side = side_of_competition(name)
    return Competition(
        code=re.sub(r"\W+", "-", fold(f"{country} {name}")).strip("-").upper(),
        name=name,
        country=country,
        tier=tier,
        time_zone="UTC",
        calendar=calendar,
        sex=sex,
        age_group=age_group,
        squad=side if squad == "first" else squad,
        feeds={feed: f"{country}/{name}"},
    )


def _competition(code: str, block: dict[str, object]) -> Competition:
    try:
        return msgspec.convert({"code": code, **block}, Competition)
    except msgspec.ValidationError as fault:
        raise ValueError(f"competitions.toml, block [{code}]: {fault}") from fault
