"""What the sidecar imports, and how it names its exceptions.

What it may import of ``soccer_assets`` is a contract of import-linter (``pyproject.toml``); here is what that
cannot say.
"""

import ast
import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import serving
from serving.errors import ServingError

MODULES = [module.name for module in pkgutil.walk_packages(serving.__path__, "serving.")]
# Distributions whose module has another name.
_MODULE_OF = {
    "prometheus-client": "prometheus_client",
    "backports-zstd": "backports",
    "xgboost-cpu": "xgboost",
}


def _imports(name):
    """Each import statement of a module, also within functions: the module and the names taken from it."""
    for node in ast.walk(ast.parse(inspect.getsource(importlib.import_module(name)))):
        if isinstance(node, ast.ImportFrom):
            yield node.module, {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, set()


def test_only_the_match_table_is_read_and_of_it_matches_and_teams():
    """The sidecar reads no table but match and team, in one module."""
    read = {
        (name, table)
        for name in MODULES
        for module, tables in _imports(name)
        if module == "soccer_assets.tables"
        for table in tables
    }

    assert read == {("serving.backends.match_table", "match"), ("serving.backends.match_table", "team")}


def test_every_library_is_one_of_the_serving_extra():
    """What a module imports is installed with the extra `serving`, and not by chance with another."""
    allowed = {"soccer_assets", "serving"}
    for line in metadata.requires("soccer-assets") or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": "serving"}):
            allowed.add(_MODULE_OF.get(requirement.name, requirement.name.replace("-", "_")))
    imported = {module.partition(".")[0] for name in MODULES for module, _ in _imports(name)}

    assert "litestar" in imported & allowed
    assert imported - sys.stdlib_module_names <= allowed


@pytest.mark.parametrize("name", MODULES)
def test_exceptions_share_a_base_and_end_in_error(name):
    """A caller catches `ServingError`, and a reader sees in the name that it is an exception."""
    for kind in vars(importlib.import_module(name)).values():
        if inspect.isclass(kind) and issubclass(kind, Exception) and kind.__module__ == name:
            assert issubclass(kind, ServingError)
            assert kind.__name__.endswith("Error")


def test_private_members_of_libraries_are_left_alone():
    """Only the hook on signals reads two of asyncio's, and says why: there is no public way."""
    command = [sys.executable, "-m", "ruff", "check", "--select", "SLF001", "--ignore-noqa", "--no-cache"]
    command += ["--output-format", "json", str(Path(serving.__file__).parent)]
    checked = subprocess.run(command, capture_output=True, check=False)
    files = {Path(finding["filename"]).name for finding in json.loads(checked.stdout)}

    assert files == {"shutdown.py"}
