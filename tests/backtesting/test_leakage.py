"""The whole system cannot peek: what happens after a day changes no prediction up to it, to the bit."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from soccer_assets.backtesting.archive_backtest import run_backtest
from tests.backtesting.test_archive_backtest import TEST_UNTIL, TRAIN_UNTIL, archive, write
from tests.homes import Client, built_home

DAY = dt.date(2024, 11, 1)
NOW = "2024-11-02T00:00:00Z"


def with_details(frame):
    """The archive with half-time scores and kickoffs of half of its matches, and statistics beside it."""
    rng = np.random.default_rng(2)
    frame["ht_home_goals"] = frame["home_goals"] // 2
    frame["ht_away_goals"] = frame["away_goals"] // 2
    noon = pd.to_datetime(frame["date"]).dt.tz_localize("UTC") + pd.Timedelta(hours=15)
    frame["kickoff_utc"] = noon.where(np.arange(len(frame)) % 2 == 0)
    stats = {"match_id": frame["match_id"]}
    for name, mean in (("shots_on_target", 4), ("shots", 12), ("corners", 5)):
        for side in ("home", "away"):
            stats[f"{side}_{name}"] = rng.poisson(mean, len(frame)) + (name == "shots") * 20
    return frame, pd.DataFrame(stats)


def scrambled(frame, stats, is_later):
    """Another future: other scores, prices, shots and endings of the same matches."""
    rng = np.random.default_rng(1)
    frame, stats = frame.copy(), stats.copy()
    for name in ("home_goals", "away_goals"):
        frame.loc[is_later, name] = rng.integers(4, 9, int(is_later.sum()))
    frame.loc[is_later, ["ht_home_goals", "ht_away_goals"]] = 0
    frame.loc[is_later, ["odds_home", "odds_draw", "odds_away"]] = [1.01, 30.0, 60.0]
    frame.loc[rng.choice(np.flatnonzero(is_later), 10, replace=False), "status"] = "PEN"
    stats.loc[is_later, stats.columns[1:]] = 40
    return frame, stats


def test_another_future_leaves_every_prediction_of_a_backtest_up_to_the_day(tmp_path):
    """Scores, prices, shots, statuses and rows after the day: no digit before it differs."""
    frame, stats = with_details(archive())
    is_later = pd.to_datetime(frame["date"]).dt.date > DAY
    other, other_stats = scrambled(frame, stats, is_later)
    other = other.drop(index=np.flatnonzero(is_later)[-10:])
    predictions = []
    for name, rows, counts in (("real", frame, stats), ("other", other, other_stats)):
        path = write(rows, tmp_path / f"{name}.parquet")
        counts_path = write(counts, tmp_path / f"{name}-stats.parquet")
        out = tmp_path / f"{name}.csv"
        run_backtest([path], counts_path, TRAIN_UNTIL, TEST_UNTIL, 12, out)
        predictions.append(dict(line.split(",", 1) for line in out.read_text().splitlines()[1:]))

    until_then = set(frame.loc[~is_later, "match_id"]) & set(predictions[0])
    assert len(until_then) > 40
    assert {match_id: predictions[0][match_id] for match_id in until_then} == {
        match_id: predictions[1].get(match_id) for match_id in until_then
    }
    assert predictions[0] != predictions[1]


@pytest.mark.slow
def test_another_future_leaves_all_that_the_graph_serves(tmp_path):
    """The same archive with another future behind the clock: the sidecar's answers are equal."""
    frame, stats = with_details(archive(years=range(2021, 2025)))
    is_later = pd.to_datetime(frame["date"]).dt.date > DAY
    other, _ = scrambled(frame, stats, is_later)
    served = []
    for name, rows in (("real", frame), ("other", other)):
        path = write(rows, tmp_path / f"{name}.parquet")
        settings = built_home(
            tmp_path / name, SOCCER_FEED="archive", SOCCER_FEED_URL=path.as_uri(), SOCCER_NOW=NOW
        )
        with Client(settings) as client:
            matches = client.all_matches()
        served.append([match | {"model_run_id": ""} for match in matches.values()])

    assert len(served[0]) >= 5
    assert served[0] == served[1]
