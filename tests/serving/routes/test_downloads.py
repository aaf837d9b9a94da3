"""Files of the store: their index and dictionary, whole files in parts, and what is not there."""

import hashlib

import msgspec
import pytest

from soccer_assets.contract.download_files import (
    DICTIONARY,
    DOWNLOADS_KEY,
    DOWNLOADS_SCHEMA_VERSION,
    Dictionary,
    DownloadFile,
    DownloadsIndex,
    download_key,
)
from tests.serving.builders import READER, TOKENS, put

# Several parts.
CONTENT = b"match_id,p_home\n" + b"m1,0.5\n" * 100_000


def put_downloads(store):
    """A CSV file, and an index that also names one that is lost."""
    digest = hashlib.sha256(CONTENT).hexdigest()
    (store / download_key(digest, "csv")).parent.mkdir(exist_ok=True)
    (store / download_key(digest, "csv")).write_bytes(CONTENT)
    named = {"sha256": digest, "bytes": len(CONTENT), "rows": 100_000}
    index = DownloadsIndex(
        schema_version=DOWNLOADS_SCHEMA_VERSION,
        made_at="2025-04-25T08:57:00Z",
        release_id="r1",
        feed="simulated",
        is_simulated=True,
        attribution=("Daten: \xd6ffentlich", "two"),
        left_out=(),
        files=(
            DownloadFile(name="predictions.csv", table="predictions", format="csv", **named),
            DownloadFile(name="ledger.parquet", table="ledger", format="parquet", **named),
        ),
    )
    put(store, DOWNLOADS_KEY, index)
    return index


def test_a_file_is_sent_whole_with_its_sources_and_not_twice(store, client):
    """The bytes of the store under their hash; the tag that is sent back answers 304."""
    index = put_downloads(store)

    listed = msgspec.json.decode(client.get("/downloads/", headers=READER).content, type=DownloadsIndex)
    answer = client.get("/downloads/csv/predictions", headers=READER)
    again = client.get(
        "/downloads/csv/predictions", headers=READER | {"If-None-Match": answer.headers["ETag"]}
    )

    assert listed == index
    assert answer.content == CONTENT
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="predictions.csv"'
    assert answer.headers["X-Attribution"] == "Daten: ?ffentlich; two"
    assert (again.status_code, again.content) == (304, b"")


def test_the_dictionary_has_every_column(client):
    """It is there before the first file."""
    answer = client.get("/downloads/dictionary", headers=READER)

    assert msgspec.json.decode(answer.content, type=Dictionary) == DICTIONARY


@pytest.mark.parametrize("path", ["/downloads/", "/downloads/csv/predictions"])
def test_before_the_first_files_it_is_said_when_they_come(client, path):
    """An older home has none yet."""
    answer = client.get(path, headers=READER)

    assert (answer.status_code, answer.json()["type"]) == (404, "urn:soccer-assets:problem:no-download")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/downloads/parquet/ledger", 404),  # named by the index, and lost
        ("/downloads/csv/tables", 404),
        ("/downloads/csv/../../keys", 404),
        ("/downloads/csv/keys", 400),
    ],
)
def test_only_files_of_the_index_are_sent(store, client, path, status):
    """A name is one of the tables, and its file one that the index names."""
    put_downloads(store)

    assert client.get(path, headers=READER).status_code == status


def test_only_readers_download(store, client):
    """Without a key 401, without the scope `read` 403."""
    put_downloads(store)
    for path in ("/downloads/", "/downloads/dictionary", "/downloads/csv/predictions"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers={"X-API-Key": TOKENS["predictor"]}).status_code == 403
