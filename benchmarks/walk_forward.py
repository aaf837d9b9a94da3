"""Weekly walk-forward over every league of a football-data mirror: the model against the class prior.

Each week is predicted by a model trained on matches known before it. Prints one line. With several numbers of
weeks between trainings, prints one line for each with its loss relative to the first on the same matches: the
cost of a model's age.

    python benchmarks/walk_forward.py --url file:///path/to/www.football-data.co.uk --recipe xgboost_on_logit
    python benchmarks/walk_forward.py --url file:///path/to/www.football-data.co.uk --refit-weeks 1 2 4
"""

import argparse
import datetime as dt
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soccer_assets.clock import FixedClock
from soccer_assets.feeds.registry import open_feed
from soccer_assets.football.features import FEATURE_NAMES, compute_features
from soccer_assets.football.match_table import MatchTable
from soccer_assets.football.matches import Window
from soccer_assets.modelling.dataset import Split, outcomes
from soccer_assets.modelling.metrics import Difference, iso_week_number, log_losses, paired_difference
from soccer_assets.modelling.outcome_model import ELO_TEXTBOOK, RECIPES, OutcomeModel
from soccer_assets.modelling.training import fit_candidate, fit_elo_textbook
from soccer_assets.modelling.walk_forward import WalkForward, walk_forward
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.settings import Settings
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.store import match_table_of
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw

HISTORY_START = dt.date(2022, 7, 1)
NOW = dt.datetime(2025, 5, 1, tzinfo=dt.UTC)
FIRST_DAY = dt.datetime(2024, 8, 1, tzinfo=dt.UTC)


def matches_of(url: str, folder: Path) -> MatchTable:
    """Every finished match of the mirror between those days, through the graph's own tables."""
    settings = Settings.from_env({"SOCCER_HOME": str(folder), "SOCCER_FEED_URL": url})
    database = Database(settings.database_url)
    database.migrate()
    feed = open_feed("football-data", settings)
    window = Window(HISTORY_START, NOW.date())
    rows = feed.fetch(window, FixedClock(NOW))
    store_raw(database, rows, asset="benchmark", source=feed.name, window=window, now=NOW)
    update_matches(database, feed.competitions(), NOW)
    exports = Exports(ObjectStore(settings.store_url), database)
    matches = match_table_of(exports.read_matches(exports.update(NOW)[0]))
    return matches.take(matches.trains)


def forecast(matches: MatchTable, recipe: str, refit_weeks: int) -> WalkForward:
    """Weekly forecasts of one recipe from ``FIRST_DAY`` to ``NOW``."""
    values = compute_features(matches)[0].values
    fit = _fit_elo if recipe == ELO_TEXTBOOK else partial(fit_candidate, feature_names=FEATURE_NAMES)
    start, end = int(FIRST_DAY.timestamp()), int(NOW.timestamp())
    return walk_forward(matches, values, fit, start=start, end=end, refit_weeks=refit_weeks)


def against_the_prior(matches: MatchTable, forecasts: WalkForward) -> Difference:
    """Log loss of the forecasts minus that of the class prior, with a 95 % interval by week."""
    return _against(matches, forecasts, forecasts.prior)


def _against(matches: MatchTable, forecasts: WalkForward, others: NDArray[np.float64]) -> Difference:
    """Log loss minus that of others on the same rows, with a 95 % interval by week."""
    labels = outcomes(matches)[forecasts.rows]
    return paired_difference(
        log_losses(forecasts.probabilities, labels),
        log_losses(others, labels),
        iso_week_number(matches.kickoff[forecasts.rows]),
    )


def _fit_elo(values: np.ndarray, labels: np.ndarray, split: Split) -> OutcomeModel:
    return fit_elo_textbook(values, labels, split.train | split.calibration, FEATURE_NAMES)


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--recipe", choices=RECIPES, default=RECIPES[-1])
    parser.add_argument("--refit-weeks", type=int, nargs="+", default=[1])
    arguments = parser.parse_args()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        matches = matches_of(arguments.url, Path(folder))
    first = None
    for weeks in arguments.refit_weeks:
        forecasts = forecast(matches, arguments.recipe, weeks)
        gap = against_the_prior(matches, forecasts)
        leagues = len(set(matches.competition[forecasts.rows]))
        print(
            f"{arguments.recipe}, fitted every {weeks} weeks: {gap.rows} matches of {leagues} leagues, log "
            f"loss minus the class prior's {gap.mean:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}], "
            f"{time.monotonic() - begin:.0f} s"
        )
        first = first or forecasts
        if forecasts is not first:
            lost = _against(matches, forecasts, first.probabilities)
            print(f"  minus the first line's {lost.mean:+.5f} [{lost.low:+.5f}, {lost.high:+.5f}]")


if __name__ == "__main__":
    main()
