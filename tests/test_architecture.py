"""What may import what, what importing costs, and how modules, packages and exceptions are named."""

import ast
import graphlib
import subprocess
import sys
import textwrap
from collections import Counter
from importlib import metadata
from pathlib import Path

import grimp
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
SOURCES = sorted(file for package in ("soccer_assets", "serving") for file in (ROOT / package).rglob("*.py"))


def _modules_after(statement: str) -> set[str]:
    """Names of the modules that a fresh interpreter has loaded after a statement."""
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
    """A run that neither trains nor predicts imports neither MLflow nor XGBoost."""
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


def test_the_scoring_child_imports_what_the_serving_extra_brings():
    """What the sidecar and its scorer load of ours imports only what their image holds."""
    brought = {canonicalize_name(name) for name in _needed_by("serving")}
    given_by = metadata.packages_distributions()
    loaded = _modules_after("import serving.scoring.engine, serving.tasks.worker")
    ours = [name for name in loaded if name.partition(".")[0] in {"soccer_assets", "serving"}]

    assert len(ours) > 20
    for name in ours:
        base = ROOT.joinpath(*name.split("."))
        file = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
        for node in ast.parse(file.read_text()).body:
            imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            imported += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for module in imported:
                makers = given_by.get(module.partition(".")[0], [])
                known = {canonicalize_name(maker) for maker in makers}
                assert not known or known & brought or "soccer-assets" in known, f"{name} imports {module}"


def test_no_module_imports_itself_through_others():
    """The imports between modules form no circle, also those inside functions."""
    graph = grimp.build_graph("soccer_assets", "serving")
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}

    graphlib.TopologicalSorter(imports).prepare()

    assert len(imports) == len(SOURCES)


def test_no_module_name_occurs_more_than_twice():
    """A file's name says which one it is: `store.py` in five folders would not."""
    names = Counter(file.name for file in SOURCES if file.stem not in {"__init__", "__main__"})

    assert [name for name, count in names.items() if count > 2] == []


@pytest.mark.parametrize(
    "file", [file for file in SOURCES if file.name == "__init__.py"], ids=lambda file: file.parent.name
)
def test_a_package_says_what_belongs_there(file):
    """Its `__init__.py` is a docstring; only the command line's holds code, which the entry point names."""
    module = ast.parse(file.read_text())

    assert len(ast.get_docstring(module)) > 20
    assert len(module.body) == 1 or file.parent == ROOT / "soccer_assets/cli"


def _package(file):
    """`serving`, or a package of `soccer_assets`."""
    place = file.relative_to(ROOT).parts
    return "/".join(place[:2]) if place[0] == "soccer_assets" and len(place) > 2 else place[0]


def _classes(package):
    """The classes of a package with the names of their bases."""
    found = {}
    for file in (file for file in SOURCES if _package(file) == package):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef):
                found[node.name] = [ast.unparse(base).rsplit(".", 1)[-1] for base in node.bases]
    return found


def _is_exception(name, classes):
    if name in classes:
        return any(_is_exception(base, classes) for base in classes[name])
    return name.endswith(("Error", "Exception"))


@pytest.mark.parametrize("package", sorted({_package(file) for file in SOURCES}))
def test_exceptions_end_in_error_and_share_a_base(package):
    """A caller catches all exceptions of a package by one name."""
    classes = _classes(package)
    exceptions = {name for name in classes if _is_exception(name, classes)}
    roots = [name for name in exceptions if not any(base in exceptions for base in classes[name])]

    assert [name for name in exceptions if not name.endswith("Error")] == []
    assert len(roots) <= 1, f"{package} has more than one base class of exceptions"
