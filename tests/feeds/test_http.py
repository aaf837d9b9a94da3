"""The file client, against a server that misbehaves."""

import datetime as dt
import gzip
import socket
import socketserver
import threading
import time
from contextlib import suppress
from types import SimpleNamespace

import pytest
import stamina
from werkzeug import Request, Response

from soccer_assets.feeds import http, rate_limiter
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.protocol import FeedRefusedError, FeedUnavailableError


@pytest.fixture(autouse=True)
def _no_waiting():
    """Retries happen at once."""
    stamina.set_testing(True, attempts=3)
    yield
    stamina.set_testing(False)


@pytest.fixture
def client(tmp_path) -> FileClient:
    return FileClient("SOCCER_FEED_URL", tmp_path / "cache")


def test_unchanged_file_is_not_sent_again(client, httpserver, tmp_path):
    """With the server's ETag the second read, also by another process, asks whether the file changed."""
    asked = []

    def answer(request: Request) -> Response:
        asked.append(request.headers.get("If-None-Match"))
        if asked[-1] == '"one"':
            return Response(status=304)
        return Response(b"Div,", headers={"ETag": '"one"'})

    httpserver.expect_request("/E0.csv").respond_with_handler(answer)
    url = httpserver.url_for("/E0.csv")

    first, second = client.read(url), FileClient("SOCCER_FEED_URL", tmp_path / "cache").read(url)

    assert first == second == b"Div,"
    assert asked == [None, '"one"']


def test_changed_file_replaces_the_cached_one(client, httpserver):
    """A new body with a new Last-Modified is what the next read returns."""
    for body in (b"old", b"new"):
        httpserver.expect_ordered_request("/E0.csv").respond_with_data(
            body, headers={"Last-Modified": f"{body}"}
        )
    url = httpserver.url_for("/E0.csv")

    assert [client.read(url), client.read(url)] == [b"old", b"new"]


def test_damaged_cache_is_downloaded_again(client, httpserver, tmp_path):
    """A cache file cut short by a crash costs a download, not an error."""
    httpserver.expect_request("/E0.csv").respond_with_data(b"Div,", headers={"ETag": '"one"'})
    url = httpserver.url_for("/E0.csv")
    client.read(url)
    for file in (tmp_path / "cache").iterdir():
        file.write_bytes(file.read_bytes()[:5])

    assert client.read(url) == b"Div,"


@pytest.mark.parametrize("status", [300, 404, 410])
def test_missing_file_is_none(client, httpserver, status):
    """A file that is not there is no error; football-data.co.uk says so with 300 and an HTML page."""
    httpserver.expect_request("/E0.csv").respond_with_data("<html>", status=status)

    assert client.read(httpserver.url_for("/E0.csv")) is None


@pytest.mark.parametrize("status", [429, 500, 503])
def test_transient_errors_are_retried(client, httpserver, status):
    """The file is returned after two transient errors."""
    for _ in range(2):
        httpserver.expect_ordered_request("/E0.csv").respond_with_data("wait", status=status)
    httpserver.expect_ordered_request("/E0.csv").respond_with_data("Div,")

    assert client.read(httpserver.url_for("/E0.csv")) == b"Div,"


def test_persistent_errors_are_unavailable(client, httpserver):
    """A server that stays busy is unavailable, and the message names setting, address and status."""
    httpserver.expect_request("/E0.csv").respond_with_data("busy", status=503)
    url = httpserver.url_for("/E0.csv")

    with pytest.raises(FeedUnavailableError, match=f"SOCCER_FEED_URL: {url} answers HTTP 503"):
        client.read(url)
    assert len(httpserver.log) == 3


@pytest.mark.parametrize("status", [204, 206, 400, 401, 403])
def test_refusal_is_not_retried(client, httpserver, status):
    """An answer that will not change, or is no whole file, is asked for once."""
    httpserver.expect_request("/E0.csv").respond_with_data("no", status=status)

    with pytest.raises(FeedRefusedError, match=f"answers HTTP {status}"):
        client.read(httpserver.url_for("/E0.csv"))
    assert len(httpserver.log) == 1


def test_long_retry_after_is_not_waited_for(client, httpserver):
    """A Retry-After of an hour is not waited for."""
    httpserver.expect_request("/E0.csv").respond_with_data("no", status=429, headers={"Retry-After": "3600"})

    with pytest.raises(FeedUnavailableError):
        client.read(httpserver.url_for("/E0.csv"))
    assert len(httpserver.log) == 1


@pytest.mark.parametrize(
    ("text", "pause"),
    [
        ("7", dt.timedelta(seconds=7)),
        ("Wed, 21 Oct 2015 07:28:00 GMT", dt.timedelta(0)),
        ("soon", None),
        ("", None),
        ("-5", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, pause):
    """Both forms of the header are understood, and nonsense is ignored."""
    assert http._retry_after(text) == pause


def test_nobody_listening_is_unavailable(client):
    """A refused connection is unavailable."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    with pytest.raises(FeedUnavailableError, match="no answer from"):
        client.read(f"http://127.0.0.1:{port}/E0.csv")


def test_endless_file_is_refused(httpserver, tmp_path):
    """A body over the limit is refused."""
    client = FileClient("SOCCER_FEED_URL", tmp_path / "cache", largest_bytes=1000)
    httpserver.expect_request("/E0.csv").respond_with_data(b"x" * 2000)

    with pytest.raises(FeedRefusedError, match="larger than"):
        client.read(httpserver.url_for("/E0.csv"))


def test_redirect_is_followed(client, httpserver):
    """The provider's plain address leads to its encrypted one."""
    httpserver.expect_request("/old.csv").respond_with_data(status=301, headers={"Location": "/new.csv"})
    httpserver.expect_request("/new.csv").respond_with_data("Div,")

    assert client.read(httpserver.url_for("/old.csv")) == b"Div,"


def test_redirect_to_another_kind_of_address_is_refused(client, httpserver):
    """It is asked for once, and nothing of this machine is read."""
    httpserver.expect_request("/E0.csv").respond_with_data(
        status=301, headers={"Location": "file:///etc/hostname"}
    )

    with pytest.raises(FeedRefusedError, match="leads to an address without http"):
        client.read(httpserver.url_for("/E0.csv"))
    assert len(httpserver.log) == 1


def test_client_names_itself(client, httpserver):
    """The request says who asks."""
    httpserver.expect_request("/E0.csv", headers={"User-Agent": http.USER_AGENT}).respond_with_data("Div,")

    assert client.read(httpserver.url_for("/E0.csv")) == b"Div,"


def test_local_file_is_read(client, tmp_path):
    """A file:// address reads a folder, blanks in its name included."""
    file = tmp_path / "my mirror" / "E0.csv"
    file.parent.mkdir()
    file.write_bytes(b"Div,")

    assert client.read(file.as_uri()) == b"Div,"
    assert client.read((file.parent / "E1.csv").as_uri()) is None
    assert client.read((file / "E1.csv").as_uri()) is None


def test_folder_in_place_of_a_file_is_refused(client, tmp_path):
    """A folder cannot be read."""
    with pytest.raises(FeedRefusedError, match="SOCCER_FEED_URL: cannot read"):
        client.read(tmp_path.as_uri())


@pytest.mark.parametrize("url", ["ftp://example.org/E0.csv", "/srv/mirror/E0.csv", "", "http://"])
def test_other_addresses_are_refused(client, url):
    """An address that is none of the three kinds is refused with the setting's name."""
    with pytest.raises((FeedRefusedError, FeedUnavailableError), match="SOCCER_FEED_URL"):
        client.read(url)


class Raw(socketserver.BaseRequestHandler):
    """Answers with given bytes, a pause after each piece."""

    pieces: tuple[bytes, ...] = ()
    pause_seconds = 0.0

    def handle(self) -> None:
        """Send the pieces and hang up."""
        self.request.recv(65536)
        with suppress(BrokenPipeError, ConnectionResetError):  # the client may have given up
            for piece in self.pieces:
                self.request.sendall(piece)
                time.sleep(self.pause_seconds)


@pytest.fixture
def raw_url():
    """Serves pieces of bytes that no web server would send; returns the address for them."""
    servers = []

    def serve(*pieces: bytes, pause_seconds: float = 0.0) -> str:
        handler = type("Pieces", (Raw,), {"pieces": pieces, "pause_seconds": pause_seconds})
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/E0.csv"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_not_modified_without_a_cached_file_is_no_file(client, httpserver):
    """There is nothing that could be unmodified."""
    httpserver.expect_request("/E0.csv").respond_with_data(status=304)

    with pytest.raises(FeedRefusedError, match="HTTP 304"):
        client.read(httpserver.url_for("/E0.csv"))


def test_a_validator_that_cannot_be_sent_back_is_left_out(client, raw_url):
    """A header may be read that none may be written like: the file is read again at each look."""
    url = raw_url(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: "\xe9"\r\n\r\nok')

    assert [client.read(url), client.read(url)] == [b"ok", b"ok"]


def test_cut_body_is_unavailable(client, raw_url):
    """A body shorter than announced is no file."""
    url = raw_url(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nETag: x\r\n\r\nDiv,Da")

    with pytest.raises(FeedUnavailableError, match="no answer from"):
        client.read(url)


@pytest.mark.parametrize("left", [1, 8, 30])
@pytest.mark.parametrize("has_length", [True, False])
def test_cut_compressed_body_is_unavailable(client, raw_url, left, has_length):
    """Whatever length is announced: also where only the sum at its end is missing."""
    body = gzip.compress(b"Div,Date\n" * 20)
    cut = body[:-left]
    length = b"Content-Length: %d\r\n" % len(cut) if has_length else b""
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n"

    with pytest.raises(FeedUnavailableError, match="ends too soon"):
        client.read(raw_url(head + length + b"\r\n" + cut))
    whole = b"Content-Length: %d\r\n\r\n" % len(body)
    assert client.read(raw_url(head + whole + body)) == gzip.decompress(body)


def test_body_without_a_length_is_not_cached(client, raw_url, tmp_path):
    """A body that ends with the connection may have been cut, so the next read asks for all of it."""
    url = raw_url(b"HTTP/1.0 200 OK\r\nETag: x\r\n\r\nDiv,Da")

    assert client.read(url) == b"Div,Da"
    assert not (tmp_path / "cache").exists()


_CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
# A header of gzip whose file name never ends: no byte of it is content.
_GZIP = b"a\r\n\x1f\x8b\x08\x08\0\0\0\0\0\x03\r\n"


@pytest.mark.parametrize(
    ("begin", "drop"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"x", id="body"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"X-More: x\r\n", id="headers"),
        pytest.param(_CHUNKED + _GZIP, b"1\r\nx\r\n", id="nothing in gzip"),
    ],
)
def test_slow_answer_is_stopped(client, raw_url, monkeypatch, begin, drop):
    """A server that sends a byte now and then cannot hold a run for ever."""
    monkeypatch.setattr(http, "LONGEST_DOWNLOAD_SECONDS", 0.05)
    url = raw_url(begin, *[drop] * 90, pause_seconds=0.02)

    with pytest.raises(FeedUnavailableError, match="not read within"):
        client.read(url)


def test_nonsense_in_place_of_http_is_unavailable(client, raw_url):
    """Bytes that are no HTTP are no answer."""
    with pytest.raises(FeedUnavailableError, match="no answer from"):
        client.read(raw_url(b"\x00\xff\x00\xff\r\n\r\n"))


def test_password_in_an_address_is_refused(client):
    """An address with a password is refused without being repeated."""
    with pytest.raises(FeedRefusedError, match="SOCCER_FEED_URL") as refusal:
        client.read("http://user:s3cret@127.0.0.1/E0.csv")

    assert "s3cret" not in str(refusal.value)


def test_header_is_sent_and_redacted(httpserver, tmp_path):
    """A key travels in its header alone, and can be taken out of an answer that repeats it."""
    client = FileClient("SOCCER_FEED_URL", tmp_path / "cache", headers={"X-Key": "s3cret"})
    httpserver.expect_request("/a", headers={"X-Key": "s3cret"}).respond_with_data("{}")

    assert client.read(httpserver.url_for("/a")) == b"{}"
    assert client.without_secrets("wrong key s3cret") == "wrong key [key]"


def test_requests_keep_the_providers_rate_limit(httpserver, tmp_path, monkeypatch):
    """Two clients of one home, as in two runs, share the provider's requests a minute."""
    waits = []
    monkeypatch.setattr(rate_limiter, "time", SimpleNamespace(sleep=waits.append))
    httpserver.expect_request("/a").respond_with_data("{}")
    clients = [FileClient("X", tmp_path / "cache", requests_per_minute=10) for _ in range(2)]

    for _ in range(2):
        for client in clients:
            client.read(httpserver.url_for("/a"))

    assert waits == pytest.approx([0.0, 6.0, 12.0, 18.0], abs=1.0)


@pytest.mark.parametrize("text", ["", "nonsense", "9e99", "nan"])
def test_damaged_rate_limit_file_is_reset(tmp_path, monkeypatch, text):
    """A file damaged by a crash, or by a clock set back, costs no waiting."""
    waits = []
    monkeypatch.setattr(rate_limiter, "time", SimpleNamespace(sleep=waits.append))
    (tmp_path / "host.pace").write_text(text)

    rate_limiter.RateLimiter(tmp_path / "host.pace", 10).acquire()

    assert waits == [0.0]


def test_old_name_of_the_client_still_works_and_warns():
    """A provider written for ``FileDoor`` gets the client, and a warning with the new name."""
    with pytest.warns(DeprecationWarning, match="FileClient"):
        from soccer_assets.feeds.http import FileDoor  # noqa: PLC0415 - the import is what is tested

    assert FileDoor is FileClient
    with pytest.raises(AttributeError):
        http.no_such_name  # noqa: B018
