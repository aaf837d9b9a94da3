"""The daily reports as values: what counts as drift, and since when."""

import datetime as dt

import msgspec
import numpy as np
import pytest

from soccer_assets.contract.reports import DriftReport
from soccer_assets.football.features import FEATURE_NAMES
from soccer_assets.football.match_table import SECONDS_A_DAY, MatchTable
from soccer_assets.modelling.dataset import Boundaries, Split, TrainingData
from soccer_assets.modelling.monitoring_reports import GROWS_BY_CONSTRUCTION, drift_report, with_drift_start
from tests.builders import NOW
from tests.models import elo_model


def _seasons(moved: float) -> TrainingData:
    """Three seasons of a match a quarter of an hour in 28 days; the last one has 20 features moved."""
    rng = np.random.default_rng(0)
    end = int(NOW.timestamp())
    minutes = np.arange(400) * 6_000
    kickoff = np.concatenate([end - season * 364 * SECONDS_A_DAY - 1 - minutes for season in (2, 1, 0)])
    values = rng.normal(size=(1_200, len(FEATURE_NAMES)))
    values[800:, :20] += moved
    rows = np.ones(1_200, np.bool_)
    matches = MatchTable.from_columns(
        match_id=[str(number) for number in range(1_200)],
        kickoff=kickoff,
        is_day_precision=~rows,
        competition=[f"L{number % 20}" for number in range(1_200)],
        season=["s"] * 1_200,
        tier=rows.astype(np.int8),
        home_team=["a"] * 1_200,
        away_team=["b"] * 1_200,
        home_goals=rows,
        away_goals=rows,
        is_neutral=~rows,
        moves_ratings=rows,
        trains=rows,
    )
    outcomes, odds = np.zeros(1_200, np.int8), np.full((1_200, 3), np.nan)
    split, boundaries = Split(rows, rows, rows), Boundaries(0, 0, 0, 0)
    return TrainingData(matches, values, outcomes, odds, split, boundaries, FEATURE_NAMES, "s1")


def _report(moved: float, now: dt.datetime = NOW) -> DriftReport:
    """The report on a model that was trained until March."""
    return drift_report(
        _seasons(moved), elo_model(), version="1", train_end="2025-03-31T18:00:00Z", feed="fake", now=now
    )


@pytest.mark.parametrize(("moved", "within"), [(0.0, True), (1.0, False)])
def test_more_drifted_columns_than_the_bound_are_out_of_it(moved: float, within: bool) -> None:
    """18 of the features that can stand still move by a deviation: too many; unmoved ones are within."""
    report = _report(moved)

    assert report.is_within_bounds is within
    assert report.reference is not None
    assert report.current is not None
    assert (report.reference.matches, report.current.matches) == (800, 400)
    assert {column.kind for column in report.columns} == {"feature", "prediction"}
    assert len(report.columns) == len(FEATURE_NAMES) - len(GROWS_BY_CONSTRUCTION) + 3
    drifted = {column.name for column in report.columns if column.has_drifted and column.kind == "feature"}
    assert drifted == (set() if within else set(FEATURE_NAMES[:20]) - set(GROWS_BY_CONSTRUCTION))


def test_a_report_remembers_since_when_matches_have_drifted() -> None:
    """The first report out of bounds gives the instant, until the share is at half the bound again."""
    later = NOW + dt.timedelta(hours=6)

    within = with_drift_start(_report(0.0), None)
    first = with_drift_start(_report(1.0), within)
    second = with_drift_start(_report(1.0, later), first)

    assert within.out_of_bounds_since is None
    assert first.out_of_bounds_since == second.out_of_bounds_since == first.checked_at
    assert second.checked_at > first.checked_at

    def start_at(share: float) -> str | None:
        calm = msgspec.structs.replace(within, share_drifted=share)
        return with_drift_start(calm, second).out_of_bounds_since

    assert start_at(0.11) == start_at(0.2) == first.checked_at
    assert start_at(0.1) is None
