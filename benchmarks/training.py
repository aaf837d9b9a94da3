"""Time of fitting and scoring: one fit, a whole retrain run, and bulk scoring.

Uses the newest rows of a match archive, with features computed beforehand. Prints one line per measurement.

    python benchmarks/training.py --archive /path/to/matches.parquet
    python benchmarks/training.py --archive /path/to/matches.parquet --prices [--rows N] [--pairs N]

The second form compares the fits of a retrain that may read the prices of past matches with those of one that
may not, by CPU time, in the order without, with, with, without: the candidate, the champion's recipe at the
same cut, the winner's refit, and with prices the candidate's recipe without them, of one seed.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from soccer_assets.backtesting.archive_matches import read_matches
from soccer_assets.football.features import FEATURE_NAMES, PRICE_FEATURES, compute_features
from soccer_assets.football.match_table import MatchTable
from soccer_assets.modelling.dataset import Split, default_boundaries, outcomes, split_by_kickoff, weighted
from soccer_assets.modelling.forecasters import CANDIDATE, CHAMPION, ELO, PRIOR
from soccer_assets.modelling.metrics import class_prior
from soccer_assets.modelling.neutral_ground import forecast
from soccer_assets.modelling.scorecard import score
from soccer_assets.modelling.slices import slices_of
from soccer_assets.modelling.training import SEED, SEEDS, fit_candidate, fit_elo_textbook, refit

FIT_ROWS, SCORED_ROWS = 200_000, 100_000

T = TypeVar("T")


def timed(what: str, call: Callable[[], T]) -> T:
    """Run it once and print its seconds."""
    start, cpu = time.perf_counter(), time.process_time()
    result = call()
    print(f"{what}: {time.perf_counter() - start:.1f} s, {time.process_time() - cpu:.1f} s of CPU")
    return result


def main() -> None:
    """Print the measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--archive", required=True, type=Path)
    parser.add_argument("--prices", action="store_true", help="what reading prices costs, and nothing else")
    parser.add_argument("--rows", type=int, default=FIT_ROWS, help="with --prices: the newest so many")
    parser.add_argument("--pairs", type=int, default=2, help="with --prices")
    asked = parser.parse_args()
    matches = read_matches([asked.archive], None).matches
    values = compute_features(matches)[0].values
    used = np.flatnonzero(matches.trains)
    used = used[np.argsort(matches.kickoff[used], kind="stable")]
    if asked.prices:
        what_prices_cost(matches.take(used[-asked.rows :]), values[used[-asked.rows :]], asked.pairs)
        return

    def run(rows: np.ndarray, *, whole: bool) -> None:
        part, design = matches.take(rows), values[rows]
        labels = outcomes(part)
        cut = default_boundaries(part.kickoff, int(part.kickoff.max()))
        split = weighted(split_by_kickoff(part.kickoff, cut), part)
        test = split.test
        model = fit_candidate(design, labels, split, FEATURE_NAMES, seed=SEED)
        forecasts = {
            PRIOR: np.tile(class_prior(labels[split.train]), (int(test.sum()), 1)),
            ELO: fit_elo_textbook(design, labels, split.train, FEATURE_NAMES).predict_proba(design[test]),
            CANDIDATE: forecast(model, design[test], part.is_neutral[test]),
        }
        if whole:
            champion = fit_candidate(design, labels, split, FEATURE_NAMES, seed=SEED)
            forecasts[CHAMPION] = forecast(champion, design[test], part.is_neutral[test])
        slices = slices_of(part.take(test), design[test], FEATURE_NAMES)
        score(labels[test], part.kickoff[test], forecasts, seed=SEED, slices=slices)
        if whole:
            every = np.ones(len(part), np.bool_)
            refit(model, design, labels, weighted(Split(every, ~every, ~every), part), seed=SEED)

    newest = used[-FIT_ROWS:]
    timed(f"fit, calibration and scorecard, {len(newest)} rows", lambda: run(newest, whole=False))
    timed(
        f"retrain: candidate, champion at the same cut, scores, refit, {SEEDS} seeds each, {len(used)} rows",
        lambda: run(used, whole=True),
    )
    part = matches.take(newest)
    model = fit_candidate(
        values[newest],
        outcomes(part),
        weighted(split_by_kickoff(part.kickoff, default_boundaries(part.kickoff, 2**40)), part),
        FEATURE_NAMES,
        seed=SEED,
    )
    scored = values[used[-SCORED_ROWS:]]
    model.predict_proba(scored[:10])
    timed(f"scoring {len(scored)} rows", lambda: model.predict_proba(scored))


def what_prices_cost(part: MatchTable, values: np.ndarray, pairs: int) -> None:
    """Print the CPU seconds of the fits of a retrain without and with prices, and the ratio of each pair."""
    labels = outcomes(part)
    split = weighted(split_by_kickoff(part.kickoff, default_boundaries(part.kickoff, 2**40)), part)
    every = np.ones(len(part), np.bool_)
    whole = weighted(Split(every, ~every, ~every), part)
    without = tuple(name for name in FEATURE_NAMES if name not in PRICE_FEATURES)
    narrow = values[:, [FEATURE_NAMES.index(name) for name in without]]

    def fits(*, prices: bool) -> float:
        names, design = (FEATURE_NAMES, values) if prices else (without, narrow)
        start = time.process_time()
        for _ in (CANDIDATE, CHAMPION):
            model = fit_candidate(design, labels, split, names, seed=SEED)
        if prices:
            fit_candidate(narrow, labels, split, without, seed=SEED, seeds=1)
        refit(model, design, labels, whole, seed=SEED)
        return time.process_time() - start

    for pair in range(pairs):
        order = (False, True) if pair % 2 == 0 else (True, False)
        seconds = {prices: fits(prices=prices) for prices in order}
        print(
            f"{len(part)} rows, without prices {seconds[False]:.1f} s, with {seconds[True]:.1f} s of CPU: "
            f"{seconds[True] / seconds[False]:.2f} times",
            flush=True,
        )


if __name__ == "__main__":
    main()
