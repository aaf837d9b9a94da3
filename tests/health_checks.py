"""The health checks of the deployment, run on this machine as the engine runs them in a container."""

import functools
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
# Where the images have their home, and older than any check allows.
_HOME, _OLD_SECONDS = "/srv/soccer", 3600


class _Composed(yaml.SafeLoader):
    """Reads compose's own tags as what they stand before."""


_Composed.add_multi_constructor("!", lambda loader, _, node: _of_kind(loader, node))


def _of_kind(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else None


@functools.cache
def check_of(service: str, file: str = "docker-compose.yml") -> tuple[str, ...]:
    """The command of a service's health check."""
    found = yaml.load((ROOT / file).read_text(), _Composed)["services"][service]["healthcheck"]["test"]  # noqa: S506 - a safe loader
    assert found[0] == "CMD"
    return tuple(part.replace("$$", "$") for part in found[1:])


def passes(check: tuple[str, ...], home: Path) -> bool:
    """Whether a check that looks into the home finds its program alive."""
    command = [part.replace(_HOME, str(home)) for part in check]
    assert command != list(check), "this check does not look into the home"
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0


def age(file: Path) -> None:
    """Let a sign of life be of an hour ago."""
    then = time.time() - _OLD_SECONDS
    os.utime(file, (then, then))
