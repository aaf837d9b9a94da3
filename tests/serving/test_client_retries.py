"""What the typed client does when its connection breaks: once more, where that cannot do anything twice."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from serving import client as client_module
from serving.client import Client, RefusedError
from serving.scoring.schemas import Pairing

PAIRING = Pairing(home_team="Leeds", away_team="Derby", kickoff="2025-04-27T14:00:00Z", competition="ENG-2")
_PAGE = b"<html>Bad Gateway</html>"
BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (
    len(_PAGE),
    _PAGE,
)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_RETRY_SECONDS", 0.0)


def _request(connection: socket.socket) -> bytes:
    """A whole request: what is closed with a body unread is reset, which is another error."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head.lower())
    while length and len(body) < int(length[1]):
        body += connection.recv(65536)
    return head


@contextmanager
def breaking(times: int) -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads a request and closes the connection, ``times`` times; then it answers 502."""
    heads: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    heads.append(_request(connection).split(b"\r\n")[0])
                    if len(heads) > times:
                        connection.sendall(BAD_GATEWAY)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", heads
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    "ask",
    [
        lambda soccer: soccer.prediction("m1"),
        lambda soccer: soccer.score(PAIRING),
        lambda soccer: soccer.submit([PAIRING], "a key"),
    ],
)
def test_what_may_be_repeated_is_sent_once_more(ask: Callable[[Client], object]) -> None:
    """Reads, scores, and tasks with an idempotency key; a proxy's page is a refusal with its status."""
    with (
        breaking(1) as (address, heads),
        Client(address, "key") as soccer,
        pytest.raises(RefusedError, match="502 Bad Gateway") as refused,
    ):
        ask(soccer)

    assert len(heads) == 2
    assert refused.value.problem.status == 502


def test_a_task_without_an_idempotency_key_is_sent_once() -> None:
    """The first may have been accepted: the caller decides."""
    with (
        breaking(1) as (address, heads),
        Client(address, "key") as soccer,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        soccer.submit([PAIRING])

    assert len(heads) == 1


def test_a_sidecar_that_stays_away_is_an_error_after_two_requests() -> None:
    """No endless loop."""
    with (
        breaking(100) as (address, heads),
        Client(address, "key") as soccer,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        soccer.prediction("m1")

    assert len(heads) == 2


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `HTTP_PROXY` set a loopback address is asked directly."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with breaking(0) as (address, heads), Client(address, "key") as soccer, pytest.raises(RefusedError):
        soccer.prediction("m1")

    assert heads == [b"GET /predict/m1?model=champion HTTP/1.1"]
