"""The files of a release that scoring needs, with the provenance that scores carry."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from soccer_assets.contract.prediction import Provenance
from soccer_assets.contract.release import CHAMPION, DIRECTORY_FILE, MODEL_FILE, TEAM_STATE_FILE, Manifest


class ScoringFiles(msgspec.Struct, frozen=True):
    """Paths of the files that scoring reads, the provenance of its scores, and what the model has read."""

    model: str
    team_state: str
    directory: str
    provenance: Provenance
    information: str = ""

    @classmethod
    def of(cls, manifest: Manifest, files: Mapping[str, Path]) -> "ScoringFiles | None":
        """The files of a release; None for a release of an older version, without a directory of names."""
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
            champion.information,
        )
