"""Season projections as they are published: one object a competition, and the list of all."""

import msgspec

PROJECTIONS_KEY = "projections/current.json"


class BandEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Places with one consequence, counted from 1; with ``cups`` places of cup winners can move it."""

    name: str
    first: int
    last: int
    cups: bool = False


class ClubProjection(msgspec.Struct, frozen=True, kw_only=True):
    """How a club's season may end.

    Attributes:
        points: today, after deductions.
        expected_points: at the end of the season.
        places: probability of each final place, the first first.
        bands: probability of each band by name.
    """

    id: str
    name: str
    place: int
    played: int
    points: int
    expected_points: float
    places: tuple[float, ...]
    bands: dict[str, float]


class ImportantMatch(msgspec.Struct, frozen=True, kw_only=True):
    """An upcoming match.

    Attributes:
        importance: the largest change of a band's probability of either side from a defeat to a win.
    """

    match_id: str
    home_team_id: str
    away_team_id: str
    importance: float


class SeasonProjection(msgspec.Struct, frozen=True, kw_only=True):
    """The projection of a season.

    Attributes:
        as_of: instant of the state that it was computed from, ISO 8601 in UTC.
        key: hash of its results, fixtures, ratings, format and code; equal keys have equal projections.
        seed: of the random numbers; of the key.
        seasons: how many were simulated.
        matches_left: matches that were simulated in each.
        not_projected: why there is none, and what to write; empty where there is one.
        source: of the rules.
    """

    competition: str
    season: str
    as_of: str
    key: str
    seed: int = 0
    seasons: int = 0
    matches_left: int = 0
    not_projected: str = ""
    source: str = ""
    bands: tuple[BandEntry, ...] = ()
    clubs: tuple[ClubProjection, ...] = ()
    matches: tuple[ImportantMatch, ...] = ()


class ProjectionList(msgspec.Struct, frozen=True, kw_only=True):
    """All competitions' projections, by code: the key of each part in the store."""

    parts: dict[str, str] = {}


def part_key(competition: str, key: str) -> str:
    """The object key of a competition's projection."""
    return f"projections/{competition}/{key[:16]}.json"
