"""A command that is typed uses what the home's processes have compiled."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_TYPED = """
import os, sys
if {is_of_another}:
    os.geteuid = lambda: os.getuid() + 1
from soccer_assets.cli import main
main(["feeds", "list"], standalone_mode=False)
print(sys.pycache_prefix, *(os.environ.get(name) for name in ("PYTHONPYCACHEPREFIX", "NUMBA_CACHE_DIR")))
"""
_OURS = ("PYTHONPYCACHEPREFIX", "NUMBA_CACHE_DIR", "MPLCONFIGDIR")


def _typed(home: Path, *, is_of_another: bool = False, **environ: str) -> list[str]:
    """Where a command that is typed looks for modules, what its children look in, and where for kernels."""
    plain = {name: value for name, value in os.environ.items() if name not in _OURS}
    done = subprocess.run(
        [sys.executable, "-c", _TYPED.format(is_of_another=is_of_another)],
        env=plain | {"SOCCER_HOME": str(home)} | environ,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()[-1].split()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose processes have compiled something."""
    folder = tmp_path_factory.mktemp("compiled") / "home"
    (folder / "cache" / "pycache").mkdir(parents=True)
    return folder


def test_a_typed_command_uses_the_homes_compiled_files(home: Path) -> None:
    """Kernels are not compiled anew for it, which takes 40 s, and modules not at each start."""
    modules = str(home / "cache" / "pycache")
    assert _typed(home) == [modules, modules, str(home / "cache" / "numba")]


def test_what_the_user_has_set_stays(home: Path) -> None:
    """As in the processes of `soccer up`, and in containers."""
    assert _typed(home, PYTHONPYCACHEPREFIX="/own", NUMBA_CACHE_DIR="/kernels") == [
        "/own",
        "/own",
        "/kernels",
    ]


def test_nothing_of_a_home_of_another_user_is_executed(home: Path) -> None:
    """Nor is anything made for a home that was never started."""
    assert _typed(home, is_of_another=True) == ["None", "None", "None"]
    assert _typed(home.parent / "never") == ["None", "None", "None"]
    assert not (home.parent / "never").exists()
