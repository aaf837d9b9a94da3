"""The same behaviour on a folder and two S3 servers: atomic writes, and a swap that one writer wins."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from soccer_assets.resources import object_store
from soccer_assets.resources.object_store import ConflictError, ObjectStore

WRITERS = 16


@pytest.fixture
def store(any_store: ObjectStore) -> ObjectStore:
    """A store of each kind."""
    return any_store


def test_what_was_written_is_read(store):
    """An object has the bytes of its last write; another key is not affected."""
    store.write("a/b.bin", b"old")
    store.write("a/b.bin", b"new")

    assert store.read("a/b.bin") == b"new"
    assert store.exists("a/b.bin")


def test_an_object_that_is_not_there(store):
    """Reading gives None, deleting and listing do nothing, existing is false."""
    store.delete("no/such")

    assert store.read("no/such") is None
    assert store.read_versioned("no/such") is None
    assert store.list("no") == []
    assert not store.exists("no/such")


def test_a_list_names_the_keys_below_a_folder(store):
    """Keys are sorted and recursive, without siblings of the folder and the store's internal files."""
    for key in ("parts/b", "parts/deep/a", "parts/a", "parts-2/a"):
        store.write(key, b"x")
    store.swap("parts/pointer", b"x", None)
    if store.is_local:
        Path(store.path("parts/.tmp-left-by-a-kill")).write_bytes(b"half")

    assert store.list("parts") == ["parts/a", "parts/b", "parts/deep/a", "parts/pointer"]
    assert store.list("parts/") == store.list("parts")
    assert store.list("nothing/") == []


def test_a_deleted_object_is_gone(store):
    """Neither read nor list finds it, and its neighbour stays."""
    store.write("a/1", b"x")
    store.write("a/2", b"y")

    store.delete("a/1")

    assert store.read("a/1") is None
    assert store.list("a") == ["a/2"]


def test_a_file_is_uploaded_whole(store, tmp_path):
    """A large local file arrives byte for byte."""
    file = tmp_path / "large"
    file.write_bytes(bytes(range(256)) * 40_000)

    store.upload("a/large", file)

    assert store.read("a/large") == file.read_bytes()


def test_a_swap_needs_the_tag_that_was_read(store):
    """The first swap creates, the second replaces what was read, and a stale tag conflicts."""
    store.swap("pointer", b"1", None)
    first = store.read_versioned("pointer")
    store.swap("pointer", b"2", first.etag)

    for stale in (first.etag, None):
        with pytest.raises(ConflictError, match="pointer changed"):
            store.swap("pointer", b"3", stale)
    assert store.read_versioned("pointer").data == b"2"


def test_a_swap_of_what_was_deleted_conflicts(store):
    """The ETag of a deleted object conflicts."""
    store.swap("pointer", b"1", None)
    read = store.read_versioned("pointer")
    store.delete("pointer")

    with pytest.raises(ConflictError):
        store.swap("pointer", b"2", read.etag)
    assert store.read("pointer") is None


# moto looks and writes in two steps: on busy cores two of sixteen may win there.
@pytest.mark.parametrize("any_store", ["folder", "seaweedfs"], indirect=True)
@pytest.mark.parametrize("is_there", [False, True])
def test_of_many_swaps_at_once_one_wins(store, is_there):
    """Of sixteen writers with the same ETag one replaces the object, fifteen get a conflict."""
    if is_there:
        store.swap("pointer", b"before", None)
    read = store.read_versioned("pointer")
    start = threading.Barrier(WRITERS)

    def swap(number: int) -> bytes | None:
        start.wait()
        try:
            store.swap("pointer", f"writer {number}".encode(), read.etag if read else None)
        except ConflictError:
            return None
        return f"writer {number}".encode()

    with ThreadPoolExecutor(WRITERS) as pool:
        winners = [won for won in pool.map(swap, range(WRITERS)) if won is not None]

    assert winners == [store.read("pointer")]


def test_a_write_that_fails_leaves_the_old_bytes(folder_store, monkeypatch):
    """A write that fails half-way is invisible to readers and leaves no partial file."""
    folder_store.write("a/b", b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(object_store.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        folder_store.write("a/b", b"new and longer")

    assert folder_store.read("a/b") == b"old"
    assert [file.name for file in Path(folder_store.path("a")).iterdir()] == ["b"]


def test_a_reader_never_sees_half_an_object(folder_store):
    """While an object is rewritten a hundred times, every read returns one of the two complete versions."""
    versions = {b"a" * 100_000, b"b" * 100_000}
    folder_store.write("x", b"a" * 100_000)
    is_done = threading.Event()

    def rewrite() -> None:
        for number in range(100):
            folder_store.write("x", (b"a", b"b")[number % 2] * 100_000)
        is_done.set()

    read = set()
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(rewrite)
        while not is_done.is_set():
            read.add(folder_store.read("x"))
            if writing.done():
                writing.result()

    assert read <= versions
