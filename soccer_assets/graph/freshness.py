"""Freshness policies: the age at which each watched asset warns and fails, and the same as text."""

import datetime as dt

import dagster as dg
from dagster._core.definitions.freshness import TimeWindowFreshnessPolicy

from soccer_assets.alerting.detection import Promise

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

_OLD_DATA = "answers rest on data older than promised and say so in `stale` and `stale_reasons`"
_OLD_REPORT = "the report shows an older state; predictions are not affected"
_OLD_MATCHES = "predictions rest on matches that are older than promised"
_HOURLY = ("refresh_hourly", "refresh_daily")
# By watched asset: the jobs that make it anew, and the effect of an old one on predictions.
_JOBS_AND_IMPACT = {
    "livescores/recent": (_HOURLY, _OLD_DATA),
    "livescores/upcoming": (("refresh_daily",), "matches that were announced since are not predicted"),
    "exports/match_raw": (_HOURLY, _OLD_MATCHES),
    "exports/match": (_HOURLY, _OLD_MATCHES),
    "model/candidate": (("retrain_model",), "the champion stays; nobody has tried for a better one"),
    "monitoring/drift": (("monitor_daily",), _OLD_REPORT),
    "monitoring/quality": (("monitor_daily",), _OLD_REPORT),
    "predictions/upcoming": (_HOURLY, _OLD_MATCHES),
    "releases/current": (_HOURLY, _OLD_DATA),
}


def _promise(key: dg.AssetKey, policy: dg.FreshnessPolicy) -> Promise:
    if not isinstance(policy, TimeWindowFreshnessPolicy):
        raise TypeError(f"{policy} has no time window")
    jobs, impact = _JOBS_AND_IMPACT[key.to_user_string()]
    first = policy.warn_window or policy.fail_window
    return Promise(text=text_of(policy), after=first.to_timedelta(), jobs=jobs, impact=impact)


# What the alerts say of each.
PROMISES = {key: _promise(key, policy) for key, policy in POLICIES.items()}
