"""Backtest: the graph's training recipe on an archive file, split in time and scored once.

Features, fits and scores are the pure functions that the graph calls. Odds, closing prices only, are used for
scoring alone.
"""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from soccer_assets.backtesting.errors import ArchiveError
from soccer_assets.football.competitions import NATIONAL, squad_of
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
from soccer_assets.modelling.metrics import class_prior
from soccer_assets.modelling.neutral_ground import forecast
from soccer_assets.modelling.outcome_model import OutcomeModel
from soccer_assets.modelling.scorecard import BOOK, CANDIDATE, ELO, PRIOR, Metrics, Scorecard, score
from soccer_assets.modelling.training import SEED, fit_candidate, fit_elo_textbook

REQUIRED = (
    *("match_id", "date", "country", "competition", "season", "home_team", "away_team"),
    *("home_goals", "away_goals", "status"),
)
OPTIONAL = ("kickoff_utc", "tier", "neutral", "odds_home", "odds_draw", "odds_away", "odds_type")
STATISTICS = (
    *("home_shots_on_target", "away_shots_on_target", "home_shots", "away_shots"),
    *("home_corners", "away_corners"),
)
PRICES = ("odds_home", "odds_draw", "odds_away")
# AET and PEN rows hold the score after extra time: no label, and no update of the ratings.
FULL_TIME = "FT"
CLOSING = "_closing"
NOON_SECONDS = SECONDS_A_DAY // 2
VALIDATE_MONTHS = 12
LARGEST_SCORE = 99


class BacktestReport(msgspec.Struct, frozen=True, kw_only=True):
    """The scores on matches after the training period.

    Attributes:
        scorecard: all scores and paired differences.
        train_rows: matches of the fit.
        validate_rows: matches for early stopping and the calibration temperature.
        statistics_rows: scored matches of competitions with shots on target.
        model: the fitted candidate.
    """

    scorecard: Scorecard
    train_rows: int
    validate_rows: int
    statistics_rows: int
    model: OutcomeModel

    def to_json(self) -> bytes:
        """One object a row set (``all``, ``odds``): ``n``, and the scores of each forecaster."""
        card = self.scorecard
        sets = {
            "all": {"n": card.rows} | _scores(card.forecasters),
            "odds": {"n": card.rows_with_odds} | _scores(card.forecasters_with_odds),
        }
        return msgspec.json.format(msgspec.json.encode(sets), indent=2)


def run_backtest(
    archive_paths: Sequence[Path],
    stats_path: Path | None,
    train_until: dt.date,
    test_until: dt.date,
    validate_months: int = VALIDATE_MONTHS,
    predictions_path: Path | None = None,
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

    Raises:
        ArchiveError: a file lacks columns, or a window has no finished match.
    """
    archive = read_archive(archive_paths, stats_path)
    matches = match_table(archive)
    values = compute_features(matches)[0].values  # noqa: PD011  no frame
    split = _split(matches, train_until, test_until, validate_months)
    labels = np.zeros(len(matches), np.int8)
    labels[matches.trains] = outcomes(matches.take(matches.trains))

    model = fit_candidate(values, labels, split, FEATURE_NAMES, seed=SEED)
    elo = fit_elo_textbook(values, labels, split.train, FEATURE_NAMES)
    scored = np.flatnonzero(split.test)
    forecasts = {
        PRIOR: np.tile(class_prior(labels[split.train]), (len(scored), 1)),
        ELO: elo.predict_proba(values[scored]),
        CANDIDATE: forecast(model, values[scored], matches.is_neutral[scored]),
    }
    if predictions_path is not None:
        _write_predictions(predictions_path, matches.match_id[scored], forecasts[CANDIDATE])
    odds = _closing_prices(archive)[scored]
    return BacktestReport(
        scorecard=score(labels[scored], matches.kickoff[scored], forecasts, odds),
        train_rows=int(split.train.sum()),
        validate_rows=int(split.calibration.sum()),
        statistics_rows=int((matches.statistics[scored, 0, 0] >= 0).sum()),
        model=model,
    )


def _scores(forecasters: dict[str, Metrics]) -> dict[str, dict[str, float]]:
    wanted = ("log_loss", "rps", "brier_score", "accuracy", "ece_15")
    return {
        name: {measure: getattr(forecasters[name], measure) for measure in wanted}
        for name in (PRIOR, ELO, CANDIDATE, BOOK)
        if name in forecasters
    }


def read_archive(paths: Sequence[Path], stats_path: Path | None) -> pd.DataFrame:
    """All rows, one a match, with every column of `REQUIRED`, `OPTIONAL` and `STATISTICS`.

    Raises:
        ArchiveError: a file cannot be read or lacks columns.
    """
    if not paths:
        raise ArchiveError("name at least one archive file")
    archive = pd.concat([_read(path, REQUIRED) for path in paths], ignore_index=True)
    archive = archive.drop_duplicates("match_id", keep="last")
    archive = archive[archive["home_team"] != archive["away_team"]]
    if stats_path is not None:
        stats = _read(stats_path, ("match_id",)).drop_duplicates("match_id", keep="last")
        known = [name for name in STATISTICS if name in stats.columns]
        archive = archive.merge(stats[["match_id", *known]], on="match_id", how="left")
    for name in (*OPTIONAL, *STATISTICS):
        if name not in archive.columns:
            archive[name] = None
    for name in ("home_goals", "away_goals", "tier", *PRICES, *STATISTICS):
        archive[name] = pd.to_numeric(archive[name], errors="coerce").astype(float)
    return archive.reset_index(drop=True)


def _read(path: Path, required: Sequence[str]) -> pd.DataFrame:
    try:
        with path.open("rb") as file:
            is_parquet = file.read(4) == b"PAR1"
        frame = pd.read_parquet(path) if is_parquet else pd.read_csv(path, dtype=str, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise ArchiveError(f"cannot read {path} as Parquet or CSV: {error}") from error
    missing = [name for name in required if name not in frame.columns]
    if missing:
        raise ArchiveError(f"{path} has no column {', '.join(missing)}; it is not in the archive's schema")
    return frame


def match_table(archive: pd.DataFrame) -> MatchTable:
    """The rows of `read_archive` as the columns that ratings and models read.

    Raises:
        ArchiveError: a date cannot be read.
    """
    day = pd.to_datetime(archive["date"], errors="coerce")
    if day.isna().any():
        row = archive[day.isna()].iloc[0]
        raise ArchiveError(f"match {row['match_id']!r} has no date that can be read: {row['date']!r}")
    noon = day.to_numpy().astype("datetime64[s]").astype(np.int64) + NOON_SECONDS
    kickoff = pd.to_datetime(archive["kickoff_utc"], errors="coerce", utc=True)
    is_day_precision = kickoff.isna().to_numpy()
    seconds = kickoff.dt.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)
    code = archive["country"] + "|" + archive["competition"]
    ground = archive["neutral"].notna().groupby(code).agg(["size", "sum"])
    is_national = code.isin([name for name, *rows in ground.itertuples() if squad_of(*rows) == NATIONAL])
    # Clubs are told apart by country and name; national teams by name.
    pool = np.where(is_national, "national", archive["country"])
    goals = archive[["home_goals", "away_goals"]].to_numpy()
    is_finished = (archive["status"] == FULL_TIME).to_numpy() & ((goals >= 0) & (goals <= LARGEST_SCORE)).all(
        axis=1
    )
    counts = archive[list(STATISTICS)].fillna(-1).clip(-1, LARGEST_SCORE).astype(np.int16)
    return MatchTable.from_columns(
        match_id=archive["match_id"].astype(str).to_numpy(object),
        kickoff=np.where(is_day_precision, noon, seconds),
        is_day_precision=is_day_precision,
        competition=code.to_numpy(object),
        season=archive["season"].astype(str).to_numpy(object),
        tier=archive["tier"].fillna(0).to_numpy(np.int8),
        home_team=(pool + "|" + archive["home_team"]).to_numpy(object),
        away_team=(pool + "|" + archive["away_team"]).to_numpy(object),
        home_goals=np.where(is_finished, goals[:, 0], -1),
        away_goals=np.where(is_finished, goals[:, 1], -1),
        is_neutral=archive["neutral"].map(_is_true).to_numpy(np.bool_),
        moves_ratings=is_finished,
        trains=is_finished,
        is_international=is_national.to_numpy(),
        **{name: counts[name].to_numpy() for name in STATISTICS},
    )


def _is_true(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


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


def _closing_prices(archive: pd.DataFrame) -> NDArray[np.float64]:
    """Closing prices (n, 3); NaN where there are none or a price is not above 1."""
    prices = archive[list(PRICES)].to_numpy(np.float64)
    is_closing = archive["odds_type"].astype(str).str.endswith(CLOSING).to_numpy()
    usable = is_closing & (prices > 1.0).all(axis=1)
    return np.where(usable[:, None], prices, np.nan)


def _write_predictions(
    path: Path, match_ids: NDArray[np.object_], probabilities: NDArray[np.float64]
) -> None:
    table = {"match_id": match_ids} | {
        name: probabilities[:, column] for column, name in enumerate(("p_home", "p_draw", "p_away"))
    }
    pd.DataFrame(table).to_csv(path, index=False)
