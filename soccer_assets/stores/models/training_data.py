"""What a model learns from: features, outcomes and closing prices of every match that trains."""

import datetime as dt
import hashlib
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from soccer_assets.football.match_table import MatchTable
from soccer_assets.modelling.dataset import (
    Boundaries,
    Split,
    default_boundaries,
    outcomes,
    split_by_kickoff,
    weighted,
)
from soccer_assets.resources.database import Database
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.store import FeatureStore, feature_values, match_table_of
from soccer_assets.tables import odds


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Matches that train, in the order of time, with what was known before each.

    Attributes:
        matches: n finished matches.
        values: (n, k) features.
        outcomes: (n,) 0 home, 1 draw, 2 away.
        odds: (n, 3) closing prices, NaN where there are none; never a model input.
        split: masks of training, calibration and test rows, and how much each teaches.
        boundaries: where the split cuts.
        feature_names: the k columns of ``values``.
        snapshot_id: the export they come from.
    """

    matches: MatchTable
    values: NDArray[np.float64]
    outcomes: NDArray[np.int8]
    odds: NDArray[np.float64]
    split: Split
    boundaries: Boundaries
    feature_names: tuple[str, ...]
    snapshot_id: str

    @property
    def everything(self) -> Split:
        """All rows train, none calibrate or test: for the refit of a winner."""
        every = np.ones(len(self.matches), np.bool_)
        return weighted(Split(every, ~every, ~every), self.matches)

    @property
    def content_sha256(self) -> str:
        """SHA-256 in hex over ids, features and outcomes: equal data, equal hash, whatever the snapshot."""
        digest = hashlib.sha256("\n".join(self.matches.match_id.tolist()).encode())
        digest.update(np.ascontiguousarray(self.values).data)
        digest.update(np.ascontiguousarray(self.outcomes).data)
        return digest.hexdigest()


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
        odds=_closing_prices(database, match_ids),
        split=weighted(split_by_kickoff(matches.kickoff, boundaries), matches),
        boundaries=boundaries,
        feature_names=manifest.feature_names,
        snapshot_id=manifest.snapshot_id,
    )


def _closing_prices(database: Database, match_ids: list[str]) -> NDArray[np.float64]:
    with database.reading() as connection:
        columns = sa.select(odds.c.match_id, odds.c.home, odds.c.draw, odds.c.away)
        rows = connection.execute(columns.where(odds.c.kind.endswith("closing")))
        prices = {match_id: triple for match_id, *triple in rows}
    missing = [np.nan] * 3
    return np.array([prices.get(match_id, missing) for match_id in match_ids]).reshape(-1, 3)
