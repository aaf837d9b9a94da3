"""What may import what, and what importing costs."""

import subprocess
import sys
import textwrap
from importlib import metadata

import pytest
from packaging.requirements import Requirement


def _modules_after(statement: str) -> set[str]:
    """Names of the modules that a fresh interpreter holds after a statement."""
    program = f"import sys\n{textwrap.dedent(statement)}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_serving_starts_without_the_heavy_libraries():
    """The sidecar needs neither the graph's libraries nor those of its scoring child."""
    heavy = {"dagster", "mlflow", "pandas", "numpy", "xgboost", "numba", "pyarrow", "scipy", "sklearn"}

    assert not heavy & _modules_after("import serving.app")


@pytest.mark.parametrize(
    "module",
    [
        *(
            f"contract.{name}"
            for name in ("api_keys", "events", "prediction", "release", "reports", "status")
        ),
        *("settings", "clock", "tables"),
    ],
)
def test_what_both_halves_share_is_cheap(module):
    """Shared modules pull in neither frames nor servers."""
    heavy = {"dagster", "mlflow", "pandas", "numpy", "litestar", "pyarrow"}

    assert not heavy & _modules_after(f"import soccer_assets.{module}")


def test_building_the_graph_leaves_mlflow_and_xgboost_alone():
    """A run that neither trains nor predicts never pays for MLflow or the trees."""
    heavy = {"mlflow", "dagster_mlflow", "xgboost", "matplotlib", "optuna"}

    assert not heavy & _modules_after("from soccer_assets.definitions import defs; defs()")


def test_help_needs_nothing_heavy():
    """`soccer --help` answers at once because the commands import what they need themselves."""
    heavy = {"dagster", "numpy", "sqlalchemy", "rich", "httpx"}

    assert not heavy & _modules_after("import soccer_assets.cli")


def _needed_by(extra: str) -> set[str]:
    """Every distribution that installing this package with one extra brings, as installed here."""
    found: set[str] = set()
    waiting = [("soccer-assets", extra)]
    while waiting:
        name, wanted = waiting.pop()
        for line in metadata.requires(name) or []:
            requirement = Requirement(line)
            applies = requirement.marker is None or requirement.marker.evaluate({"extra": wanted})
            if applies and requirement.name not in found:
                found.add(requirement.name)
                waiting.append((requirement.name, ""))
    return found


def test_the_serving_extra_brings_no_pipeline():
    """A sidecar's image holds neither Dagster nor MLflow nor pandas."""
    needed = _needed_by("serving")

    assert "litestar" in needed
    assert not {"dagster", "mlflow", "mlflow-skinny", "pandas", "pyarrow"} & needed
