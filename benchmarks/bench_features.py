"""How fast features are made, beside a table in the predecessor's style over the same matches.

Usage: ``python benchmarks/bench_features.py ARCHIVE [STATS] [--matches N]``. The predecessor's table is
pandas ``groupby().shift(1).rolling()``: win, draw, loss, goals for, goals against and coverage over the last
1, 2, 3, 5, 7, 10 and 12 matches, of all matches and of those of the season, the competition and the venue,
for home, away and their difference, and Elo: 507 columns. ``--matches`` keeps the newest N of its rows.
"""

import argparse
import itertools
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from soccer_assets.backtest import match_table, read_archive
from soccer_assets.football import features as features_module
from soccer_assets.football.features import FEATURE_NAMES, compute_features
from soccer_assets.football.match_table import SECONDS_A_DAY
from soccer_assets.football.replay import checkpoints, replay

WINDOWS = (1, 2, 3, 5, 7, 10, 12)
METRICS = ("win", "draw", "loss", "goals_for", "goals_against")
SCOPES = ([], ["season"], ["competition"], ["is_home"])
DAY_MATCHES = 300
ELO_K, ELO_HOME = 20.0, 65.0


def main() -> None:
    """Measure, and print one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("stats", type=Path, nargs="?")
    parser.add_argument("--matches", type=int, default=None)
    asked = parser.parse_args()

    seconds: dict[str, float] = {}
    archive = _timed(seconds, "read", lambda: read_archive([asked.archive], asked.stats))
    matches = _timed(seconds, "match table", lambda: match_table(archive))
    compute_features(matches.take(np.arange(min(len(matches), 1_000))))  # compiles

    in_kernel = _kernel_clock(seconds)
    table, state = _timed(seconds, "features and state", lambda: compute_features(matches))
    in_kernel()
    with tempfile.TemporaryDirectory() as folder:
        columns = {name: table.column(name) for name in FEATURE_NAMES}
        _timed(
            seconds,
            "write",
            lambda: pq.write_table(
                pa.table({"match_id": table.match_id, **columns}), Path(folder) / "f.parquet"
            ),
        )
    whole = sum(seconds[name] for name in ("read", "match table", "features and state", "write"))

    known_at = np.sort(matches.result_known_at)
    before = int(known_at[-DAY_MATCHES - 1])
    [checkpoint] = checkpoints(matches, [before - before % SECONDS_A_DAY])
    since = matches.take(matches.result_known_at > before - before % SECONDS_A_DAY)
    newest = since.take(np.argsort(since.kickoff)[-DAY_MATCHES:])
    added, _ = _timed(seconds, f"{len(newest)} new matches", lambda: replay(newest, checkpoint))
    _timed(seconds, "one pairing", lambda: compute_features(_fixture(newest), state))

    rows = archive.sort_values("date").tail(asked.matches) if asked.matches else archive
    frame = _timed(seconds, "predecessor", lambda: _predecessor(rows))
    scale = len(archive) / len(rows)

    for name, taken in seconds.items():
        print(f"{name:>24}: {taken:9.3f} s")
    print(f"{'whole asset':>24}: {whole:9.3f} s for {len(table):,} matches, {len(FEATURE_NAMES)} features")
    print(f"{'a match in the kernel':>24}: {seconds['kernel'] / len(table) * 1e9:9.0f} ns")
    print(f"{'new matches answered':>24}: {len(added):9,}")
    print(f"{'predecessor':>24}: {len(rows):,} matches, {frame.shape[1]} columns")
    times = seconds["predecessor"] * scale
    print(f"{'kernel is faster by':>24}: {times / seconds['kernel']:9.0f}")
    print(f"{'whole asset by':>24}: {times / whole:9.0f}")
    print(f"{'peak memory':>24}: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:9.1f} GiB")


def _timed(seconds: dict[str, float], name: str, work: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    result = work()
    seconds[name] = time.perf_counter() - start
    return result


def _kernel_clock(seconds: dict[str, float]) -> Callable[[], None]:
    """Time the compiled pass inside `compute_features`; the answer puts things back."""
    kernel = features_module.run_events
    features_module.run_events = lambda *parts: _timed(seconds, "kernel", lambda: kernel(*parts))

    def stop() -> None:
        features_module.run_events = kernel

    return stop


def _fixture(matches: Any) -> Any:
    fixture = matches.take(np.array([len(matches) - 1]))
    columns = {name: getattr(fixture, name) for name in fixture.__dataclass_fields__}
    later = fixture.kickoff + 30 * SECONDS_A_DAY
    return type(fixture).from_columns(**columns | {"kickoff": later, "moves_ratings": [False]})


def _predecessor(archive: pd.DataFrame) -> pd.DataFrame:
    """The predecessor's 507 columns, in its documented style."""
    played = archive[(archive["status"] == "FT") & archive["home_goals"].notna()]
    played = played.sort_values(["date", "match_id"]).reset_index(drop=True)
    sides = [_side(played, "home", "away"), _side(played, "away", "home")]
    long = pd.concat(sides, ignore_index=True).sort_values(["team", "date", "match_id"])
    columns = {}
    for scope, window in itertools.product(SCOPES, WINDOWS):
        keys = ["team", *scope]
        shifted = long.groupby(keys, sort=False)[list(METRICS)].shift(1)
        groups = [long[key] for key in keys]
        rolled = shifted.groupby(groups, sort=False).rolling(window, min_periods=1)
        name = "_".join([*scope, f"w{window}"])
        drop = list(range(len(keys)))
        means = rolled.mean().reset_index(level=drop, drop=True)
        for metric in METRICS:
            columns[f"{metric}_{name}"] = means[metric]
        counts = rolled["win"].count().reset_index(level=drop, drop=True)
        columns[f"coverage_{name}"] = counts / window
    table = pd.DataFrame(columns).reindex(long.index).to_numpy(np.float32)
    order = np.argsort(long.index.to_numpy())
    table = table[order]
    home, away = table[: len(played)], table[len(played) :]
    elo = _elo(played)
    return pd.DataFrame(np.hstack([home, away, home - away, elo]))


def _side(played: pd.DataFrame, side: str, other: str) -> pd.DataFrame:
    goals, against = played[f"{side}_goals"], played[f"{other}_goals"]
    return pd.DataFrame(
        {
            "team": played["country"] + "|" + played[f"{side}_team"],
            "date": played["date"],
            "match_id": played["match_id"],
            "season": played["season"],
            "competition": played["competition"],
            "is_home": side == "home",
            "win": (goals > against).astype(float),
            "draw": (goals == against).astype(float),
            "loss": (goals < against).astype(float),
            "goals_for": goals,
            "goals_against": against,
        }
    )


def _elo(played: pd.DataFrame) -> np.ndarray:
    ratings: dict[str, float] = {}
    out = np.empty((len(played), 3), np.float32)
    rows = zip(
        played["country"] + "|" + played["home_team"],
        played["country"] + "|" + played["away_team"],
        np.sign(played["home_goals"] - played["away_goals"]) / 2.0 + 0.5,
        strict=True,
    )
    for row, (home, away, score) in enumerate(rows):
        home_elo, away_elo = ratings.get(home, 1500.0), ratings.get(away, 1500.0)
        out[row] = home_elo, away_elo, home_elo - away_elo
        step = ELO_K * (score - 1.0 / (1.0 + 10.0 ** ((away_elo - home_elo - ELO_HOME) / 400.0)))
        ratings[home], ratings[away] = home_elo + step, away_elo - step
    return out


if __name__ == "__main__":
    main()
