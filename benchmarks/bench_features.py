"""Speed of feature computation, compared with a table in the predecessor's style over the same matches.

Usage: ``python benchmarks/bench_features.py ARCHIVE [STATS] [--matches N]``. In one run: the asset's own work
from the parts of an export to the parts of the features, the compiled pass within it, the update after 300
new results on this history, on twice the years and on twice the teams, and the predecessor's table: pandas
``groupby().shift(1).rolling()`` of win, draw, loss, goals for, goals against and coverage over the last 1, 2,
3, 5, 7, 10 and 12 matches, of all matches and of those of the season, the competition and the venue, for
home, away and their difference, and Elo: 507 columns. ``--matches`` keeps the newest N of its rows; its time
is then scaled by the number of rows, which flatters it.
"""

import argparse
import itertools
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from soccer_assets.backtesting.archive_matches import read_matches
from soccer_assets.football import features as features_module
from soccer_assets.football.competitions import NATIONAL
from soccer_assets.football.features import FEATURE_NAMES, compute_features
from soccer_assets.football.hypothetical_match import Pairing, pairing_features
from soccer_assets.football.match_table import SECONDS_A_DAY, MatchTable
from soccer_assets.football.ratings.state import TeamState
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parquet_parts import write_table
from soccer_assets.stores.exports import MATCH_SCHEMA, SCHEMA_VERSION, ExportManifest
from soccer_assets.stores.features.update import update_features

WINDOWS = (1, 2, 3, 5, 7, 10, 12)
METRICS = ("win", "draw", "loss", "goals_for", "goals_against")
SCOPES = ([], ["season"], ["competition"], ["is_home"])
DAY_MATCHES = 300
PAIRINGS = 1_000
TRIES = 5
YEARS_BEFORE_DAYS = 10_227  # 28 years, in whole weeks
ELO_K, ELO_HOME = 20.0, 65.0


def main() -> None:
    """Measure, and print one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("stats", type=Path, nargs="?")
    parser.add_argument("--matches", type=int, default=None)
    asked = parser.parse_args()

    matches = read_matches([asked.archive], asked.stats).matches
    compute_features(matches.take(np.arange(min(len(matches), 1_000))))  # compiles
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        state = _measure_asset(seconds, matches, ObjectStore(f"file://{folder}/once"))
        for name, others in (("years", _earlier(matches)), ("teams", _elsewhere(matches))):
            twice = MatchTable.concat([matches, others])
            _measure_update(seconds, twice, ObjectStore(f"file://{folder}/{name}"), f"twice the {name}")
    _measure_pairings(seconds, state)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20

    rows = _frame(matches).sort_values("date").tail(asked.matches or len(matches))
    frame = _timed(seconds, "predecessor", lambda: _predecessor(rows))
    times = seconds["predecessor"] * len(matches) / len(rows)

    for name, taken in seconds.items():
        print(f"{name:>40}: {taken:10.4f} s")
    print(f"{'matches, features':>40}: {len(matches):,}, {len(FEATURE_NAMES)}")
    print(f"{'predecessor':>40}: {len(rows):,} matches, {frame.shape[1]} columns, all {times:.0f} s")
    print(f"{'a match in the kernel':>40}: {seconds['kernel'] / len(matches) * 1e9:.0f} ns")
    print(f"{'kernel is faster by':>40}: {times / seconds['kernel']:.0f}")
    print(f"{'whole asset by':>40}: {times / seconds['whole asset']:.1f}")
    print(f"{'peak memory, twice the history in hand':>40}: {peak:.1f} GiB")


def _measure_asset(seconds: dict[str, float], matches: MatchTable, store: ObjectStore) -> TeamState:
    """The whole asset on an empty store, and the update of a day on top."""
    in_kernel = _kernel_clock(seconds)
    return _measure_update(seconds, matches, store, "this history", in_kernel)


def _measure_update(
    seconds: dict[str, float],
    matches: MatchTable,
    store: ObjectStore,
    history: str,
    after_the_first: Callable[[], None] = lambda: None,
) -> TeamState:
    """Features of all but the newest results, then those results: the median of a few days' updates."""
    newest = np.argsort(np.where(matches.moves_ratings, matches.result_known_at, 0), kind="stable")
    newest = newest[-TRIES * DAY_MATCHES :]
    whole = "whole asset" if "whole asset" not in seconds else f"whole asset, {history}"
    first = _export(store, _without_results(matches, newest), None, None)
    _timed(seconds, whole, lambda: update_features(store, first))
    after_the_first()
    export, updates = first, []
    for done in range(DAY_MATCHES, len(newest) + 1, DAY_MATCHES):
        known = _without_results(matches, newest[done:])
        day = known.take(newest[done - DAY_MATCHES : done])
        months = set(day.kickoff.astype("datetime64[s]").astype("datetime64[M]").astype(str))
        export = _export(store, known, months, export)
        start = time.perf_counter()
        update = update_features(store, export)
        updates.append(time.perf_counter() - start)
    seconds[f"{DAY_MATCHES} results on {history}"] = statistics.median(updates)
    return update.state


def _measure_pairings(seconds: dict[str, float], state: TeamState) -> None:
    data = state.to_bytes()
    name = f"state of {len(state.team_names):,} teams read"
    fresh = _timed(seconds, name, lambda: TeamState.from_bytes(data))
    teams = np.random.default_rng(0).permutation(len(fresh.team_names))
    pairings = [
        Pairing(
            home_team=fresh.team_names[home],
            away_team=fresh.team_names[away],
            kickoff=int(fresh.as_of or 0) + SECONDS_A_DAY,
            competition=fresh.competition_names[0],
            season=fresh.season_names[-1],
            tier=1,
        )
        for home, away in zip(teams[:PAIRINGS], teams[PAIRINGS : 2 * PAIRINGS], strict=True)
    ]
    pairing_features(fresh, pairings[:1])
    _timed(seconds, "one pairing", lambda: pairing_features(fresh, pairings[1:2]))
    _timed(seconds, f"{PAIRINGS:,} pairings", lambda: pairing_features(fresh, pairings))


def _timed(seconds: dict[str, float], name: str, work: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    result = work()
    seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start
    return result


def _kernel_clock(seconds: dict[str, float]) -> Callable[[], None]:
    """Add up the time of the compiled pass; the answer puts things back."""
    kernel = features_module.run_events
    features_module.run_events = lambda *parts: _timed(seconds, "kernel", lambda: kernel(*parts))

    def stop() -> None:
        features_module.run_events = kernel

    return stop


def _earlier(matches: MatchTable) -> MatchTable:
    """The same matches 28 years before: a season that starts with 0 sorts before all of today's."""
    kickoff = matches.kickoff - YEARS_BEFORE_DAYS * SECONDS_A_DAY
    return replace(matches, match_id=matches.match_id + " I", season="0" + matches.season, kickoff=kickoff)


def _elsewhere(matches: MatchTable) -> MatchTable:
    """The same matches between other teams in other competitions."""
    names = ("match_id", "competition", "home_team", "away_team")
    return replace(matches, **{name: getattr(matches, name) + " II" for name in names})


def _without_results(matches: MatchTable, rows: np.ndarray) -> MatchTable:
    played = matches.moves_ratings.copy()
    played[rows] = False
    return replace(matches, moves_ratings=played, trains=played)


def _export(
    store: ObjectStore, matches: MatchTable, months: set[str] | None, previous: ExportManifest | None
) -> ExportManifest:
    """A snapshot of the matches; only ``months`` are written, the others are those of ``previous``."""
    table = write_table(
        store,
        "exports/match",
        MATCH_SCHEMA,
        _by_month(matches, months),
        previous.tables["match"] if previous else None,
    )
    return ExportManifest(
        schema_version=SCHEMA_VERSION, snapshot_id="bench", created_at="", tables={"match": table}
    )


def _by_month(matches: MatchTable, wanted: set[str] | None) -> Iterator[tuple[str, pa.Table]]:
    months = matches.kickoff.astype("datetime64[s]").astype("datetime64[M]").astype(str)
    order = np.lexsort((matches.match_id.astype(str), matches.kickoff))
    if wanted is not None:
        order = order[np.isin(months[order], sorted(wanted))]
    for month, rows in itertools.groupby(order.tolist(), key=months.__getitem__):
        yield str(month), _rows(matches.take(np.array(list(rows))))


def _rows(matches: MatchTable) -> pa.Table:
    """Matches as ``exports/match`` has them; columns that no feature reads are null."""

    def counts(name: str) -> pa.Array:
        values = getattr(matches, name)
        is_known = matches.moves_ratings if name.endswith("goals") else values >= 0
        return pa.array(values, pa.int16(), mask=~is_known)

    known = {
        "match_id": pa.array(matches.match_id, pa.string()),
        "kickoff": pa.array(matches.kickoff, pa.int64()).cast(MATCH_SCHEMA.field("kickoff").type),
        "kickoff_precision": pa.array(np.where(matches.is_day_precision, "day", "minute")),
        "competition": pa.array(matches.competition, pa.string()),
        "season": pa.array(matches.season, pa.string()),
        "tier": pa.array(matches.tier),
        "home_team_id": pa.array(matches.home_team, pa.string()),
        "away_team_id": pa.array(matches.away_team, pa.string()),
        "squad": pa.array(np.where(matches.is_international, NATIONAL, "first")),
        "status": pa.array(np.where(matches.moves_ratings, "finished", "scheduled")),
        "neutral": pa.array(matches.is_neutral),
        **{
            field.name: counts(field.name)
            for field in MATCH_SCHEMA
            if hasattr(matches, field.name) and pa.types.is_int16(field.type)
        },
    }
    columns = [known.get(field.name, pa.nulls(len(matches), field.type)) for field in MATCH_SCHEMA]
    return pa.table(columns, schema=MATCH_SCHEMA)


def _frame(matches: MatchTable) -> pd.DataFrame:
    """The matches as the predecessor has them, one row each."""
    names = ("match_id", "season", "competition", "home_team", "away_team", "home_goals", "away_goals")
    columns = {name: getattr(matches, name) for name in names}
    frame = pd.DataFrame(columns | {"date": matches.kickoff // SECONDS_A_DAY, "is_played": matches.trains})
    return frame.astype({"home_goals": float, "away_goals": float})


def _predecessor(archive: pd.DataFrame) -> pd.DataFrame:
    """The predecessor's 507 columns, in its documented style."""
    played = archive[archive["is_played"]]
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
            "team": played[f"{side}_team"],
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
        played["home_team"],
        played["away_team"],
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
