"""The text of an alert: what, since when, expected state, impact, cause, action, page."""

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

from soccer_assets.alerting.faults import ESCALATED, NEW, NOTICE, RECOVERED, REMINDER, Condition, Notification
from soccer_assets.masking import mask

# A digest lists this many and counts the rest: 100 assets that fail together are one message.
_LISTED = 20
_CAUSE_CHARACTERS = 300
_PREFIXES = {NEW: "", ESCALATED: "worse: ", REMINDER: "still: ", RECOVERED: "recovered: "}


class Message(msgspec.Struct, frozen=True):
    """Title and body, plain text."""

    title: str
    body: str


class Guide(msgspec.Struct, frozen=True):
    """Impact of a kind of fault on the service, and the action to take."""

    impact: str
    action: str


GUIDES = {
    "run": Guide(
        "the last release stays in service; after 3 hours its answers are marked stale",
        "open the run, read the failed step, fix its cause and re-execute from failure",
    ),
    "check": Guide(
        "a failure stopped the run before it published, and the last release stays in service; a warning "
        "stopped nothing",
        "open the check, read its counts, fix the cause and materialise the asset again",
    ),
    "freshness": Guide(
        "answers rest on data older than promised and say so in `stale` and `stale_reasons`",
        "check that the schedule and the daemon run, then launch the asset's job by hand",
    ),
    "feed": Guide(
        "expected results are missing; answers are marked stale",
        "check the provider's status page; another feed in SOCCER_FEED can take over",
    ),
    "drift": Guide(
        "matches differ from those the model was trained on; its probabilities may be less well calibrated",
        "look at the drift plots; the retrain sensor starts a training by itself above its bound",
    ),
    "release": Guide(
        "a sidecar rejected the newest release and serves the previous one",
        "read the reason, then launch refresh_hourly: it publishes again",
    ),
    "promotion": Guide("predictions come from a new champion", "none; the scorecard shows why"),
    "rollback": Guide(
        "predictions come from the previous champion again", "read the comparison of both in the ledger"
    ),
    "daemon": Guide(
        "no schedule, sensor or backfill runs; the last release stays in service and goes stale",
        "restart the dagster-daemon and read its log",
    ),
    "sidecar": Guide("clients of this address get no answers", "read the sidecar's log and restart it"),
    "process": Guide(
        "what this part does stands still; while the sidecar runs, the last release stays in service",
        "read its log, remove the cause and start `soccer up` again",
    ),
    "database": Guide(
        "nothing new can be stored or published; the last release stays in service",
        "check that the database of SOCCER_DATABASE_URL runs and accepts connections",
    ),
    "store": Guide(
        "nothing new can be published; sidecars serve the release they have loaded",
        "check that the store of SOCCER_STORE_URL can be read and written",
    ),
    "mlflow": Guide(
        "results, fixtures and releases go on with the champion of the current release; training and "
        "rollback fail until it is back",
        "check that the server of SOCCER_MLFLOW_URL runs; `soccer doctor` shows what it answers",
    ),
    "disk": Guide(
        "nothing new can be stored; stored data is intact and the last release stays in service",
        "free space, or run `soccer prune`",
    ),
}


def render(notifications: Sequence[Notification], *, feed: str, public_url: str, now: dt.datetime) -> Message:
    """One message for all notifications; a digest where there are several."""
    link = public_url.rstrip("/")
    total = len(notifications)
    if total == 1:
        return _single(notifications[0], feed, link, now)
    open_faults = [each for each in notifications if each.transition != RECOVERED]
    parts = [f"{len(open_faults)} need attention"] if open_faults else []
    parts += [f"{total - len(open_faults)} recovered"] if len(open_faults) < total else []
    body = [_line(notification) for notification in notifications[:_LISTED]]
    if total > _LISTED:
        body.append(f"- and {total - _LISTED} more")
    kinds = sorted({notification.condition.kind for notification in open_faults})
    body += ["", *(f"{kind}: {GUIDES[kind].impact}. Action: {GUIDES[kind].action}." for kind in kinds)]
    body += ["", _page(link, "/runs"), f"Feed:     {feed}"]
    return Message(f"[soccer] {total} alerts: {', '.join(parts)}", "\n".join(body))


def _single(notification: Notification, feed: str, link: str, now: dt.datetime) -> Message:
    condition, guide = notification.condition, GUIDES[notification.condition.kind]
    headline = _headline(notification)
    body = [f"What:     {headline}", f"Since:    {_when(condition.since)}"]
    if condition.promise:
        body.append(f"Expected: {condition.promise}")
    if notification.transition == RECOVERED:
        body.append(f"Resolved: {_when(now.isoformat())}; no action needed")
    else:
        body += [
            f"Impact:   {guide.impact}",
            f"Cause:    {_first_line(condition.cause) or 'unknown'}",
            f"Action:   {condition.action or guide.action}",
        ]
    body += [_page(link, condition.path), f"Feed:     {feed}"]
    return Message(f"[soccer] {headline}", "\n".join(body))


def _line(notification: Notification) -> str:
    condition = notification.condition
    action = f"; {condition.action}" if condition.action and notification.transition != RECOVERED else ""
    has_promise = condition.promise and notification.transition != RECOVERED
    promise = f" (expected: {condition.promise})" if has_promise else ""
    return f"- {_headline(notification)}, since {_when(condition.since)}{promise}{action}"


def _headline(notification: Notification) -> str:
    condition, transition = notification.condition, notification.transition
    severity = f" ({condition.severity})"
    if condition.severity == NOTICE or transition == RECOVERED:
        severity = ""
    return f"{_PREFIXES[transition]}{condition.subject} {condition.what}{severity}"


def _page(link: str, path: str) -> str:
    if not link:
        return "Page:     set SOCCER_PUBLIC_URL to the address of Dagster's pages to get a link here"
    return f"Page:     {link}{path}"


def _when(instant: str) -> str:
    return f"{dt.datetime.fromisoformat(instant).astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def _first_line(cause: str) -> str:
    first = cause.strip().splitlines()[0] if cause.strip() else ""
    return first if len(first) <= _CAUSE_CHARACTERS else first[: _CAUSE_CHARACTERS - 1] + "…"


def scrubbed(condition: Condition, environ: Mapping[str, str]) -> Condition:
    """The condition without credentials in its text."""
    return msgspec.structs.replace(
        condition,
        what=mask(condition.what, environ),
        cause=mask(condition.cause, environ),
        action=mask(condition.action, environ),
    )
