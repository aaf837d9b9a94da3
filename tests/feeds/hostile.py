"""Hostile rows: a valid row with something wrong in one place, the same ones for the same seed."""

import copy
import random
from collections.abc import Sequence
from typing import Any

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
