"""The text of a message: what, since when, expected state, impact, cause, action, pages, and where."""

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

from soccer_assets.alerting.alert import Alert, Origin, alert_of
from soccer_assets.alerting.faults import Condition, Notification
from soccer_assets.alerting.guides import GUIDES
from soccer_assets.masking import mask

# A digest lists this many and counts the rest: 100 assets that fail together are one message.
LISTED = 20
# Mail programs show about this much of a subject.
_TITLE_CHARACTERS = 110
# In a title and a list the worst comes first, and what is over last.
_ORDER = {("open", "failure"): 0, ("open", "warning"): 1, ("notice", "notice"): 2}


class Message(msgspec.Struct, frozen=True):
    """Title and body, plain text, and the alerts that they tell of."""

    title: str
    body: str
    alerts: tuple[Alert, ...] = ()


def render(
    notifications: Sequence[Notification],
    *,
    origin: Origin,
    now: dt.datetime,
    healing_runs: Mapping[str, str] | None = None,
) -> Message:
    """One message for all notifications; a digest where there are several.

    Args:
        notifications: at least one.
        origin: where they were seen.
        now: wall clock.
        healing_runs: by key of a condition that ended, the run that ended it.
    """
    healed = healing_runs or {}
    alerts = [alert_of(each, origin, now, healed.get(each.condition.key)) for each in notifications]
    alerts.sort(key=lambda alert: _ORDER.get((alert.state, alert.severity), len(_ORDER)))
    body = _single(alerts[0]) if len(alerts) == 1 else _digest(alerts, origin)
    seen = [("Host", f"{origin.host}, home {origin.home}"), ("Feed", origin.feed)]
    if not origin.is_public:
        seen.append(
            ("Links", f"open on {origin.host} only; set SOCCER_PUBLIC_URL for links that others can open")
        )
    return Message(f"[soccer] {_title(alerts)}", "\n".join([*body, *map(_written, seen)]), tuple(alerts))


def facts(alert: Alert) -> list[tuple[str, str]]:
    """What a message says of an alert, label and value; without its pages."""
    rows = [
        ("What", alert.headline),
        ("Since", when(alert.since)),
        ("Expected", alert.expected),
        ("Resolved", f"{when(alert.resolved_at)}; no action needed" if alert.resolved_at else ""),
        ("Impact", alert.impact),
        ("Cause", "" if alert.resolved_at else alert.cause or "unknown"),
        ("Action", alert.action),
        ("Asset", alert.asset or ""),
        ("Run", alert.run or ""),
    ]
    return [(label, value) for label, value in rows if value]


def when(instant: str) -> str:
    """An instant as people read it."""
    return f"{dt.datetime.fromisoformat(instant).astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def scrubbed(condition: Condition, environ: Mapping[str, str]) -> Condition:
    """The condition without credentials in its text."""
    return msgspec.structs.replace(
        condition,
        what=mask(condition.what, environ),
        cause=mask(condition.cause, environ),
        action=mask(condition.action, environ),
        headline=mask(condition.headline, environ),
        impact=mask(condition.impact, environ),
    )


def _title(alerts: Sequence[Alert]) -> str:
    """The first headlines, as many as there is room for, and the number of the others."""
    title = alerts[0].headline
    for index, alert in enumerate(alerts[1:], start=1):
        longer = f"{title}; {alert.headline}"
        if len(longer) > _TITLE_CHARACTERS:
            return f"{title}; and {len(alerts) - index} more"
        title = longer
    return title


def _single(alert: Alert) -> list[str]:
    return [_written(fact) for fact in [*facts(alert), *_pages(alert)]]


def _digest(alerts: Sequence[Alert], origin: Origin) -> list[str]:
    body = [line for alert in alerts[:LISTED] for line in _lines(alert)]
    if len(alerts) > LISTED:
        body.append(f"- and {len(alerts) - LISTED} more")
    advice = dict.fromkeys(filter(None, map(_general, alerts)))
    return [*body, "", *advice, *([""] if advice else []), _written(("Page", f"{origin.pages}/runs"))]


def _lines(alert: Alert) -> list[str]:
    """What a digest says of one alert; what is the same for others of its kind stands below all of them."""
    promise = f" (expected: {alert.expected})" if alert.expected and not alert.resolved_at else ""
    lines = [f"- {alert.headline}, since {when(alert.since)}{promise}"]
    if alert.cause:
        lines.append(f"  Cause: {alert.cause}")
    if alert.action != GUIDES[alert.kind].action and alert.action:
        lines.append(f"  Action: {alert.action}")
    named = [f"asset {alert.asset}"] if alert.asset else []
    named += [f"run {alert.run}"] if alert.run else []
    named += [link.href for link in alert.links[:1]]
    return [*lines, f"  {', '.join(named)}"] if named else lines


def _general(alert: Alert) -> str:
    """The effect of a fault, and what to do where all of its kind have it in common; empty if it is over."""
    if alert.resolved_at:
        return ""
    action = f" Action: {alert.action}." if alert.action == GUIDES[alert.kind].action else ""
    return f"{alert.kind}: {alert.impact}.{action}"


def _pages(alert: Alert) -> list[tuple[str, str]]:
    return [("Page", link.href) for link in alert.links]


def _written(fact: tuple[str, str]) -> str:
    label, value = fact
    return f"{label + ':':<10}{value}"
