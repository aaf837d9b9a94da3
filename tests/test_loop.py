"""The loop on a live daemon: a result arrives in the feed, and the answers over HTTP change by themselves."""

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests import services
from tests.loop import Loop, answer, probabilities

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run_loop(loop: Loop) -> float:
    """A late result by the schedule, then one after an asset from its page; seconds from tick to answer."""
    first, second = loop.late
    with loop.home.sidecar() as client:
        assert answer(client, first)["result"] is None
        before = [probabilities(client, loop.next_of(row)) for row in loop.late]

        with loop.home.code("tests.every_minute"), loop.home.daemon():
            loop.tell(1)
            answered_at = loop.wait_for_result(client, first)
            doctor = [sys.executable, "-m", "soccer_assets.cli", "doctor"]
            well = subprocess.run(doctor, env=loop.home.env, check=False, capture_output=True, text=True)
        assert well.returncode == 0, well.stdout
        result = answer(client, first)["result"]
        assert (result["home_goals"], result["away_goals"]) == (first["home_goals"], first["away_goals"])
        assert probabilities(client, loop.next_of(first)) != before[0]
        assert answer(client, second)["result"] is None
        seconds = answered_at - loop.tick_before(answered_at)

        with loop.home.code(), loop.home.webserver(), loop.home.daemon():
            loop.tell(2)
            loop.home.materialize("livescores", "window")
            loop.wait_for_result(client, second)
        assert probabilities(client, loop.next_of(second)) != before[1]
    return seconds


def test_or_01_a_result_in_the_feed_changes_the_answers(tmp_path: Path, record_property) -> None:
    """A tick of the schedule carries it to the sidecar, and so does what follows an asset from its page."""
    record_property("seconds_from_tick_to_answer", run_loop(Loop(tmp_path)))


@pytest.mark.trial
def test_the_loop_closes_on_postgresql(tmp_path: Path, record_property) -> None:
    """The same with matches, ledger and Dagster's own storage on a real PostgreSQL."""
    with services.postgres() as server:
        engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        addresses = {}
        for name in ("soccer", "dagster"):
            with engine.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
            addresses[name] = engine.url.set(database=name).render_as_string(hide_password=False)
        loop = Loop(tmp_path, dagster_url=addresses["dagster"], SOCCER_DATABASE_URL=addresses["soccer"])
        record_property("seconds_from_tick_to_answer", run_loop(loop))
