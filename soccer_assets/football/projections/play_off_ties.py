"""Play-offs of a season as arrays, for the simulation. Not here: how a tie is drawn (``drawn_ties.py``)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.play_off_blocks import IfLevel
from soccer_assets.football.projections import drawn_ties
from soccer_assets.football.projections.play_offs import RIVAL, LeaguePlace, SeasonPlayOff

# Between the ranks of clubs of two leagues.
_BELOW = 1000
OUTCOMES: dict[str, int] = {"promoted": drawn_ties.UP, "relegated": drawn_ties.DOWN}
_IF_LEVEL: dict[IfLevel, int] = {
    "extra_time": drawn_ties.EXTRA_TIME,
    "shoot_out": drawn_ties.SHOOT_OUT,
    "better_placed": drawn_ties.BETTER_PLACED,
    "extra_time_then_better_placed": drawn_ties.EXTRA_TIME_THEN_PLACE,
    "more_points": drawn_ties.MORE_POINTS,
}


class KnownRivals(NamedTuple):
    """The clubs of other leagues that a league may meet.

    Attributes:
        places: of these leagues, one a column of ``drawn``.
        mean: (c, 3) strengths of the clubs as in `Strengths`.
        root: (c, 3, 3) likewise.
        drawn: (m, r) the club at each place in seasons that were simulated of its league.
    """

    places: tuple[LeaguePlace, ...]
    mean: NDArray[np.float64]
    root: NDArray[np.float64]
    drawn: NDArray[np.int64]

    @classmethod
    def none(cls) -> "KnownRivals":
        """Of a league that meets no other."""
        return cls((), np.zeros((0, 3)), np.zeros((0, 3, 3)), np.zeros((1, 0), np.int64))


def simulated_play_offs(play_offs: Iterable[SeasonPlayOff], rivals: KnownRivals) -> tuple[SeasonPlayOff, ...]:
    """Those of which every club of another league is known."""
    return tuple(one for one in play_offs if set(one.rivals) <= set(rivals.places))


def drawn_play_offs(
    play_offs: Sequence[SeasonPlayOff],
    clubs: int,
    rivals: KnownRivals,
    played: Iterable[tuple[int, int, int, int]],
) -> drawn_ties.PlayOffs:
    """The play-offs as the simulation takes them.

    Args:
        play_offs: see `simulated_play_offs`.
        clubs: of the league; rivals are numbered after them.
        rivals: of other leagues.
        played: home, away and goals of both, of matches beyond the league's rounds.
    """
    total = clubs + len(rivals.mean)
    known = np.full((total, total, 2), -1)
    for home, away, *goals in played:
        known[home, away] = goals
    below = {place for one in play_offs if one.is_above for place in one.rivals}
    rank = [place.place + (_BELOW if place in below else -_BELOW) for place in rivals.places]
    ties = tie_rows(play_offs, {place: number for number, place in enumerate(rivals.places)})
    return drawn_ties.PlayOffs(
        ties,
        known,
        drawn_ties.Rivals(rivals.mean, rivals.root, rivals.drawn, np.array(rank, np.int64)),
    )


def tie_rows(play_offs: Sequence[SeasonPlayOff], rivals: Mapping[LeaguePlace, int]) -> NDArray[np.int64]:
    """(t, TIE) the ties of all play-offs, as they are drawn.

    Args:
        play_offs: of a season.
        rivals: number, from 0, of each club of another league.
    """
    rows = [row for one in play_offs for row in _rows(one, rivals)]
    start = 0
    for one in play_offs:
        # The winner of a tie is counted over all play-offs.
        for row in rows[start : start + len(one.ties)]:
            for side in (drawn_ties.SIDE_ONE, drawn_ties.SIDE_TWO):
                row[side] -= start if row[side] < 0 else 0
        start += len(one.ties)
    return np.array(rows, np.int64).reshape(-1, drawn_ties.TIE)


def _rows(one: SeasonPlayOff, rivals: Mapping[LeaguePlace, int]) -> list[list[int]]:
    rows = []
    for number, (tie, sides) in enumerate(zip(one.ties, one.sides, strict=True), 1):
        is_last = number == len(one.ties)
        winner_to = loser_to = -1
        if one.decides == "promoted" and is_last:
            winner_to = drawn_ties.UP
        if one.decides == "relegated" and (is_last or one.is_above):
            loser_to = drawn_ties.DOWN
        margin = one.margin if is_last else (0, 0, 0)
        coded = (side if side < RIVAL else RIVAL + rivals[one.rivals[side - RIVAL]] for side in sides)
        flags = (tie.legs, tie.neutral, tie.by_place, tie.away_goals)
        rows.append([*coded, *map(int, flags), _IF_LEVEL[tie.if_level], winner_to, loser_to, *margin])
    return rows
