"""Sidecars behind the real Caddy with the configuration of the deployment, found by DNS."""

import os
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.fleet.balanced import Replica
from tests.serving.load import ANSWER_SECONDS, Load
from tests.serving.processes import ROOT, free_port, ready_release, wait_until
from tests.serving.test_promotions import MATCHES, write_releases

pytestmark = [
    pytest.mark.trial,
    pytest.mark.skipif(shutil.which("caddy") is None, reason="needs caddy (Debian: apt install caddy)"),
]

HOSTS = ("127.1.0.1", "127.1.0.2")


def answer_names(server: socket.socket, addresses: Sequence[str]) -> None:
    """Answer each question for addresses (RFC 1035) with the same ones, until the socket is closed."""
    while True:
        try:
            question, asker = server.recvfrom(512)
        except OSError:
            return
        end = question.index(b"\0", 12) + 5  # the name, its type and its class
        found = addresses if question[end - 4 : end - 2] == b"\0\1" else ()
        head = question[:2] + struct.pack(">HHHHH", 0x8180, 1, len(found), 0, 0)
        records = [b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + socket.inet_aton(one) for one in found]
        server.sendto(head + question[12:end] + b"".join(records), asker)


@contextmanager
def caddy(folder: Path, port: int) -> Iterator[str]:
    """Caddy before the sidecars on a port of both hosts; gives its address."""
    front = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as names:
        names.bind(("127.0.0.1", 0))
        resolver = f"resolvers udp/127.0.0.1:{names.getsockname()[1]}"
        config = (ROOT / "deploy" / "caddy" / "Caddyfile").read_text()
        for deployed, here in (
            ("dynamic a sidecar 8000 {", f"dynamic a sidecar {port} {{\n{resolver}"),
            ("\n:8000 {", f"\n:{front} {{\nbind 127.0.0.1"),
            ("\n:8001 {", f"\n:{free_port()} {{\nbind 127.0.0.1"),
        ):
            assert config.count(deployed) == 1
            config = config.replace(deployed, here)
        (folder / "Caddyfile").write_text(config)
        threading.Thread(target=answer_names, args=(names, HOSTS), daemon=True).start()
        environ = os.environ | {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        command = ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
        with (folder / "caddy.log").open("wb") as log:
            process = subprocess.Popen(command, env=environ, stderr=log)
        try:
            wait_until(lambda: ready_release(f"http://127.0.0.1:{front}") is not None, 60)
            yield f"http://127.0.0.1:{front}"
        finally:
            process.kill()
            process.wait()


def test_a_sidecar_that_is_killed_or_hangs_leaves_no_look_up_unanswered(tmp_path):
    """Two under load: each is killed and started again, then one takes connections and answers nothing."""
    p_home_of = write_releases(tmp_path, 0)
    port = free_port()
    with ExitStack() as stack:
        found = []
        for number, host in enumerate(HOSTS):
            home = tmp_path / f"home-{number}"
            replica = Replica(home, tmp_path / "store", host=host, port=port, rate_limit_per_minute="0")
            stack.callback(replica.stop, kill=True)
            replica.start()
            found.append(replica)
        front = stack.enter_context(caddy(tmp_path, port))
        load = stack.enter_context(Load([front], MATCHES, p_home_of, pause_seconds=0.01))
        load.more(300)
        for replica in found:
            replica.stop(kill=True)
            load.more(300)
            replica.start()
            load.more(300)

        os.killpg(found[0].process.pid, signal.SIGSTOP)
        gave_up = time.monotonic() + ANSWER_SECONDS + 1  # who was asking it
        load.wait(lambda: time.monotonic() > gave_up)
        os.killpg(found[0].process.pid, signal.SIGCONT)
        load.more(300)

    assert load.failures == []
