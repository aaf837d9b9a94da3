"""A sidecar and the history beside its release: loaded in the background, shared, and never in the way."""

import time
from pathlib import Path

from serving.release.history import History
from serving.release.history_loader import find_file, only_loader
from serving.settings import history_folder
from soccer_assets.contract.history_parts import history_key
from tests.serving.builders import make_settings
from tests.serving.conftest import Serve, reload
from tests.serving.past import load_now, past_row, past_season, write_history

_BEFORE = past_season(past_row(0, 0, 1))
_AFTER = past_season(past_row(0, 0, 1, (2, 1)))


def _history(client) -> History | None:
    return client.app.state["snapshots"].history


def _wait_for(client, index: str) -> History:
    """Poll, as the sidecar does, until it holds an index."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        history = _history(client)
        if history is not None:
            with history.reading() as view:
                if view.index_sha256 == index:
                    return history
        reload(client)
        time.sleep(0.05)
    raise AssertionError("the history did not come")


def test_a_sidecar_is_ready_without_its_history_and_gets_it_from_a_child(store: Path, serve: Serve) -> None:
    """Ready at once; the history comes; a new index is read from the same file."""
    first = write_history(store, _BEFORE)
    client = serve()
    assert client.get("/ready").status_code == 200

    history = _wait_for(client, first.sha256)
    second = write_history(store, _AFTER)
    assert _wait_for(client, second.sha256) is history
    with history.reading() as view:
        assert view.match("m0").goals == (2, 1)


def test_the_file_of_another_worker_is_opened(store: Path, serve: Serve, tmp_path: Path) -> None:
    """Another worker loads: no child is started, and the file is there with the next poll."""
    settings = make_settings(tmp_path)
    entry = write_history(store, _BEFORE)
    with only_loader(history_folder(settings)):
        client = serve()
        assert _history(client) is None
        load_now(settings, entry)
        _wait_for(client, entry.sha256)


def test_a_history_that_cannot_be_loaded_leaves_the_release_and_the_last_history(
    store: Path, serve: Serve, tmp_path: Path
) -> None:
    """The index is lost: predictions are served, and so is what was loaded before."""
    settings = make_settings(tmp_path)
    load_now(settings, write_history(store, _BEFORE))
    lost = write_history(store, _AFTER)
    (store / history_key(lost.sha256)).unlink()
    client = serve()
    follower = client.app.state["reloader"]._history
    until = time.monotonic() + 120
    while follower._not_before == 0.0 and time.monotonic() < until:
        time.sleep(0.05)

    assert follower._not_before > 0.0
    assert client.get("/ready").status_code == 200
    assert _history(client).file == find_file(history_folder(settings))
    with _history(client).reading() as view:
        assert view.match("m0").goals is None
