"""The file by which two processes share a large body."""

import asyncio
import os
from pathlib import Path

import pytest

from serving.child_process import ChildFailedError, ChildProcess
from serving.memory_file import FileGoneError, MemoryFile, SharedFile


@pytest.fixture(params=["in memory", "on disk"])
def file(request, monkeypatch, tmp_path):
    """A file in memory, and what stands for it on systems that have none."""
    if request.param == "on disk":
        monkeypatch.delattr(os, "memfd_create")
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with MemoryFile() as one:
        yield one


@pytest.fixture
def child():
    """A child process."""
    one = ChildProcess()
    yield one
    one.close()


def reverse(file: SharedFile) -> int:
    """Replace the content, in the child; returns its size."""
    content = file.read()
    file.replace(content[::-1] + b"!")
    return len(content)


def test_the_child_process_reads_it_and_replaces_its_content(file, child):
    """By its place, which is all that is sent."""
    for _ in range(3):
        file.write(bytes(range(256)) * 1000)

    assert asyncio.run(child.run(reverse, file.shared)) == 768_000
    assert file.read() == (bytes(range(256)) * 3000)[::-1] + b"!"


def test_what_stands_in_the_place_of_a_closed_one_is_left_alone(child, tmp_path):
    """Its request was given up while it waited: its descriptor is another file's."""
    other = tmp_path / "other"
    other.write_bytes(b"precious")
    with MemoryFile() as file:
        shared = file.shared
    descriptors = []
    while not Path(shared.path).exists():
        descriptors.append(os.open(other, os.O_RDWR))
    try:
        for call in (shared.read, lambda: shared.replace(b"")):
            with pytest.raises(FileGoneError):
                call()
        with pytest.raises(ChildFailedError, match="FileGoneError"):
            asyncio.run(child.run(reverse, shared))
    finally:
        for one in descriptors:
            os.close(one)

    assert other.read_bytes() == b"precious"


def test_it_is_gone_when_it_is_closed(file):
    """No file, no descriptor is left."""
    before = set(Path("/proc/self/fd").iterdir())
    with MemoryFile() as other:
        assert other.shared != file.shared
        assert other.read() == b""
        other.write(b"x" * 100_000)
        shared = other.shared

    assert set(Path("/proc/self/fd").iterdir()) == before
    with pytest.raises(FileGoneError):
        shared.read()
