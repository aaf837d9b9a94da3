"""Loads training data (features, outcomes, closing prices), and describes what a model was fitted on."""

import datetime as dt

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from soccer_assets.clock import isoformat
from soccer_assets.football.prices import MARKET_KINDS
from soccer_assets.modelling.dataset import (
    TrainingData,
    default_boundaries,
    outcomes,
    split_by_kickoff,
    weighted,
)
from soccer_assets.modelling.information import information_of_model
from soccer_assets.modelling.neutral_ground import turned_back
from soccer_assets.modelling.outcome_model import OutcomeModel
from soccer_assets.modelling.training import Parameters
from soccer_assets.resources.database import Database
from soccer_assets.resources.model_registry import TrainingFacts
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.fingerprint import code_version
from soccer_assets.stores.features.store import FeatureStore, feature_values, match_table_of
from soccer_assets.tables import odds


def load_training_data(
    exports: Exports, feature_store: FeatureStore, database: Database, now: dt.datetime
) -> TrainingData:
    """Every match of the snapshot behind the current features that may teach a model by ``now``."""
    manifest = feature_store.manifest()
    matches = match_table_of(exports.read_matches(exports.manifest(manifest.snapshot_id)))
    matches = matches.take(matches.trains & (matches.result_known_at <= int(now.timestamp())))
    matches = matches.take(np.lexsort((matches.match_id.astype(str), matches.kickoff)))
    match_ids = matches.match_id.tolist()
    boundaries = default_boundaries(matches.kickoff, int(now.timestamp()))
    return TrainingData(
        matches=matches,
        values=feature_values(feature_store.read(manifest), match_ids, manifest.feature_names),
        outcomes=outcomes(matches),
        odds=turned_back(_closing_prices(database, match_ids), matches.is_turned),
        split=weighted(split_by_kickoff(matches.kickoff, boundaries), matches),
        boundaries=boundaries,
        feature_names=manifest.feature_names,
        snapshot_id=manifest.snapshot_id,
        use_prices=feature_store.use_prices,
    )


def training_facts(
    model: OutcomeModel,
    data: TrainingData,
    rows: NDArray[np.bool_],
    now: dt.datetime,
    parameters: Parameters,
) -> TrainingFacts:
    """What the registry stores beside a model that was fitted on ``rows``, a mask (n,) over the data."""
    newest = dt.datetime.fromtimestamp(int(data.matches.kickoff[rows].max()), dt.UTC)
    return TrainingFacts(
        recipe=model.recipe,
        content_sha256=model.sha256,
        snapshot_id=data.snapshot_id,
        trained_at=isoformat(now),
        train_end=isoformat(newest),
        trained_rows=int(rows.sum()),
        parameters=parameters,
        data_sha256=data.content_sha256,
        code_version=code_version(),
        information=information_of_model(model.feature_names, data.matches.take(rows)),
    )


def _closing_prices(database: Database, match_ids: list[str]) -> NDArray[np.float64]:
    with database.reading() as connection:
        columns = sa.select(odds.c.match_id, odds.c.home, odds.c.draw, odds.c.away)
        rows = connection.execute(columns.where(odds.c.kind.in_(MARKET_KINDS)))
        prices = {match_id: triple for match_id, *triple in rows}
    missing = [np.nan] * 3
    return np.array([prices.get(match_id, missing) for match_id in match_ids]).reshape(-1, 3)
