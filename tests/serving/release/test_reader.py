"""Reading releases from a remote store into the cache."""

import os
import time

import boto3
import pytest
from moto.server import ThreadedMotoServer

from serving.release.reader import ReleaseReader, ReleaseRefusedError, StoreUnavailableError
from soccer_assets.contract.events import Refusal
from tests.serving.builders import make_prediction, make_release, sha256


@pytest.fixture(scope="module")
def s3():
    """An S3-compatible server with the bucket soccer."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        client = boto3.client("s3", endpoint_url=endpoint)
        client.create_bucket(Bucket="soccer")
        yield client, endpoint
    server.stop()


@pytest.fixture
def publish(s3, tmp_path):
    """Publishes a release from a folder to the bucket."""
    client, _ = s3

    def upload(release_id, **changes):
        folder = tmp_path / "store"
        make_release(folder, [make_prediction()], release_id=release_id, **changes)
        for path in folder.rglob("*.*"):
            client.upload_file(str(path), "soccer", f"home/{path.relative_to(folder)}")

    return upload


@pytest.fixture
def reader(s3, tmp_path):
    """Reads the bucket into a cache of the test."""
    return ReleaseReader("s3://soccer/home", tmp_path / "cache", s3[1])


def test_files_are_brought_to_the_cache_and_verified(publish, reader, tmp_path):
    """Every file arrives with the hash of the manifest, and nothing half is left."""
    publish("r1")

    release = reader.fetch(reader.read_pointer())

    for name, path in release.files.items():
        assert sha256(path) == release.manifest.files[name].sha256
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {p.name for p in release.files.values()}


def test_file_that_did_not_change_is_fetched_once(publish, reader):
    """The model of two releases is one file in the cache; a spoiled copy is fetched again."""
    publish("r1")
    first = reader.fetch(reader.read_pointer()).files["model.bin"]
    inode = first.stat().st_ino
    publish("r2")
    second = reader.fetch(reader.read_pointer()).files["model.bin"]
    assert (second, second.stat().st_ino) == (first, inode)

    second.write_bytes(b"spoiled")
    third = reader.fetch(reader.read_pointer())

    assert sha256(third.files["model.bin"]) == third.manifest.files["model.bin"].sha256


def test_old_files_leave_the_cache_after_an_hour(publish, reader, tmp_path):
    """What the current release does not need goes, but not while another worker may be about to open it."""
    publish("r1")
    reader.fetch(reader.read_pointer())
    young, old = tmp_path / "cache/young", tmp_path / "cache/old"
    young.write_bytes(b"")
    old.write_bytes(b"")
    os.utime(old, (time.time() - 3700, time.time() - 3700))

    release = reader.fetch(reader.read_pointer())

    assert young.exists()
    assert not old.exists()
    assert all(path.exists() for path in release.files.values())


@pytest.mark.parametrize(("spoil", "reason"), [("put", "corrupt"), ("delete", "half")])
def test_bad_object_is_refused_and_not_kept(s3, publish, reader, spoil, reason):
    """An altered or missing object refuses the release and leaves nothing in the cache under its name."""
    publish("r3", model=b"model of r3")
    key = {"Bucket": "soccer", "Key": "home/releases/r3/model.bin"}
    if spoil == "put":
        s3[0].put_object(**key, Body=b"model of r4")
    else:
        s3[0].delete_object(**key)

    with pytest.raises(ReleaseRefusedError) as refused:
        reader.fetch(reader.read_pointer())

    assert refused.value.reason == reason
    assert not list(reader._cache.glob("*model.bin"))
    assert not list(reader._cache.glob("download-*"))


def test_refusal_is_written_and_taken_back(s3, reader):
    """The outbox holds what is refused now; taking back what is not there is no error."""
    refusal = Refusal(release_id="r9", reason="half: no model", at="2025-04-25T09:00:00Z", sidecar="here")

    def outbox():
        listing = s3[0].list_objects_v2(Bucket="soccer", Prefix="home/outbox/")
        return [item["Key"] for item in listing.get("Contents", ())]

    reader.write_refusal(refusal)
    assert outbox() == ["home/outbox/r9-here.json"]
    reader.clear_refusal("r9", "here")
    reader.clear_refusal("r9", "here")

    assert outbox() == []


@pytest.mark.parametrize("url", ["file:///nowhere/at/all", "s3://soccer"])
def test_store_that_does_not_answer_is_told_as_such(tmp_path, url, s3):
    """A missing folder and a closed port are outages, not bad releases."""
    reader = ReleaseReader(url, tmp_path, "http://127.0.0.1:9")

    with pytest.raises(StoreUnavailableError):
        reader.read_pointer()


def test_unknown_kind_of_store_is_refused_at_the_start(tmp_path):
    """The message names the setting and what to write."""
    with pytest.raises(ValueError, match="SOCCER_STORE_URL"):
        ReleaseReader("ftp://example.org/store", tmp_path)
