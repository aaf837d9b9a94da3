"""The words of an alert: what, since when, against which promise, what it means, why, what to do, where."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence

import msgspec

from soccer_assets.alerting.faults import NEW, NOTICE, RECOVERED, REMINDER, WORSE, Condition, Line

# A digest names this many and counts the rest: 100 assets that fail together are one message.
_NAMED = 20
_CAUSE_CHARACTERS = 300
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
_SHORTEST_SECRET = 6
_URL_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_TURNS = {NEW: "", WORSE: "worse: ", REMINDER: "still: ", RECOVERED: "recovered: "}


class Message(msgspec.Struct, frozen=True):
    """What a subscriber reads."""

    title: str
    body: str


class Guide(msgspec.Struct, frozen=True):
    """What a kind of fault means for those who are served, and what to do about it."""

    means: str
    to_do: str


GUIDES = {
    "run": Guide(
        "the last release goes on answering; after 3 hours its answers say that they are stale",
        "open the run, read the step that failed, mend it and re-execute from failure",
    ),
    "check": Guide(
        "a failure stopped the run before anything was published, and the last release goes on answering; a "
        "warning stopped nothing",
        "open the check, read its counts, and materialise the asset again once the cause is mended",
    ),
    "freshness": Guide(
        "answers rest on older data than promised and say so in `stale` and `stale_reasons`",
        "see whether the schedule and the daemon run, then launch the asset's job by hand",
    ),
    "feed": Guide(
        "results that are due are missing; answers say that they are stale",
        "look at the provider's page; another feed in SOCCER_FEED can take over",
    ),
    "drift": Guide(
        "matches look unlike those the model learnt from; its probabilities may be less well calibrated",
        "look at the drift plots; the retrain sensor acts by itself once its bound is passed",
    ),
    "release": Guide(
        "a sidecar refused the newest release and goes on answering from the one before",
        "read the reason, then launch refresh_hourly: it publishes again",
    ),
    "promotion": Guide("predictions come from a new champion", "nothing; the scorecard shows why"),
    "rollback": Guide("predictions come from the previous champion again", "look at the ledger's comparison"),
    "daemon": Guide(
        "no schedule, sensor or backfill runs; the last release goes on answering and grows stale",
        "start the dagster-daemon again and read its log",
    ),
    "sidecar": Guide("clients of this address get no answers", "read the sidecar's log and start it again"),
    "database": Guide(
        "nothing new can be stored or published; the last release goes on answering",
        "see whether the database of SOCCER_DATABASE_URL runs and takes connections",
    ),
    "store": Guide(
        "nothing new can be published; sidecars go on answering from the release they hold",
        "see whether the store of SOCCER_STORE_URL can be read and written",
    ),
    "disk": Guide(
        "nothing new can be stored; what is stored stays whole and the last release goes on answering",
        "make room, or run `soccer prune`",
    ),
}


def render(lines: Sequence[Line], *, feed: str, public_url: str, now: dt.datetime) -> Message:
    """One message for all lines; a digest where there are several."""
    link = public_url.rstrip("/")
    if len(lines) == 1:
        return _single(lines[0], feed, link, now)
    bad = sum(line.turn != RECOVERED for line in lines)
    parts = [f"{bad} need attention"] if bad else []
    parts += [f"{len(lines) - bad} recovered"] if bad < len(lines) else []
    body = [_line(line) for line in lines[:_NAMED]]
    if len(lines) > _NAMED:
        body.append(f"- and {len(lines) - _NAMED} more")
    kinds = sorted({line.condition.kind for line in lines if line.turn != RECOVERED})
    body += ["", *(f"{kind}: {GUIDES[kind].means}. To do: {GUIDES[kind].to_do}." for kind in kinds)]
    body += ["", _page(link, "/runs"), f"Feed:    {feed}"]
    return Message(f"[soccer] {len(lines)} alerts: {', '.join(parts)}", "\n".join(body))


def _single(line: Line, feed: str, link: str, now: dt.datetime) -> Message:
    condition, guide = line.condition, GUIDES[line.condition.kind]
    body = [f"What:    {_headline(line)}", f"Since:   {_when(condition.since)}"]
    if condition.promise:
        body.append(f"Promise: {condition.promise}")
    if line.turn == RECOVERED:
        body.append(f"Over:    {_when(now.isoformat())}; nothing is left to do")
    else:
        body += [f"Means:   {guide.means}", f"Cause:   {_short(condition.cause) or 'not known yet'}"]
        body.append(f"To do:   {guide.to_do}")
    body += [_page(link, condition.path), f"Feed:    {feed}"]
    return Message(f"[soccer] {_headline(line)}", "\n".join(body))


def _line(line: Line) -> str:
    condition = line.condition
    promise = f" (promise: {condition.promise})" if condition.promise and line.turn != RECOVERED else ""
    return f"- {_headline(line)}, since {_when(condition.since)}{promise}"


def _headline(line: Line) -> str:
    condition = line.condition
    severity = "" if condition.severity == NOTICE or line.turn == RECOVERED else f" ({condition.severity})"
    return f"{_TURNS[line.turn]}{condition.subject} {condition.what}{severity}"


def _page(link: str, path: str) -> str:
    if not link:
        return "Page:    set SOCCER_PUBLIC_URL to the address of Dagster's pages to find a link here"
    return f"Page:    {link}{path}"


def _when(instant: str) -> str:
    return f"{dt.datetime.fromisoformat(instant).astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def _short(cause: str) -> str:
    first = cause.strip().splitlines()[0] if cause.strip() else ""
    return first if len(first) <= _CAUSE_CHARACTERS else first[: _CAUSE_CHARACTERS - 1] + "…"


def scrub(text: str, environ: Mapping[str, str]) -> str:
    """The text without credentials: those in addresses, and values of variables named like secrets."""
    text = _URL_CREDENTIALS.sub("***@", text)
    for name, value in environ.items():
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, "***")
    return text


def scrubbed(condition: Condition, environ: Mapping[str, str]) -> Condition:
    """The condition as it may be told."""
    return msgspec.structs.replace(
        condition, what=scrub(condition.what, environ), cause=scrub(condition.cause, environ)
    )
