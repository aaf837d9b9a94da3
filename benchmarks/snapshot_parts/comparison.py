"""Comparison of two snapshots: every difference, with its place."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


def compare(a: Path, b: Path, ignored: Sequence[str] = ()) -> Iterator[str]:
    """Each difference between two snapshots as a line: file, place, both values."""
    names = {file.stem for folder in (a, b) for file in folder.glob("*.json")}
    if not names:
        yield f"neither {a} nor {b} holds a snapshot"
    for name in sorted(names - set(ignored)):
        one, other = a / f"{name}.json", b / f"{name}.json"
        if not (one.is_file() and other.is_file()):
            yield f"{name}: only in {a if one.is_file() else b}"
            continue
        for place, left, right in differences(json.loads(one.read_text()), json.loads(other.read_text())):
            yield f"{name}: {place or 'all of it'}: {left} -> {right}"


def differences(a: Any, b: Any, place: str = "") -> Iterator[tuple[str, str, str]]:
    """Where two JSON values differ: place and both values, cut to a line. JSON within a text is parsed."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in [*a, *(key for key in b if key not in a)]:
            below = f"{place}.{key}".lstrip(".")
            if key in a and key in b:
                yield from differences(a[key], b[key], below)
            else:
                yield below, *(_brief(one[key]) if key in one else "(nothing)" for one in (a, b))
    elif isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b):
            yield place, f"{len(a)} items", f"{len(b)} items"
        for number, (left, right) in enumerate(zip(a, b, strict=False)):
            yield from differences(left, right, f"{place}[{number}]")
    elif repr(a) != repr(b):  # 0.0 and -0.0 are equal, and so are 1 and 1.0
        parsed = _both_as_json(a, b)
        inside = list(differences(*parsed, place)) if parsed else []
        # The same JSON in other bytes is a difference too: another order of fields, other digits.
        yield from inside or [(place, _brief(a), _brief(b))]


def _both_as_json(a: Any, b: Any) -> tuple[Any, Any] | None:
    if not (isinstance(a, str) and isinstance(b, str) and a[:1] in ("{", "[") and b[:1] in ("{", "[")):
        return None
    with contextlib.suppress(json.JSONDecodeError):
        return json.loads(a), json.loads(b)
    return None


def _brief(value: Any, most: int = 160) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"
