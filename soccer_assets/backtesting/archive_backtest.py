"""Backtest: the graph's training recipe on an archive file, split in time and scored once.

Features, fits and scores are the pure functions that the graph calls. The price of a match moves the ratings
with its result, as in the graph; a row is never predicted with its own.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from soccer_assets.backtesting.archive_matches import ArchiveMatches, read_matches
from soccer_assets.backtesting.errors import ArchiveError
from soccer_assets.football.features import FEATURE_NAMES, compute_features
from soccer_assets.football.match_table import SECONDS_A_DAY, MatchTable
from soccer_assets.modelling.dataset import (
    WARM_UP_DAYS,
    Boundaries,
    Split,
    outcomes,
    split_by_kickoff,
    weighted,
)
from soccer_assets.modelling.forecasters import BOOK, CANDIDATE, ELO, PRIOR
from soccer_assets.modelling.information import columns_read, information_of_model
from soccer_assets.modelling.market_scores import market_card
from soccer_assets.modelling.metrics import class_prior
from soccer_assets.modelling.neutral_ground import forecast, turned_back
from soccer_assets.modelling.outcome_model import OutcomeModel
from soccer_assets.modelling.scorecard import Metrics, Scorecard, score
from soccer_assets.modelling.training import SEED, fit_candidate, fit_elo_textbook

VALIDATE_MONTHS = 12


class BacktestReport(msgspec.Struct, frozen=True, kw_only=True):
    """The scores on matches after the training period.

    Attributes:
        scorecard: all scores and paired differences.
        train_rows: matches of the fit.
        validate_rows: matches for early stopping and the calibration temperature.
        statistics_rows: scored matches of competitions with shots on target.
        model: the fitted candidate.
        information: what it has read, such as ``results+statistics+prices``.
        archive: the matches that were read, and what was rejected and quarantined.
    """

    scorecard: Scorecard
    train_rows: int
    validate_rows: int
    statistics_rows: int
    model: OutcomeModel
    information: str
    archive: ArchiveMatches

    def to_json(self) -> bytes:
        """One object a row set (``all``, ``odds``): ``n``, and the scores of each forecaster."""
        card = self.scorecard
        sets = {
            "all": {"n": card.rows} | _scores(card.forecasters),
            "odds": {"n": card.rows_with_odds} | _scores(card.forecasters_with_odds),
        }
        return msgspec.json.format(msgspec.json.encode(sets), indent=2)


@dataclass(frozen=True, eq=False)
class Past:
    """A candidate fitted on past matches, and its forecasts of those that came later.

    Attributes:
        matches: n matches; without prices where none may be read.
        features: (n, k).
        labels: (n,) 0 home, 1 draw, 2 away where a match trains.
        split: masks over the n rows.
        scored: (m,) rows of the test.
        model: the candidate.
        elo: textbook Elo.
        candidate: (m, 3) the candidate's home, draw and away.
    """

    matches: MatchTable
    features: NDArray[np.float64]
    labels: NDArray[np.int8]
    split: Split
    scored: NDArray[np.int64]
    model: OutcomeModel
    elo: OutcomeModel
    candidate: NDArray[np.float64]


def run_backtest(
    archive_paths: Sequence[Path],
    stats_path: Path | None,
    train_until: dt.date,
    test_until: dt.date,
    validate_months: int = VALIDATE_MONTHS,
    predictions_path: Path | None = None,
    *,
    use_prices: bool = True,
) -> BacktestReport:
    """Fit on results before ``train_until`` and score the matches from then to ``test_until``.

    Args:
        archive_paths: Parquet or CSV files in the archive's schema; of a match in two files the last row
            counts.
        stats_path: match statistics by ``match_id``; None without.
        train_until: first day of the test.
        test_until: first day after the test.
        validate_months: months before ``train_until`` that are used for early stopping and calibration.
        predictions_path: CSV file to write: match_id, p_home, p_draw, p_away, one line a scored match.
        use_prices: whether the prices of past matches are read; prices for scoring are in any case.

    Raises:
        ArchiveError: a file lacks columns, or a window has no finished match.
    """
    archive = read_matches(archive_paths, stats_path)
    past = fit_past(archive, train_until, test_until, validate_months, use_prices=use_prices)
    if predictions_path is not None:
        turned = turned_back(past.candidate, past.matches.is_turned[past.scored])
        _write_predictions(predictions_path, past.matches.match_id[past.scored], turned)
    return report_of(archive, past)


def report_of(archive: ArchiveMatches, past: Past) -> BacktestReport:
    """The scores of what was forecast, beside the archive's closing prices."""
    matches, split, scored = past.matches, past.split, past.scored
    forecasts = {
        PRIOR: np.tile(class_prior(past.labels[split.train]), (len(scored), 1)),
        ELO: past.elo.predict_proba(past.features[scored]),
        CANDIDATE: past.candidate,
    }
    markets = market_card(
        archive.matches.take(scored),
        past.features[scored],
        FEATURE_NAMES,
        past.model.feature_names,
        past.candidate,
        matches.take(split.train | split.calibration),
        SEED,
    )
    return BacktestReport(
        scorecard=score(
            past.labels[scored],
            matches.kickoff[scored],
            forecasts,
            archive.closing_prices[scored],
            markets=markets,
        ),
        archive=archive,
        train_rows=int(split.train.sum()),
        validate_rows=int(split.calibration.sum()),
        statistics_rows=int((matches.statistics[scored, 0, 0] >= 0).sum()),
        model=past.model,
        information=information_of_model(past.model.feature_names, matches.take(split.train)),
    )


def fit_past(
    archive: ArchiveMatches,
    train_until: dt.date,
    test_until: dt.date,
    validate_months: int = VALIDATE_MONTHS,
    *,
    use_prices: bool = True,
) -> Past:
    """Fit on results before ``train_until`` and forecast; arguments and errors as those of `run_backtest`."""
    matches = archive.matches if use_prices else archive.matches.without_prices()
    values = compute_features(matches)[0].values  # noqa: PD011  no frame
    split = _split(matches, train_until, test_until, validate_months)
    labels = np.zeros(len(matches), np.int8)
    labels[matches.trains] = outcomes(matches.take(matches.trains))
    read = columns_read(values[split.train], FEATURE_NAMES)
    columns = [FEATURE_NAMES.index(name) for name in read]
    model = fit_candidate(values[:, columns], labels, split, read, seed=SEED)
    scored = np.flatnonzero(split.test)
    return Past(
        matches=matches,
        features=values,
        labels=labels,
        split=split,
        scored=scored,
        model=model,
        elo=fit_elo_textbook(values, labels, split.train, FEATURE_NAMES),
        candidate=forecast(model, values[scored][:, columns], matches.is_neutral[scored]),
    )


def _scores(forecasters: dict[str, Metrics]) -> dict[str, dict[str, float]]:
    wanted = ("log_loss", "rps", "brier_score", "accuracy", "ece_15")
    return {
        name: {measure: getattr(forecasters[name], measure) for measure in wanted}
        for name in (PRIOR, ELO, CANDIDATE, BOOK)
        if name in forecasters
    }


def _split(matches: MatchTable, train_until: dt.date, test_until: dt.date, validate_months: int) -> Split:
    if validate_months < 1 or train_until >= test_until:
        raise ArchiveError("the test must end after it starts, and at least one month must validate")
    validate_from = (pd.Timestamp(train_until) - pd.DateOffset(months=validate_months)).date()
    first = int(matches.kickoff[matches.trains].min()) if matches.trains.any() else 0
    boundaries = Boundaries(
        train_from=min(first + WARM_UP_DAYS * SECONDS_A_DAY, _epoch(validate_from)),
        train_until=_epoch(validate_from),
        calibrate_until=_epoch(train_until),
        test_until=_epoch(test_until),
    )
    split = split_by_kickoff(matches.kickoff, boundaries)
    split = Split(
        split.train & matches.trains, split.calibration & matches.trains, split.test & matches.trains
    )
    for name, mask in (("train", split.train), ("validate", split.calibration), ("test", split.test)):
        if not mask.any():
            raise ArchiveError(f"no finished match to {name} on; check --train-until and --test-until")
    return weighted(split, matches)


def _epoch(day: dt.date) -> int:
    return int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp())


def _write_predictions(
    path: Path, match_ids: NDArray[np.object_], probabilities: NDArray[np.float64]
) -> None:
    table = {"match_id": match_ids} | {
        name: probabilities[:, column] for column, name in enumerate(("p_home", "p_draw", "p_away"))
    }
    pd.DataFrame(table).to_csv(path, index=False)
