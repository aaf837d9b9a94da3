"""Freshness policies: the age at which each watched asset warns and fails."""

import datetime as dt

import dagster as dg

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

WATCHED: dict[dg.AssetKey, str] = {
    dg.AssetKey(["livescores", "recent"]): "warns after 90 minutes, fails after 3 hours",
    dg.AssetKey(["livescores", "upcoming"]): "fails after 26 hours",
    dg.AssetKey(["exports", "match_raw"]): "fails after 26 hours",
    dg.AssetKey(["exports", "match"]): "fails after 26 hours",
    dg.AssetKey(["model", "candidate"]): "warns after 29 days, fails after 35 days",
    dg.AssetKey(["monitoring", "drift"]): "warns after 26 hours, fails after 50 hours",
    dg.AssetKey(["monitoring", "quality"]): "warns after 26 hours, fails after 50 hours",
    dg.AssetKey(["predictions", "upcoming"]): "fails after 26 hours",
    dg.AssetKey(["releases", "current"]): "fails after 3 hours",
}
