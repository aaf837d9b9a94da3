"""The code location: it builds the home's graph once, and only when somebody asks for it."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

# Counts how often a process builds a graph.
_COUNTED = """
    import json, sys
    from soccer_assets.graph import build
    real, calls = build.build_definitions, []
    def counted(*arguments):
        calls.append(arguments)
        return real(*arguments)
    build.build_definitions = counted
"""
_IMPORT = """
    import soccer_assets.definitions
    imported = len(calls)
    from dagster._core.code_pointer import CodePointer
    from dagster._core.definitions.reconstruct import initialize_repository_def_from_pointer
    from dagster._grpc.utils import get_loadable_targets
    (target,) = get_loadable_targets(
        python_file=None,
        module_name="soccer_assets.definitions",
        package_name=None,
        autoload_defs_module_name=None,
        working_directory=None,
        attribute=None,
        resolve_lazy_defs=True,
    )
    pointer = CodePointer.from_module("soccer_assets.definitions", target.attribute, None)
    jobs = [job.name for job in initialize_repository_def_from_pointer(pointer).get_all_jobs()]
    print(json.dumps([imported, len(calls), "refresh_hourly" in jobs]))
"""
_RUN = """
    from click.testing import CliRunner
    from soccer_assets.cli import main
    assert CliRunner().invoke(main, ["migrate"]).exit_code == 0
    result = CliRunner().invoke(main, ["run", "prune_daily"])
    print(json.dumps([len(calls), result.exit_code, result.output]))
"""


def _result_of(script: str, home: Path) -> list[object]:
    """What a script prints as JSON in a process of its own, with a home of its own."""
    (home / "dagster.yaml").touch()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_COUNTED) + textwrap.dedent(script)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"SOCCER_HOME": str(home), "DAGSTER_HOME": str(home)},
    )
    result: list[object] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_importing_builds_no_graph_and_a_code_server_builds_one(tmp_path: Path) -> None:
    """As Dagster's own code server loads the module: it resolves the target, then makes the repository."""
    assert _result_of(_IMPORT, tmp_path) == [0, 1, True]


@pytest.mark.slow
def test_soccer_run_builds_the_graph_once(tmp_path: Path) -> None:
    """The command runs the job of one graph."""
    builds, exit_code, output = _result_of(_RUN, tmp_path)

    assert (builds, exit_code) == (1, 0), output
