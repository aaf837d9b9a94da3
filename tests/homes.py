"""Complete homes for tests: created in a folder, built in this process, read over HTTP."""

import os
import time
from pathlib import Path
from typing import Any, Self

import dagster as dg
from litestar.testing import TestClient

from serving.app import create_app
from soccer_assets.feeds.registry import open_feeds
from soccer_assets.home import apply_home, open_home
from soccer_assets.operations.run_job import RunOutcome, run_job
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.settings import Settings
from soccer_assets.stores.releases.key_store import create_key

_READY_SECONDS = 300.0
_CACHE = Path(__file__).parents[1] / ".soccer" / "cache"
# What Python, numba and Matplotlib compiled for these tests; the Makefile sets the variables.
_CACHES = {
    "pycache": "PYTHONPYCACHEPREFIX",
    "numba": "NUMBA_CACHE_DIR",
    "matplotlib": "MPLCONFIGDIR",
}


def make_home(folder: Path, **environ: str) -> Settings:
    """Settings of a new, migrated home below ``folder``."""
    settings = Settings.from_env({"SOCCER_HOME": str(folder), **environ})
    feed = open_feeds(settings)
    home = open_home(settings, is_simulated=feed.is_simulated, first_month=feed.first_month())
    Database(settings.database_url).migrate()
    return apply_home(settings, home)


def shared_cache(name: str) -> Path:
    """The folder of one of these caches."""
    folder = Path(os.environ.get(_CACHES[name]) or _CACHE / name)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def share_caches(folder: Path) -> None:
    """Give a home the compiled files of these tests: with empty caches its processes compile for 20 s."""
    (folder / "cache").mkdir(parents=True)
    for name in _CACHES:
        (folder / "cache" / name).symlink_to(shared_cache(name))


def build(settings: Settings, job: str = "build_everything") -> RunOutcome:
    """Run a job of a home and return its outcome."""
    with dg.DagsterInstance.ephemeral() as instance:
        return run_job(settings, instance, job, lambda _line: None)


def built_home(folder: Path, **environ: str) -> Settings:
    """A home with a first release."""
    settings = make_home(folder, **environ)
    outcome = build(settings)
    assert not outcome.failure, outcome.failure
    return settings


class Client:
    """A client of a home's sidecar, with its own read key."""

    def __init__(self, settings: Settings) -> None:
        store = ObjectStore(settings.store_url)
        token = create_key(store, ["read"], settings.clock.now())
        self._client = TestClient(create_app(settings))
        self._client.headers["X-API-Key"] = token

    def __enter__(self) -> Self:
        """Wait for the release: on a busy machine it loads after the sidecar's start."""
        self._client.__enter__()
        deadline = time.monotonic() + _READY_SECONDS
        while self._client.get("/ready").status_code != 200 and time.monotonic() < deadline:
            time.sleep(0.05)
        return self

    def __exit__(self, *error: object) -> None:
        self._client.__exit__(*error)

    def get(self, path: str, **params: Any) -> Any:
        """The JSON body of a successful answer."""
        answer = self._client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def all_matches(self) -> dict[str, dict[str, Any]]:
        """Every upcoming match by its id, from all pages."""
        found: dict[str, dict[str, Any]] = {}
        params: dict[str, Any] = {"limit": 500}
        while True:
            page = self.get("/predict/matches/", **params)
            found |= {item["match_id"]: item for item in page["items"]}
            if page["next_cursor"] is None:
                return found
            params["cursor"] = page["next_cursor"]
