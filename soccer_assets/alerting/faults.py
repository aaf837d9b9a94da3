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

    @property
    def key(self) -> str:
        """Identifies the fault across evaluations."""
        return f"{self.kind}:{self.subject}"


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
    failure notifies once. One that is repeated began when it was first seen.

    Args:
        notified: by condition key, what the subscriber was last notified of.
        current: every condition that holds now.
        now: wall clock.
        remind_after: age of the last notification from which an open fault is repeated.
    """
    notifications, after = [], {}
    for condition in current:
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
