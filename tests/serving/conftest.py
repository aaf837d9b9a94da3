"""A store with one good release, and clients of a sidecar that reads it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

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


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store folder with keys, a status and release r1, which predicts match m1."""
    folder = tmp_path / "store"
    make_release(folder, [make_prediction("m1")])
    write_status(folder)
    write_keys(folder)
    return folder


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts a sidecar in this process on the store of the test; settings may be changed by name.

    It has tried its first release when it is there, also on a busy machine.
    """
    monkeypatch.setattr("serving.app._FIRST_RELEASE_SECONDS", 30.0)
    with ExitStack() as stack:

        def start(scorer: Any = None, **changes: Any) -> TestClient[Litestar]:
            app = create_app(make_settings(tmp_path, **changes), scorer=scorer or StubScorer())
            client = stack.enter_context(TestClient(app, raise_server_exceptions=False))
            client.blocking_portal.call(first_release_tried, app)
            return client

        yield start


async def first_release_tried(app: Litestar) -> None:
    """Until the first reload is over: a release answers before its model is checked."""
    async with app.state["reloader"]._lock:
        pass


@pytest.fixture
def client(store: Path, serve: Serve) -> TestClient[Litestar]:
    """A sidecar on the good release."""
    return serve()


def reload(client: TestClient[Litestar]) -> None:
    """Let the sidecar look at its store now."""
    client.blocking_portal.call(client.app.state["reloader"].reload)
