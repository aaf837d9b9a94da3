"""The decorator that compiles ratings and projections, and the folder in which machine code is cached.

numba recompiles a function when the file that holds it changes, but not when a function or constant that it
takes from another file does. So the folder is named by a hash of all modules of the packages with compiled
code and the versions of numba and numpy: changed code never runs machine code of older code, whatever started
the process.
"""

import functools
import hashlib
import os
import shutil
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])

_RATINGS = Path(__file__).parent
_COMPILED = (_RATINGS, _RATINGS.parent / "projections")
_PREFIX = "soccer-ratings-"
# A folder that no process has started with for so long is removed. A younger one may belong to a running
# process of older code, which could no longer save what it compiles.
_UNUSED_SECONDS = 7 * 86_400


def compiled(function: F) -> F:
    """Compile with numba on the first call; ``numba.njit`` with the types kept.

    Without Python's checks for division by zero: no divisor here can be 0.
    """
    return cast("F", _Compiled(function))


def compiled_for_threads(function: F) -> F:
    """`compiled`, and other threads go on while it runs: each call gets arrays of its own."""
    return cast("F", _Compiled(function, nogil=True))


class _Compiled:
    """A function that numba knows from its first call on, or from that of another that calls it.

    Most processes that import the graph compute nothing, and numba takes .5 s of CPU and 60 MB to import.
    """

    def __init__(self, function: Callable[..., Any], *, nogil: bool = False) -> None:
        self._function = function
        self._options = {"error_model": "numpy", "nogil": nogil}
        functools.update_wrapper(self, function)

    def __call__(self, *arguments: Any) -> Any:
        return self._dispatcher(*arguments)

    @property
    def _numba_type_(self) -> Any:
        """What numba asks of an object that it finds in code which it compiles."""
        return _numba().typeof(self._dispatcher)

    @functools.cached_property
    def _dispatcher(self) -> Any:
        numba, folder = _numba(), _cache_folder()
        if folder is None:
            return numba.njit(**self._options)(self._function)
        # numba reads the setting when it decorates a function. Other users of numba keep theirs.
        users_folder = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(folder)
        try:
            return numba.njit(cache=True, **self._options)(self._function)
        finally:
            numba.config.CACHE_DIR = users_folder


def _numba() -> Any:
    import numba  # noqa: PLC0415 - half a second, when something is computed

    return numba


@functools.cache
def ratings_fingerprint() -> str:
    """SHA-256, in hex, of all that decides the bits of the ratings: this package, numba and numpy."""
    return _fingerprint(_RATINGS)


def _fingerprint(*packages: Path) -> str:
    digest = hashlib.sha256(f"numba {metadata.version('numba')}, numpy {np.__version__}".encode())
    for file in (file for package in packages for file in sorted(package.glob("*.py"))):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


@functools.cache
def _cache_folder() -> Path | None:
    """This code's folder, made and marked as used; None where it cannot be written, so nothing is cached.

    It stands in ``NUMBA_CACHE_DIR``, else beside Python's own bytecode.
    """
    parent = Path(_numba().config.CACHE_DIR or _RATINGS / "__pycache__")
    folder = parent / f"{_PREFIX}{_fingerprint(*_COMPILED)[:16]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
    except OSError:
        return None
    oldest = time.time() - _UNUSED_SECONDS
    for other in parent.glob(f"{_PREFIX}*"):
        if other != folder and _used_at(other) < oldest:
            shutil.rmtree(other, ignore_errors=True)
    return folder


def _used_at(folder: Path) -> float:
    """When a process last started with a folder, epoch seconds; now where another process just removed it."""
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return time.time()
