"""Assets are thin: they read, call one function, write, and return metadata."""

import ast
from collections.abc import Iterator

import pytest

MOST_LINES = 30
DECORATORS = {"asset", "multi_asset"}


def _assets(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Functions that a decorator makes an asset."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        names = {
            getattr(decorator.func, "attr", getattr(decorator.func, "id", ""))
            for decorator in node.decorator_list
            if isinstance(decorator, ast.Call)
        }
        if names & DECORATORS:
            yield node


def test_the_body_of_an_asset_has_at_most_30_lines(pytestconfig: pytest.Config) -> None:
    """Rules and arithmetic are in `football` and `modelling`, statements and files in `stores`."""
    lines: dict[str, int] = {}
    for file in (pytestconfig.rootpath / "soccer_assets" / "graph" / "assets").glob("*.py"):
        for asset in _assets(ast.parse(file.read_text())):
            first = asset.body[1 if ast.get_docstring(asset) else 0]
            lines[f"{file.stem}.{asset.name}"] = (asset.end_lineno or 0) - first.lineno + 1

    assert len(lines) > 10
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}
