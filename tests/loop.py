"""A home whose feed is late with two results, for tests of the loop when they arrive."""

import datetime as dt
import time
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import mlflow
import msgspec
import redis
import sqlalchemy as sa

from soccer_assets.clock import isoformat
from soccer_assets.contract.events import Event
from soccer_assets.contract.installation import RedisNames
from soccer_assets.contract.release import CHAMPION, OUTCOMES, PREVIOUS
from soccer_assets.football.identity import mint_match_id
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, outcome_of
from soccer_assets.modelling.ledger_rules import Entry
from soccer_assets.operations.run_job import run_job
from soccer_assets.resources.database import Database
from soccer_assets.resources.mlflow_run import EXPERIMENT
from soccer_assets.resources.model_registry import ModelRegistry
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.watermarks import set_watermark
from soccer_assets.stores.installation import read_installation
from soccer_assets.stores.ledger.record import record_and_score
from soccer_assets.stores.ledger.running_sums import read_comparison
from soccer_assets.stores.ledger.shadows import record_shadows
from soccer_assets.tables import match
from tests.live import LiveHome
from tests.models import elo_model
from tests.stores.releases.test_publish import whole_release
from tests.toy_archive import Row, rows_until, write_archive

# A Saturday: the home is built in the morning, and by night the day's matches are over.
MORNING = dt.datetime(2025, 3, 1, 9, tzinfo=dt.UTC)
NIGHT = dt.datetime(2025, 3, 1, 23, tzinfo=dt.UTC)
_LATE = 2
# A machine that does nothing else needs a tenth of it.
LONGEST_SECONDS = 600
_SCHEDULED_TAG = ".dagster/scheduled_execution_time"


class Loop:
    """Such a home, built up to its first release."""

    def __init__(self, folder: Path, *, dagster_url: str = "", **environ: str) -> None:
        self._archive = folder / "matches.csv"
        self._rows = rows_until(NIGHT.date() + dt.timedelta(days=21))
        # Results against the order of strength, so that Elo moves.
        played = [row for row in self._rows if row["date"] == str(NIGHT.date())]
        self.late = played[:_LATE]
        for row in self.late:
            is_home_win = row["home_goals"] > row["away_goals"]
            row.update(home_goals=0 if is_home_win else 4, away_goals=4 if is_home_win else 0)
        self.tell(_LATE)
        self.home = LiveHome(
            folder / "home",
            dagster_url=dagster_url,
            SOCCER_FEED="archive",
            SOCCER_FEED_URL=str(self._archive),
            SOCCER_NOW=isoformat(NIGHT),
            SOCCER_FIRST_BUILD_MONTHS="7",
            SOCCER_POLL_SECONDS="0.5",
            **environ,
        )
        settings = self.home.settings
        failure = self._run("build_everything", MORNING)
        assert not failure, failure
        self.tell(0)
        self._store = ObjectStore(settings.store_url)
        self.registry = ModelRegistry(settings.mlflow_url, settings.home / "mlflow" / "artifacts")

    def _run(self, job: str, now: dt.datetime) -> str | None:
        """Run a job in this process, also while a daemon runs; returns why it failed."""
        with self.home.instance as instance:
            settings = msgspec.structs.replace(self.home.settings, now=now)
            return run_job(settings, instance, job, lambda _line: None).failure

    def tell(self, results: int) -> None:
        """Write the feed's file with the results of this many late matches."""
        hidden = {row["match_id"] for row in self.late[results:]}
        write_archive(self._archive, [row for row in self._rows if row["match_id"] not in hidden])

    def next_of(self, row: Row) -> Row:
        """The next match of a match's home team."""
        later = [other for other in self._rows if other["date"] > row["date"]]
        return next(other for other in later if row["home_team"] in (other["home_team"], other["away_team"]))

    @property
    def release_id(self) -> str:
        """The current release."""
        return whole_release(self._store).release_id

    @property
    def released(self) -> dict[str, str]:
        """Version of each model of the current release, by alias."""
        return {alias: card.version for alias, card in whole_release(self._store).models.items()}

    def events(self) -> list[Event]:
        """The events of the stream, oldest first."""
        with redis.Redis.from_url(self.home.settings.redis_url) as client:
            entries = client.xrange(RedisNames(read_installation(self._store).id).events)
        return [msgspec.json.decode(fields[b"event"], type=Event) for _, fields in entries]

    def crown_a_bad_champion(self) -> str:
        """Promote and release a model that swaps home and away; returns its version."""
        champion, bad = self.registry.get(CHAMPION), elo_model(-1.1)
        facts = msgspec.structs.replace(champion.facts, recipe=bad.recipe, content_sha256=bad.sha256)
        self.registry.ensure_experiment(EXPERIMENT)
        mlflow.set_experiment(EXPERIMENT)
        with mlflow.start_run():
            version = self.registry.register(bad, facts).version
        self.registry.set_alias(PREVIOUS, champion.version)
        self.registry.set_alias(CHAMPION, version)
        # A run of the schedule may be publishing at the same moment: then this one or the next has it.
        self._run("refresh_hourly", NIGHT)
        self.home.wait_until(lambda: self.released[CHAMPION] == version, LONGEST_SECONDS)
        return version

    def settle_against_the_champion(self, matches: int) -> None:
        """Let the newest matches end as the previous champion predicted, not as the champion did."""
        shas = [self.registry.get(alias).facts.content_sha256 for alias in (CHAMPION, PREVIOUS)]
        database = Database(self.home.settings.database_url)
        query = (
            sa.select(match)
            .where(match.c.status == MatchStatus.FINISHED.value, match.c.kickoff < MORNING)
            .order_by(match.c.kickoff.desc())
            .limit(matches)
        )
        with database.reading() as connection:
            rows = connection.execute(query).all()
        official, shadows = (
            [_entry(row, sha, p) for row in rows] for sha, p in zip(shas, (0.2, 0.6), strict=True)
        )
        record_and_score(database, [("TST", entry) for entry in official], MORNING)
        record_shadows(database, shadows)
        with database.writing() as connection:
            set_watermark(connection, "match scored by ledger", 0)  # their results came before all that
        record_and_score(database, [], NIGHT)
        assert read_comparison(database, *shas).matches >= matches
        database.engine.dispose()

    def wait_for_result(self, client: httpx.Client, row: Row) -> float:
        """Wait until the answer for a match has its result; returns the wall-clock time, epoch seconds."""
        seen = 0.0

        def has_result() -> bool:
            nonlocal seen
            seen = time.time()
            return answer(client, row)["result"] is not None

        self.home.wait_until(has_result, LONGEST_SECONDS)
        return seen

    def cancel_open_runs(self) -> None:
        """Delete the runs that an ended daemon had queued: they would publish the next result."""
        open_statuses = [
            dg.DagsterRunStatus.QUEUED,
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.STARTED,
        ]
        with self.home.instance as instance:
            for run in instance.get_runs(dg.RunsFilter(statuses=open_statuses)):
                instance.report_run_canceled(run)
                instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)

    def tick_before(self, instant: float) -> float:
        """The tick of the schedule whose run was the last to publish before an instant, epoch seconds."""
        with self.home.instance as instance:
            runs = [run for run in instance.get_runs() if _SCHEDULED_TAG in run.tags]
            begun = [
                dt.datetime.fromisoformat(run.tags[_SCHEDULED_TAG]).timestamp()
                for run in runs
                if (stats := instance.get_run_stats(run.run_id)).start_time and stats.start_time < instant
            ]
        return max(begun)


def answer(client: httpx.Client, row: Row) -> dict[str, Any]:
    """The sidecar's answer for a match."""
    match_id = mint_match_id("archive", row["match_id"])
    body: dict[str, Any] = client.get(f"/predict/{match_id}").raise_for_status().json()
    return body


def probabilities(client: httpx.Client, row: Row) -> tuple[float, float, float]:
    """The sidecar's probabilities of home, draw and away."""
    body = answer(client, row)
    return body["p_home"], body["p_draw"], body["p_away"]


def _entry(row: Any, model_sha256: str, p_outcome: float) -> Entry:
    """A prediction an hour before the kickoff of a match that is over."""
    happened = OUTCOMES.index(outcome_of(row.home_goals, row.away_goals).value)
    probabilities = [(1 - p_outcome) / 2] * 3
    probabilities[happened] = p_outcome
    return Entry(
        match_id=row.match_id,
        kickoff=row.kickoff,
        kickoff_precision=KickoffPrecision.MINUTE,
        model_sha256=model_sha256,
        p_home=probabilities[0],
        p_draw=probabilities[1],
        p_away=probabilities[2],
        recorded_at=row.kickoff - dt.timedelta(hours=1),
    )
