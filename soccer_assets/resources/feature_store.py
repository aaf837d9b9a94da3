"""Features and team state in the object store, under the snapshot of matches that they were made from."""

import hashlib
import itertools

import msgspec
import numpy as np
import pyarrow as pa

from soccer_assets.football.features import FEATURE_NAMES, FeatureTable
from soccer_assets.football.match_table import MatchTable
from soccer_assets.football.matches import STATUS_RULES, MatchStatus
from soccer_assets.football.team_state import TeamState
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parts import TableManifest, read_table, write_table

CURRENT_KEY = "features/current.json"


class FeatureManifest(msgspec.Struct, frozen=True, kw_only=True):
    """Which features are current."""

    snapshot_id: str
    feature_names: tuple[str, ...]
    table: TableManifest
    team_state_key: str
    team_state_sha256: str


class MissingFeatures(Exception):
    """There are no features yet."""


class FeatureStore:
    """Writes and reads the features of every match, played or ahead."""

    def __init__(self, store: ObjectStore) -> None:
        """Remember where parts go."""
        self._store = store

    def write(self, snapshot_id: str, features: FeatureTable, state: TeamState) -> FeatureManifest:
        """Store features and state; the months that did not change keep their parts."""
        order = np.lexsort((features.match_id.astype(str), features.kickoff))
        months = features.kickoff[order].astype("datetime64[s]").astype("datetime64[M]")
        columns = [features.match_id[order], *features.values[order].T]
        rows = pa.table(columns, schema=_schema(FEATURE_NAMES))
        cuts = [0, *(np.flatnonzero(months[1:] != months[:-1]) + 1).tolist(), len(months)]
        by_month = {
            str(months[start]): rows.slice(start, end - start)
            for start, end in itertools.pairwise(cuts)
            if start < end
        }
        state_bytes = state.to_bytes()
        digest = hashlib.sha256(state_bytes).hexdigest()
        state_key = f"features/team_state/{digest[:16]}.bin"
        if not self._store.exists(state_key):
            self._store.write(state_key, state_bytes)
        manifest = FeatureManifest(
            snapshot_id=snapshot_id,
            feature_names=FEATURE_NAMES,
            table=write_table(self._store, "features/match_features", rows.schema, by_month.items(), None),
            team_state_key=state_key,
            team_state_sha256=digest,
        )
        self._store.write(CURRENT_KEY, msgspec.json.encode(manifest))
        return manifest

    def manifest(self) -> FeatureManifest:
        """The current features' manifest.

        Raises:
            MissingFeatures: none were made yet.
        """
        data = self._store.read(CURRENT_KEY)
        if data is None:
            raise MissingFeatures("no features yet; materialise features/match_features first")
        return msgspec.json.decode(data, type=FeatureManifest)

    def read(self, manifest: FeatureManifest) -> pa.Table:
        """Match ids and features, in the order of their months."""
        return read_table(self._store, manifest.table, _schema(manifest.feature_names))

    def read_team_state(self, manifest: FeatureManifest) -> bytes:
        """The state of every team after the last known result."""
        data = self._store.read(manifest.team_state_key)
        if data is None or hashlib.sha256(data).hexdigest() != manifest.team_state_sha256:
            raise MissingFeatures(
                f"{manifest.team_state_key} is missing or damaged; materialise features/team_state again"
            )
        return data


def _schema(feature_names: tuple[str, ...]) -> pa.Schema:
    return pa.schema([("match_id", pa.string()), *((name, pa.float64()) for name in feature_names)])


def feature_values(features: pa.Table, match_ids: list[str], names: tuple[str, ...]) -> np.ndarray:
    """The features (n, k) of the given matches, in their order.

    Raises:
        KeyError: a match has no features.
    """
    row_of = {match_id: row for row, match_id in enumerate(features["match_id"].to_pylist())}
    rows = np.array([row_of[match_id] for match_id in match_ids], dtype=np.int64)
    values = np.column_stack([features[name].to_numpy() for name in names])
    picked: np.ndarray = values[rows]
    return picked


def match_table_of(matches: pa.Table) -> MatchTable:
    """An exported table of matches as the columns that ratings and models read."""
    status = [STATUS_RULES[MatchStatus(text)] for text in matches["status"].to_pylist()]
    home_goals = matches["home_goals"].fill_null(-1).to_numpy()
    away_goals = matches["away_goals"].fill_null(-1).to_numpy()
    has_score = (home_goals >= 0) & (away_goals >= 0)
    kickoff = matches["kickoff"].cast(pa.timestamp("s")).cast(pa.int64()).to_numpy()
    return MatchTable.from_columns(
        match_id=matches["match_id"].to_pylist(),
        kickoff=kickoff,
        is_day_precision=[text != "minute" for text in matches["kickoff_precision"].to_pylist()],
        competition=matches["competition"].to_pylist(),
        season=matches["season"].to_pylist(),
        tier=matches["tier"].to_numpy(),
        home_team=matches["home_team_id"].to_pylist(),
        away_team=matches["away_team_id"].to_pylist(),
        home_goals=home_goals,
        away_goals=away_goals,
        is_neutral=matches["neutral"].to_pylist(),
        home_shots_on_target=matches["home_shots_on_target"].fill_null(-1).to_numpy(),
        away_shots_on_target=matches["away_shots_on_target"].fill_null(-1).to_numpy(),
        moves_ratings=np.array([rule.moves_ratings for rule in status], np.bool_) & has_score,
        trains=np.array([rule.trains for rule in status], np.bool_) & has_score,
    )
