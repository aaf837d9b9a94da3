"""The tree: how this process and its children come to import it, and the few doors into it."""

import contextlib
import hashlib
import importlib
import os
import sys
import tomllib
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

_OURS = ("SOCCER_", "DAGSTER_", "MLFLOW_", "PROMETHEUS_")

# What has no door of its own, with every place where it was, the newest first.
DOORS = {
    "settings": ("soccer_assets.settings:Settings",),
    "key variable": (
        "soccer_assets.feeds.provider_keys:key_variable",
        "soccer_assets.feeds.keys:key_variable",
    ),
    "feature names": ("soccer_assets.football.features:FEATURE_NAMES",),
    "feature groups": ("soccer_assets.football.features:FEATURE_GROUPS",),
    "features of all": ("soccer_assets.football.features:compute_features",),
    "match table": ("soccer_assets.football.match_table:MatchTable",),
    "object store": ("soccer_assets.resources.object_store:ObjectStore",),
    "write table": (
        "soccer_assets.resources.parquet_parts:write_table",
        "soccer_assets.resources.parts:write_table",
    ),
    "match schema": (
        "soccer_assets.stores.exports:MATCH_SCHEMA",
        "soccer_assets.resources.exports:MATCH_SCHEMA",
    ),
    "export manifest": (
        "soccer_assets.stores.exports:ExportManifest",
        "soccer_assets.resources.exports:ExportManifest",
    ),
    "update features": (
        "soccer_assets.stores.features.update:update_features",
        "soccer_assets.resources.feature_update:update_features",
    ),
    "alert kinds": ("soccer_assets.alerting.faults:KINDS", "soccer_assets.alerting.conditions:KINDS"),
}


def stand_in(folder: Path) -> Path:
    """Make this process and its children import from the tree of PYTHONPATH; returns it.

    The script's own checkout goes from the path, unless it is the tree. Files are kept in ``folder``, which
    becomes the working directory.
    """
    places = [Path(one).absolute() for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    tree = next((one for one in places if (one / "soccer_assets").is_dir()), ROOT)
    environment = environment_of(tree, folder)
    os.environ.clear()
    os.environ.update(environment)
    ours = environment["PYTHONPATH"].split(os.pathsep)
    sys.path[:] = ours + [one for one in sys.path if one not in {str(ROOT), *ours}]
    sys.pycache_prefix = environment["PYTHONPYCACHEPREFIX"]
    warnings.simplefilter("ignore")
    os.chdir(folder)
    return tree


def environment_of(tree: Path, folder: Path) -> dict[str, str]:
    """The environment of a process that imports from ``tree``: none of our settings, caches in ``folder``.

    Which feeds there are is told by the metadata of an installation, which may be that of another tree: it is
    written anew from the tree's ``pyproject.toml``.
    """
    project = tomllib.loads((tree / "pyproject.toml").read_text())["project"]
    metadata = folder / "metadata" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = {"console_scripts": project["scripts"]} | project["entry-points"]
    lines = [
        line
        for group, entries in groups.items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in entries.items()))
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
    cache = folder / "cache"
    for name in ("numba", "pycache", "matplotlib", "tmp"):
        (cache / name).mkdir(parents=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return kept | {
        "PYTHONPATH": os.pathsep.join([str(folder / "metadata"), str(tree)]),
        "PYTHONPYCACHEPREFIX": str(cache / "pycache"),
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONWARNINGS": "ignore",
        "NUMBA_CACHE_DIR": str(cache / "numba"),  # an old one may hold another tree's machine code
        "MPLCONFIGDIR": str(cache / "matplotlib"),
        "TMPDIR": str(cache / "tmp"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_LOGGING_LEVEL": "ERROR",
        "TZ": "UTC",
    }


def door(name: str) -> Any:
    """What the tree has under a name of `DOORS`.

    Raises:
        SystemExit: it is in none of the places.
    """
    for place in DOORS[name]:
        module, _, attribute = place.partition(":")
        with contextlib.suppress(ImportError, AttributeError):
            return getattr(importlib.import_module(module), attribute)
    raise SystemExit(f"{name} is in none of {', '.join(DOORS[name])}: add its new place to DOORS")


def sha(*parts: bytes) -> str:
    """SHA-256 of the parts, one after the other."""
    return hashlib.sha256(b"".join(parts)).hexdigest()
