"""Alerts of a live daemon: faults, recoveries, and a daemon that is killed in between."""

import json
import signal
import time
from pathlib import Path

import dagster as dg
import pytest
from pytest_httpserver import HTTPServer

from soccer_assets.alerting.subscribers import Subscribers
from soccer_assets.graph.sensors.alerts import alert_sensor
from tests.alerting.builders import Mailbox
from tests.live import LiveHome

RECENT = dg.AssetMaterialization(["livescores", "recent"])
TIMES = "dagster._core.instance.methods.event_methods.get_current_timestamp"


@pytest.mark.slow
def test_or_04_and_or_07_a_live_daemon_notifies_once_of_a_failed_run_a_stale_asset_and_their_recovery(
    tmp_path: Path, httpserver: HTTPServer, mailbox: tuple[Mailbox, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver is down at first, the daemon is killed meanwhile: still one alert and one recovery each."""
    box, address = mailbox
    home = LiveHome(tmp_path / "home", SOCCER_LEAGUES="1")
    # One webhook is down for its first two tries.
    for _ in range(2):
        httpserver.expect_oneshot_request("/run").respond_with_data("", status=503)
    subscribers = Subscribers(home.settings.alerts_file)
    for kind in ("run", "freshness"):
        httpserver.expect_request(f"/{kind}").respond_with_data("")
        subscribers.subscribe(f"json://127.0.0.1:{httpserver.port}/{kind}", kinds=(kind,))
        subscribers.subscribe(address.replace("ops@", f"{kind}@"), kinds=(kind,))
    store = tmp_path / "home" / "store"
    store.write_text("a file where the store's folder should be: nothing can be listed")
    with home.instance as instance, monkeypatch.context() as patched:
        patched.setattr(TIMES, lambda: time.time() - 4 * 3600)  # one hour beyond its promise
        instance.report_runless_asset_event(RECENT)

    with home.code("alerts_alone"):
        with home.daemon(stop_with=signal.SIGKILL):
            home.launch("prune_daily")
            home.wait_until(lambda: len(box.mails) == 2)
        store.unlink()
        with home.instance as instance:
            instance.report_runless_asset_event(RECENT)
        with home.daemon(stop_with=signal.SIGKILL):
            home.launch("prune_daily")
            home.wait_until(lambda: len(box.mails) == 4 and sum(map(len, _taken(httpserver).values())) == 4)
            home.wait_for_ticks(alert_sensor.name)

    titles = {
        "run": ["[soccer] prune_daily failed (failure)", "[soccer] recovered: prune_daily succeeded again"],
        "freshness": [
            "[soccer] livescores/recent is stale (failure)",
            "[soccer] recovered: livescores/recent is fresh again",
        ],
    }
    assert _taken(httpserver) == titles
    assert {
        kind: [str(mail["Subject"]) for mail in box.mails if kind in str(mail["To"])] for kind in titles
    } == titles


def _taken(httpserver: HTTPServer) -> dict[str, list[str]]:
    """Titles of the alerts that each webhook took, in their order."""
    taken: dict[str, list[str]] = {"run": [], "freshness": []}
    for request, response in httpserver.log:
        if response.status_code == 200:
            taken[request.path.strip("/")].append(json.loads(request.get_data())["title"])
    return taken
