"""The files of a release that scoring reads, and the provenance that its answers carry."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from soccer_assets.contract.prediction import Provenance
from soccer_assets.contract.release import CHAMPION, DIRECTORY_FILE, MODEL_FILE, TEAM_STATE_FILE, Manifest


class ScoringFiles(msgspec.Struct, frozen=True):
    """The files of one release that scoring reads, and what its answers say of themselves."""

    model: str
    team_state: str
    directory: str
    provenance: Provenance

    @classmethod
    def of(cls, manifest: Manifest, files: Mapping[str, Path]) -> "ScoringFiles | None":
        """Those of a release; None where it was published before there was a directory."""
        champion = manifest.models.get(CHAMPION)
        if TEAM_STATE_FILE not in files or DIRECTORY_FILE not in files or champion is None:
            return None
        return cls(
            str(files[MODEL_FILE]),
            str(files[TEAM_STATE_FILE]),
            str(files[DIRECTORY_FILE]),
            Provenance(
                model=CHAMPION,
                model_version=champion.version,
                model_run_id=champion.run_id,
                release_id=manifest.release_id,
                feed=manifest.feed,
            ),
        )
