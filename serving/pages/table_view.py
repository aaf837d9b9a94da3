"""What the page of a competition shows: its table, how the season may end, and what is decided already.

Not here: the simulation (``soccer_assets/football/projections``).
"""

from collections.abc import Sequence

import msgspec

from serving.release.history_rows import StandingRow
from soccer_assets.contract.release import Team
from soccer_assets.contract.season_projection import (
    BandEntry,
    MatchImportance,
    SeasonProjection,
    TeamProjection,
)

_SHADES = 10
_POINTS_OF_A_WIN = 3
# A place below this is left out of the text of a row's chart.
_LEAST_TOLD = 0.05


class PlaceCell(msgspec.Struct, frozen=True):
    """A final place: its probability, and its shade from 0 to 10 within the row."""

    place: int
    p: float
    shade: int


class BandCell(msgspec.Struct, frozen=True):
    """The probability of a band; ``is_decided`` where no result that is left can change it."""

    name: str
    p: float
    is_decided: bool


class TableRow(msgspec.Struct, frozen=True, kw_only=True):
    """A team's row.

    Attributes:
        line: wins, draws, losses and goals; None while the history is loading.
        gain: of expected points by assumed results; None without any.
        told: the likeliest places in words.
    """

    team: Team
    place: int
    played: int
    points: int
    line: StandingRow | None
    expected_points: float | None = None
    gain: float | None = None
    places: tuple[PlaceCell, ...] = ()
    told: str = ""
    bands: tuple[BandCell, ...] = ()


def projected_rows(
    shown: SeasonProjection,
    stored: SeasonProjection,
    standings: Sequence[StandingRow],
    *,
    by_end: bool = False,
) -> tuple[TableRow, ...]:
    """The table of a projected season.

    Args:
        shown: the projection, maybe with assumed results.
        stored: the same without any.
        standings: of the history; empty where there are none.
        by_end: in the order of the expected end, not in that of the places of today.
    """
    lines = {line.team.id: line for line in standings}
    before = {one.team.id: one.expected_points for one in stored.teams}
    bounds = _place_bounds(shown)
    return tuple(
        TableRow(
            team=one.team,
            place=one.place,
            played=one.played,
            points=one.points,
            line=lines.get(one.team.id),
            expected_points=one.expected_points,
            gain=one.expected_points - before.get(one.team.id, 0.0) if shown.assumed else None,
            places=_cells(one.places),
            told=_told(one.places),
            bands=tuple(_band(one, band, bounds[one.team.id]) for band in shown.bands),
        )
        for one in sorted(shown.teams, key=lambda one: -one.expected_points if by_end else one.place)
    )


def standing_rows(standings: Sequence[StandingRow]) -> tuple[TableRow, ...]:
    """The table of a season that is not projected."""
    return tuple(
        TableRow(team=line.team, place=line.place, played=line.played, points=line.points, line=line)
        for line in standings
    )


def by_importance(matches: Sequence[MatchImportance]) -> list[MatchImportance]:
    """The next matches, what decides most first."""
    return sorted(matches, key=lambda one: (-one.importance, one.day or "~", one.match_id))


def _cells(places: Sequence[float]) -> tuple[PlaceCell, ...]:
    most = max(places, default=0.0) or 1.0
    return tuple(PlaceCell(number, p, round(p / most * _SHADES)) for number, p in enumerate(places, 1))


def _told(places: Sequence[float]) -> str:
    likely = [number for number, p in enumerate(places, 1) if p >= _LEAST_TOLD]
    if not likely:
        return ""
    best = max(range(len(places)), key=places.__getitem__) + 1
    span = f"{likely[0]} to {likely[-1]}" if len(likely) > 1 else str(likely[0])
    return f"likeliest place {best}, mostly {span}"


def _band(one: TeamProjection, band: BandEntry, bounds: tuple[int, int]) -> BandCell:
    p, (best, worst) = one.bands.get(band.name, 0.0), bounds
    inside = best >= band.first and worst <= band.last
    outside = worst < band.first or best > band.last
    if band.play_off:
        outside = outside and (worst < band.play_off[0] or best > band.play_off[1])
    # A cup's winner may move the band; the simulation must agree, for points can be halved at a split.
    is_decided = (not band.cups) and ((inside and p == 1.0) or (outside and p == 0.0))
    return BandCell(band.name, p, is_decided)


def _place_bounds(season: SeasonProjection) -> dict[str, tuple[int, int]]:
    """The best and the worst place that each team can still reach by points alone; ties stay open.

    Every team is taken to have as many matches in all as the season has on average, rounded up.
    """
    teams = season.teams
    if not season.matches_left:
        return {one.team.id: _certain_place(one) for one in teams}
    matches = -(-(sum(one.played for one in teams) + 2 * season.matches_left) // len(teams))
    most = {one.team.id: one.points + _POINTS_OF_A_WIN * max(matches - one.played, 0) for one in teams}
    return {
        one.team.id: (
            1 + sum(other.points > most[one.team.id] for other in teams),
            sum(most[other.team.id] >= one.points for other in teams),
        )
        for one in teams
    }


def _certain_place(one: TeamProjection) -> tuple[int, int]:
    """The places of a season without matches left: one, unless no rule separates neighbours."""
    held = [number for number, p in enumerate(one.places, 1) if p > 0.0] or [one.place]
    return held[0], held[-1]
