"""Freshness policies: the age at which each watched asset warns and fails, and the same as text."""

import datetime as dt

import dagster as dg
from dagster._core.definitions.freshness import TimeWindowFreshnessPolicy

LIVESCORES_RECENT = dg.FreshnessPolicy.time_window(
    warn_window=dt.timedelta(minutes=90), fail_window=dt.timedelta(hours=3)
)
LIVESCORES_UPCOMING = dg.FreshnessPolicy.time_window(fail_window=dt.timedelta(hours=26))
EXPORTS = dg.FreshnessPolicy.time_window(fail_window=dt.timedelta(hours=26))
PREDICTIONS = dg.FreshnessPolicy.time_window(fail_window=dt.timedelta(hours=26))
RELEASES = dg.FreshnessPolicy.time_window(fail_window=dt.timedelta(hours=3))
# The age of the last training, not of the last promotion: a champion that keeps winning is not stale.
CANDIDATE = dg.FreshnessPolicy.time_window(
    warn_window=dt.timedelta(days=29), fail_window=dt.timedelta(days=35)
)
MONITORING = dg.FreshnessPolicy.time_window(
    warn_window=dt.timedelta(hours=26), fail_window=dt.timedelta(hours=50)
)

POLICIES: dict[dg.AssetKey, dg.FreshnessPolicy] = {
    dg.AssetKey(["livescores", "recent"]): LIVESCORES_RECENT,
    dg.AssetKey(["livescores", "upcoming"]): LIVESCORES_UPCOMING,
    dg.AssetKey(["exports", "match_raw"]): EXPORTS,
    dg.AssetKey(["exports", "match"]): EXPORTS,
    dg.AssetKey(["model", "candidate"]): CANDIDATE,
    dg.AssetKey(["monitoring", "drift"]): MONITORING,
    dg.AssetKey(["monitoring", "quality"]): MONITORING,
    dg.AssetKey(["predictions", "upcoming"]): PREDICTIONS,
    dg.AssetKey(["releases", "current"]): RELEASES,
}

# From here on hours are hard to read: 29 days are written as days, 50 hours as hours.
_DAYS_FROM = dt.timedelta(days=3)
_UNITS = (("day", dt.timedelta(days=1)), ("hour", dt.timedelta(hours=1)), ("minute", dt.timedelta(minutes=1)))


def text_of(policy: dg.FreshnessPolicy) -> str:
    """The windows of a policy as text, such as "warns after 90 minutes, fails after 3 hours".

    Raises:
        TypeError: the policy has no time window.
    """
    if not isinstance(policy, TimeWindowFreshnessPolicy):
        raise TypeError(f"{policy} has no time window")
    fails = f"fails after {_duration(policy.fail_window.to_timedelta())}"
    if policy.warn_window is None:
        return fails
    return f"warns after {_duration(policy.warn_window.to_timedelta())}, {fails}"


def _duration(window: dt.timedelta) -> str:
    """In the largest unit that divides it; in days only from three days on."""
    for name, unit in _UNITS:
        if window % unit == dt.timedelta(0) and (name != "day" or window >= _DAYS_FROM):
            return f"{window // unit} {name}{'' if window == unit else 's'}"
    return str(window)


WATCHED: dict[dg.AssetKey, str] = {key: text_of(policy) for key, policy in POLICIES.items()}
