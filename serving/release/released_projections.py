"""The season projections beside a release: bodies by competition, and what each was simulated from."""

import msgspec

from soccer_assets.contract.release import FileEntry
from soccer_assets.contract.season_projection import (
    PROJECTIONS_SCHEMA_VERSION,
    CourseStep,
    ProjectionsFile,
    SeasonProjection,
)


class Projections(msgspec.Struct, frozen=True):
    """Projections of one file.

    Attributes:
        entry: the file's hash; None where a release has no projections.
        competitions: by code, in order.
        inputs: what each was simulated from, as stored; only of those that are projected.
        courses: earlier projections of each season by team id, oldest first.
    """

    entry: FileEntry | None = None
    competitions: dict[str, SeasonProjection] = {}
    inputs: dict[str, bytes] = {}
    courses: dict[str, dict[str, tuple[CourseStep, ...]]] = {}


def decode_projections(content: bytes, entry: FileEntry) -> Projections:
    """Decode a file whose hash was compared.

    Raises:
        ValueError: it cannot be decoded, or is of a newer schema.
    """
    file = msgspec.json.decode(content, type=ProjectionsFile)
    if file.schema_version > PROJECTIONS_SCHEMA_VERSION:
        raise ValueError(f"the projections have schema {file.schema_version}; upgrade this sidecar")
    return Projections(
        entry,
        {code: part.projection for code, part in sorted(file.competitions.items())},
        {code: bytes(part.inputs) for code, part in file.competitions.items() if part.projection.teams},
        {code: part.course for code, part in file.competitions.items() if part.course},
    )
