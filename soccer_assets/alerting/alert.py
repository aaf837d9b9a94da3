"""An alert: one transition of one fault as data. Text, HTML and JSON are made of it.

``docs/reference/alerts.md`` describes the JSON, and ``docs/reference/alerts.schema.json`` is its schema.
"""

import datetime as dt
import hashlib
import re
from typing import Literal, cast

import msgspec

from soccer_assets.alerting.faults import (
    ESCALATED,
    NEW,
    NOTICE,
    RECOVERED,
    REMINDER,
    Condition,
    Notification,
)
from soccer_assets.alerting.guides import GUIDES
from soccer_assets.clock import isoformat

Transition = Literal["new", "worse", "reminder", "recovered"]
Severity = Literal["notice", "warning", "failure"]

SCHEMA_VERSION = 1
# Name of the link that ends a subscription.
UNSUBSCRIBE = "unsubscribe"
_PREFIXES = {NEW: "", ESCALATED: "worse: ", REMINDER: "still: ", RECOVERED: "recovered: "}
_CAUSE_CHARACTERS = 300
# PagerDuty takes 255 characters, Opsgenie 512.
_KEY_CHARACTERS = 255
# The path of a class before its name, as in `package.module.SomeError: text`.
_CLASS_PATH = re.compile(r"(?<![\w/.@-])(?:[a-z_]\w*\.)+(?=[A-Z]\w*)")
# Our own exceptions are sentences: their class says nothing more.
_OWN_CLASS = re.compile(r"\bsoccer_assets\.[\w.]*\b[A-Z]\w*: ")


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where alerts come from.

    Attributes:
        host: name of the machine.
        home: folder of the home.
        feed: names of the feeds.
        installation: its id; empty where the database could not be asked for it.
        pages: address of Dagster's pages, without a slash at the end.
        is_public: whether others than this machine reach it.
    """

    host: str
    home: str
    feed: str
    installation: str
    pages: str
    is_public: bool


class Link(msgspec.Struct, frozen=True):
    """A page that shows more."""

    name: str
    href: str


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One transition of a fault, or a notice.

    Attributes:
        dedup_key: the same for a fault's begin, its reminders and its end, on whatever host it is seen.
        state: ``open`` while the fault lasts, ``resolved`` at its end, ``notice`` for what never ends.
        transition: ``new``, ``worse``, ``reminder`` or ``recovered``.
        kind: such as ``run`` or ``freshness``; ``test`` of a test message.
        severity: ``notice``, ``warning`` or ``failure``; of a resolved fault the one that it had.
        subject: the asset, job, release or address that it concerns.
        headline: one line that says what.
        since: when the promise was broken, ISO 8601 in UTC.
        resolved_at: when the end was seen; null before.
        expected: the promise; empty where none is declared.
        impact: the effect on predictions.
        cause: the cause, as far as known.
        action: what to do; empty when it is resolved.
        asset: key of the asset; null where none is concerned.
        run: id of the run that failed, or of the run that healed it; null where none is concerned.
        links: pages that show more; the first is the most useful.
        host: name of the machine that saw it.
        home: folder of the home.
        feed: names of the feeds.
    """

    dedup_key: str
    state: Literal["open", "resolved", "notice"]
    transition: Transition
    kind: str
    severity: Severity
    subject: str
    headline: str
    since: str
    resolved_at: str | None
    expected: str
    impact: str
    cause: str
    action: str
    asset: str | None
    run: str | None
    links: tuple[Link, ...]
    host: str
    home: str
    feed: str


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """What `json://` and `jsons://` addresses are sent besides Apprise's own fields.

    Attributes:
        schema_version: of `alerts`; a new field does not change it.
        alert_id: of the message; the same at every attempt to deliver it.
        title: every headline in one line, as far as there is room.
        message: the text that people get.
        type: ``failure``, ``warning``, ``info`` (a notice) or ``success`` (every alert is resolved).
        alerts: one for each fault.
    """

    schema_version: int
    alert_id: str
    title: str
    message: str
    type: str
    alerts: tuple[Alert, ...]


def alert_of(
    notification: Notification, origin: Origin, now: dt.datetime, healing_run: str | None = None
) -> Alert:
    """The alert of one transition.

    Args:
        notification: the transition.
        origin: where it was seen.
        now: wall clock; the end of a fault that is over.
        healing_run: id of the run that ended the fault, where one did.
    """
    condition, guide = notification.condition, GUIDES[notification.condition.kind]
    is_over = notification.transition == RECOVERED
    run = (healing_run if is_over else condition.run) or None
    return Alert(
        dedup_key=dedup_key(condition, origin.installation),
        state="resolved" if is_over else "notice" if condition.severity == NOTICE else "open",
        transition=cast("Transition", notification.transition),
        kind=condition.kind,
        severity=cast("Severity", condition.severity),
        subject=condition.subject,
        headline=headline(notification, healing_run),
        since=condition.since,
        resolved_at=isoformat(now) if is_over else None,
        expected=condition.promise,
        impact="" if is_over else condition.impact or guide.impact,
        cause="" if is_over else brief(condition.cause),
        action="" if is_over else condition.action or guide.action,
        asset=condition.asset or None,
        run=run,
        links=_links(condition, run, origin, is_over=is_over),
        host=origin.host,
        home=origin.home,
        feed=origin.feed,
    )


def dedup_key(condition: Condition, installation: str) -> str:
    """Identifies the fault for receivers: installation, kind and subject, at most 255 characters.

    Without the host: a fault that another machine tells of is the same.
    """
    key = f"{installation}:{condition.key}" if installation else condition.key
    if len(key) <= _KEY_CHARACTERS:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    return f"{key[: _KEY_CHARACTERS - 17]}:{digest}"


def headline(notification: Notification, healing_run: str | None = None) -> str:
    """One line that says what, such as "champion rolled back to version 2"."""
    condition, guide = notification.condition, GUIDES[notification.condition.kind]
    prefix = _PREFIXES[notification.transition]
    if notification.transition == RECOVERED:
        end = guide.recovered if healing_run or not guide.forgotten else guide.forgotten
        return f"{prefix}{_name(condition)} {end}"
    text = condition.headline or f"{condition.subject} {condition.what}"
    return f"{prefix}{text}" + ("" if condition.severity == NOTICE else f" ({condition.severity})")


def _name(condition: Condition) -> str:
    """What the headline of a fault calls it, without the predicate."""
    ending = f" {condition.what}"
    if condition.headline.endswith(ending):
        return condition.headline.removesuffix(ending)
    return condition.subject


def brief(cause: str) -> str:
    """The first line of a cause, without the paths of classes, at most 300 characters."""
    first = cause.strip().splitlines()[0] if cause.strip() else ""
    first = _CLASS_PATH.sub("", _OWN_CLASS.sub("", first))
    return first if len(first) <= _CAUSE_CHARACTERS else first[: _CAUSE_CHARACTERS - 1] + "…"


def _links(condition: Condition, run: str | None, origin: Origin, *, is_over: bool) -> tuple[Link, ...]:
    """The page of the condition and that of the run; of a fault that is over the run first: it shows why."""
    found = [Link(name="run", href=f"{origin.pages}/runs/{run}")] if run else []
    if condition.path and (not run or not condition.path.startswith("/runs/")):
        found.append(Link(name="page", href=f"{origin.pages}{condition.path}"))
    return tuple(found if is_over else reversed(found))
