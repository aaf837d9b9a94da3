"""What the alert sensor and the watchdog detect, on real Dagster instances, stores and servers."""

import datetime as dt
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import msgspec
import pytest
import yaml
from click.testing import CliRunner
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.test_utils import create_run_for_test
from pytest_httpserver import HTTPServer

from soccer_assets.alerting.detection import graph_conditions, healing_run, store_conditions
from soccer_assets.alerting.faults import Condition
from soccer_assets.alerting.guides import GUIDES
from soccer_assets.alerting.notifier import AlertNotifier
from soccer_assets.alerting.run_texts import assets_of, evaluates_again, subject_of, texts_of
from soccer_assets.alerting.watchdog import Watchdog
from soccer_assets.cli import main
from soccer_assets.contract.events import OUTBOX_PREFIX, Refusal
from soccer_assets.contract.release import POINTER_KEY, Pointer
from soccer_assets.graph import freshness
from soccer_assets.graph.jobs import JOBS, monitor_daily, tune_parameters
from soccer_assets.graph.maintenance import prune_daily
from soccer_assets.graph.sensors.alerts import alert_sensor
from soccer_assets.resources.database import Database
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.settings import SettingError, Settings
from tests.alerting.builders import NOW, Mailbox
from tests.alerting.flaky_graph import CURRENT, report_freshness, run
from tests.alerting.test_delivery import HandClock

COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"

MONTH = {"dagster/partition": "2025-02-01"}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance of its own."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def _detected(instance: dg.DagsterInstance) -> dict[str, str]:
    checks = [dg.AssetCheckKey(CURRENT, "release_is_readable")]
    now = dt.datetime.now(dt.UTC)
    return {each.key: each.cause for each in graph_conditions(instance, freshness.PROMISES, checks, now)}


def test_a_failed_run_is_detected_with_its_cause_until_the_job_succeeds(instance: dg.DagsterInstance) -> None:
    run(instance, run_fails=True)
    cause = "releases/current: ValueError: https://me:secret@feed.example.org did not answer"
    assert _detected(instance) == {"run:refresh_hourly": cause}
    run(instance)
    assert _detected(instance) == {}


def test_a_failed_check_is_detected_until_it_passes(instance: dg.DagsterInstance) -> None:
    run(instance, check_fails=True)
    assert _detected(instance) == {"check:releases/current:release_is_readable": "3 bodies do not decode"}
    run(instance)
    assert _detected(instance) == {}


def test_a_failed_check_stays_failed_while_the_next_run_has_only_planned_it(
    instance: dg.DagsterInstance,
) -> None:
    """Every hourly run plans its checks at its start: that is no recovery, nor is a run that fails before."""
    run(instance, check_fails=True)
    found = _detected(instance)
    run(instance, run_fails=True)
    assert _detected(instance).items() >= found.items()
    assert len(found) == 1


def test_a_fault_began_when_it_first_failed_not_when_it_failed_last(instance: dg.DagsterInstance) -> None:
    key = dg.AssetCheckKey(CURRENT, "release_is_readable")

    def began() -> dict[str, str]:
        found = graph_conditions(instance, freshness.PROMISES, [key], dt.datetime.now(dt.UTC))
        return {each.kind: each.since for each in found}

    run(instance, check_fails=True)
    run(instance, run_fails=True)
    first = began()
    run(instance, run_fails=True)
    run(instance, run_fails=True)
    assert began() == first
    run(instance)
    run(instance, check_fails=True)
    assert began()["check"] >= first["check"]
    assert "run" not in began()


def test_a_stale_asset_broke_its_promise_a_window_after_it_was_made(instance: dg.DagsterInstance) -> None:
    """Dagster's own record has the instant at which its daemon looked."""
    run(instance)
    made = instance.get_latest_materialization_event(CURRENT)
    assert made is not None
    promise = freshness.PROMISES[CURRENT]
    report_freshness(instance, FreshnessState.FAIL)
    (found,) = graph_conditions(
        instance,
        {CURRENT: msgspec.structs.replace(promise, after=dt.timedelta(seconds=-5))},
        [],
        dt.datetime.now(dt.UTC),
    )
    broken = dt.datetime.fromtimestamp(made.timestamp, dt.UTC) - dt.timedelta(seconds=5)
    assert abs(dt.datetime.fromisoformat(found.since) - broken) < dt.timedelta(seconds=1)


def test_an_old_asset_is_explained_by_the_job_that_makes_it_only(instance: dg.DagsterInstance) -> None:
    """A run by hand that failed is no cause of it."""
    run(instance, run_fails=True)
    report_freshness(instance, FreshnessState.FAIL)
    promise = freshness.PROMISES[CURRENT]
    for jobs, cause in ((promise.jobs, "releases/current: ValueError"), (("retrain_model",), "")):
        watched = {CURRENT: msgspec.structs.replace(promise, jobs=jobs)}
        found = {each.kind: each for each in graph_conditions(instance, watched, [], dt.datetime.now(dt.UTC))}
        assert found["freshness"].cause.startswith(cause)
        assert bool(found["freshness"].cause) == bool(cause)


def test_a_run_by_hand_that_failed_makes_nothing_stale() -> None:
    by_hand = dg.DagsterRun(job_name="__ASSET_JOB", asset_selection=frozenset([dg.AssetKey(["a", "b"])]))
    assert "nothing else is stale" in texts_of(by_hand).impact
    assert "marked stale" in texts_of(dg.DagsterRun(job_name="refresh_hourly")).impact


def test_every_job_has_texts_and_every_command_in_the_texts_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are parsed by the command line itself, and jobs that they name are in the graph."""
    monkeypatch.setenv("SOCCER_HOME", "/nonexistent")
    jobs = {job.name for job in [*JOBS, monitor_daily, tune_parameters, prune_daily]}
    texts = [texts_of(dg.DagsterRun(job_name=job)).action for job in jobs]
    assert not any(text == texts_of(dg.DagsterRun(job_name="unknown")).action for text in texts)
    texts += [guide.action for guide in GUIDES.values()]
    texts += [f"`soccer run {promise.jobs[0]}`" for promise in freshness.PROMISES.values()]
    commands = {command for text in texts for command in re.findall("`soccer ([^`]+)`", text)}
    assert {"run refresh_hourly", "doctor", "prune"} <= commands
    for command in commands:
        name, *arguments = command.split()
        main.commands[name].make_context(name, list(arguments)).close()
        assert name != "run" or arguments[0] in jobs
    services = {service for text in texts for service in re.findall("`docker compose restart ([^`]+)`", text)}
    assert services
    assert services <= yaml.safe_load(COMPOSE.read_text())["services"].keys()


def test_an_ad_hoc_run_is_over_when_all_its_assets_were_made_since(instance: dg.DagsterInstance) -> None:
    """By whatever run: the automation launches no such selection again once they are fresh."""
    other = dg.AssetKey(["predictions", "upcoming"])
    create_run_for_test(
        instance,
        job_name="__ASSET_JOB",
        asset_selection=frozenset({CURRENT, other}),
        status=dg.DagsterRunStatus.FAILURE,
    )

    def found() -> list[Condition]:
        return graph_conditions(instance, {}, [], dt.datetime.now(dt.UTC))

    (failed,) = found()
    assert failed.subject == "the run of predictions/upcoming, releases/current"
    run(instance)  # makes one of both
    assert [each.subject for each in found()] == [failed.subject]
    assert healing_run(instance, failed) == ""
    instance.report_runless_asset_event(dg.AssetMaterialization(other))
    run(instance)
    (newest,) = instance.get_runs(limit=1)
    assert found() == []
    assert healing_run(instance, failed) == newest.run_id


def test_the_months_of_an_ad_hoc_run_are_made_by_a_run_for_them_only() -> None:
    """Another month of the same asset says nothing of them."""
    tags = {f"dagster/asset_partition_range_{end}": f"2025-0{n}-01" for n, end in ((1, "start"), (3, "end"))}
    history = dg.AssetKey(["livescores", "history"])
    months = dg.DagsterRun(job_name="__ASSET_JOB", asset_selection=frozenset([history]), tags=tags)
    assert subject_of(months) == "the run of livescores/history 2025-01 2025-03"
    assert assets_of(months) == []
    month = dg.DagsterRun(job_name="__ASSET_JOB", asset_selection=frozenset([history]), tags=MONTH)
    assert subject_of(month) == "the run of livescores/history 2025-02 2025-02"
    whole = dg.DagsterRun(job_name="__ASSET_JOB", asset_selection=frozenset([history, CURRENT]))
    assert assets_of(whole) == [history, CURRENT]
    job = dg.DagsterRun(job_name="refresh_hourly", asset_selection=frozenset([history]))
    assert assets_of(job) == []


def test_a_run_over_history_is_repeated_for_its_own_months() -> None:
    """Of a failed run and of a failed check alike; an ad hoc run has no command."""
    tags = {f"dagster/asset_partition_range_{end}": f"2025-0{n}-01" for n, end in ((1, "start"), (3, "end"))}
    reload = dg.DagsterRun(job_name="reload_history", tags=tags)
    assert "`soccer run reload_history --months 2025-01 2025-03`" in texts_of(reload).action
    assert evaluates_again(reload) == "run `soccer run reload_history --months 2025-01 2025-03`"
    assert evaluates_again(dg.DagsterRun(job_name="refresh_hourly")) == "run `soccer run refresh_hourly`"
    assert evaluates_again(dg.DagsterRun(job_name="__ASSET_JOB")) == "materialise the asset again"
    assert evaluates_again(None) == ""


def test_or_07_a_stale_asset_is_detected_with_its_promise_until_it_is_fresh(
    instance: dg.DagsterInstance,
) -> None:
    """Predecessor's risk OR-07, no freshness: every stale asset is a condition until it is fresh."""
    for state, severity in (("WARN", "warning"), ("FAIL", "failure"), ("PASS", None)):
        report_freshness(instance, FreshnessState[state])
        found = graph_conditions(instance, freshness.PROMISES, [], dt.datetime.now(dt.UTC))
        assert [(each.subject, each.severity, each.promise) for each in found] == (
            [("releases/current", severity, freshness.PROMISES[CURRENT].text)] if severity else []
        )


def test_drift_is_a_warning_of_its_own_kind_and_a_rewritten_ledger_a_failed_check(
    instance: dg.DagsterInstance,
) -> None:
    """Both checks belong to monitoring assets; only one is about drift."""
    drift, quality = dg.AssetKey(["monitoring", "drift"]), dg.AssetKey(["monitoring", "quality"])
    for key, name, severity in (
        (drift, "drift_within_bounds", dg.AssetCheckSeverity.WARN),
        (quality, "ledger_agrees_with_releases", dg.AssetCheckSeverity.ERROR),
    ):
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=name,
                passed=False,
                severity=severity,
                metadata={},
                description="why",
            )
        )
    keys = [
        dg.AssetCheckKey(drift, "drift_within_bounds"),
        dg.AssetCheckKey(quality, "ledger_agrees_with_releases"),
    ]
    found = graph_conditions(instance, {}, keys, dt.datetime.now(dt.UTC))
    assert {(each.key, each.severity) for each in found} == {
        ("drift:monitoring/drift", "warning"),
        ("check:monitoring/quality:ledger_agrees_with_releases", "failure"),
    }


def test_or_04_and_or_07_a_failed_run_a_stale_asset_and_their_recovery_reach_mail_and_webhook_once(
    instance: dg.DagsterInstance,
    sqlite_database: Database,
    folder_store: ObjectStore,
    tmp_path: Path,
    mailbox: tuple[Mailbox, str],
    httpserver: HTTPServer,
) -> None:
    """From Dagster's own records through the sensor to a real mail server and a real webhook.

    Every tick has a new notifier, as after a restart, and the webhook is down at the first.
    """
    box, address = mailbox
    httpserver.expect_oneshot_request("/alert").respond_with_data("", status=503)
    httpserver.expect_request("/alert").respond_with_data("")
    settings = Settings.from_env({"SOCCER_HOME": str(tmp_path)})
    clock = HandClock()
    clock.instant = dt.datetime.now(dt.UTC)

    def tick() -> None:
        notifier = AlertNotifier(settings, sqlite_database, EventBus(""), clock)
        resources = {"alert_notifier": notifier, "object_store": folder_store}
        alert_sensor(dg.build_sensor_context(instance=instance, resources=resources))
        clock.move(minutes=1)

    subscribers = AlertNotifier(settings, sqlite_database, EventBus(""), clock).subscribers
    subscribers.subscribe(address)
    subscribers.subscribe(f"json://127.0.0.1:{httpserver.port}/alert")
    run(instance, run_fails=True)
    tick()
    report_freshness(instance, FreshnessState.FAIL)
    tick()
    run(instance)
    tick()
    report_freshness(instance, FreshnessState.PASS)
    for _ in range(3):
        tick()

    # What is stale for the failed run is not told beside it.
    titles = [
        "[soccer] refresh_hourly failed (failure)",
        "[soccer] recovered: refresh_hourly succeeded again",
    ]
    assert [str(mail["Subject"]) for mail in box.mails] == titles
    taken = [
        json.loads(request.get_data())["title"]
        for request, response in httpserver.log
        if response.status_code == 200
    ]
    assert taken == titles
    (begin,), (end,) = [json.loads(request.get_data())["alerts"] for request, _ in httpserver.log][1:]
    healed = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]))[0]
    assert end["run"] == healed.dagster_run.run_id
    assert begin["dedup_key"] == end["dedup_key"]
    bodies = [request.get_data(as_text=True) for request, _ in httpserver.log]
    assert not any("secret" in body for body in bodies)


@pytest.mark.parametrize("metadata", [{}, {"promoted": True, "version": "3", "reason": "every gate holds"}])
def test_a_materialisation_of_an_older_version_is_no_notice(
    instance: dg.DagsterInstance, metadata: dict[str, Any]
) -> None:
    """It has no change of the champion; the subscribers were notified of it by the older version."""
    instance.report_runless_asset_event(dg.AssetMaterialization(["model", "champion"], metadata=metadata))
    assert _detected(instance) == {}


def test_a_rejected_release_is_detected_while_it_is_the_current_one(folder_store: ObjectStore) -> None:
    refusal = Refusal(release_id="r2", reason="corrupt: hash", at="2026-11-24T08:00:00Z", sidecar="web-1")
    folder_store.write(f"{OUTBOX_PREFIX}r2-web-1.json", msgspec.json.encode(refusal))
    for current_release, subjects in (("r2", ["r2 at web-1"]), ("r3", [])):
        pointer = Pointer(
            schema_version=1,
            release_id=current_release,
            manifest_sha256="0" * 64,
            model_version="1",
            published_at="2026-11-24T08:00:00Z",
        )
        folder_store.write(POINTER_KEY, msgspec.json.encode(pointer))
        assert [each.subject for each in store_conditions(folder_store, NOW)] == subjects


def test_an_unreachable_store_is_detected_and_suppresses_no_other_alert(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the store's folder should be")
    found = store_conditions(ObjectStore(f"file://{tmp_path}/store"), NOW)
    assert [each.key for each in found] == ["store:the object store"]


def test_runs_that_fail_for_a_store_folder_are_the_stores_incident(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    """What the system says of a file names no store: the path does. Another folder is another cause."""
    folder = tmp_path / "store"
    folder.write_text("a file where the store's folder should be")

    @dg.asset
    def exports() -> None:
        (folder / "installation.json").read_bytes()

    job = dg.Definitions(assets=[exports], jobs=[dg.define_asset_job("refresh_hourly")])
    job.resolve_job_def("refresh_hourly").execute_in_process(instance=instance, raise_on_error=False)

    def root(store_folder: Path) -> str:
        now = dt.datetime.now(dt.UTC)
        (found,) = graph_conditions(instance, {}, [], now, str(store_folder))
        return found.root

    assert root(folder) == store_conditions(ObjectStore(f"file://{folder}"), NOW)[0].key
    assert root(tmp_path / "other").startswith("cause:")


def test_the_watchdog_detects_a_sidecar_down_its_recovery_and_a_daemon_without_heartbeat(
    instance: dg.DagsterInstance, httpserver: HTTPServer, tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{httpserver.port}"
    settings = Settings.from_env({"SOCCER_HOME": str(tmp_path), "SOCCER_SIDECARS": url})
    begin = dt.datetime.now(dt.UTC)
    watchdog = Watchdog(settings, begin)

    def detected(seconds: float, status: int) -> list[str]:
        httpserver.clear()
        httpserver.expect_request("/ready").respond_with_data("", status=status)
        return [each.key for each in watchdog.check(instance, begin + dt.timedelta(seconds=seconds))]

    assert detected(0, 200) == []
    assert detected(40, 503) == []
    assert detected(60, 503) == [f"sidecar:{url}"]
    assert detected(70, 200) == []
    assert detected(130, 200) == ["daemon:dagster-daemon"]


def test_the_commands_subscribe_list_test_mute_and_unsubscribe(
    tmp_path: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/alert/secret-path").respond_with_data("")
    monkeypatch.setenv("SOCCER_HOME", str(tmp_path))
    shell = CliRunner()
    assert shell.invoke(main, ["migrate"]).exit_code == 0
    address = f"json://127.0.0.1:{httpserver.port}/alert/secret-path"
    subscribed = shell.invoke(main, ["alerts", "subscribe", address, "--kind", "run", "--note", "ops"]).output
    subscriber = subscribed.split()[0]
    assert shell.invoke(main, ["alerts", "test", subscriber]).output == "delivered\n"
    assert len(httpserver.log) == 1
    muted = shell.invoke(main, ["alerts", "mute", subscriber, "--until", "2030-01-01T00:00:00Z"])
    assert muted.exit_code == 0
    listed = shell.invoke(main, ["alerts", "list"]).output
    assert listed == f"{subscriber}  json://***  run  all  muted until 2030-01-01 00:00 UTC  ops\n"
    assert "secret-path" not in subscribed + listed
    assert shell.invoke(main, ["alerts", "unsubscribe", subscriber]).exit_code == 0
    assert shell.invoke(main, ["alerts", "list"]).output == ""
    refused = shell.invoke(main, ["alerts", "test", subscriber])
    assert refused.exit_code == 1
    assert "alerts list" in refused.output


@pytest.mark.parametrize("url", ["localhost:3000", "http://localhost:3000", "https://127.0.0.1", "x"])
def test_a_public_address_that_leads_nowhere_is_refused(url: str) -> None:
    with pytest.raises(SettingError, match="SOCCER_PUBLIC_URL"):
        Settings.from_env({"SOCCER_PUBLIC_URL": url})
