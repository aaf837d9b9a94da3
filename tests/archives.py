"""Archives of files that tests unpack."""

import tarfile
from pathlib import Path


def unpack_tar(archive: tarfile.TarFile, folder: Path) -> None:
    """Its files, none outside the folder where Python can tell: `extractall` has no filter before 3.11.4."""
    archive.extraction_filter = getattr(tarfile, "data_filter", None)
    archive.extractall(folder)  # noqa: S202 - filtered, and an archive of this repository
