"""Frames of assets in the store: written atomically, read by the next asset, described in metadata."""

import dagster as dg
import pandas as pd
import pytest

from soccer_assets.clock import parse_instant
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parquet_io_manager import ParquetIOManager

KEY = dg.AssetKey(["predictions", "upcoming"])


@dg.asset(key=KEY)
def upcoming() -> pd.DataFrame:
    """Two rows."""
    kickoff = [parse_instant("2025-04-26T14:00:00Z"), parse_instant("2025-04-27T16:30:00Z")]
    return pd.DataFrame({"match_id": ["a", "b"], "kickoff": kickoff, "p_home": [0.5, 0.25]})


@dg.asset(ins={"predictions": dg.AssetIn(KEY)})
def total(predictions: pd.DataFrame) -> pd.DataFrame:
    """The sum of a column."""
    return pd.DataFrame({"total": [predictions["p_home"].sum()]})


@pytest.fixture
def frames(folder_store: ObjectStore) -> ParquetIOManager:
    """The manager of a store in a folder."""
    return ParquetIOManager(folder_store)


def test_a_frame_is_read_by_the_next_asset(frames, folder_store):
    """The second asset reads the first one's frame, and both are stored under their keys."""
    assert dg.materialize([upcoming, total], resources={"io_manager": frames}).success

    assert folder_store.list("") == ["predictions/upcoming.parquet", "total.parquet"]
    assert frames.load(dg.AssetKey("total"))["total"].tolist() == [0.75]
    pd.testing.assert_frame_equal(frames.load(KEY), upcoming())


def test_the_page_shows_rows_and_address(frames, folder_store):
    """Metadata of the materialisation: how many rows, where."""
    result = dg.materialize([upcoming], resources={"io_manager": frames})

    (event,) = result.asset_materializations_for_node("predictions__upcoming")
    assert event.metadata["dagster/row_count"].value == 2
    assert event.metadata["dagster/uri"].value == f"{folder_store.url}/predictions/upcoming.parquet"
    assert "dagster/column_schema" not in event.metadata  # the asset declares it, with descriptions


def test_an_asset_never_made_is_named(frames):
    """`read` gives None; `load` names the asset that was never materialised."""
    assert frames.read(KEY) is None
    with pytest.raises(FileNotFoundError, match="predictions/upcoming was never materialised"):
        frames.load(KEY)
