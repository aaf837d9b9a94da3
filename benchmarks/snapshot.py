"""What a refactoring must not change, as a folder of JSON files, and what differs between two such folders.

Usage::

    PYTHONPATH=TREE python benchmarks/snapshot.py TO_FOLDER [--archive FILE [--stats FILE]]
    python benchmarks/snapshot.py --compare A B [--ignore NAME ...]

The first form looks at the checkout TREE (without PYTHONPATH at the script's own) from outside, so that one
script serves trees before and after a move: through the code location, the command line, HTTP and files on
disk. The few internals that it needs stand in `snapshot_parts.tree.DOORS`, each with every place where it
was. ``--compare`` prints each difference and exits with 1 if there is one; ``--ignore texts`` leaves a file
out.

===============  ===========================================================================================
openapi          the OpenAPI document that the sidecar serves
graph            assets (deps, group, partitions, checks, freshness, automation), jobs, sensors, schedules,
                 resources
cli              commands and options
settings         settings with their defaults, and the names of all variables
names            feeds, features and their order, metrics, event types, kinds of alerts
sql              tables, columns and indexes, and the revisions of the schema
home_tables      of a simulated home each column of each table, as a hash
home_store       each object: JSON as it is, parquet as a hash a column, all else as a hash
home_mlflow      parameters, metrics, tags, versions and aliases
home_runs        runs, steps, checks, names and types of metadata
home_events      the event stream
release          each row of the current release, and a hash of each earlier one
bodies           answers of the sidecar: status, headers, body
archive          features of each match of ``--archive``: a hash a month, a column, and of all
archive_tables   as home_tables and home_store, of a home whose feed reads a part of ``--archive``
archive_store
release_ids      ids and hashes of releases: they follow from all that a release says, texts included
texts            descriptions, help and sentences for people, taken out of all other files
===============  ===========================================================================================

The homes are built by ``soccer run`` in new processes, with a fixed SOCCER_SEED and SOCCER_NOW and an empty
cache of compiled code. Masked is what two runs of the same code do not share: random ids of MLflow and
Dagster (in place of a run's stands the version of its model), of tasks, requests, events and keys; the hash
of an answer or file that holds such an id (ETag, the file of predictions); the time at which Dagster
materialised an asset; ports and folders; the headers of the rate limit, which follow the minute, and the
server's own (``Connection``).
Fingerprints of the code (``made_by``, ``code_version``) change with each edit and are masked too. Takes two
minutes of CPU time, four with the archive.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # In place of this folder, whose `serving.py` is not the sidecar.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.snapshot_parts import home_files, names
from benchmarks.snapshot_parts.answers import ask_everything, sidecar
from benchmarks.snapshot_parts.archive import archive_features, part_of
from benchmarks.snapshot_parts.comparison import compare
from benchmarks.snapshot_parts.graph import graph_of
from benchmarks.snapshot_parts.homes import new_home, redis_server, run_steps
from benchmarks.snapshot_parts.masking import Mask
from benchmarks.snapshot_parts.tree import stand_in

# A world in which the first candidate is promoted: then there is a model before the champion.
WORLD = {"SOCCER_SEED": "5", "SOCCER_LEAGUES": "10", "SOCCER_FIRST_BUILD_MONTHS": "30"}
STEPS = (
    ("2025-04-25T09:00:00Z", "build_everything"),
    ("2025-04-27T09:00:00Z", "refresh_daily"),
    ("2025-04-28T09:00:00Z", "retrain_model"),
    ("2025-04-28T10:00:00Z", "rollback_champion"),
    ("2025-04-29T09:00:00Z", "refresh_hourly"),
    ("2025-04-29T10:00:00Z", "monitor_daily"),
)
ARCHIVE_MONTHS = "24"
ARCHIVE_STEPS = (("2018-05-05T09:00:00Z", "build_everything"), ("2018-05-08T09:00:00Z", "refresh_daily"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Take a snapshot or compare two; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("to_folder", type=Path, nargs="?")
    parser.add_argument("--archive", type=Path, help="parquet in the schema of the feed `archive`")
    parser.add_argument("--stats", type=Path, help="statistics of those matches, by match_id")
    parser.add_argument("--keep", type=Path, help="a new folder for the homes, to look into them afterwards")
    parser.add_argument("--compare", type=Path, nargs=2, metavar=("A", "B"))
    parser.add_argument("--ignore", action="append", default=[], help="a file such as texts; repeatable")
    asked = parser.parse_args(arguments)
    if asked.compare:
        found = list(compare(*asked.compare, asked.ignore))
        print("\n".join(found) or "no difference")
        return 1 if found else 0
    if asked.to_folder is None:
        parser.error("name a folder, or --compare two")
    to_folder = asked.to_folder.absolute()
    archive, stats = (one.absolute() if one else None for one in (asked.archive, asked.stats))
    with tempfile.TemporaryDirectory(prefix="snapshot-") as passing:
        folder = (asked.keep or Path(passing)).absolute()
        tree = stand_in(folder)
        files = take(tree, folder, archive, stats)
        os.chdir("/")
    to_folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (to_folder / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    print(f"{len(files)} files of {tree} in {to_folder}")
    return 0


def take(tree: Path, folder: Path, archive: Path | None, stats: Path | None) -> dict[str, Any]:
    """All files of a snapshot, made in an empty folder."""
    mask, home, files, base = Mask(), folder / "home", dict[str, Any](), dict(os.environ)
    mask.know(str(folder), "<folder>")
    with redis_server(folder / "redis") as redis_url:
        env = new_home(home, base, **WORLD, SOCCER_REDIS_URL=redis_url)
        run_steps(env, STEPS)
        env["SOCCER_NOW"], _ = STEPS[-1]
        home_files.know_ids(home, mask)
        files["home_events"] = home_files.event_stream(redis_url, mask)
        with sidecar(env, mask) as ask:
            ask_everything(ask, home)
            ask.events(len(files["home_events"]))
            files["bodies"] = ask.kept_answers
            files["openapi"] = mask.document(ask.quietly("/schema/openapi.json", "no").json(), "openapi")
            metrics = names.metrics_of(ask.quietly("/metrics", "no").text, mask)
    os.environ.update(env)  # the code location reads it when it is imported
    files["graph"] = mask.document(graph_of(), "graph")
    files["cli"] = mask.document(names.commands(), "cli")
    files["settings"] = names.settings_of(tree, folder)
    files["names"] = names.names_of(tree) | {"metrics": metrics}
    files["sql"] = names.tables_sql(home / "soccer.db", tree)
    files |= _of_home("home", home, mask)
    files["home_mlflow"] = home_files.mlflow_memory(home / "mlflow" / "mlflow.db", mask)
    files["home_runs"] = home_files.dagster_memory(home / "dagster")
    files["release"] = home_files.release_rows(home, mask)
    files["release_ids"] = home_files.release_ids(home)
    if archive is not None:
        files["archive"] = archive_features(archive, stats)
        home = folder / "archive_home"
        url = part_of(archive, folder / "part.parquet").as_uri()
        env = new_home(
            home, base, SOCCER_FEED="archive", SOCCER_FEED_URL=url, SOCCER_FIRST_BUILD_MONTHS=ARCHIVE_MONTHS
        )
        run_steps(env, ARCHIVE_STEPS)
        home_files.know_ids(home, mask)
        files |= _of_home("archive", home, mask)
    return files | {"texts": mask.texts}


def _of_home(name: str, home: Path, mask: Mask) -> dict[str, Any]:
    tables = home_files.table_hashes(home / "soccer.db")
    return {
        f"{name}_tables": tables,
        f"{name}_store": home_files.objects_of(home / "store", mask, f"{name}_store"),
    }


if __name__ == "__main__":
    sys.exit(main())
