"""The state of the pipeline, from Dagster's runs and the match table."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator

import dagster as dg
import sqlalchemy as sa

from soccer_assets.clock import isoformat
from soccer_assets.contract.pipeline import (
    DueResults,
    FeedLatency,
    JobState,
    OpenAlert,
    PipelineState,
    PlannedRun,
)
from soccer_assets.contract.release import SCHEMA_VERSION
from soccer_assets.feeds.protocol import Feed
from soccer_assets.football.matches import MatchStatus
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.due import result_due_at
from soccer_assets.stores.monitoring.result_latency import result_latency
from soccer_assets.tables import match

_RESULT_AGE = dt.timedelta(days=30)
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_WAITING = [dg.DagsterRunStatus.QUEUED]
_AT_WORK = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
_AWAITED = [MatchStatus.SCHEDULED.value, MatchStatus.LIVE.value]


def pipeline_state(
    instance: dg.DagsterInstance,
    jobs: Iterable[str],
    database: Database,
    feed: Feed,
    now: dt.datetime,
    wall: dt.datetime,
    *,
    planned: tuple[PlannedRun, ...] = (),
    alerts: tuple[OpenAlert, ...] = (),
) -> PipelineState:
    """The state as of now.

    Args:
        instance: whose runs are read.
        jobs: names of the jobs; a job without an ended run is left out.
        database: the match tables.
        feed: its lag decides when a result is due.
        now: the home's clock, which decides whether a result is due.
        wall: the wall clock, by which runs start and end.
        planned: the next runs of the schedules.
        alerts: what holds now.
    """
    due = _results_due(database, feed, now)
    queued, oldest_queued = _open(instance, _WAITING)
    running, oldest_running = _open(instance, _AT_WORK)
    return PipelineState(
        schema_version=SCHEMA_VERSION,
        written_at=isoformat(wall),
        queued=queued,
        running=running,
        oldest_queued_at=oldest_queued,
        oldest_running_at=oldest_running,
        jobs=tuple(_newest_runs(instance, jobs)),
        results_due=sum(found.matches for found in due),
        due=due,
        latencies=tuple(
            FeedLatency(
                feed=name,
                matches=latency.matches,
                median_hours=latency.median_hours,
                slowest_hours=latency.slowest_hours,
            )
            for name, latency in result_latency(database, now).items()
        ),
        planned=planned,
        alerts=alerts,
    )


def _open(instance: dg.DagsterInstance, statuses: list[dg.DagsterRunStatus]) -> tuple[int, str | None]:
    """How many runs are in one of these states, and since when the oldest is."""
    chosen = dg.RunsFilter(statuses=statuses)
    count = instance.get_runs_count(chosen)
    oldest = instance.get_run_records(chosen, limit=1, ascending=True)
    if not oldest:
        return 0, None
    record = oldest[0]
    return count, _instant(record.start_time or record.create_timestamp.timestamp())


def _newest_runs(instance: dg.DagsterInstance, jobs: Iterable[str]) -> Iterator[JobState]:
    # By name: the newest run of a monthly job lies behind 700 hourly ones.
    for job in sorted(jobs):
        for record in instance.get_run_records(dg.RunsFilter(job_name=job, statuses=_ENDED), limit=1):
            end = record.end_time or record.update_timestamp.timestamp()
            yield JobState(
                job=job,
                ended_at=_instant(end),
                failed=record.dagster_run.status is dg.DagsterRunStatus.FAILURE,
                seconds=round(end - (record.start_time or end), 3),
            )


def _results_due(database: Database, feed: Feed, now: dt.datetime) -> tuple[DueResults, ...]:
    # By the index of kickoffs: at most a month of matches, most of which have their result.
    query = (
        sa.select(match.c.competition, match.c.kickoff, match.c.kickoff_precision)
        .where(match.c.status.in_(_AWAITED), match.c.kickoff.between(now - _RESULT_AGE, now))
        .order_by(match.c.kickoff)
    )
    with database.reading() as connection:
        awaited = connection.execute(query).all()
    kickoffs = defaultdict(list)
    for row in awaited:
        if result_due_at(row.kickoff, row.kickoff_precision, feed.result_lag) <= now:
            kickoffs[row.competition].append(row.kickoff)
    found = [
        DueResults(competition=competition, matches=len(times), since=isoformat(times[0]))
        for competition, times in kickoffs.items()
    ]
    return tuple(sorted(found, key=lambda due: (-due.matches, due.competition)))


def _instant(epoch_seconds: float) -> str:
    return isoformat(dt.datetime.fromtimestamp(epoch_seconds, dt.UTC))
