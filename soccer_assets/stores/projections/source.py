"""Reads what projections are made from: the last year of matches, and the ratings after it."""

import datetime as dt

from soccer_assets.feeds.protocol import Feed
from soccer_assets.football.ratings.state import TeamState
from soccer_assets.resources.parquet_parts import months_between
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.store import FeatureStore
from soccer_assets.stores.projections.parts import SEASON_DAYS, Source
from soccer_assets.stores.projections.season_rows import MATCH_COLUMNS


def read_source(exports: Exports, features: FeatureStore, feed: Feed, now: dt.datetime) -> Source:
    """The matches of the seasons under way, of the snapshot that the ratings are of."""
    manifest = features.manifest()
    around = dt.timedelta(days=SEASON_DAYS)
    months = months_between(now - around, now + around)
    matches = exports.read_matches(exports.manifest(manifest.snapshot_id), months, list(MATCH_COLUMNS))
    return Source(
        matches=matches.to_pandas(),
        state=TeamState.from_bytes(features.read_team_state(manifest)),
        now=now,
        feed=feed.name,
        is_simulated=feed.is_simulated,
    )
