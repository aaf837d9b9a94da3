"""Copies of models in a folder, by hash: a cache that may be deleted at any time.

Reading an artifact through MLflow takes its client seconds to import; an hourly run that has read the model
before reads the copy. A copy is checked by its hash whenever it is read.
"""

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

_KEPT = 8
_SUFFIX = ".bin"


class ModelCopies:
    """Files of models, the newest eight."""

    def __init__(self, folder: Path) -> None:
        """The folder is made by the first copy."""
        self._folder = folder

    def read(self, sha256: str) -> bytes | None:
        """The file with this hash; None where there is no copy, or a damaged one."""
        try:
            data = self._path(sha256).read_bytes()
        except OSError:
            return None
        return data if hashlib.sha256(data).hexdigest() == sha256 else None

    def keep(self, sha256: str, data: bytes) -> None:
        """Write a copy, and remove all but the newest eight; a full or read-only disk keeps none."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                Path(name).replace(self._path(sha256))
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise
            self._remove_oldest()

    def _remove_oldest(self) -> None:
        copies = sorted(self._folder.glob(f"*{_SUFFIX}"), key=lambda path: path.stat().st_mtime)
        for path in copies[:-_KEPT]:
            path.unlink(missing_ok=True)

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{sha256}{_SUFFIX}"
