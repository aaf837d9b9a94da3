"""What a subscriber reads of each kind of fault, letter by letter, as the observers see it."""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import dagster as dg
import msgspec
import pytest
from dagster._core.definitions.freshness import FreshnessState

from soccer_assets.alerting.detection import disk_conditions, graph_conditions, store_conditions
from soccer_assets.alerting.faults import NEW, Condition, Line
from soccer_assets.alerting.rendering import render, scrubbed
from soccer_assets.alerting.watchdog import Watchdog
from soccer_assets.contract.events import OUTBOX_PREFIX, Refusal
from soccer_assets.contract.release import POINTER_KEY, Pointer
from soccer_assets.graph import freshness
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.settings import Settings
from tests.alerting.builders import NOW
from tests.alerting.flaky_graph import CURRENT, report_freshness, run
from tests.services import free_ports

RECENT = dg.AssetKey(["livescores", "recent"])
GOLDEN = Path(__file__).parent / "golden"


class Sight:
    """What the observers can look at."""

    def __init__(self, instance: dg.DagsterInstance, store: ObjectStore, home: Path) -> None:
        self.instance = instance
        self.store = store
        self.home = home

    def graph(self, *checks: dg.AssetCheckKey) -> list[Condition]:
        """Conditions of the graph."""
        return graph_conditions(self.instance, freshness.WATCHED, checks, dt.datetime.now(dt.UTC))


@pytest.fixture
def sight(folder_store: ObjectStore, tmp_path: Path) -> Iterator[Sight]:
    """An instance and a store without faults."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield Sight(instance, folder_store, tmp_path)


def failed_run(sight: Sight) -> list[Condition]:
    """A run whose step raised."""
    run(sight.instance, run_fails=True)
    return sight.graph()


def failed_check(sight: Sight) -> list[Condition]:
    """A blocking check that did not hold."""
    run(sight.instance, check_fails=True)
    return sight.graph(dg.AssetCheckKey(CURRENT, "release_is_readable"))


def stale_warning(sight: Sight) -> list[Condition]:
    """A promise that is nearly broken, after a run that failed."""
    report_freshness(sight.instance, FreshnessState.WARN)
    return sight.graph()


def stale_failure(sight: Sight) -> list[Condition]:
    """A broken promise."""
    report_freshness(sight.instance, FreshnessState.FAIL)
    return sight.graph()


def silent_feed(sight: Sight) -> list[Condition]:
    """Results that are due are not there."""
    sight.instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=RECENT,
            check_name="results_due",
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"overdue": 12},
            description="12 results are due since 2026-11-24T06:00:00Z",
        )
    )
    return sight.graph(dg.AssetCheckKey(RECENT, "results_due"))


def promotion(sight: Sight) -> list[Condition]:
    """A new champion."""
    said = {"promoted": True, "version": "3", "reason": "every gate holds"}
    sight.instance.report_runless_asset_event(dg.AssetMaterialization(["model", "champion"], metadata=said))
    return sight.graph()


def rollback(sight: Sight) -> list[Condition]:
    """The champion before came back."""
    said = {
        "promoted": False,
        "rolled_back": True,
        "version": "2",
        "reason": "rolled back from version 3 to version 2: evidence 61 over 84 matches",
    }
    sight.instance.report_runless_asset_event(dg.AssetMaterialization(["model", "champion"], metadata=said))
    return sight.graph()


def refused_release(sight: Sight) -> list[Condition]:
    """A sidecar that did not take the current release."""
    refusal = Refusal(
        release_id="r2", reason="model.bin has another hash", at="2026-11-24T08:00:00Z", sidecar="web-1"
    )
    sight.store.write(f"{OUTBOX_PREFIX}r2-web-1.json", msgspec.json.encode(refusal))
    pointer = Pointer(
        schema_version=1,
        release_id="r2",
        manifest_sha256="0" * 64,
        model_version="1",
        published_at="2026-11-24T08:00:00Z",
    )
    sight.store.write(POINTER_KEY, msgspec.json.encode(pointer))
    return store_conditions(sight.store, NOW)


def lost_store(sight: Sight) -> list[Condition]:
    """A store that cannot be read."""
    (sight.home / "gone").write_text("a file where the store's folder should be")
    (found,) = store_conditions(ObjectStore(f"file://{sight.home}/gone"), NOW)
    return [msgspec.structs.replace(found, cause="NotADirectoryError")]


def gone_daemon(sight: Sight) -> list[Condition]:
    """A daemon that never gave a heartbeat."""
    settings = Settings.from_env({"SOCCER_HOME": str(sight.home), "SOCCER_SIDECARS": _nobody()})
    watchdog = Watchdog(settings, NOW)
    later = NOW + dt.timedelta(seconds=121)
    return [one for one in watchdog.look(sight.instance, later) if one.kind == "daemon"]


def gone_sidecar(sight: Sight) -> list[Condition]:
    """A sidecar whose address nobody listens on."""
    settings = Settings.from_env({"SOCCER_HOME": str(sight.home), "SOCCER_SIDECARS": _nobody()})
    watchdog = Watchdog(settings, NOW)
    later = NOW + dt.timedelta(seconds=46)
    found = [one for one in watchdog.look(sight.instance, later) if one.kind == "sidecar"]
    return [msgspec.structs.replace(one, subject="http://sidecar:8000") for one in found]


def _nobody() -> str:
    (port,) = free_ports(1)
    return f"http://127.0.0.1:{port}"


def full_disk(sight: Sight) -> list[Condition]:
    """A disk with 200 MB left."""
    with mock.patch("soccer_assets.alerting.detection.shutil.disk_usage") as usage:
        usage.return_value.free = 200_000_000
        (found,) = disk_conditions(sight.home, NOW)
    return [msgspec.structs.replace(found, subject="/srv/soccer")]


def drift(sight: Sight) -> list[Condition]:
    """Matches unlike those that the champion learnt from."""
    key = dg.AssetKey(["monitoring", "drift"])
    sight.instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=key,
            check_name="drift_within_bounds",
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={},
            description="13 of 55 columns drifted (bound 20%): 151 matches against 382",
        )
    )
    return sight.graph(dg.AssetCheckKey(key, "drift_within_bounds"))


@pytest.mark.parametrize(
    "fault",
    [
        failed_run,
        failed_check,
        stale_warning,
        stale_failure,
        silent_feed,
        drift,
        promotion,
        rollback,
        refused_release,
        lost_store,
        gone_daemon,
        gone_sidecar,
        full_disk,
    ],
)
def test_the_words_of_each_kind_of_fault(fault: Callable[[Sight], list[Condition]], sight: Sight) -> None:
    """The fault as its observer sees it, in the words of its golden file; only instants and ids are set."""
    (seen,) = fault(sight)
    path = "/runs/RUN" if seen.path.startswith("/runs/") else seen.path
    seen = scrubbed(msgspec.structs.replace(seen, since="2026-11-24T08:07:00Z", path=path), {})

    message = render(
        [Line(turn=NEW, condition=seen)], feed="simulated", public_url="https://soccer.example.org", now=NOW
    )

    assert f"{message.title}\n\n{message.body}\n" == (GOLDEN / f"{fault.__name__}.txt").read_text()
