"""Hostile rows: a valid row with something wrong in one place, the same ones for the same seed."""

import copy
import random
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from soccer_assets.feeds.protocol import RawMatch, Rejection

VALUES: tuple[Any, ...] = (
    *(None, "", " ", "\t\n", "x" * 5000, "\x00", "a\x00b", "\u202eevil", "\ud800", "\ufffd", "ﬁ", "İ"),
    *(-1, 0, 37, 999, 10**17, -(10**17), 10**30, 0.5, 1.0, -0.0, 1e308, True, False),
    *(float("nan"), float("inf"), float("-inf"), [], {}, [[]], [None], [1], [1, 2, 3], {"a": 1}, {"": None}),
    *(
        "NaN",
        "null",
        "None",
        "-",
        "1-0",
        "1:0",
        "٣",
        "1e5",
        "0x10",
        "<script>alert(1)</script>",
        "'; DROP TABLE",
    ),
    *("2025-02-30", "0001-01-01", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+14:00", "2025-13-01"),
    *(
        "2025-W17-3",
        "20250420",
        "25:61",
        "24:00",
        "-1:00",
        "12:3o",
        "../../etc/passwd",
        "🏟️",
        "=1+1",
        '"',
        ",",
    ),
)


def spoil(row: dict[str, Any], random_: random.Random, values: Sequence[Any] = VALUES) -> Any:
    """The row with one value, at any depth, replaced, removed or joined by an unknown one."""
    if random_.random() < 0.02:
        return random_.choice([None, 5, "row", [], [row], {}, True])
    spoiled = copy.deepcopy(row)
    place: Any = spoiled
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = random_.choice(keys)
        inner = place[key]
        if isinstance(inner, (dict, list)) and inner and random_.random() < 0.75:
            place = inner
            continue
        action = random_.random()
        if action < 0.1:
            del place[key]
        elif action < 0.15 and isinstance(place, dict):
            place["unknown"] = random_.choice(values)
        else:
            place[key] = random_.choice(values)
        return spoiled


def check_hostile_rows(
    valid: Callable[[int], dict[str, Any]],
    fetch: Callable[[list[Any]], list[RawMatch | Rejection]],
    *,
    spoil_row: Callable[[dict[str, Any], random.Random], Any] = spoil,
    documents: int = 40,
    rows: int = 55,
    seed: int = 20,
) -> None:
    """Each document's hostile rows come out as matches or rejections, and its five controls unchanged.

    Args:
        valid: the valid row with a number; each number is another match on a day inside the window.
        fetch: all items of a document with these rows.
        spoil_row: makes a row hostile without moving it out of the window.
        documents: number of documents.
        rows: rows of a document.
        seed: of the spoiling and its places.
    """
    random_ = random.Random(seed)  # noqa: S311 the same rows every time
    controls_of_a_document = 5
    assert documents * (rows - controls_of_a_document) >= 2000
    wanted = {number: alone for number in range(rows) for alone in fetch([valid(number)])}
    assert all(isinstance(match, RawMatch) for match in wanted.values())
    rejected = 0
    for _ in range(documents):
        controls = set(random_.sample(range(rows), controls_of_a_document))
        document = [valid(n) if n in controls else spoil_row(valid(n), random_) for n in range(rows)]

        items = fetch(document)

        assert len(items) == rows
        for number in controls:
            assert wanted[number] in items
        for item in items:
            msgspec.json.encode(item)
            assert isinstance(item, RawMatch) or item.reason
        rejected += sum(isinstance(item, Rejection) for item in items)
    assert documents * rows / 10 < rejected < documents * rows
