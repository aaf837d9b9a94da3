"""Season projections as they are published: the answers of `/projections/`, and the file of a release.

A release's projections are one file in its folder, which the pointer names with its hash: they are published
after the release, whenever they are done, and the manifest is written once.
"""

import msgspec

from soccer_assets.contract.release import FileEntry, Team, release_key

PROJECTIONS_SCHEMA_VERSION = 1


class BandEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Places with one consequence, counted from 1.

    Attributes:
        cups: places of cup winners can move it.
        play_off: first and last place from which a play-off leads to it, too: it was simulated, and the
            band's probability is of both; None where none was.
    """

    name: str
    first: int
    last: int
    cups: bool = False
    play_off: tuple[int, int] | None = None


class TeamProjection(msgspec.Struct, frozen=True, kw_only=True):
    """How a team's season may end.

    Attributes:
        place: in the table of ``as_of``.
        points: in that table, after deductions.
        expected_points: mean of the final points over the simulated seasons.
        places: probability of each final place, the first first.
        bands: probability of each band by name.
    """

    team: Team
    place: int
    played: int
    points: int
    expected_points: float
    places: tuple[float, ...]
    bands: dict[str, float]


class MatchImportance(msgspec.Struct, frozen=True, kw_only=True):
    """What an upcoming match decides.

    Attributes:
        day: UTC day of the kickoff; None where it is not fixed.
        importance: the largest change of a band's probability, of either side, from a defeat to a win.
    """

    match_id: str
    day: str | None
    home_team: Team
    away_team: Team
    importance: float


class AssumedResult(msgspec.Struct, frozen=True, kw_only=True):
    """A result that a request assumed."""

    home_team: Team
    away_team: Team
    home_goals: int
    away_goals: int


class SeasonProjection(msgspec.Struct, frozen=True, kw_only=True):
    """The projection of a season.

    Attributes:
        as_of: instant of the results and ratings that it was computed from, ISO 8601 in UTC.
        key: hash of its results, fixtures, ratings, rules and code; equal keys have equal projections.
        seed: of the random numbers; part of the key.
        seasons: how many were simulated.
        matches_left: matches that were simulated in each.
        awarded: results of the table that were decided by a committee.
        not_projected: why there is none, and what to write; empty where there is one.
        source: of the rules.
        assumed: the results of a request; empty in the stored projection.
    """

    competition: str
    season: str
    feed: str
    as_of: str
    key: str
    seed: int = 0
    seasons: int = 0
    matches_left: int = 0
    awarded: int = 0
    not_projected: str = ""
    source: str = ""
    bands: tuple[BandEntry, ...] = ()
    teams: tuple[TeamProjection, ...] = ()
    matches: tuple[MatchImportance, ...] = ()
    assumed: tuple[AssumedResult, ...] = ()


class CourseStep(msgspec.Struct, frozen=True, array_like=True):
    """A team in an earlier projection of its season.

    Attributes:
        at: instant that it was made from, seconds since 1970.
        points: in the table of that instant.
        expected_points: at the season's end.
    """

    at: int
    points: int
    expected_points: float


class ProjectionPart(msgspec.Struct, frozen=True, kw_only=True):
    """A competition's projection with what it was simulated from.

    Attributes:
        projection: the current one.
        inputs: null where nothing was simulated.
        course: earlier projections of the same season by team id, oldest first.
    """

    projection: SeasonProjection
    inputs: msgspec.Raw = msgspec.Raw(b"null")
    course: dict[str, tuple[CourseStep, ...]] = {}


class ProjectionsFile(msgspec.Struct, frozen=True, kw_only=True):
    """The projections of a release by competition."""

    schema_version: int
    competitions: dict[str, ProjectionPart] = {}


def projections_key(release_id: str, entry: FileEntry) -> str:
    """The object key of a release's projections: named by their content, since they follow the release."""
    return release_key(release_id, f"projections-{entry.sha256[:16]}.json")
