"""A store with one good release, and clients of a sidecar that reads it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from litestar.utils.signature import ParsedSignature

from serving.app import create_app
from tests.serving.builders import (
    StubScorer,
    make_prediction,
    make_release,
    make_settings,
    write_keys,
    write_status,
)

Serve = Callable[..., TestClient[Litestar]]


@pytest.fixture(scope="session", autouse=True)
def _patient() -> Iterator[None]:
    """Sidecars of this process wait for their simulation's code beside busy cores, and do not answer 503."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("serving.scoring.assumptions.LOADING_SECONDS", 300.0)
        yield


@pytest.fixture(scope="session", autouse=True)
def _signatures_are_read_once() -> Iterator[None]:
    """To read the types of the routes' functions, which stay, is a fifth of the start of each sidecar."""
    read, known = ParsedSignature.from_fn, {}

    def from_fn(function: Any, namespace: dict[str, Any]) -> ParsedSignature:
        if getattr(function, "__closure__", True):  # it belongs to one sidecar, and would keep that in memory
            return read(function, namespace)
        key = (function, *namespace)
        if key not in known:
            known[key] = read(function, namespace)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ParsedSignature, "from_fn", from_fn)
        yield


def make_store(home: Path) -> Path:
    """A store folder with keys, a status and release r1, which predicts match m1."""
    folder = home / "store"
    make_release(folder, [make_prediction("m1")])
    write_status(folder)
    write_keys(folder)
    return folder


@contextmanager
def serving_from(home: Path) -> Iterator[Serve]:
    """Starts sidecars in this process on the store of a home; settings may be changed by name.

    One has tried its first release when it is there, also on a busy machine.
    """
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setattr("serving.app._FIRST_RELEASE_SECONDS", 30.0)

        def start(scorer: Any = None, **changes: Any) -> TestClient[Litestar]:
            app = create_app(make_settings(home, **changes), scorer=scorer or StubScorer())
            client = stack.enter_context(TestClient(app, raise_server_exceptions=False))
            client.blocking_portal.call(first_release_tried, app)
            return client

        yield start


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store as `make_store` makes it."""
    return make_store(tmp_path)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts sidecars on the store of the test."""
    with serving_from(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient[Litestar]]:
    """A sidecar without limits on the good release, for the tests of a module that change nothing of it.

    To build its routes takes .2 s of CPU.
    """
    home = tmp_path_factory.mktemp("shared")
    make_store(home)
    with serving_from(home) as start:
        yield start(rate_limit_per_minute=0, failed_keys_per_minute=0)


async def first_release_tried(app: Litestar) -> None:
    """Until the first reload is over: a release answers before its model is checked."""
    async with app.state["reloader"]._lock:
        pass
    await _history_followed(app)


async def _history_followed(app: Litestar) -> None:
    """Until the history that a reload asked for is open, or could not be loaded; it comes behind it."""
    if (task := app.state["reloader"]._history._task) is not None:
        await asyncio.wait([task])


@pytest.fixture
def client(store: Path, serve: Serve) -> TestClient[Litestar]:
    """A sidecar on the good release."""
    return serve()


def reload(client: TestClient[Litestar]) -> None:
    """Let the sidecar look at its store now, and wait for the history that it finds there."""
    client.blocking_portal.call(client.app.state["reloader"].reload)
    client.blocking_portal.call(_history_followed, client.app)
