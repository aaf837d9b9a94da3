"""Honest forecasts on real input: each week by a model that knew only what came before it."""

import pytest

from benchmarks.walk_forward import against_the_prior, forecast, matches_of
from soccer_assets.modelling.outcome_model import ELO_TEXTBOOK


@pytest.mark.slow
def test_the_first_champion_beats_the_class_prior_week_by_week(shared_data, tmp_path):
    """Over all leagues from August 2024 to April 2025 the paired 95 % interval excludes 0."""
    mirror = shared_data / "mirror" / "www.football-data.co.uk"
    matches = matches_of(mirror.as_uri(), tmp_path)

    gap = against_the_prior(matches, forecast(matches, ELO_TEXTBOOK, refit_weeks=1))

    assert gap.rows > 9_000
    assert gap.high < 0
