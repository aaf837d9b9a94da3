"""The two clocks of freshness, from the feed through Dagster's records to a subscriber's messages."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from pytest_httpserver import HTTPServer

from soccer_assets.alerting.notifier import AlertNotifier
from soccer_assets.clock import parse_instant
from soccer_assets.graph.checks import results_due
from soccer_assets.graph.sensors.alerts import alert_sensor
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.settings import Settings
from tests.alerting.test_delivery import HandClock
from tests.builders import finished, raw_match
from tests.graph.assets.conftest import Graph

HOUR = dt.timedelta(hours=1)
SATURDAY = parse_instant("2025-04-26T14:00:00Z")


@pytest.fixture
def tick(graph: Graph, tmp_path: Path, httpserver: HTTPServer) -> Callable[[dt.datetime], list[str]]:
    """A refresh at an instant and a round of the alert sensor; gives all titles a webhook was sent so far."""
    settings, clock = Settings.from_env({"SOCCER_HOME": str(tmp_path)}), HandClock()
    clock.instant = dt.datetime.now(dt.UTC)
    notifier = AlertNotifier(settings, graph.database, EventBus(""), clock)
    httpserver.expect_request("/alert").respond_with_data("")
    notifier.subscribers.subscribe(f"json://127.0.0.1:{httpserver.port}/alert")

    needed = {"clock": graph.clock, "database": graph.database, "feed": graph.feed}
    checked = dg.Definitions(asset_checks=[results_due], resources=needed)

    def refresh(now: dt.datetime) -> list[str]:
        graph.at(now)
        assert graph.run("livescores/recent", "livescores/upcoming", "matches/match", "matches/odds").success
        resources = {"alert_notifier": notifier, "object_store": graph.store}
        alert_sensor(
            dg.build_sensor_context(instance=graph.instance, resources=resources, definitions=checked)
        )
        clock.move(minutes=60)
        return [json.loads(request.get_data())["title"] for request, _ in httpserver.log]

    return refresh


def test_thirty_days_without_matches_raise_nothing(graph, tick):
    """Between two seasons every check is fresh, however old the newest result."""
    graph.feed.items = [
        finished("1-0", "2025-04-24T18:00:00Z", source_match_id="last of the old"),
        raw_match(source_match_id="first of the new", kickoff=parse_instant("2025-06-01T14:00:00Z")),
    ]

    titles = [tick(parse_instant("2025-04-25T09:00:00Z") + dt.timedelta(days=day)) for day in (0, 10, 20, 30)]

    assert titles == [[], [], [], []]


def test_a_feed_frozen_on_a_matchday_raises_one_warning(graph, tick):
    """3 h and twice the feed's hour after kickoff a subscriber is notified once, until results come."""
    games = [{"source_match_id": f"m{n}", "home_team": f"H{n}", "away_team": f"A{n}"} for n in range(3)]
    graph.feed.items = [raw_match(kickoff=SATURDAY, **game) for game in games]
    frozen = [tick(SATURDAY + hours * HOUR) for hours in (-2, 2, 3.9, 4.1, 5, 6, 20)]
    graph.feed.items = [finished("2-1", "2025-04-26T14:00:00Z", **game) for game in games]
    recovered = tick(SATURDAY + 21 * HOUR)

    overdue = "livescores/recent has overdue results"
    assert frozen[:5] == [[], [], [], [], []]
    assert frozen[5:] == [[f"[soccer] {overdue} (warning)"]] * 2
    assert recovered == [
        f"[soccer] {overdue} (warning)",
        "[soccer] recovered: livescores/recent has the results that were due",
    ]
