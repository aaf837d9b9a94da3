"""Faults as values, and which of their transitions a subscriber is notified of.

Pure: `diff` compares the current conditions with those a subscriber was notified of. A lasting fault is one
message and its recovery another; a new subscriber is notified of every open fault.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

NOTICE, WARNING, FAILURE = "notice", "warning", "failure"
_RANK = {NOTICE: 0, WARNING: 1, FAILURE: 2}

NEW, ESCALATED, REMINDER, RECOVERED = "new", "worse", "reminder", "recovered"

KINDS = (
    "run",
    "check",
    "freshness",
    "feed",
    "drift",
    "release",
    "promotion",
    "rollback",
    "daemon",
    "queue",
    "sidecar",
    "process",
    "database",
    "store",
    "mlflow",
    "disk",
)
# Of followers, who hear of nothing else.
FORECAST = "forecast"
# Of `soccer alerts test`, whatever the subscriber's filters are.
TEST = "test"


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that holds now, or a notice such as a promotion.

    Attributes:
        kind: one of `KINDS`.
        subject: the asset key, job, release or address that it concerns.
        severity: `NOTICE` for events that never recover, such as a promotion; else `WARNING` or `FAILURE`.
        since: when it began, ISO 8601 in UTC.
        what: the predicate of the headline, such as "is stale".
        promise: the expected state; empty where none is declared.
        cause: the cause, as far as known.
        path: the page to open, relative to the public address.
        action: what to do about it; empty where the advice for its kind applies.
        impact: its effect on predictions; empty where that of its kind applies.
        headline: the whole headline; empty where it is subject and predicate.
        asset: key of the asset that it concerns.
        run: id of the run that it concerns.
        root: what faults of one cause have in common; empty where it has a cause of its own.
    """

    kind: str
    subject: str
    severity: str
    since: str
    what: str
    promise: str = ""
    cause: str = ""
    path: str = ""
    action: str = ""
    impact: str = ""
    headline: str = ""
    asset: str = ""
    run: str = ""
    root: str = ""

    @property
    def key(self) -> str:
        """Identifies the fault across evaluations."""
        return f"{self.kind}:{self.subject}"

    @property
    def incident(self) -> str:
        """Identifies what is told once: all faults of one cause."""
        return self.root or self.key


class Notified(msgspec.Struct, frozen=True, kw_only=True):
    """A condition as a subscriber was last notified of it."""

    condition: Condition
    notified_at: dt.datetime


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """A condition and its transition: `NEW`, `ESCALATED`, `REMINDER` or `RECOVERED`."""

    transition: str
    condition: Condition


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """The notifications due now, and the subscriber's state by condition key once they are recorded."""

    notifications: tuple[Notification, ...]
    notified: dict[str, Notified]


def diff(
    notified: Mapping[str, Notified],
    current: Sequence[Condition],
    now: dt.datetime,
    remind_after: dt.timedelta,
) -> Changes:
    """The notifications that a subscriber is due.

    A fault whose severity falls keeps its higher severity until it recovers: oscillating between warning and
    failure notifies once. One that is repeated began when it was first seen. Faults of one cause are told as
    one, which recovers when all of them have.

    Args:
        notified: by condition key, what the subscriber was last notified of.
        current: every condition that holds now.
        now: wall clock.
        remind_after: age of the last notification from which an open fault is repeated.
    """
    notifications, after = [], _kept_open(notified, current, now, remind_after)
    for condition in _one_an_incident(notified, current, after):
        before = notified.get(condition.key)
        if before is None:
            transition = NEW
        elif _RANK[condition.severity] > _RANK[before.condition.severity]:
            transition = ESCALATED
        elif condition.severity != NOTICE and now - before.notified_at >= remind_after:
            transition = REMINDER
        else:
            after[condition.key] = before
            continue
        if before is not None:  # it never ended in between
            first = min(before.condition.since, condition.since)
            condition = msgspec.structs.replace(condition, since=first)  # noqa: PLW2901
        notifications.append(Notification(transition=transition, condition=condition))
        after[condition.key] = Notified(condition=condition, notified_at=now)
    ended = [before.condition for key, before in notified.items() if key not in after]
    notifications += [
        Notification(transition=RECOVERED, condition=condition)
        for condition in ended
        if condition.severity != NOTICE
    ]
    return Changes(notifications=tuple(notifications), notified=after)


def _kept_open(
    notified: Mapping[str, Notified],
    current: Sequence[Condition],
    now: dt.datetime,
    remind_after: dt.timedelta,
) -> dict[str, Notified]:
    """What ended after it was told, while other faults of its cause go on: until it is due again."""
    going_on, keys = {condition.incident for condition in current}, {condition.key for condition in current}
    told = {before.condition.incident for key, before in notified.items() if key in keys}
    return {
        key: before
        for key, before in notified.items()
        if key not in keys
        and before.condition.severity != NOTICE
        and before.condition.incident in going_on - told
        and now - before.notified_at < remind_after
    }


def _one_an_incident(
    notified: Mapping[str, Notified], current: Sequence[Condition], kept_open: Mapping[str, Notified]
) -> list[Condition]:
    """Of each incident the faults that were told before; else the cause itself, or the first that is seen."""
    incidents: dict[str, list[Condition]] = {}
    for condition in current:
        incidents.setdefault(condition.incident, []).append(condition)
    for before in kept_open.values():
        incidents.pop(before.condition.incident, None)
    chosen = []
    for name, conditions in incidents.items():
        told = [condition for condition in conditions if condition.key in notified]
        causes = [condition for condition in conditions if condition.key == name]
        chosen += told or causes[:1] or conditions[:1]
    return chosen
