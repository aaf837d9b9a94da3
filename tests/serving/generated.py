"""A client that openapi-python-client makes from the sidecar's document, and a call of each operation."""

import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx

# What the operations are asked, by the names of their parameters.
PATHS = {
    "match_id": "m1",
    "competition": "ENG-2",
    "table": "match",
    "task_id": "0" * 32,
    "ids": "m1,m2",
    "dataset": "ledger",
}
PAIRING = {
    "home_team": "Leeds",
    "away_team": "Derby",
    "kickoff": "2025-04-27T14:00:00Z",
    "competition": "ENG-2",
}
BODIES: dict[str, tuple[str, Any]] = {
    "score": ("Pairing", PAIRING),
    "score_later": ("Pairing", PAIRING),
    "assume_results": ("Assumptions", {"results": []}),
    "launch_ingest": ("IngestWindow", {"days": 3}),
    "look_up": ("Lookup", {"ids": ["m1", "m2"]}),
}


def generate(address: str, folder: Path, name: str = "generated_client") -> ModuleType:
    """Make the client of a sidecar and import it; a warning of the generator is a failure."""
    document = folder / "openapi.json"
    document.write_bytes(httpx.get(f"{address}/schema/openapi.json").content)
    command = ["-m", "openapi_python_client", "generate", "--path", str(document), "--meta", "none"]
    # The generator calls ruff by its name, and a test is not always run by an activated environment.
    tools = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    made = subprocess.run(
        [sys.executable, *command, "--output-path", str(folder / name), "--fail-on-warning"],
        env={**os.environ, "PATH": tools},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    assert "arning" not in made.stdout + made.stderr
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))


def calls(package: ModuleType) -> Iterator[tuple[str, ModuleType]]:
    """Name and module of every operation."""
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not found.ispkg and found.name.startswith(f"{package.__name__}.api."):
            yield found.name.rpartition(".")[2], importlib.import_module(found.name)


def call(package: ModuleType, module: ModuleType, name: str, client: Any) -> tuple[HTTPStatus, Any]:
    """Make one call with the generated code; status, and the body as the client has read it."""
    arguments: dict[str, Any] = {"client": client}
    for parameter in inspect.signature(module.sync_detailed).parameters.values():
        if parameter.name == "body":
            kind, value = BODIES[name]
            model = getattr(importlib.import_module(f"{package.__name__}.models"), kind)
            arguments["body"] = model.from_dict(value)
        elif parameter.default is inspect.Parameter.empty and parameter.name != "client":
            arguments[parameter.name] = PATHS[parameter.name]
    answer = module.sync_detailed(**arguments)
    return answer.status_code, answer.parsed
