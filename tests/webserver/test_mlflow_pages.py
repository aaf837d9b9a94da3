"""MLflow's pages: the one HTML page is changed, all else is MLflow's own; its scripts read what is set."""

import asyncio
import json
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from soccer_assets.webserver.mlflow_pages import CHOICES, ClassicPages, Receive, Scope, Send

PAGE = b'<!doctype html><html><head><script src="main.js"></script></head><body></body></html>'


async def _inner(scope: Scope, _receive: Receive, send: Send) -> None:
    """A server with one page, which knows conditional requests, and one answer that is no page."""
    names = {name for name, _ in scope["headers"]}
    is_page = scope["path"] == "/"
    status = 304 if is_page and b"if-none-match" in names else 200
    body = b"" if status == 304 else PAGE if is_page else b'{"head": "<head>"}'
    kind = b"text/html; charset=utf-8" if is_page else b"application/json"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"etag", b'"1"')]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    half = len(body) // 2
    await send({"type": "http.response.body", "body": body[:half], "more_body": True})
    await send({"type": "http.response.body", "body": body[half:]})


def _ask(path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(ClassicPages(_inner))
        async with httpx.AsyncClient(transport=transport, base_url="http://mlflow") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


@pytest.mark.parametrize("headers", [{}, {"If-None-Match": '"1"', "Range": "bytes=0-9"}])
def test_the_page_sets_the_choices_before_its_own_scripts(headers: dict[str, str]) -> None:
    """Also for a browser that has the unchanged page: it is no other version of it."""
    answer = _ask("/", headers)

    assert answer.status_code == 200
    start, _, rest = answer.text.partition("</script>")
    assert start.startswith("<!doctype html><html><head><script>")
    assert json.dumps(CHOICES) in start
    assert rest == PAGE.decode().partition("<head>")[2]
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert "etag" not in answer.headers


def test_what_is_no_page_passes_as_it_is() -> None:
    answer = _ask("/ajax-api/2.0/mlflow/runs/get")

    assert answer.json() == {"head": "<head>"}
    assert answer.headers["etag"] == '"1"'


def test_the_installed_mlflow_reads_these_choices() -> None:
    """Its scripts make a key of a name and a version; its page has a head."""
    spec = find_spec("mlflow")
    assert spec is not None
    assert spec.submodule_search_locations
    build = Path(spec.submodule_search_locations[0]) / "server/js/build"
    scripts = "".join(file.read_text() for file in (build / "static/js").glob("main.*.js"))

    assert "<head>" in (build / "index.html").read_text()
    for key in CHOICES:
        name, _, version = key.partition("_v")
        assert f'{{key:"{name}",version:{version},' in scripts
    assert 'MACHINE_LEARNING="machine_learning"' in scripts
