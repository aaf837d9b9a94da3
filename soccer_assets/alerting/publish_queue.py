"""Whether the queue of runs that publish stands: what holds it, what waits, and when one ended last.

The watchdog asks, because the alert sensor needs the code server that may be the cause.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

import dagster as dg
import msgspec

from soccer_assets.alerting.faults import FAILURE, Condition
from soccer_assets.clock import isoformat
from soccer_assets.resources.dagster_runs import PUBLISH_TAG

# The hourly run publishes every hour; a retraining or a reload of history may hold the queue for longer.
LONGEST_WAIT = dt.timedelta(hours=1)
# Between two hourly runs, one of which failed to start; 06:07 to 08:07 is the longest pause in a day.
LONGEST_PAUSE = dt.timedelta(hours=2, minutes=30)
_RUNNING = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


class OpenRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that publishes and has not ended."""

    run_id: str
    job: str
    since: dt.datetime


class PublishQueue(msgspec.Struct, frozen=True, kw_only=True):
    """The runs that publish.

    Attributes:
        running: the run that holds the queue; None where none does.
        waiting: queued runs, the longest waiting first.
        last_ended: when one ended last, whatever its result; None before the first.
        last_published: when one succeeded last.
    """

    running: OpenRun | None
    waiting: Sequence[OpenRun]
    last_ended: dt.datetime | None
    last_published: dt.datetime | None

    def is_standing(self, now: dt.datetime) -> bool:
        """Whether a run waits for over an hour, or none ended in two and a half hours."""
        if self.waiting and now - self.waiting[0].since > LONGEST_WAIT:
            return True
        is_late = self.last_ended is not None and now - self.last_ended > LONGEST_PAUSE
        return is_late and (self.running is None or now - self.running.since > LONGEST_PAUSE)

    def text(self, now: dt.datetime) -> str:
        """What runs, what waits and when a run published last."""
        published = f"{hours(now - self.last_published)} ago" if self.last_published else "never"
        held = (
            f"{self.running.job} runs for {hours(now - self.running.since)}" if self.running else "none runs"
        )
        return f"last run that published ended {published}; {held}, {len(self.waiting)} wait"


def read_queue(instance: dg.DagsterInstance) -> PublishQueue:
    """The queue now."""
    tags: Mapping[str, str | Sequence[str]] = {PUBLISH_TAG: "release"}

    def records(statuses: Sequence[dg.DagsterRunStatus], limit: int | None = None) -> Sequence[dg.RunRecord]:
        return instance.get_run_records(dg.RunsFilter(statuses=statuses, tags=tags), limit=limit)

    running = [_open(record) for record in records(_RUNNING)]
    waiting = [_open(record) for record in records([dg.DagsterRunStatus.QUEUED])]
    ended, published = records(_ENDED, 1), records([dg.DagsterRunStatus.SUCCESS], 1)
    return PublishQueue(
        running=min(running, key=lambda run: run.since, default=None),
        waiting=sorted(waiting, key=lambda run: run.since),
        last_ended=_end(ended[0]) if ended else None,
        last_published=_end(published[0]) if published else None,
    )


def queue_conditions(queue: PublishQueue, now: dt.datetime) -> list[Condition]:
    """One condition where the queue stands."""
    if not queue.is_standing(now):
        return []
    since = queue.last_published or (queue.waiting[0].since if queue.waiting else now)
    return [
        Condition(
            kind="queue",
            subject="publishing",
            severity=FAILURE,
            since=isoformat(since),
            what=f"has stopped: no run has published for {hours(now - since)}, the queue stands",
            promise="a run publishes every hour",
            cause=queue.text(now),
            path=f"/runs/{queue.running.run_id}" if queue.running else "/runs",
            action=remedy_of(queue),
        )
    ]


def remedy_of(queue: PublishQueue) -> str:
    """What frees the queue."""
    if queue.running:
        return f"open the run of {queue.running.job} and terminate it if its log stands still"
    return (
        "restart `soccer up`, or the services code and daemon: nothing starts the waiting or scheduled runs"
    )


def hours(duration: dt.timedelta) -> str:
    """A duration in minutes or hours, such as "2 h 10 min"."""
    hour, minutes = divmod(round(duration.total_seconds() / 60), 60)
    return f"{hour} h {minutes} min" if hour else f"{minutes} min"


def _open(record: dg.RunRecord) -> OpenRun:
    began = record.start_time or record.create_timestamp.timestamp()
    run = record.dagster_run
    return OpenRun(run_id=run.run_id, job=run.job_name, since=dt.datetime.fromtimestamp(began, dt.UTC))


def _end(record: dg.RunRecord) -> dt.datetime:
    ended = record.end_time or record.update_timestamp.timestamp()
    return dt.datetime.fromtimestamp(ended, dt.UTC)
