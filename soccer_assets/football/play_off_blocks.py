"""Promotion and relegation play-offs as `seasons.toml` tells them: the types, and what makes one invalid.

Not here: the play-offs of one season (``projections/play_offs.py``).
"""

from typing import Annotated, Literal

import msgspec

_MOST_CLUBS = 64
_MOST_TIES = 16
_MOST_POINTS = 100

_Place = Annotated[int, msgspec.Meta(ge=-_MOST_CLUBS, le=_MOST_CLUBS)]
_Named = Annotated[str, msgspec.Meta(pattern=r"^(winner [1-9]\d?|[A-Z]{3}-\d -?[1-9]\d?)$")]
Side = _Place | _Named
"""A place of the league (-1 is the last), the winner of a tie before, or a place of another league."""
IfLevel = Literal[
    "extra_time",  # then a shoot-out
    "shoot_out",  # at once
    "better_placed",
    "extra_time_then_better_placed",
    "more_points",  # of the season; extra time and a shoot-out where these are level too
]
"""Who wins a tie that is level, after away goals where they count."""


class PlayOffTie(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tie; its first side is at home first, and in the only match unless that is ``neutral``.

    With ``by_place`` the better placed side is at home in the only match, or in the second of two.
    """

    sides: tuple[Side, Side]
    legs: Literal[1, 2] = 1
    neutral: bool = False
    by_place: bool = False
    away_goals: bool = False
    if_level: IfLevel = "extra_time"

    def __post_init__(self) -> None:
        """Refuse a side that meets itself, a place 0, and a return match on neutral ground."""
        if self.sides[0] == self.sides[1]:
            raise ValueError(f"a tie has two sides, not twice {self.sides[0]}")
        if 0 in self.sides:
            raise ValueError("places of play-offs count from 1, or from -1 up")
        if self.neutral and (self.legs > 1 or self.by_place):
            raise ValueError("a tie on neutral ground is one match, and nobody is at home in it")

    @property
    def winners_of(self) -> tuple[int, ...]:
        """Numbers, from 1, of the ties whose winners meet in this one."""
        named = (side for side in self.sides if isinstance(side, str))
        return tuple(int(side.removeprefix("winner ")) for side in named if side.startswith("winner "))


class Margin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two places: the first one wins the play-off without a match if it is so many points ahead."""

    places: tuple[_Place, _Place]
    points: Annotated[int, msgspec.Meta(ge=1, le=_MOST_POINTS)]


class PlayOff(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from", "until": "to"}
):
    """Ties after the last round, in the order in which they are played; the last one decides.

    Attributes:
        decides: ``promoted`` is the winner of the last tie, if it is of this league; ``relegated`` the loser.
        above: the league above, whose clubs in these ties go down unless they win the last one.
        unless: a margin of points by which nothing is played.
    """

    start: str
    ties: Annotated[tuple[PlayOffTie, ...], msgspec.Meta(min_length=1, max_length=_MOST_TIES)]
    decides: Literal["promoted", "relegated"] = "promoted"
    until: str | None = None
    above: str = ""
    unless: Margin | None = None
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse a winner of a later tie, and one that goes on to none or two."""
        used = [winner for tie in self.ties for winner in tie.winners_of]
        for number, tie in enumerate(self.ties, 1):
            if any(winner >= number for winner in tie.winners_of):
                raise ValueError(f"tie {number} of a play-off waits for a later one")
        if sorted(used) != list(range(1, len(self.ties))):
            raise ValueError("the winner of each tie but the last goes on to one other tie")
        if self.above and self.decides == "relegated":
            raise ValueError("a play-off with a league above decides who is promoted")
