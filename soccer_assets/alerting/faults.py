"""What can be wrong, as one value a fault; and what each subscriber is told of it.

Pure: `tell` compares what holds now with what a subscriber was told. A fault that lasts is one message,
its end another, and a subscriber who joins later hears of what is still open.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

NOTICE, WARNING, FAILURE = "notice", "warning", "failure"
_RANK = {NOTICE: 0, WARNING: 1, FAILURE: 2}

NEW, WORSE, REMINDER, RECOVERED = "new", "worse", "reminder", "recovered"

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
    "sidecar",
    "database",
    "store",
    "disk",
)


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """Something that holds now and that people want to know of.

    Attributes:
        kind: one of `KINDS`.
        subject: the asset key, job, release or address it is about.
        severity: `NOTICE` for news that needs no recovery, such as a promotion; else how bad it is.
        since: when it began, ISO 8601 in UTC.
        what: the fault in half a sentence.
        promise: what was promised instead; empty where nothing was.
        cause: why, as far as known.
        path: the page to look at, below the public address.
    """

    kind: str
    subject: str
    severity: str
    since: str
    what: str
    promise: str = ""
    cause: str = ""
    path: str = ""

    @property
    def key(self) -> str:
        """The same fault has the same key at every look."""
        return f"{self.kind}:{self.subject}"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A condition as a subscriber last heard of it."""

    condition: Condition
    told_at: dt.datetime


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of news: a condition and its turn, `NEW`, `WORSE`, `REMINDER` or `RECOVERED`."""

    turn: str
    condition: Condition


class News(msgspec.Struct, frozen=True, kw_only=True):
    """What to say now, and what the subscriber will then have been told."""

    lines: tuple[Line, ...]
    told: dict[str, Told]


def tell(
    told: Mapping[str, Told], current: Sequence[Condition], now: dt.datetime, remind_after: dt.timedelta
) -> News:
    """The news for a subscriber.

    A fault that got milder stays what it was until it is over: going up and down between warning and failure
    is no news.
    """
    lines, after = [], {}
    for condition in current:
        before = told.get(condition.key)
        if before is None:
            turn = NEW
        elif _RANK[condition.severity] > _RANK[before.condition.severity]:
            turn = WORSE
        elif condition.severity != NOTICE and now - before.told_at >= remind_after:
            turn = REMINDER
        else:
            after[condition.key] = before
            continue
        lines.append(Line(turn=turn, condition=condition))
        after[condition.key] = Told(condition=condition, told_at=now)
    over = [one.condition for key, one in told.items() if key not in after]
    lines += [Line(turn=RECOVERED, condition=one) for one in over if one.severity != NOTICE]
    return News(lines=tuple(lines), told=after)
