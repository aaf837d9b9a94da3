"""Where a home keeps what Python, numba and Matplotlib have compiled."""

from pathlib import Path

MODULES = "PYTHONPYCACHEPREFIX"


def compiled_files(home: Path) -> dict[str, str]:
    """The variables that name these folders to a process."""
    cache = home / "cache"
    return {
        MODULES: str(cache / "pycache"),
        "NUMBA_CACHE_DIR": str(cache / "numba"),
        "MPLCONFIGDIR": str(cache / "matplotlib"),
    }
