"""Features and team states in the object store, with the export snapshot that they were computed from."""

import hashlib
from collections.abc import Container, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from soccer_assets.football.competitions import NATIONAL
from soccer_assets.football.features import FEATURE_NAMES, FeatureTable
from soccer_assets.football.match_table import (
    GOAL_PRICES,
    HALF_TIME_GOALS,
    OUTCOME_PRICES,
    PRICES,
    UNKNOWN_COUNT,
    UNKNOWN_GOALS,
    MatchTable,
)
from soccer_assets.football.matches import STATUS_RULES, KickoffPrecision, MatchStatus
from soccer_assets.football.prices import price_kind_of
from soccer_assets.football.ratings.side_strengths import STRENGTH_NAMES
from soccer_assets.football.ratings.state import TeamState
from soccer_assets.football.records import MatchStats
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parquet_parts import TableManifest, read_table
from soccer_assets.stores.store_error import StoreError

CURRENT_KEY = "features/current.json"
FOLDER = "features/match_features"
STATES = "features/team_state"

_STATISTICS = MatchStats.__struct_fields__
# The columns of ``exports/match`` that `match_table_of` reads.
MATCH_COLUMNS = [
    *(
        "match_id",
        "kickoff",
        "kickoff_precision",
        "competition",
        "season",
        "tier",
        "squad",
        "status",
        "neutral",
        "away_is_host",
    ),
    *("home_team_id", "away_team_id", "home_goals", "away_goals", "quarantine", *_STATISTICS),
    *HALF_TIME_GOALS,
    *(*OUTCOME_PRICES, "price_kind", *GOAL_PRICES, "goal_price_kind"),
]


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A team state: at the start of a month, or after the last result where no month is named."""

    month: str
    key: str
    sha256: str


class FeatureManifest(msgspec.Struct, frozen=True, kw_only=True):
    """The current features.

    Attributes:
        snapshot_id: the export that they were computed from.
        made_by: fingerprint of the code that computed them.
        made_of: hash of the export's part, by month.
        feature_names: the columns besides the match id.
        table: the features' parts.
        months_written: months that the last run with a change wrote.
        team_state: after the last known result.
        checkpoints: states to start from, in order of time.
    """

    snapshot_id: str
    made_by: str
    made_of: dict[str, str]
    feature_names: tuple[str, ...]
    table: TableManifest
    months_written: tuple[str, ...]
    team_state: Checkpoint
    checkpoints: tuple[Checkpoint, ...]

    @property
    def keys(self) -> set[str]:
        """Keys of all objects of the features."""
        states = {checkpoint.key for checkpoint in (self.team_state, *self.checkpoints)}
        return states.union(part.key for part in self.table.parts)


class MissingFeaturesError(StoreError):
    """There are no features, or none of this version."""


class FeatureStore:
    """Reads the features of every match, played or upcoming; `features.update` writes them."""

    def __init__(self, store: ObjectStore, *, use_prices: bool = True) -> None:
        """Parts are read from ``store``; ``use_prices`` is whether models may read the price group."""
        self._store = store
        self.use_prices = use_prices

    def manifest(self) -> FeatureManifest:
        """The current features' manifest.

        Raises:
            MissingFeaturesError: there are none, or none of this version.
        """
        found = find_features(self._store)
        if found is None:
            raise MissingFeaturesError("no features yet; materialise features/match_features first")
        return found

    def read(self, manifest: FeatureManifest, months: Container[str] | None = None) -> pa.Table:
        """Match ids and features, in the order of their months; only those of ``months`` where given."""
        names = manifest.feature_names
        return read_table(self._store, manifest.table, feature_schema(names), months, ["match_id", *names])

    def read_strengths(self, manifest: FeatureManifest, months: Container[str] | None = None) -> pa.Table:
        """Match ids and strengths of both sides before the match, as `STRENGTH_NAMES`, in float32.

        Of a match whose host is named second, the side named second is the home side. Empty where another
        version wrote the features.
        """
        names = ["match_id", *STRENGTH_NAMES]
        schema = feature_schema(manifest.feature_names)
        if not set(names) <= manifest.table.columns.keys():
            return schema.empty_table().select(names)
        return read_table(self._store, manifest.table, schema, months, names)

    def read_newest(self, manifest: FeatureManifest, rows: int) -> pa.Table:
        """The last ``rows`` rows, or all where there are fewer."""
        months: set[str] = set()
        for part in reversed(manifest.table.parts):
            months.add(part.month)
            rows -= part.rows
            if rows <= 0:
                break
        table = self.read(manifest, months)
        return table.slice(max(-rows, 0))

    def read_team_state(self, manifest: FeatureManifest) -> bytes:
        """The state of every team after the last known result."""
        data = read_state(self._store, manifest.team_state)
        if data is None:
            raise MissingFeaturesError(
                f"{manifest.team_state.key} is missing or damaged; materialise features/team_state again"
            )
        return data


def find_features(store: ObjectStore) -> FeatureManifest | None:
    """The current features' manifest; None without one, or where another version wrote other fields."""
    data = store.read(CURRENT_KEY)
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=FeatureManifest)
    except msgspec.MsgspecError:
        return None


def write_state(store: ObjectStore, month: str, state: TeamState) -> Checkpoint:
    """Store a state under the hash of its bytes."""
    key = f"{STATES}/{state.sha256[:16]}.bin"
    if not store.exists(key):
        store.write(key, state.to_bytes())
    return Checkpoint(month=month, key=key, sha256=state.sha256)


def read_state(store: ObjectStore, checkpoint: Checkpoint) -> bytes | None:
    """The bytes of a state; None where they are missing or damaged."""
    data = store.read(checkpoint.key)
    is_whole = data is not None and hashlib.sha256(data).hexdigest() == checkpoint.sha256
    return data if is_whole else None


def feature_schema(feature_names: Sequence[str]) -> pa.Schema:
    """Columns of the features' parts: the features, and strengths for pages."""
    return pa.schema(
        [
            ("match_id", pa.string()),
            *((name, pa.float64()) for name in feature_names),
            *((name, pa.float32()) for name in STRENGTH_NAMES),
        ]
    )


def feature_rows(features: FeatureTable) -> pa.Table:
    """A table of features as it is stored."""
    strengths = features.strengths.astype(np.float32)
    columns: list[Any] = [features.match_id, *features.values.T, *strengths.T]
    return pa.table(columns, schema=feature_schema(FEATURE_NAMES))


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
    """An exported table of matches as the columns that ratings and models read.

    The side at home is the home side here: a host that is named second is turned round.
    """
    home_goals = matches["home_goals"].fill_null(UNKNOWN_GOALS).to_numpy()
    away_goals = matches["away_goals"].fill_null(UNKNOWN_GOALS).to_numpy()
    has_score = (home_goals >= 0) & (away_goals >= 0) & matches["quarantine"].is_null().to_numpy()
    rules = {status.value: STATUS_RULES[status] for status in MatchStatus}
    return MatchTable.from_columns(
        match_id=matches["match_id"].to_numpy(),
        kickoff=matches["kickoff"].cast(pa.timestamp("s")).cast(pa.int64()).to_numpy(),
        is_day_precision=_looked_up(
            matches["kickoff_precision"],
            {precision.value: precision != KickoffPrecision.MINUTE for precision in KickoffPrecision},
        ),
        competition=_texts(matches["competition"]),
        season=_texts(matches["season"]),
        tier=matches["tier"].to_numpy(),
        home_team=_texts(matches["home_team_id"]),
        away_team=_texts(matches["away_team_id"]),
        home_goals=home_goals,
        away_goals=away_goals,
        is_neutral=matches["neutral"].to_numpy(),
        moves_ratings=has_score
        & _looked_up(matches["status"], {text: rule.moves_ratings for text, rule in rules.items()}),
        trains=has_score & _looked_up(matches["status"], {text: rule.trains for text, rule in rules.items()}),
        is_international=_texts(matches["squad"]) == NATIONAL,
        **{name: matches[name].fill_null(UNKNOWN_COUNT).to_numpy() for name in _STATISTICS},
        **{name: matches[name].fill_null(UNKNOWN_GOALS).to_numpy() for name in HALF_TIME_GOALS},
        **{name: matches[name].fill_null(np.nan).to_numpy() for name in PRICES},
        price_kind=_price_kinds(matches["price_kind"]),
        goal_price_kind=_price_kinds(matches["goal_price_kind"]),
    ).turned_round(matches["away_is_host"].to_numpy())


def _coded(column: pa.ChunkedArray) -> tuple[NDArray[np.int32], list[str]]:
    """A column's dictionary codes and texts; takes a tenth of the time of a list of a million strings."""
    encoded = pc.dictionary_encode(column.combine_chunks())
    chunk = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    return chunk.indices.to_numpy(zero_copy_only=False), chunk.dictionary.to_pylist()


def _texts(column: pa.ChunkedArray) -> NDArray[np.object_]:
    codes, texts = _coded(column)
    values: NDArray[np.object_] = np.array(texts, object)[codes]
    return values


def _price_kinds(column: pa.ChunkedArray) -> NDArray[np.int8]:
    codes, texts = _coded(column.fill_null(""))
    values: NDArray[np.int8] = np.array([price_kind_of(text) for text in texts], np.int8)[codes]
    return values


def _looked_up(column: pa.ChunkedArray, answers: dict[str, bool]) -> NDArray[np.bool_]:
    codes, texts = _coded(column)
    values: NDArray[np.bool_] = np.array([answers[text] for text in texts], np.bool_)[codes]
    return values
