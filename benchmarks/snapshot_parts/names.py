"""Names that others rely on: commands, settings, features, events, tables, metrics."""

import ast
import importlib
import json
import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from benchmarks.snapshot_parts.home_files import rows_of, tables_of
from benchmarks.snapshot_parts.masking import Mask
from benchmarks.snapshot_parts.tree import door


def commands() -> Any:
    """The command line with all its groups, options and arguments."""
    import click

    main_command = importlib.import_module("soccer_assets.cli").main
    found = main_command.to_info_dict(click.Context(main_command))
    return json.loads(json.dumps(found, default=repr))


def settings_of(tree: Path, folder: Path) -> dict[str, Any]:
    """Defaults of a home in ``folder``, and each variable that the code names."""
    import msgspec

    settings = door("settings").from_env({"SOCCER_HOME": str(folder / "nowhere")})
    defaults = {
        name: str(value).replace(str(folder), "<folder>")
        for name, value in msgspec.structs.asdict(settings).items()
    }
    return {"defaults": defaults, "variables": sorted(_constants(tree, r"SOCCER_[A-Z0-9_]+"))}


def _sources(tree: Path) -> Iterator[ast.Module]:
    for package in ("soccer_assets", "serving"):
        for file in sorted((tree / package).rglob("*.py")):
            yield ast.parse(file.read_text())


def _constants(tree: Path, pattern: str) -> set[str]:
    """Texts of the code that are such a name as a whole."""
    return {
        node.value
        for module in _sources(tree)
        for node in ast.walk(module)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(pattern, node.value)
    }


def names_of(tree: Path) -> dict[str, Any]:
    """Feeds, features, event types and kinds of alerts."""
    feeds = sorted({entry.name for entry in entry_points(group="soccer_assets.feeds")})
    key_variable = door("key variable")
    events = {
        node.value
        for module in _sources(tree)
        for call in ast.walk(module)
        if isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", "")) == "Event"
        for keyword in call.keywords
        if keyword.arg == "type"
        for node in ast.walk(keyword.value)
        if isinstance(node, ast.Constant)
    }
    return {
        "feeds": feeds,
        "variables of keys": [key_variable(feed) for feed in feeds],
        "features": list(door("feature names")),
        "groups of features": dict(door("feature groups")),
        "event types that stand in the code": sorted(events),  # `home_events` has those of variables
        "kinds of alerts": list(door("alert kinds")),
    }


def tables_sql(file: Path, tree: Path) -> dict[str, Any]:
    """Columns, indexes and references of every table of a database, and the revisions that made them."""
    with rows_of(file) as ask:
        found: dict[str, Any] = {
            table: {
                "columns": [list(map(str, column[1:])) for column in ask(f"PRAGMA table_info({table})")],
                "indexes": {
                    index[1]: {
                        "unique": index[2],
                        "columns": [part[2] for part in ask(f"PRAGMA index_info({index[1]})")],
                    }
                    for index in sorted(ask(f"PRAGMA index_list({table})"), key=lambda one: one[1])
                },
                "references": sorted(map(str, ask(f"PRAGMA foreign_key_list({table})"))),
            }
            for table in tables_of(ask)
        }
        found["revision"] = [revision for (revision,) in ask("SELECT version_num FROM alembic_version")]
    scripts = sorted((tree / "soccer_assets" / "migrations" / "versions").glob("[0-9]*.py"))
    found["revisions"] = [
        [
            name.group(1)
            for name in re.finditer(r'^(?:down_)?revision\b[^=]*= "?(\w+)', one.read_text(), re.MULTILINE)
        ]
        for one in scripts
    ]
    return found


def metrics_of(exposition: str, mask: Mask) -> dict[str, Any]:
    """Name to type and the names of labels."""
    types: dict[str, Any] = {}
    labels: dict[str, set[str]] = {}
    for line in exposition.splitlines():
        if line.startswith("# HELP "):
            _, _, name, text = line.split(" ", 3)
            mask.texts[f"metrics {name}"] = text
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ", 3)
            types[name] = kind
        elif (found := re.match(r"([a-z_]+)(?:\{(.*)\})? ", line)) is not None:
            labels.setdefault(found[1], set()).update(re.findall(r'([a-z_]+)="', found[2] or ""))
            bounds = re.findall(r'le="([^"]+)"', found[2] or "")
            labels[found[1]].update(f"le={bound}" for bound in bounds)
    return {
        "types": dict(sorted(types.items())),
        "labels": {name: sorted(labels[name]) for name in sorted(labels)},
    }
