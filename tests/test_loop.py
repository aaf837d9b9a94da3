"""The loop on a live daemon: a result arrives in the feed, and the answers over HTTP change by themselves."""

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests import services
from tests.loop import Loop, answer, probabilities

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def after_a_tick(loop: Loop) -> float:
    """A late result is carried to the answers by the schedule; returns the seconds from tick to answer."""
    row = loop.late[0]
    with loop.home.sidecar() as client:
        assert answer(client, row)["result"] is None
        before = probabilities(client, loop.next_of(row))
        with loop.home.code("tests.every_minute"), loop.home.daemon():
            loop.tell(1)
            answered_at = loop.wait_for_result(client, row)
            doctor = [sys.executable, "-m", "soccer_assets.cli", "doctor"]
            well = subprocess.run(doctor, env=loop.home.env, check=False, capture_output=True, text=True)
        assert well.returncode == 0, well.stdout
        result = answer(client, row)["result"]
        assert (result["home_goals"], result["away_goals"]) == (row["home_goals"], row["away_goals"])
        assert probabilities(client, loop.next_of(row)) != before
        assert answer(client, loop.late[1])["result"] is None
    return answered_at - loop.tick_before(answered_at)


def after_an_asset_by_hand(loop: Loop) -> None:
    """What is ingested from an asset's page is carried on to the answers by declarative automation."""
    row = loop.late[1]
    loop.cancel_open_runs()
    with loop.home.sidecar() as client:
        before = probabilities(client, loop.next_of(row))
        with loop.home.code(), loop.home.webserver(), loop.home.daemon():
            loop.tell(2)
            loop.home.materialize("livescores", "window")
            loop.wait_for_result(client, row)
        assert probabilities(client, loop.next_of(row)) != before


def test_or_01_a_result_in_the_feed_changes_the_answers(tmp_path: Path, record_property) -> None:
    """A tick of the schedule carries it to the sidecar, its teams' fixtures move, the doctor is content."""
    record_property("seconds_from_tick_to_answer", after_a_tick(Loop(tmp_path)))


@pytest.mark.trial
def test_or_01_what_follows_an_asset_from_its_page_changes_the_answers(tmp_path: Path) -> None:
    """No schedule is needed: automation carries the result from the ingest to a release."""
    after_an_asset_by_hand(Loop(tmp_path))


@pytest.mark.trial
def test_the_loop_closes_on_postgresql(tmp_path: Path, record_property) -> None:
    """Both ways, with matches, ledger and Dagster's own storage on a real PostgreSQL."""
    with services.postgres() as server:
        engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        addresses = {}
        for name in ("soccer", "dagster"):
            with engine.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
            addresses[name] = engine.url.set(database=name).render_as_string(hide_password=False)
        loop = Loop(tmp_path, dagster_url=addresses["dagster"], SOCCER_DATABASE_URL=addresses["soccer"])
        record_property("seconds_from_tick_to_answer", after_a_tick(loop))
        after_an_asset_by_hand(loop)
