"""Webhooks as data, and the incidents of PagerDuty and Opsgenie: opened once, closed by their recovery."""

import json
import re
from pathlib import Path
from urllib.parse import unquote

import jsonschema
import msgspec
import pytest
from apprise.plugins import opsgenie, pagerduty
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from soccer_assets.alerting.alert import Webhook
from soccer_assets.alerting.faults import NOTICE, WARNING
from soccer_assets.alerting.notifier import AlertNotifier
from soccer_assets.clock import SystemClock
from soccer_assets.resources.database import Database
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.settings import Settings
from soccer_assets.stores.installation import read_identity
from tests.alerting.builders import STALE, condition

SCHEMA = Path("docs/reference/alerts.schema.json")
FAILED = condition("refresh_hourly", kind="run", what="failed", path="/runs/abc", run="abc")
ROLLBACK = condition("model version 2", kind="rollback", severity=NOTICE)


class Incidents:
    """Both services, as their documents describe them: open incidents by key, and every event."""

    def __init__(self) -> None:
        self.open: dict[str, str] = {}
        self.events: list[tuple[str, str]] = []
        self.is_down = False

    def pagerduty(self, request: Request) -> Response:
        """Events API v2: a trigger with a known key joins its incident, a resolve closes it."""
        event = json.loads(request.get_data())
        self.events.append((event["event_action"], event["dedup_key"]))
        if self.is_down:
            return Response(status=503)
        if event["event_action"] == "resolve":
            self.open.pop(event["dedup_key"], None)
        else:
            assert event["payload"]["severity"] in {"critical", "warning"}
            assert event["payload"]["custom_details"]["kind"]
            self.open[event["dedup_key"]] = event["payload"]["summary"]
        return Response('{"status": "success"}', status=202)

    def opsgenie_open(self, request: Request) -> Response:
        """Alert API: an alias that is open is counted up."""
        alert = json.loads(request.get_data())
        self.events.append(("trigger", alert["alias"]))
        self.open[alert["alias"]] = alert["message"]
        return Response('{"requestId": "1"}', status=202)

    def opsgenie_close(self, request: Request) -> Response:
        """Alert API: closes by alias."""
        assert request.args["identifierType"] == "alias"
        alias = unquote(request.path.split("/")[-2])
        self.events.append(("resolve", alias))
        self.open.pop(alias)
        return Response('{"requestId": "2"}', status=202)


@pytest.fixture
def notifier(sqlite_database: Database, tmp_path: Path) -> AlertNotifier:
    """An alert notifier."""
    settings = Settings.from_env(
        {"SOCCER_HOME": str(tmp_path), "SOCCER_PUBLIC_URL": "https://soccer.example.org"}
    )
    return AlertNotifier(settings, sqlite_database, EventBus(""), SystemClock())


@pytest.fixture
def own(sqlite_database: Database) -> str:
    """The id of the installation."""
    with sqlite_database.reading() as connection:
        return read_identity(connection).id


@pytest.fixture(params=["pagerduty", "opsgenie"])
def service(
    request: pytest.FixtureRequest, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> tuple[Incidents, str]:
    """A service, and the address that reaches it."""
    incidents = Incidents()
    httpserver.expect_request("/v2/enqueue").respond_with_handler(incidents.pagerduty)
    httpserver.expect_request("/v2/alerts", method="POST").respond_with_handler(incidents.opsgenie_open)
    closed = httpserver.expect_request(re.compile("/v2/alerts/.+/close"), method="POST")
    closed.respond_with_handler(incidents.opsgenie_close)
    monkeypatch.setitem(pagerduty.PAGERDUTY_API_LOOKUP, "us", httpserver.url_for("/v2/enqueue"))
    monkeypatch.setitem(opsgenie.OPSGENIE_API_LOOKUP, "us", httpserver.url_for("/v2/alerts"))
    addresses = {
        "pagerduty": "pagerduty://0123456789abcdef@0123456789abcdef",
        "opsgenie": "opsgenie://0123456789abcdef",
    }
    return incidents, addresses[request.param]


def test_each_fault_is_an_incident_that_its_recovery_closes(
    notifier: AlertNotifier, service: tuple[Incidents, str], own: str
) -> None:
    """Several faults in one message are several incidents; a notice is none."""
    incidents, address = service
    # Opsgenie's key is part of a path.
    stale = (
        f"{own}:freshness:releases/current" if "pagerduty" in address else f"{own}:freshness:releases.current"
    )
    notifier.subscribers.subscribe(address, remind_hours=0)
    notifier.report("graph", [STALE, FAILED, ROLLBACK])
    assert incidents.open == {
        stale: "releases/current is stale (failure)",
        f"{own}:run:refresh_hourly": "refresh_hourly failed (failure)",
    }
    notifier.report("graph", [STALE, ROLLBACK])  # STALE is repeated: the same incident
    assert list(incidents.open) == [stale]
    notifier.report("graph", [])
    assert incidents.open == {}
    assert not notifier.outbox.pending()
    triggered = [key for action, key in incidents.events if action == "trigger"]
    assert triggered.count(stale) == 2


def test_a_test_message_opens_an_incident_and_closes_it(
    notifier: AlertNotifier, service: tuple[Incidents, str]
) -> None:
    incidents, address = service
    assert notifier.test(notifier.subscribers.subscribe(address)) == ""
    assert [action for action, _ in incidents.events] == ["trigger", "resolve"]
    assert incidents.open == {}


def test_what_a_service_did_not_take_is_sent_again_with_the_same_key(
    notifier: AlertNotifier, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, own: str
) -> None:
    incidents = Incidents()
    incidents.is_down = True
    httpserver.expect_request("/v2/enqueue").respond_with_handler(incidents.pagerduty)
    monkeypatch.setitem(pagerduty.PAGERDUTY_API_LOOKUP, "us", httpserver.url_for("/v2/enqueue"))
    subscriber = notifier.subscribers.subscribe("pagerduty://0123456789abcdef@0123456789abcdef")
    warning = condition("features/team_state", severity=WARNING)
    notifier.report("graph", [STALE, warning])
    assert notifier.outbox.pending()[subscriber.id][0] == 1
    assert sorted(incidents.events) == [
        ("trigger", f"{own}:freshness:features/team_state"),
        ("trigger", f"{own}:freshness:releases/current"),
    ]


def test_a_webhook_is_data_of_the_documented_schema(
    notifier: AlertNotifier, httpserver: HTTPServer, own: str
) -> None:
    httpserver.expect_request("/alert").respond_with_data("")
    subscriber = notifier.subscribers.subscribe(f"json://127.0.0.1:{httpserver.port}/alert?:team=ops")
    notifier.report("graph", [STALE, FAILED, ROLLBACK])
    notifier.report("graph", [], lambda ended: "healing-run" if ended.kind == "run" else "")
    notifier.test(subscriber)
    posts = [json.loads(request.get_data()) for request, _ in httpserver.log]
    schema = json.loads(SCHEMA.read_text())
    for post in posts:
        jsonschema.validate(post, schema)
    assert [post["type"] for post in posts] == ["failure", "success", "warning"]
    assert [post["team"] for post in posts] == ["ops"] * 3  # what the address adds stays
    begun, ended = ({alert["dedup_key"]: alert for alert in post["alerts"]} for post in posts[:2])
    assert begun.keys() - ended.keys() == {f"{own}:rollback:model version 2"}
    run = begun[f"{own}:run:refresh_hourly"]
    assert (run["state"], run["severity"], run["run"]) == ("open", "failure", "abc")
    assert run["links"] == [{"name": "run", "href": "https://soccer.example.org/runs/abc"}]
    assert begun[f"{own}:rollback:model version 2"]["state"] == "notice"
    over = ended[f"{own}:run:refresh_hourly"]
    assert (over["state"], over["since"], over["run"]) == ("resolved", run["since"], "healing-run")
    assert over["links"][0]["href"] == "https://soccer.example.org/runs/healing-run"


def test_no_key_names_the_host_that_saw_the_fault(
    notifier: AlertNotifier,
    httpserver: HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
    sqlite_database: Database,
    tmp_path: Path,
) -> None:
    """The same fault, told by another host after a move, joins the same incident."""
    httpserver.expect_request("/alert").respond_with_data("")
    notifier.subscribers.subscribe(f"json://127.0.0.1:{httpserver.port}/alert")
    notifier.report("graph", [STALE])
    monkeypatch.setattr("socket.gethostname", lambda: "web-2")
    settings = Settings.from_env({"SOCCER_HOME": str(tmp_path)})
    AlertNotifier(settings, sqlite_database, EventBus(""), SystemClock()).report("graph", [])
    begun, ended = (json.loads(request.get_data())["alerts"][0] for request, _ in httpserver.log)
    assert begun["dedup_key"] == ended["dedup_key"]
    assert begun["host"] != ended["host"] == "web-2"


def test_the_schema_in_the_documents_is_that_of_the_code() -> None:
    assert json.loads(SCHEMA.read_text()) == schema_of_code(), (
        "write it anew: python -m tests.alerting.test_incidents"
    )


def schema_of_code() -> dict[str, object]:
    """The JSON schema of a webhook."""
    (schema,), components = msgspec.json.schema_components([Webhook], ref_template="#/$defs/{name}")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "$defs": components}


if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(schema_of_code(), indent=2) + "\n")
