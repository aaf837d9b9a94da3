"""The code version of a model: a hash of the sources that compute features and train."""

import functools
import hashlib
from importlib.metadata import version
from pathlib import Path

import soccer_assets

_PACKAGES = ("football", "modelling")


@functools.cache
def code_version() -> str:
    """The distribution's version and 12 hex digits over the sources of `football` and `modelling`.

    It does not need a repository: a wheel and a checkout of the same sources give the same text.
    """
    root = Path(soccer_assets.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(file for package in _PACKAGES for file in (root / package).rglob("*.py")):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return f"{version('soccer-assets')}+{digest.hexdigest()[:12]}"
