"""Files of the store: their index and dictionary, whole files in parts, and what is not there."""

import asyncio
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
from tests.serving.http.test_fast_path import ask

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


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=300000-", 300_000, len(CONTENT)),
        ("bytes=100-99999999", 100, len(CONTENT)),
        ("Bytes = 5-9", None, None),
        ("bytes=5-9", 5, 10),
        ("bytes=-16", len(CONTENT) - 16, len(CONTENT)),
        ("bytes=-99999999", 0, len(CONTENT)),
        ("bytes=9-5", None, None),
        ("bytes=0-1,3-4", None, None),
        ("rows=0-1", None, None),
        ("bytes=-", None, None),
    ],
)
def test_a_part_of_a_file(store, client, asked, first, end):
    """A range is answered 206 and says where it lies; what is none, or several, gets the whole file."""
    put_downloads(store)
    answer = client.get("/downloads/csv/predictions", headers=READER | {"Range": asked})
    if first is None:
        assert (answer.status_code, answer.content) == (200, CONTENT)
        return
    assert (answer.status_code, answer.content) == (206, CONTENT[first:end])
    assert answer.headers["Content-Range"] == f"bytes {first}-{end - 1}/{len(CONTENT)}"
    assert answer.headers["Content-Length"] == str(end - first)


def test_a_download_that_broke_off_goes_on_only_in_the_same_file(store, client):
    """`If-Range` with another tag, or with a date, gets the whole file; a part behind the end is 416."""
    put_downloads(store)
    path, part = "/downloads/csv/predictions", READER | {"Range": "bytes=300000-"}
    whole = client.get(path, headers=READER)
    assert whole.headers["Accept-Ranges"] == "bytes"
    rest = client.get(path, headers=part | {"If-Range": whole.headers["ETag"]})
    assert (rest.status_code, whole.content[:300_000] + rest.content) == (206, CONTENT)
    for other in ('"another"', f"W/{whole.headers['ETag']}", "Fri, 25 Apr 2025 09:00:00 GMT"):
        assert client.get(path, headers=part | {"If-Range": other}).status_code == 200
    behind = client.get(path, headers=READER | {"Range": f"bytes={len(CONTENT)}-"})
    assert (behind.status_code, behind.headers["Content-Range"]) == (416, f"bytes */{len(CONTENT)}")
    assert client.get(path, headers=READER | {"Range": "bytes=-0"}).status_code == 416
    assert client.head(path, headers=part).status_code == 200


def test_client_that_takes_nothing_does_not_hold_a_file_for_ever(store, client, monkeypatch):
    """The second part is never taken: the answer ends, and the file is let go."""
    put_downloads(store)
    monkeypatch.setattr("serving.http.patience.STALLED_SECONDS", 0.05)
    taken = []

    async def take(message):
        if message["type"] == "http.response.body":
            taken.append(message)
            if len(taken) == 2:
                await asyncio.Event().wait()

    ask(
        client,
        path="/downloads/csv/predictions",
        headers=[(b"x-api-key", TOKENS["reader"].encode())],
        on_send=take,
    )
    assert len(taken) == 2


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
