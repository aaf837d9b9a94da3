"""Shares of the goals before half-time, counted in the match table."""

import datetime as dt

import pytest

from soccer_assets.football.first_half import FirstHalfShares, first_half_shares
from soccer_assets.football.matches import Window
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.stores.models.first_half import KEY, read_first_half_shares, update_first_half_shares
from tests.builders import COMPETITIONS, NOW, finished

WINDOW = Window(dt.date(2025, 1, 1), dt.date(2026, 1, 1))


def test_only_matches_with_a_half_time_score_count(database: Database, folder_store: ObjectStore) -> None:
    """3-1 after 1-1 counts with two of four goals; 5-0 without a half-time score does not."""
    rows = [
        finished("3-1", "2025-03-01T15:00:00Z", home_goals_half_time=1, away_goals_half_time=1),
        finished("5-0", "2025-03-08T15:00:00Z", source_match_id="b"),
    ]
    store_raw(database, rows, asset="livescores/recent", source="fake", window=WINDOW, now=NOW)
    update_matches(database, COMPETITIONS, NOW)

    shares = update_first_half_shares(database, folder_store)

    assert shares == first_half_shares([(rows[0].competition, 2, 4)])
    assert read_first_half_shares(folder_store) == shares


@pytest.mark.parametrize("stored", [None, b"", b"[1]"])
def test_without_shares_the_usual_one_is_read(folder_store: ObjectStore, stored: bytes | None) -> None:
    """Before the first training, and where the object is damaged: the next training writes it anew."""
    if stored is not None:
        folder_store.write(KEY, stored)

    assert read_first_half_shares(folder_store) == FirstHalfShares()
