"""The message of each kind of fault, letter by letter, from its detection on."""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import dagster as dg
import jsonschema
import msgspec
import pytest
from dagster._core.definitions.freshness import FreshnessState

from soccer_assets.alerting.alert import SCHEMA_VERSION, Webhook
from soccer_assets.alerting.detection import graph_conditions, store_conditions
from soccer_assets.alerting.direct_notifier import DirectNotifier
from soccer_assets.alerting.disk_space import disk_conditions
from soccer_assets.alerting.down_parts import DownPart, write_down_parts
from soccer_assets.alerting.faults import KINDS, NEW, NOTICE, RECOVERED, Condition, Notification
from soccer_assets.alerting.notifier import AlertNotifier
from soccer_assets.alerting.publish_queue import queue_conditions, read_queue
from soccer_assets.alerting.rendering import render, scrubbed
from soccer_assets.alerting.watchdog import Watchdog, up_is_gone
from soccer_assets.contract.events import OUTBOX_PREFIX, Refusal
from soccer_assets.contract.release import POINTER_KEY, Pointer
from soccer_assets.graph import freshness
from soccer_assets.graph.jobs import PUBLISHES
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.settings import Settings
from soccer_assets.stores.models.champion_change import ChampionChange, change_metadata
from soccer_assets.stores.releases.current_models import WITHOUT_REGISTRY
from tests.alerting.builders import NOW, ORIGIN
from tests.alerting.flaky_graph import CURRENT, report_freshness, run
from tests.graph.test_jobs import add_run
from tests.services import free_ports

RECENT = dg.AssetKey(["livescores", "recent"])
GOLDEN = Path(__file__).parent / "golden"
SCHEMA = msgspec.json.decode(Path("docs/reference/alerts.schema.json").read_bytes())


class Observed:
    """What detection reads."""

    def __init__(self, instance: dg.DagsterInstance, store: ObjectStore, home: Path) -> None:
        self.instance = instance
        self.store = store
        self.home = home

    def graph(self, *checks: dg.AssetCheckKey) -> list[Condition]:
        """Conditions of the graph."""
        return graph_conditions(self.instance, freshness.PROMISES, checks, dt.datetime.now(dt.UTC))


@pytest.fixture
def observed(folder_store: ObjectStore, tmp_path: Path) -> Iterator[Observed]:
    """An instance and a store without faults."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield Observed(instance, folder_store, tmp_path)


def failed_run(observed: Observed) -> list[Condition]:
    """A run whose step raised."""
    run(observed.instance, run_fails=True)
    return observed.graph()


def failed_check(observed: Observed) -> list[Condition]:
    """A blocking check that failed."""
    run(observed.instance, check_fails=True)
    return observed.graph(dg.AssetCheckKey(CURRENT, "release_is_readable"))


def stale_warning(observed: Observed) -> list[Condition]:
    """An asset beyond its warning window, after a run that failed."""
    report_freshness(observed.instance, FreshnessState.WARN)
    return observed.graph()


def stale_failure(observed: Observed) -> list[Condition]:
    """An asset beyond its failure window."""
    report_freshness(observed.instance, FreshnessState.FAIL)
    return observed.graph()


def overdue_feed(observed: Observed) -> list[Condition]:
    """Expected results are missing."""
    observed.instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=RECENT,
            check_name="results_due",
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"overdue": 12},
            description="12 results are due since 2026-11-24T06:00:00Z",
        )
    )
    return observed.graph(dg.AssetCheckKey(RECENT, "results_due"))


def promotion(observed: Observed) -> list[Condition]:
    """A new champion."""
    return _changed(observed, ChampionChange(kind="promoted", version="3", reason="every gate holds"))


def rollback(observed: Observed) -> list[Condition]:
    """The previous champion is back."""
    reason = "rolled back from version 3 to version 2: evidence 61 over 84 matches"
    return _changed(observed, ChampionChange(kind="rolled_back", version="2", reason=reason))


def _changed(observed: Observed, change: ChampionChange) -> list[Condition]:
    event = dg.AssetMaterialization(["model", "champion"], metadata=change_metadata(change))
    observed.instance.report_runless_asset_event(event)
    return observed.graph()


def rejected_release(observed: Observed) -> list[Condition]:
    """A sidecar that rejected the current release."""
    refusal = Refusal(
        release_id="r2", reason="model.bin has another hash", at="2026-11-24T08:00:00Z", sidecar="web-1"
    )
    observed.store.write(f"{OUTBOX_PREFIX}r2-web-1.json", msgspec.json.encode(refusal))
    pointer = Pointer(
        schema_version=1,
        release_id="r2",
        manifest_sha256="0" * 64,
        model_version="1",
        published_at="2026-11-24T08:00:00Z",
    )
    observed.store.write(POINTER_KEY, msgspec.json.encode(pointer))
    return store_conditions(observed.store, NOW)


def unreadable_store(observed: Observed) -> list[Condition]:
    """A store that cannot be read."""
    (observed.home / "lost").write_text("a file where the store's folder should be")
    (found,) = store_conditions(ObjectStore(f"file://{observed.home}/lost"), NOW)
    return [msgspec.structs.replace(found, cause="NotADirectoryError")]


def daemon_down(observed: Observed) -> list[Condition]:
    """A daemon without any heartbeat."""
    settings = Settings.from_env({"SOCCER_HOME": str(observed.home), "SOCCER_SIDECARS": _closed_address()})
    watchdog = Watchdog(settings, NOW)
    later = NOW + dt.timedelta(seconds=121)
    return [each for each in watchdog.check(observed.instance, later) if each.kind == "daemon"]


def sidecar_down(observed: Observed) -> list[Condition]:
    """A sidecar whose port is closed."""
    settings = Settings.from_env({"SOCCER_HOME": str(observed.home), "SOCCER_SIDECARS": _closed_address()})
    watchdog = Watchdog(settings, NOW)
    later = NOW + dt.timedelta(seconds=46)
    found = [each for each in watchdog.check(observed.instance, later) if each.kind == "sidecar"]
    return [msgspec.structs.replace(each, subject="http://sidecar:8000") for each in found]


def _closed_address() -> str:
    (port,) = free_ports(1)
    return f"http://127.0.0.1:{port}"


def full_disk(observed: Observed) -> list[Condition]:
    """A disk with 200 MB left."""
    with mock.patch("soccer_assets.alerting.disk_space.shutil.disk_usage") as usage:
        usage.return_value.free = 200_000_000
        (found,) = disk_conditions(observed.home, NOW)
    return [msgspec.structs.replace(found, subject="/srv/soccer")]


def part_down(observed: Observed) -> list[Condition]:
    """A part of `soccer up` that ended five times."""
    (observed.home / "run").mkdir()
    cause = "exit code 1: OSError: the disk is read-only"
    part = DownPart("worker", "2026-11-24T08:07:00Z", cause, "/srv/soccer/run/worker.log")
    write_down_parts(observed.home, [part])
    settings = Settings.from_env({"SOCCER_HOME": str(observed.home), "SOCCER_SIDECARS": _closed_address()})
    found = Watchdog(settings, NOW).check(observed.instance, NOW)
    return [each for each in found if each.kind == "process"]


def up_killed(observed: Observed) -> list[Condition]:
    """`soccer up` itself was killed."""
    return [up_is_gone(NOW)]


def standing_queue(observed: Observed) -> list[Condition]:
    """A run that has held the queue for over three hours, and one that waits."""
    add_run(observed.instance, "retrain_model", PUBLISHES, dg.DagsterRunStatus.STARTED)
    add_run(observed.instance, "refresh_hourly", PUBLISHES, dg.DagsterRunStatus.QUEUED)
    found = read_queue(observed.instance)
    began, now = dt.datetime(2026, 11, 24, 5, 50, tzinfo=dt.UTC), NOW
    assert found.running is not None
    held = msgspec.structs.replace(
        found,
        running=msgspec.structs.replace(found.running, since=began),
        waiting=[msgspec.structs.replace(run, since=began) for run in found.waiting],
        last_ended=began,
        last_published=began,
    )
    return queue_conditions(held, now)


def database_away(observed: Observed) -> list[Condition]:
    """A database that refuses connections, as the watchdog tells of it without one."""
    settings = Settings.from_env({"SOCCER_HOME": str(observed.home)})
    direct = DirectNotifier(AlertNotifier.of(settings), observed.home, "watchdog")
    return [direct.fault_of(NOW, "connection to server at 10.0.0.5, port 5432 failed: Connection refused")]


def mlflow_away(observed: Observed) -> list[Condition]:
    """A refresh that got no models from MLflow."""
    note = "MLflow did not answer; the champion of the current release, version 3, was used"
    observed.instance.report_runless_asset_event(
        dg.AssetMaterialization(["predictions", "upcoming"], metadata={WITHOUT_REGISTRY: note})
    )
    return observed.graph()


def drift(observed: Observed) -> list[Condition]:
    """Matches that differ from those the champion was trained on."""
    key = dg.AssetKey(["monitoring", "drift"])
    observed.instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=key,
            check_name="drift_within_bounds",
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={},
            description="13 of 55 columns drifted (bound 20%): 151 matches against 382",
        )
    )
    return observed.graph(dg.AssetCheckKey(key, "drift_within_bounds"))


FAULTS = {
    failed_run: "run",
    failed_check: "check",
    stale_warning: "freshness",
    stale_failure: "freshness",
    overdue_feed: "feed",
    drift: "drift",
    promotion: "promotion",
    rollback: "rollback",
    rejected_release: "release",
    unreadable_store: "store",
    daemon_down: "daemon",
    sidecar_down: "sidecar",
    part_down: "process",
    up_killed: "process",
    standing_queue: "queue",
    database_away: "database",
    mlflow_away: "mlflow",
    full_disk: "disk",
}


def test_every_kind_has_a_text_here() -> None:
    assert set(FAULTS.values()) == set(KINDS)
    assert {file.stem for file in GOLDEN.iterdir()} == {fault.__name__ for fault in FAULTS}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_text_of_each_kind_of_fault(
    fault: Callable[[Observed], list[Condition]], observed: Observed
) -> None:
    """The fault as it is detected, and its end, in the text of its file; only instants and ids are set."""
    (found,) = fault(observed)
    assert found.kind == FAULTS[fault]
    path = "/runs/RUN" if found.path.startswith("/runs/") else found.path
    changes = {"since": "2026-11-24T08:07:00Z", "path": path, "run": "RUN" if found.run else ""}
    found = scrubbed(msgspec.structs.replace(found, **changes), {})

    texts = []
    for transition in (NEW, RECOVERED)[: 1 if found.severity == NOTICE else 2]:
        notification = Notification(transition=transition, condition=found)
        healed = {found.key: "HEALING-RUN"} if found.asset or found.run else {}
        message = render([notification], origin=ORIGIN, now=NOW, healing_runs=healed)
        texts.append(f"{message.title}\n\n{message.body}\n")
        webhook = Webhook(
            schema_version=SCHEMA_VERSION,
            alert_id="A-1",
            title=message.title,
            message=message.body,
            type="failure",
            alerts=message.alerts,
        )
        jsonschema.validate(msgspec.json.decode(msgspec.json.encode(webhook)), SCHEMA)

    assert "\n\n".join(texts) == (GOLDEN / f"{fault.__name__}.txt").read_text()
