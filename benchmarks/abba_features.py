"""CPU seconds of the features of one checkout: what `benchmarks/abba.py` starts once a measurement.

Usage: ``python abba_features.py COLUMNS ROUNDS`` with the checkout on PYTHONPATH; COLUMNS is a pickle of the
matches. Measured is the compiled pass over all matches and the asset's work on an empty store, from the parts
of an export to the parts of the features. Reading, compiling and writing the export are not.
"""

import itertools
import pickle
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.snapshot_parts.tree import ROOT, door

_WARM_MATCHES = 1_000


def main() -> None:
    """Measure, and print the seconds."""
    file, rounds = Path(sys.argv[1]), int(sys.argv[2])
    columns = pickle.loads(file.read_bytes())  # noqa: S301 - written by abba.py
    sys.path.remove(str(ROOT))  # the tree's own packages from here on
    compute, update, store = (door(name) for name in ("features of all", "update features", "object store"))
    table = door("match table").from_columns(**columns)
    few = door("match table").from_columns(**{name: one[:_WARM_MATCHES] for name, one in columns.items()})
    with tempfile.TemporaryDirectory() as folder:
        stores = [store(f"file://{folder}/{number}") for number in range(rounds + 1)]
        warm, *exports = [_export(one, few if one is stores[0] else table) for one in stores]
        compute(few)
        update(stores[0], warm)
        started = time.process_time()
        for one, export in zip(stores[1:], exports, strict=True):
            compute(table)
            update(one, export)
        print(time.process_time() - started)


def _export(store: Any, matches: Any) -> Any:
    schema = door("match schema")
    parts = door("write table")(store, "exports/match", schema, _by_month(matches, schema), None)
    return door("export manifest")(
        schema_version=1, snapshot_id="bench", created_at="", tables={"match": parts}
    )


def _by_month(matches: Any, schema: Any) -> Any:
    import numpy as np  # noqa: PLC0415 - with the tree's path
    import pyarrow as pa  # noqa: PLC0415

    def column(name: str, rows: Any) -> Any:
        """Columns that no feature reads are null."""
        kind = schema.field(name).type
        if name.endswith("goals") and hasattr(rows, name):
            return pa.array(getattr(rows, name), kind, mask=~rows.moves_ratings)
        if name in {"match_id", "competition", "season", "tier"}:
            return pa.array(getattr(rows, name), kind)
        known = {
            "kickoff": lambda: pa.array(rows.kickoff, pa.int64()).cast(kind),
            "kickoff_precision": lambda: pa.array(np.where(rows.is_day_precision, "day", "minute")),
            "home_team_id": lambda: pa.array(rows.home_team, kind),
            "away_team_id": lambda: pa.array(rows.away_team, kind),
            "squad": lambda: pa.array(np.where(rows.is_international, "national", "first")),
            "status": lambda: pa.array(np.where(rows.moves_ratings, "finished", "scheduled")),
            "neutral": lambda: pa.array(rows.is_neutral),
        }
        if name in known:
            return known[name]()
        if pa.types.is_int16(kind) and hasattr(rows, name):
            values = getattr(rows, name)
            return pa.array(values, kind, mask=values < 0)
        return pa.nulls(len(rows), kind)

    months = matches.kickoff.astype("datetime64[s]").astype("datetime64[M]").astype(str)
    order = np.lexsort((matches.match_id.astype(str), matches.kickoff))
    for month, places in itertools.groupby(order.tolist(), key=months.__getitem__):
        rows = matches.take(np.array(list(places)))
        yield str(month), pa.table([column(name, rows) for name in schema.names], schema=schema)


if __name__ == "__main__":
    main()
