"""The search: folds that go forward in time, the same answer twice, the test window untouched."""

import numpy as np
import pytest

from soccer_assets.football.match_table import SECONDS_A_DAY
from soccer_assets.modelling.dataset import Boundaries, default_boundaries
from soccer_assets.modelling.training import DEFAULTS
from soccer_assets.modelling.tuning import search, season_folds
from tests.football.helpers import epoch
from tests.modelling.helpers import NAMES, made_up, played

ROWS = 3_000
VALUES, OUTCOMES, _ = made_up(ROWS)
START = epoch("2018-08-01T15:00")
# Six years, a match every 17 hours.
KICKOFF = START + np.arange(ROWS) * 17 * 3_600
MATCHES = played(KICKOFF, OUTCOMES)
BOUNDARIES = default_boundaries(KICKOFF, int(KICKOFF[-1]))


def found(outcomes=OUTCOMES, **options):
    return search(
        played(KICKOFF, outcomes),
        VALUES,
        BOUNDARIES,
        NAMES,
        **{"trials": 3, "timeout_seconds": 600.0, "seed": 1} | options,
    )


@pytest.fixture(scope="module")
def first():
    return found()


def test_each_fold_is_a_year_after_its_own_past():
    """Three years before the test window, one after the other, each behind its calibration and training."""
    folds = season_folds(MATCHES, BOUNDARIES)

    ends = [KICKOFF[fold.test].max() for fold in folds]
    assert len(folds) == 3
    assert np.diff(ends) / SECONDS_A_DAY == pytest.approx(365, abs=1)
    assert ends[-1] < BOUNDARIES.calibrate_until
    for fold in folds:
        assert KICKOFF[fold.train].max() < KICKOFF[fold.calibration].min()
        assert KICKOFF[fold.calibration].max() < KICKOFF[fold.test].min()


def test_a_short_history_gives_shorter_folds():
    """Nine months are cut in the same way, and a handful of matches is refused."""
    rows = KICKOFF < START + 270 * SECONDS_A_DAY
    matches = MATCHES.take(rows)

    folds = season_folds(matches, default_boundaries(matches.kickoff, int(KICKOFF[-1])))

    assert all(fold.test.sum() > 30 for fold in folds)
    with pytest.raises(ValueError, match="load more seasons"):
        season_folds(MATCHES.take(np.arange(ROWS) < 3), Boundaries(START, START + 5, START + 6, START + 9))


def test_the_defaults_are_tried_first_and_left_only_for_a_gain(first):
    """The answer is never worse than the defaults on the same folds."""
    assert first.trials[0].parameters == DEFAULTS
    assert first.default_log_loss == pytest.approx(np.mean(first.trials[0].log_losses))
    assert first.log_loss <= first.default_log_loss
    assert first.parameters in {trial.parameters for trial in first.trials}
    assert len(first.fold_rows) == 3


def test_the_same_search_finds_the_same_and_reads_no_test_row(first):
    """Whatever happened in the test window, every trial is the same to the bit."""
    spoiled = np.where(BOUNDARIES.calibrate_until <= KICKOFF, 2, OUTCOMES).astype(np.int8)

    assert found(spoiled) == first
    assert first.last_kickoff < BOUNDARIES.calibrate_until


def test_no_trial_starts_after_the_time(first):
    """With hardly any time the defaults alone are tried."""
    assert [trial.parameters for trial in found(timeout_seconds=1e-3).trials] == [DEFAULTS]
