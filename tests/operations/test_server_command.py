"""Where several workers of a sidecar count together, and where it cannot listen."""

import shutil
import socket
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from soccer_assets.cli import main
from soccer_assets.operations import server_command
from soccer_assets.operations.server_command import shared_metrics
from soccer_assets.settings import Settings

ENOUGH = 10**9


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the file system in memory, with much room."""
    folder = tmp_path / "shm"
    folder.mkdir()
    monkeypatch.setattr(server_command, "_MEMORY", folder)
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    _set_free(monkeypatch, ENOUGH)
    return folder


def _set_free(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    usage = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=free), rmtree=shutil.rmtree)
    monkeypatch.setattr(server_command, "shutil", usage)


def _folder(home: Path, port: int = 8000) -> Path:
    settings = Settings.from_env(
        {"SOCCER_HOME": str(home), "SOCCER_SERVING_WORKERS": "2", "SOCCER_SERVING_PORT": str(port)}
    )
    return Path(shared_metrics(settings)["PROMETHEUS_MULTIPROC_DIR"])


def test_each_sidecar_of_each_home_has_a_folder_of_its_own_in_memory(memory: Path, tmp_path: Path) -> None:
    """Only this user reads it."""
    folders = [_folder(tmp_path / "a"), _folder(tmp_path / "b"), _folder(tmp_path / "a", 8001)]

    assert len(set(folders)) == len(folders)
    assert {folder.parent for folder in folders} == {memory}
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_without_memory_or_room_in_it_the_home_has_the_folder(
    memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Metrics are no reason not to start."""
    _set_free(monkeypatch, 0)
    full = _folder(tmp_path / "home")
    _set_free(monkeypatch, ENOUGH)
    memory.rmdir()
    without = _folder(tmp_path / "home")

    assert full == without == tmp_path / "home" / "cache" / "metrics-8000"


@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_name_that_somebody_else_took_is_left_alone(memory: Path, tmp_path: Path, kind: str) -> None:
    """A link into another folder is not followed, and nothing in it is removed."""
    ours = _folder(tmp_path / "home")
    ours.rmdir()
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "kept").touch()
    if kind == "link":
        ours.symlink_to(theirs)
    else:
        ours.touch()

    assert _folder(tmp_path / "home").is_relative_to(tmp_path / "home")
    assert (theirs / "kept").exists()
    assert ours.exists()


def test_serving_on_an_address_that_cannot_be_used_is_one_sentence(tmp_path):
    """A port in use, and an address that this machine does not have."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        in_use = CliRunner().invoke(main, ["serve", "--release", str(tmp_path), "--port", str(port)])
    away = CliRunner().invoke(
        main, ["serve", "--release", str(tmp_path), "--port", str(port), "--host", "192.0.2.1"]
    )

    assert (in_use.exit_code, away.exit_code) == (1, 1)
    assert in_use.stderr == (
        f"soccer: port {port} is in use; stop that program, or give another --host or --port\n"
    )
    assert f"port {port} of 192.0.2.1 cannot be listened on" in away.stderr
