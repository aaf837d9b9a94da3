"""``status.json`` beside the release pointer: how new the data is, and when answers become stale."""

import datetime as dt

import msgspec

STATUS_KEY = "releases/status.json"


# Answers become stale this long after the last check of the feed: three hourly runs.
CHECK_PROMISE = dt.timedelta(hours=3)


class AssetState(msgspec.Struct, frozen=True, kw_only=True):
    """Freshness of one watched asset."""

    key: str
    state: str
    promise: str
    last_materialized_at: str | None = None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The status of the data, rewritten by every run, also without a new release.

    Attributes:
        checked_at: when the feed was last checked.
        data_as_of: kickoff of the newest known result.
        next_expected_at: when the next result is due: kickoff + 3 h + the feed's lag.
        moved_match_ids: matches whose kickoff moved after they were predicted.
    """

    schema_version: int
    feed: str
    checked_at: str
    data_as_of: str | None
    next_expected_at: str | None
    moved_match_ids: tuple[str, ...] = ()
    assets: tuple[AssetState, ...] = ()


def stale_reasons(status: Status, now: dt.datetime) -> tuple[str, ...]:
    """Why answers at ``now`` are stale; empty if they are fresh.

    A month without matches is not stale: only a missed check of the feed or an overdue result is.
    """
    reasons = []
    if now > dt.datetime.fromisoformat(status.checked_at) + CHECK_PROMISE:
        hours = CHECK_PROMISE // dt.timedelta(hours=1)
        reasons.append(f"the feed was last checked at {status.checked_at}, over {hours} hours ago")
    if status.next_expected_at is not None and now > dt.datetime.fromisoformat(status.next_expected_at):
        reasons.append(f"a result was due at {status.next_expected_at} and has not arrived")
    return tuple(reasons)


def fresh_until(status: Status) -> dt.datetime:
    """The last instant at which answers are fresh."""
    promised = dt.datetime.fromisoformat(status.checked_at) + CHECK_PROMISE
    if status.next_expected_at is None:
        return promised
    return min(promised, dt.datetime.fromisoformat(status.next_expected_at))
