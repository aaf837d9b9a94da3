"""Goal markets and half-time forecasts of the served candidate, on seasons that it was not fitted on.

Usage: ``python -m benchmarks.markets ARCHIVE [--stats FILE] [--prices FOLDER] [--train-until DAY]``. The
candidate is that of ``soccer backtest``; prints its scorecard with the goal markets. ``--prices`` is a copy
of www.football-data.co.uk, whose closing prices of goals and handicaps are put beside the archive's rows of
the same date and names.

At half-time the forecast of each match from its score is compared, in log loss and with a block-bootstrap
interval by week, with

- the score plus independent Poisson counts of the same rates for the rest, the archive's share of goals
  after half-time (.560);
- the table of how training matches ended, by the lead at half-time and the quarter of the goal model's
  log-odds of home against away.
"""

import argparse
import datetime as dt
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from soccer_assets.backtesting.archive_backtest import Past, fit_past, report_of
from soccer_assets.backtesting.archive_matches import read_matches
from soccer_assets.contract.markets import GoalModel
from soccer_assets.feeds.providers.football_data.csv_file import GOAL_PRICES
from soccer_assets.football.features import FEATURE_NAMES
from soccer_assets.football.first_half import first_half_shares
from soccer_assets.football.in_play import State, rest_of_match
from soccer_assets.football.match_scores import outcome_of_grid, poisson
from soccer_assets.football.ratings.parameters import DRAW_CORRELATIONS, match_kinds
from soccer_assets.football.score_grid import goal_columns
from soccer_assets.graph.pages.scorecard import scorecard_markdown
from soccer_assets.modelling.market_scores import half_time_outcomes
from soccer_assets.modelling.metrics import iso_week_number, log_losses, paired_difference
from soccer_assets.modelling.training import SEED

SECOND_HALF_SHARE = 0.560
MOST_LEAD = 3  # leads of more at half-time count as this
QUARTERS = 4
_QUOTES = ("odds_over", "odds_under", "handicap", "odds_handicap_home", "odds_handicap_away")


def main() -> None:
    """Fit, score, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--stats", type=Path)
    parser.add_argument("--prices", type=Path, help="a folder with mmz4281/*/*.csv")
    parser.add_argument("--train-until", type=dt.date.fromisoformat, default=dt.date(2023, 7, 1))
    parser.add_argument("--test-until", type=dt.date.fromisoformat, default=dt.date(2024, 7, 1))
    parser.add_argument("--no-prices", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = asked.archive
        if asked.prices is not None:
            file = Path(folder) / "archive.parquet"
            with_goal_prices(asked.archive, asked.prices).to_parquet(file, index=False)
        archive = read_matches([file], asked.stats)
    past = fit_past(archive, asked.train_until, asked.test_until, use_prices=not asked.no_prices)
    print(scorecard_markdown(report_of(archive, past).scorecard))
    print_half_time(past)


def with_goal_prices(archive: Path, folder: Path) -> pd.DataFrame:
    """The archive's rows, with the closing prices of goals and handicaps of the provider's files."""
    rows = pd.read_parquet(archive)
    names = GOAL_PRICES["avg_closing"]
    files = []
    for path in sorted(folder.glob("mmz4281/*/*.csv")):
        file = pd.read_csv(path, encoding="utf-8-sig", encoding_errors="replace", dtype=str)
        files.append(file.reindex(columns=["Date", "HomeTeam", "AwayTeam", *names]))
    quotes = pd.concat(files).dropna(subset=["Date", "HomeTeam"])
    quotes["date"] = pd.to_datetime(quotes["Date"], dayfirst=True, format="mixed").dt.date
    quotes = quotes.rename(columns={"HomeTeam": "home_team", "AwayTeam": "away_team"})
    for name, column in zip(_QUOTES, names, strict=True):
        quotes[name] = pd.to_numeric(quotes[column], errors="coerce")
    keys = ["date", "home_team", "away_team"]
    quotes = quotes[[*keys, *_QUOTES]].drop_duplicates(keys)
    rows["date"] = pd.to_datetime(rows["date"]).dt.date
    joined = rows.merge(quotes, on=keys, how="left")
    joined["goal_odds_type"] = np.where(joined[list(_QUOTES)].notna().any(axis=1), "avg_closing", None)
    print(f"{int(joined['goal_odds_type'].notna().sum())} matches with closing prices of goals or handicaps")
    return joined


def print_half_time(past: Past) -> None:
    """Log loss of forecasts at half-time, and their differences."""
    half = half_time_outcomes(past.matches)
    learnt = np.flatnonzero((past.split.train | past.split.calibration) & (half >= 0))
    at_half = half[past.scored] >= 0
    rows = past.scored[at_half]
    labels = past.labels[rows]
    forecasts = {
        "candidate": in_play(past, rows, learnt, past.candidate[at_half]),
        "score and Poisson": score_and_poisson(past, rows),
        "table": table(past, rows, learnt),
    }
    losses = {name: log_losses(p, labels) for name, p in forecasts.items()}
    week = iso_week_number(past.matches.kickoff[rows])
    print(f"\nat half-time, {len(rows)} matches")
    for name, loss in losses.items():
        gap = paired_difference(losses["candidate"], loss, week, SEED)
        print(f"{name}: {loss.mean():.4f}, candidate minus {gap.mean:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}]")


def in_play(
    past: Past, rows: NDArray[np.int64], learnt: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Home, draw and away (m, 3) from the score at half-time, as ``POST /predict/`` answers."""
    matches = past.matches
    codes, number = np.unique(matches.competition[learnt].astype(np.str_), return_inverse=True)
    halves = (matches.home_goals_half_time + matches.away_goals_half_time)[learnt]
    both = (matches.home_goals + matches.away_goals)[learnt]
    counted = zip(
        codes.tolist(),
        map(int, np.bincount(number, halves)),
        map(int, np.bincount(number, both)),
        strict=True,
    )
    shares = first_half_shares(counted)
    found = []
    for row, home_rate, away_rate, rho, own in zip(
        rows.tolist(), *_rates(past, rows), probabilities.tolist(), strict=True
    ):
        home, away = int(matches.home_goals_half_time[row]), int(matches.away_goals_half_time[row])
        share = shares.of(matches.competition[row])
        grid = rest_of_match(
            GoalModel(home_rate, away_rate, rho, share),
            (own[0], own[1], own[2]),
            State(home_goals=home, away_goals=away),
            share,
        )
        found.append(outcome_of_grid(grid, home - away))
    return np.array(found)


def score_and_poisson(past: Past, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Home, draw and away (m, 3): the score at half-time and two independent counts."""
    found = []
    for row, home_rate, away_rate, _ in zip(rows.tolist(), *_rates(past, rows), strict=True):
        lead = int(past.matches.home_goals_half_time[row]) - int(past.matches.away_goals_half_time[row])
        home, away = (poisson(rate * SECOND_HALF_SHARE) for rate in (home_rate, away_rate))
        grid = [[p * q for q in away] for p in home]
        found.append(outcome_of_grid(grid, lead))
    p = np.array(found)
    return p / p.sum(axis=1, keepdims=True)


def table(past: Past, rows: NDArray[np.int64], learnt: NDArray[np.int64]) -> NDArray[np.float64]:
    """Shares (m, 3) of the training matches with the same lead at half-time and favourite."""
    rates = goal_columns(past.model.feature_names)[0]
    column = FEATURE_NAMES.index(rates.partition("_")[0] + "_log_odds")
    edges = np.quantile(past.features[learnt, column], np.arange(1, QUARTERS) / QUARTERS)

    def cell(of: NDArray[np.int64]) -> NDArray[np.int64]:
        lead = past.matches.home_goals_half_time[of].astype(np.int64) - past.matches.away_goals_half_time[of]
        leads = np.clip(lead, -MOST_LEAD, MOST_LEAD) + MOST_LEAD
        return leads * QUARTERS + np.searchsorted(edges, past.features[of, column])

    cells = (2 * MOST_LEAD + 1) * QUARTERS
    counts = np.bincount(cell(learnt) * 3 + past.labels[learnt], minlength=cells * 3).reshape(-1, 3) + 1.0
    shares: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True)
    return shares[cell(rows)]


def _rates(past: Past, rows: NDArray[np.int64]) -> tuple[list[float], list[float], list[float]]:
    """Goal rates of both sides, and the draw correlation."""
    columns = [FEATURE_NAMES.index(name) for name in goal_columns(past.model.feature_names)]
    values = past.features[rows][:, columns]
    rates = np.exp(values[:, :2])
    rho = DRAW_CORRELATIONS[match_kinds(values[:, 2], values[:, 3])]
    return rates[:, 0].tolist(), rates[:, 1].tolist(), rho.tolist()


if __name__ == "__main__":
    main()
