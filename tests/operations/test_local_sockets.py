"""Sockets of one user: paths that the kernel, gRPC and Redis can use, and nothing left behind."""

import socket
import stat
from pathlib import Path

import pytest
import redis

from soccer_assets.operations.local_sockets import LocalSockets, listen
from soccer_assets.operations.processes import free_port, port_fault


def _home(tmp_path: Path, name: str) -> Path:
    home = tmp_path / name
    (home / "run").mkdir(parents=True)
    return home


@pytest.mark.parametrize("name", ["short", "d" * 200, "what?#100%", "ho me", "zuhause-ä"])
def test_any_home_has_sockets_that_can_be_bound(tmp_path: Path, name: str) -> None:
    """Of 200 characters, and with what a URL means something by: the folder is its owner's alone."""
    sockets = LocalSockets(_home(tmp_path, name))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(sockets.valkey))

        assert stat.S_IMODE(sockets.folder.stat().st_mode) == 0o700
        assert len(str(sockets.valkey)) <= 107
        pool = redis.Redis.from_url(sockets.redis_url).connection_pool
        assert pool.connection_kwargs["path"] == str(sockets.valkey)
    sockets.remove()

    assert not sockets.valkey.exists()
    assert list((tmp_path / name / "run").iterdir()) in ([], [tmp_path / name / "run" / "sockets"])


def test_the_temporary_folder_of_a_killed_start_is_removed(tmp_path: Path) -> None:
    """The next start finds its name in the home, and takes nothing else for one."""
    home = _home(tmp_path, "d" * 200)
    killed = LocalSockets(home)

    following = LocalSockets(home)

    assert following.folder != killed.folder
    assert not killed.folder.exists()
    following.remove()
    others = tmp_path / "others"
    others.mkdir()
    (home / "run" / "sockets.path").write_text(str(others))
    LocalSockets(home).remove()
    assert others.exists()


def test_a_port_is_shared_by_its_workers_and_held(tmp_path: Path) -> None:
    """A client connects before anybody accepts, and the port is free when the sockets are closed."""
    port = free_port()
    listeners = listen(port, 3)
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass
    for listener in listeners:
        listener.close()

    assert not port_fault(port)
