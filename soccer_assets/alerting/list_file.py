"""A list that one process of a home writes and others read: replaced whole, never half."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

_T = TypeVar("_T", bound=msgspec.Struct)


def write_list(file: Path, items: Sequence[msgspec.Struct]) -> bool:
    """Replace the list; False where it cannot be written now, as on a full disk: the former one stays."""
    partial = file.with_suffix(".tmp")
    try:
        partial.write_bytes(msgspec.json.encode(items))
        partial.replace(file)
    except OSError:
        return False
    return True


def read_list(file: Path, kind: type[_T]) -> list[_T]:
    """The list; empty where there is none, or it cannot be read."""
    with contextlib.suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode(file.read_bytes(), type=list[kind])  # type: ignore[valid-type]
    return []
