"""Stopping: what is in flight is answered first."""

import signal
import socket
import time
from urllib.parse import urlsplit

from tests.serving.builders import TOKENS, write_keys, write_status
from tests.serving.processes import publish, ready_release, sidecar, wait_until


def test_a_request_in_flight_is_answered_before_the_sidecar_ends(tmp_path):
    """A request whose body is still on its way at SIGTERM gets its answer; then the process ends with 0."""
    publish(tmp_path, "r1")
    write_status(tmp_path / "store")
    write_keys(tmp_path / "store")
    head = (
        "POST /predict/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nConnection: close\r\n"
        f"X-API-Key: {TOKENS['predictor']}\r\n\r\n"
    )
    with sidecar(tmp_path) as (address, process):
        wait_until(lambda: ready_release(address) == "r1")
        with socket.create_connection(("127.0.0.1", urlsplit(address).port), timeout=30) as connection:
            connection.sendall(head.encode() + b'{"x":')
            time.sleep(0.5)  # the head has arrived
            process.send_signal(signal.SIGTERM)
            time.sleep(0.5)  # the stop has begun
            connection.sendall(b' "y"}')
            answer = b""
            while part := connection.recv(65_536):
                answer += part

        assert answer.startswith(b"HTTP/1.1 422 "), answer
        assert b"unknown field `x`" in answer
        assert process.wait(300) == 0
