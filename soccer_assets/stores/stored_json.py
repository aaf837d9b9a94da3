"""Decodes the JSON objects of the store; one that is damaged is named, with the way back.

An object that the next run writes anew, such as the status, counts as missing where it cannot be read: its
reader says so, by `decoded_or_none`.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from soccer_assets.stores.store_error import StoreError

T = TypeVar("T")

_REMEDY = "restore it from a backup (`soccer restore BACKUP --replace`)"


class DamagedObjectError(StoreError):
    """An object of the store cannot be read; the message names it and says what to do."""


def decoded(key: str, data: bytes, kind: type[T], without_backup: str = "") -> T:
    """The object ``key`` with the bytes ``data``.

    Args:
        key: its name in the store.
        data: its bytes.
        kind: its type.
        without_backup: what to do where there is no backup.

    Raises:
        DamagedObjectError: it is not JSON, or not of this kind.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        remedy = f"{_REMEDY}; without one {without_backup}" if without_backup else _REMEDY
        raise DamagedObjectError(f"{key} in the object store cannot be read ({error}); {remedy}") from None


def read_stored(
    read: Callable[[str], bytes | None], key: str, kind: type[T], without_backup: str = ""
) -> T | None:
    """The object ``key``; None where there is none.

    Args:
        read: reads an object of the store by its name; None where there is none.
        key: its name.
        kind: its type.
        without_backup: what to do where it is damaged and there is no backup.

    Raises:
        DamagedObjectError: it is not JSON, or not of this kind.
    """
    data = read(key)
    return None if data is None else decoded(key, data, kind, without_backup)


def decoded_or_none(data: bytes | None, kind: type[T]) -> T | None:
    """An object that the next run writes anew; None where there is none, or it cannot be read."""
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
