"""What a projection is simulated from, as it is stored, and the projection that follows from it.

The graph writes the input and its projection; the sidecar simulates the same input again with assumed
results. Equal inputs give equal bits, also after a detour through JSON, which keeps every bit of a float.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Self

import msgspec
import numpy as np

from soccer_assets.contract.release import Team
from soccer_assets.contract.season_projection import (
    AssumedResult,
    BandEntry,
    MatchImportance,
    SeasonProjection,
    TeamProjection,
)
from soccer_assets.football.projections.drawn_goals import Strengths
from soccer_assets.football.projections.play_off_ties import KnownRivals
from soccer_assets.football.projections.play_offs import LeaguePlace, places_to
from soccer_assets.football.projections.projection import Fixture, Projection, Result, project_season
from soccer_assets.football.projections.season_rules import SeasonRules
from soccer_assets.football.projections.standings import Played, league_table

_DIGITS = 6


class StoredStrengths(msgspec.Struct, frozen=True):
    """`drawn_goals.Strengths` as lists."""

    mean: list[list[float]]
    root: list[list[list[float]]]
    common: list[float]
    drift: list[float]
    rho: float

    @classmethod
    def of(cls, drawn: Strengths) -> Self:
        """The same numbers."""
        arrays = (drawn.mean.tolist(), drawn.root.tolist(), drawn.common.tolist(), drawn.drift.tolist())
        return cls(*arrays, drawn.rho)

    def arrays(self) -> Strengths:
        """The same numbers."""
        return Strengths(
            np.array(self.mean), np.array(self.root), np.array(self.common), np.array(self.drift), self.rho
        )


class StoredRivals(msgspec.Struct, frozen=True, kw_only=True):
    """`play_off_ties.KnownRivals` as lists.

    Attributes:
        clubs: ids; their numbers follow those of the season's own clubs.
        results: of play-offs between them and the season's clubs.
    """

    places: tuple[LeaguePlace, ...]
    clubs: tuple[str, ...]
    mean: list[list[float]]
    root: list[list[list[float]]]
    drawn: list[list[int]]
    results: tuple[Result, ...] = ()

    def arrays(self) -> KnownRivals:
        """The same numbers."""
        return KnownRivals(
            self.places, np.array(self.mean), np.array(self.root), np.array(self.drawn, np.int64)
        )


class SeasonInput(msgspec.Struct, frozen=True, kw_only=True):
    """A season under way; clubs are numbers from 0 in results and fixtures.

    Attributes:
        clubs: ids and names.
        rules_names: club id -> its name in the rules, where deductions name it.
        points_off: taken from each club by the season's end, as known today.
        awarded: how many of the results were decided by a committee.
        rivals: clubs of other leagues in its play-offs; None where it meets none, or none is known.
    """

    rules: SeasonRules
    feed: str
    as_of: str
    today: dt.date
    key: str
    seed: int
    seasons: int
    clubs: tuple[Team, ...]
    rules_names: dict[str, str]
    results: tuple[Result, ...]
    fixtures: tuple[Fixture, ...]
    points_off: tuple[int, ...]
    strengths: StoredStrengths
    awarded: int = 0
    rivals: StoredRivals | None = None


def project(season: SeasonInput, assumed: Sequence[Result] = ()) -> SeasonProjection:
    """The projection of a season, with assumed results of matches that are left.

    Raises:
        NotProjectedError: the season cannot be projected.
        NotLeftError: an assumed result is of no match that is left.
    """
    simulated = project_season(
        *(season.rules, season.results, season.fixtures, season.strengths.arrays(), season.today),
        season.seed,
        points_off=np.array(season.points_off, np.int64),
        seasons=season.seasons,
        assumed=assumed,
        rivals=season.rivals.arrays() if season.rivals else None,
        rival_results=season.rivals.results if season.rivals else (),
    )
    return _rendered(season, simulated, assumed)


def _rendered(season: SeasonInput, simulated: Projection, assumed: Sequence[Result]) -> SeasonProjection:
    ids = [club.id for club in season.clubs]
    played = [Played(ids[one.home], ids[one.away], one.home_goals, one.away_goals) for one in season.results]
    rules_names = dict.fromkeys(ids, "") | season.rules_names
    # The clubs are those that are left: an annulled one is not among them, whatever its name.
    rules = msgspec.structs.replace(season.rules, annulled=())
    lines = {line.club: line for line in league_table(rules, ids, played, season.today, rules_names)}
    days = {fixture.match_id: fixture.day for fixture in season.fixtures}
    order = sorted(range(len(ids)), key=lambda club: (-simulated.points[club], ids[club]))
    return SeasonProjection(
        competition=season.rules.competition,
        season=season.rules.season,
        feed=season.feed,
        as_of=season.as_of,
        key=season.key,
        seed=season.seed,
        seasons=season.seasons,
        matches_left=simulated.matches_left,
        awarded=season.awarded,
        source=season.rules.source,
        bands=tuple(
            BandEntry(
                name=band.name,
                first=band.first,
                last=band.last,
                cups=band.cups,
                play_off=places_to(simulated.play_offs, band.name),
            )
            for band in season.rules.bands
        ),
        teams=tuple(
            TeamProjection(
                team=season.clubs[club],
                place=lines[ids[club]].place,
                played=lines[ids[club]].played,
                points=lines[ids[club]].points,
                expected_points=round(float(simulated.points[club]), _DIGITS),
                places=tuple(round(float(p), _DIGITS) for p in simulated.places[club]),
                bands={
                    band.name: round(float(simulated.bands[club, number]), _DIGITS)
                    for number, band in enumerate(season.rules.bands)
                },
            )
            for club in order
        ),
        matches=tuple(
            MatchImportance(
                match_id=one.match_id,
                day=day.isoformat() if (day := days.get(one.match_id)) else None,
                home_team=season.clubs[one.home],
                away_team=season.clubs[one.away],
                importance=round(one.importance, _DIGITS),
            )
            for one in simulated.watched
        ),
        assumed=tuple(
            AssumedResult(
                home_team=season.clubs[one.home],
                away_team=season.clubs[one.away],
                home_goals=one.home_goals,
                away_goals=one.away_goals,
            )
            for one in assumed
        ),
    )
