"""The loop on a live daemon: a result reaches the answers over HTTP without manual work.

A result arrives, an asset or a backfill is launched from its page, a champion disappoints, features drift.
"""

import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import httpx
import pytest
import sqlalchemy as sa

from soccer_assets.contract.release import CHAMPION, PREVIOUS
from soccer_assets.graph.assets.model import REASON_TAG, TEXT_TAG
from soccer_assets.graph.automation_conditions import follow_upstream_sensor
from soccer_assets.graph.sensors.rollback import WORSE_THAN_PREVIOUS, rollback_sensor
from tests import services
from tests.loop import LONGEST_SECONDS, Loop, answer, probabilities

ROLLED_BACK = dg.RunsFilter(tags={"dagster/sensor_name": rollback_sensor.name})
FOLLOWED = dg.RunsFilter(tags={"dagster/sensor_name": follow_upstream_sensor.name})

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def after_a_tick(loop: Loop) -> float:
    """The schedule carries a late result to the answers; returns the seconds from tick to answer.

    Then a deliberately bad champion is promoted, and its results let the sensor go back.
    """
    row = loop.late[0]
    with loop.home.sidecar() as client, loop.home.code("every_two_minutes"), loop.home.daemon():
        assert answer(client, row)["result"] is None
        before = probabilities(client, loop.next_of(row))
        loop.tell(1)
        answered_at = loop.wait_for_result(client, row)
        doctor = [sys.executable, "-m", "soccer_assets.cli", "doctor"]
        well = subprocess.run(doctor, env=loop.home.env, check=False, capture_output=True, text=True)
        assert well.returncode == 0, well.stdout
        result = answer(client, row)["result"]
        assert (result["home_goals"], result["away_goals"]) == (row["home_goals"], row["away_goals"])
        assert probabilities(client, loop.next_of(row)) != before
        assert answer(client, loop.late[1])["result"] is None
        after_a_bad_champion(loop, client)
    return answered_at - loop.tick_before(answered_at)


def after_a_bad_champion(loop: Loop, client: httpx.Client) -> None:
    """The run of the rollback sensor moves the alias back; release, event and answers follow, once."""
    good = loop.registry.get(CHAMPION)
    bad = loop.crown_a_bad_champion()
    with loop.home.instance as instance:
        assert not instance.get_runs(ROLLED_BACK)  # without a settled match there is no evidence
    loop.settle_against_the_champion(60)
    rolled_back = {CHAMPION: good.version, PREVIOUS: bad}
    loop.home.wait_until(lambda: loop.released.items() >= rolled_back.items(), LONGEST_SECONDS)

    assert loop.registry.get(CHAMPION) == good
    promotions = [event for event in loop.events() if event.type == "promotion"]
    assert [event.detail["model_version"] for event in promotions] == [bad, good.version]
    loop.home.wait_until(lambda: client.get("/predict/model/info").json()["version"] == good.version)
    with loop.home.instance as instance:
        (run,) = instance.get_runs(ROLLED_BACK)
    assert run.tags[REASON_TAG] == WORSE_THAN_PREVIOUS
    assert f"version {bad} minus version {good.version} on 60 settled matches" in run.tags[TEXT_TAG]


def after_an_asset_by_hand(loop: Loop) -> None:
    """Declarative automation carries rows ingested from an asset's page to the answers."""
    row = loop.late[1]
    loop.cancel_open_runs()
    with loop.home.sidecar() as client:
        before = probabilities(client, loop.next_of(row))
        with loop.home.code("without_schedules"), loop.home.webserver(), loop.home.daemon():
            loop.tell(2)
            loop.home.materialize("livescores", "window")
            loop.wait_for_result(client, row)
        assert probabilities(client, loop.next_of(row)) != before


def after_a_backfill(loop: Loop) -> None:
    """One run of declarative automation carries a past month to a release, and no second one follows."""
    loop.cancel_open_runs()
    before = loop.release_id
    with loop.home.instance as instance:
        earlier = {run.run_id for run in instance.get_runs(FOLLOWED)}
    with loop.home.code("without_schedules"), loop.home.webserver(), loop.home.daemon():
        past = loop.home.months()[0]
        backfill = loop.home.launch_backfill([past])
        loop.home.wait_until(
            lambda: loop.home.backfill_status(backfill) == "COMPLETED_SUCCESS", LONGEST_SECONDS
        )
        loop.home.wait_until(lambda: loop.release_id != before, LONGEST_SECONDS)
        time.sleep(30)  # several looks of the automation sensor
    with loop.home.instance as instance:
        (run,) = [run for run in instance.get_runs(FOLLOWED) if run.run_id not in earlier]
        events = [record.event_log_entry for record in instance.get_records_for_run(run.run_id).records]
    assert run.status is dg.DagsterRunStatus.SUCCESS
    made = [event.asset_materialization.asset_key for event in events if event.asset_materialization]
    carried = ("matches/match", "exports/match", "features/match_features", "releases/current")
    assert [made.count(dg.AssetKey(key.split("/"))) for key in carried] == [1, 1, 1, 1]


def test_or_01_a_result_in_the_feed_changes_the_answers_and_a_bad_champion_goes(
    tmp_path: Path, valkey_url: str, record_property
) -> None:
    """A tick of the schedule carries it to the sidecar; the rollback sensor takes a bad champion back."""
    loop = Loop(tmp_path, SOCCER_REDIS_URL=valkey_url.replace("/0", "/12"))
    record_property("seconds_from_tick_to_answer", after_a_tick(loop))


@pytest.mark.trial
def test_or_01_what_follows_an_asset_from_its_page_changes_the_answers(tmp_path: Path) -> None:
    """No schedule is needed: automation carries the result from the ingest to a release."""
    after_an_asset_by_hand(Loop(tmp_path))


@pytest.mark.trial
def test_or_01_what_follows_a_backfill_from_its_page_follows_once(tmp_path: Path) -> None:
    """From a past month to a release: one run of declarative automation, and then no more."""
    after_a_backfill(Loop(tmp_path))


@pytest.mark.trial
def test_the_loop_closes_on_postgresql(tmp_path: Path, valkey_url: str, record_property) -> None:
    """All of these, with matches, ledger and Dagster's storage on a real PostgreSQL."""
    with services.postgres() as server:
        engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        addresses = {}
        for name in ("soccer", "dagster"):
            with engine.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
            addresses[name] = engine.url.set(database=name).render_as_string(hide_password=False)
        loop = Loop(
            tmp_path,
            dagster_url=addresses["dagster"],
            SOCCER_DATABASE_URL=addresses["soccer"],
            SOCCER_REDIS_URL=valkey_url.replace("/0", "/13"),
        )
        record_property("seconds_from_tick_to_answer", after_a_tick(loop))
        after_an_asset_by_hand(loop)
        after_a_backfill(loop)
