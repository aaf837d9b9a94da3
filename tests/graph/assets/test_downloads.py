"""The downloads of a graph: their rows, what is left out, and hostile names."""

import csv
import datetime as dt
import io

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from soccer_assets.contract.download_files import DICTIONARY, DOWNLOADS_KEY, DownloadsIndex, download_key
from soccer_assets.feeds.terms import terms_of
from soccer_assets.stores.downloads import files as files_module
from soccer_assets.stores.downloads.files import to_csv, typed
from tests.builders import NOW, FakeFeed, two_leagues
from tests.graph.assets.conftest import Graph, history_of
from tests.graph.assets.test_refresh import HOURLY, play

MAKE = (*HOURLY, "projections/season", "history/parts", "downloads/files")


@pytest.fixture
def made(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> Graph:
    """A graph with downloads, whose feed allows everything."""
    monkeypatch.setattr(FakeFeed, "attribution", "made up", raising=False)
    monkeypatch.setattr(FakeFeed, "may_redistribute", True, raising=False)
    graph.feed.items = two_leagues()
    assert graph.run("livescores/history", tags=history_of("2025-03-01", "2025-04-01")).success
    result = graph.run(*MAKE)
    assert result.success, [event.message for event in result.get_step_failure_events()]
    return graph


def index_of(graph: Graph) -> DownloadsIndex:
    """The current index."""
    return msgspec.json.decode(graph.store.read(DOWNLOADS_KEY), type=DownloadsIndex)


def rows_of(graph: Graph, name: str) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    (file,) = (one for one in index_of(graph).files if one.name == f"{name}.csv")
    text = graph.store.read(download_key(file.sha256, "csv")).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_every_table_is_there_in_both_formats_with_the_columns_of_the_dictionary(made: Graph) -> None:
    """Ten files of the current release; CSV and parquet have the same rows, and parquet names the sources."""
    index = index_of(made)

    assert index.release_id == made.releases.pointer().release_id
    assert (index.attribution, index.left_out) == (("made up",), ())
    assert {file.name for file in index.files} == {
        f"{name}.{kind}" for name in DICTIONARY.tables for kind in ("csv", "parquet")
    }
    for file in index.files:
        if file.format == "parquet":
            table = pq.read_table(io.BytesIO(made.store.read(download_key(file.sha256, "parquet"))))
            assert table.column_names == [column.name for column in DICTIONARY.tables[file.table].columns]
            assert table.num_rows == file.rows == len(rows_of(made, file.table))
            assert table.schema.metadata[b"attribution"] == b"made up"
    assert len(rows_of(made, "ratings")) == 12
    assert len(rows_of(made, "tables")) == 12


def test_rows_say_what_the_home_said(made: Graph) -> None:
    """Predictions and ledger have names, instants and probabilities that add up; equal state, equal files."""
    predictions, ledger = rows_of(made, "predictions"), rows_of(made, "ledger")

    assert {row["match_id"] for row in ledger} <= {row["match_id"] for row in predictions}
    assert [row["sequence"] for row in ledger] == [str(number) for number in range(1, len(ledger) + 1)]
    for row in (*predictions, *ledger):
        assert float(row["p_home"]) + float(row["p_draw"]) + float(row["p_away"]) == pytest.approx(1.0)
        assert row["home_team"].startswith("TST")
        assert row["kickoff"].endswith("Z")
    before = index_of(made)
    assert made.run("downloads/files").success
    assert index_of(made).files == before.files


def test_a_table_is_made_again_only_where_its_sources_changed(
    made: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour without a result reads neither history nor ledger; a file that is lost is made again."""
    made_now: list[str] = []

    def counted(name: str, found: pd.DataFrame) -> pa.Table:
        made_now.append(name)
        return typed(name, found)

    monkeypatch.setattr(files_module, "typed", counted)
    before = index_of(made)
    assert made.run("downloads/files").success
    assert made_now == ["predictions"]
    lost = next(file for file in before.files if file.name == "ratings.csv")
    made.store.delete(download_key(lost.sha256, "csv"))
    play(made, made.feed.items[55], "2-0")
    made.at(NOW + dt.timedelta(hours=12))
    made_now.clear()
    assert made.run(*HOURLY, "downloads/files").success
    assert made_now == ["predictions", "ledger", "ratings"]  # the history is of the hour before
    assert made.store.exists(download_key(lost.sha256, "csv"))


def test_what_may_not_be_handed_on_is_left_out_and_named(
    made: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its provider's leave no result and no table of a feed is in a file; forecasts are ours."""
    monkeypatch.setattr(FakeFeed, "may_redistribute", False)
    assert not terms_of(made.feed)[0].may_redistribute
    assert made.run("downloads/files").success

    assert rows_of(made, "tables") == []
    assert rows_of(made, "ratings")
    for name in ("predictions", "ledger"):
        rows = rows_of(made, name)
        assert rows
        assert {row["home_goals"] + row["away_goals"] for row in rows} == {""}
    assert made.feed.name in index_of(made).left_out[0]


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1"])
def test_hostile_names_are_texts_in_a_spreadsheet(name: str) -> None:
    """A name that begins as a formula gets an apostrophe; others stay as they are, numbers too."""
    found = pd.DataFrame([{"team": name, "points_off": -3}, {"team": "1. FC <Köln>", "points_off": 0}])

    rows = list(csv.DictReader(io.StringIO(to_csv(typed("tables", found)).decode(), newline="")))

    assert [row["team"] for row in rows] == [f"'{name}", "1. FC <Köln>"]
    assert rows[0]["points_off"] == "-3"
