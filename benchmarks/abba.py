"""Whether one checkout is slower than another: pairs of measurements in the order A B B A, by CPU time.

Usage: ``python benchmarks/abba.py A B --what features|hourly|lookups [--pairs N] [--archive FILE]`` with two
checkouts A and B. Prints one line of JSON: the median CPU seconds of both, and the ratio B/A with its
interval of 95 % (t on the logarithms of the pairs' ratios). Neighbours on the machine hit both sides of a
pair alike, and the order A B B A takes out what drifts in a straight line.

========  ==================================================================================================
features  the compiled pass over the newest ``--matches`` of ``--archive``, and the features asset on an
          empty store; a process a measurement, without its start
hourly    `soccer run refresh_hourly` on a home of simulated leagues, a day after its last run: the process
          with its start
lookups   ``--lookups`` times GET /predict/{match_id} over one connection: the server's processes, but not the
          one that scores
========  ==================================================================================================

Each checkout has caches and a home of its own; all processes are of the group of this one. A first
measurement of each side, which compiles, is thrown away.
"""

import argparse
import contextlib
import http.client
import json
import math
import pickle
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # In place of this folder, whose modules are named like packages.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import psutil
from scipy import stats

from benchmarks.snapshot_parts.archive import columns_of
from benchmarks.snapshot_parts.home_files import manifests, rows_of
from benchmarks.snapshot_parts.homes import free_port, new_home, run_steps, wait_until
from benchmarks.snapshot_parts.tree import environment_of

WORLD = {"SOCCER_SEED": "5", "SOCCER_LEAGUES": "10", "SOCCER_FIRST_BUILD_MONTHS": "12"}
BUILT_AT, MEASURED_AT = "2025-04-25T09:00:00Z", "2025-04-26T10:00:00Z"
_ROUNDS = 2  # of the features in one process
_WARM_LOOKUPS = 1_000
_CONFIDENCE = 0.95

# Measures one checkout once; CPU seconds.
Measure = Callable[[], float]


def main() -> None:
    """Measure, and print the ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("a", type=Path)
    parser.add_argument("b", type=Path)
    parser.add_argument("--what", choices=("features", "hourly", "lookups"), required=True)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument(
        "--archive", type=Path, help="for features: parquet in the schema of the feed `archive`"
    )
    parser.add_argument("--matches", type=int, default=200_000, help="for features: the newest so many")
    parser.add_argument("--lookups", type=int, default=10_000, help="of one measurement")
    asked = parser.parse_args()
    if asked.what == "features" and asked.archive is None:
        parser.error("features need --archive")
    with tempfile.TemporaryDirectory(prefix="abba-") as passing:
        sides = [
            _side(tree.absolute(), Path(passing) / name, asked)
            for tree, name in ((asked.a, "a"), (asked.b, "b"))
        ]
        for side in sides:
            side()
        pairs = []
        for number in range(asked.pairs):
            order = (0, 1) if number % 2 == 0 else (1, 0)
            seconds = {place: sides[place]() for place in order}
            pairs.append((seconds[0], seconds[1]))
            print(f"pair {number + 1}: {seconds[0]:.3f} s, {seconds[1]:.3f} s", file=sys.stderr, flush=True)
    print(json.dumps({"what": asked.what} | summary(pairs)))


def summary(pairs: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """The ratio B/A of pairs of seconds, with its interval; none for a single pair."""
    logs = [math.log(b / a) for a, b in pairs]
    middle, half = statistics.fmean(logs), math.nan
    if len(logs) > 1:
        error = statistics.stdev(logs) / math.sqrt(len(logs))
        half = float(stats.t.ppf((1.0 + _CONFIDENCE) / 2.0, len(logs) - 1)) * error
    low, high = (None if math.isnan(half) else round(math.exp(middle + sign * half), 4) for sign in (-1, 1))
    return {
        "pairs": len(pairs),
        "a_seconds": round(statistics.median(a for a, _ in pairs), 4),
        "b_seconds": round(statistics.median(b for _, b in pairs), 4),
        "ratio": round(math.exp(middle), 4),
        "low": low,
        "high": high,
    }


def _side(tree: Path, folder: Path, asked: argparse.Namespace) -> Measure:
    """One checkout, ready to be measured again and again."""
    folder.mkdir()
    env = environment_of(tree, folder)
    if asked.what == "features":
        return _features(env, folder, asked)
    home = folder / "home"
    env = new_home(home, env, **WORLD)
    run_steps(env, ((BUILT_AT, "build_everything"),))
    return _hourly(env, home) if asked.what == "hourly" else _lookups(env, home, asked.lookups)


def _features(env: Mapping[str, str], folder: Path, asked: argparse.Namespace) -> Measure:
    columns = columns_of(asked.archive.absolute(), None)
    newest = columns["kickoff"].argsort(kind="stable")[-asked.matches :]
    file = folder / "columns.pickle"
    file.write_bytes(pickle.dumps({name: values[newest] for name, values in columns.items()}))
    program = str(Path(__file__).with_name("abba_features.py"))

    def measure() -> float:
        command = [sys.executable, program, str(file), str(_ROUNDS)]
        done = subprocess.run(command, env=env, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
        return float(done.stdout)

    return measure


def _hourly(env: Mapping[str, str], home: Path) -> Measure:
    kept = home.with_name("kept")
    shutil.copytree(home, kept)  # put back before each run, at the same place: MLflow notes absolute paths
    command = [sys.executable, "-m", "soccer_assets.cli", "run", "refresh_hourly"]

    def measure() -> float:
        shutil.rmtree(home)
        shutil.copytree(kept, home)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            command,
            env={**env, "SOCCER_NOW": MEASURED_AT},
            cwd=home,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return measure


def _lookups(env: Mapping[str, str], home: Path, count: int) -> Measure:
    env = dict(env) | {"SOCCER_NOW": BUILT_AT, "SOCCER_RATE_LIMIT_PER_MINUTE": str(10**9)}
    command = [sys.executable, "-m", "soccer_assets.cli"]
    create = [*command, "keys", "create", "--scope", "read"]
    key = subprocess.run(
        create, env=env, cwd=home, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.split()[-1]
    release = home / "store" / "releases" / manifests(home)[-1]["release_id"]
    with rows_of(release / "predictions.sqlite") as rows:
        ids = [
            one
            for (one,) in rows("SELECT match_id FROM prediction WHERE model = 'champion' ORDER BY match_id")
        ]
    asked = [ids[number % len(ids)] for number in range(count)]

    def measure() -> float:
        port = free_port()
        serve = [*command, "serve", "--release", str(home / "store"), "--port", str(port), "--no-tasks"]
        process = subprocess.Popen(
            serve, env=env, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait_until(lambda: _is_warm(port), "the sidecar does not load its release")
            _ask(port, key, asked[:_WARM_LOOKUPS])
            before = _cpu_seconds(process.pid)
            _ask(port, key, asked)
            return _cpu_seconds(process.pid) - before
        finally:
            process.terminate()
            process.wait(30)

    return measure


def _is_warm(port: int) -> bool:
    """Whether the release is loaded and the scoring process has checked the model."""
    with (
        contextlib.suppress(OSError),
        contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as one,
    ):
        one.request("GET", "/metrics")
        return b'soccer_reloads_total{result="loaded"} 1.0' in one.getresponse().read()
    return False


def _ask(port: int, key: str, match_ids: Sequence[str]) -> None:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as one:
        for match_id in match_ids:
            one.request("GET", f"/predict/{match_id}", headers={"X-API-Key": key})
            answer = one.getresponse()
            answer.read()
            if answer.status != http.client.OK:
                raise SystemExit(f"GET /predict/{match_id} answered {answer.status}")


def _cpu_seconds(pid: int) -> float:
    """Of the server and its workers so far; their children score."""
    parent = psutil.Process(pid)
    return sum(sum(one.cpu_times()[:2]) for one in (parent, *parent.children()))


if __name__ == "__main__":
    main()
