"""The promotion and relegation play-offs of one season of a league.

A play-off is told once, in the block of the lower league. Not here: its ties as they are simulated
(``play_off_ties.py``), and how a tie is drawn (``drawn_ties.py``).
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from soccer_assets.football.play_off_blocks import Margin, PlayOffTie, Side
from soccer_assets.football.season_formats import load_season_formats, season_format

Outcome = Literal["promoted", "relegated"]
# Sides of ties from here on are clubs of other leagues; below zero winners of ties before.
RIVAL = 1000


class LeaguePlace(NamedTuple):
    """A place, from 1, of a league."""

    competition: str
    place: int


class SeasonPlayOff(msgspec.Struct, frozen=True, kw_only=True):
    """A play-off as one of its leagues sees it.

    Attributes:
        ties: see `PlayOff`.
        own: the places, from 1, of the league's own clubs in it.
        rivals: the places of other leagues in it, in order of their first tie.
        sides: of each tie: own place, rival's number and winner's tie, coded as in `drawn_ties`.
        decides: what a win or a defeat means for the league's own clubs.
        is_above: the league is the higher one: its clubs go down unless they win the last tie.
        margin: (places from 0, points) by which nothing is played; zeros are none.
    """

    ties: tuple[PlayOffTie, ...]
    own: tuple[int, ...]
    rivals: tuple[LeaguePlace, ...]
    sides: tuple[tuple[int, int], ...]
    decides: Outcome
    is_above: bool
    margin: tuple[int, int, int] = (0, 0, 0)


def season_play_offs(competition: str, season: str, clubs: int) -> tuple[SeasonPlayOff, ...]:
    """The play-offs in which a league's clubs take part, in the order of the file.

    Args:
        competition: code.
        season: label.
        clubs: of the league in that season.
    """
    found = []
    for code, league in load_season_formats().items():
        for one in league.play_offs_of(season):
            if competition not in (code, one.above):
                continue
            places = _Places(competition, season, clubs, told_in=code)
            sides = tuple((places.coded(tie.sides[0]), places.coded(tie.sides[1])) for tie in one.ties)
            found.append(
                SeasonPlayOff(
                    ties=one.ties,
                    own=tuple(sorted(set(places.own))),
                    rivals=tuple(places.rivals),
                    sides=sides,
                    decides="relegated" if competition == one.above else one.decides,
                    is_above=competition == one.above,
                    margin=_margin(one.unless, clubs),
                )
            )
    return tuple(found)


class _Places:
    """Codes sides of ties, and collects the places that are seen."""

    def __init__(self, competition: str, season: str, clubs: int, told_in: str) -> None:
        self.own: list[int] = []
        self.rivals: list[LeaguePlace] = []
        self._competition, self._season, self._clubs, self._told_in = competition, season, clubs, told_in

    def coded(self, side: Side) -> int:
        if isinstance(side, str) and side.startswith("winner "):
            return -int(side.removeprefix("winner "))
        code, place = (self._told_in, side) if isinstance(side, int) else _named(side)
        if code == self._competition:
            self.own.append(_counted(place, self._clubs))
            return self.own[-1] - 1
        form = season_format(code, self._season)
        rival = LeaguePlace(code, _counted(place, form.clubs if form else 0))
        if rival not in self.rivals:
            self.rivals.append(rival)
        return RIVAL + self.rivals.index(rival)


def _named(side: str) -> tuple[str, int]:
    code, _, place = side.partition(" ")
    return code, int(place)


def _counted(place: int, clubs: int) -> int:
    return place if place > 0 else clubs + 1 + place


def _margin(margin: Margin | None, clubs: int) -> tuple[int, int, int]:
    if margin is None:
        return (0, 0, 0)
    ahead, behind = (_counted(place, clubs) - 1 for place in margin.places)
    return ahead, behind, margin.points


def places_to(play_offs: Sequence[SeasonPlayOff], outcome: str) -> tuple[int, int] | None:
    """First and last of the own places from which a play-off can lead to an outcome; None without any."""
    places = [place for one in play_offs if one.decides == outcome for place in one.own]
    return (min(places), max(places)) if places else None
