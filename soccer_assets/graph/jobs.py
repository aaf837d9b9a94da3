"""Jobs: each runs a whole chain of assets, because a launched run costs seconds before its first step."""

from typing import Any

import dagster as dg

from soccer_assets.graph.assets.model import REASON_TAG
from soccer_assets.resources.dagster_runs import PUBLISHES, TRAIN, at_most, on_queue, pod_of

# A sensor's reason overrides this one.
BY_HAND = {REASON_TAG: "by hand"}
# What trains holds the whole history at once; the other runs have the size of deploy/kubernetes/values.yaml.
_TRAINS = pod_of(cpus=1, memory_gb=2, at_most_gb=4)

_TO_FEATURES = dg.AssetSelection.assets(
    ["matches", "match"],
    ["matches", "odds"],
    ["exports", "match_raw"],
    ["exports", "match"],
    ["features", "team_state"],
    ["features", "match_features"],
)
_MODEL = dg.AssetSelection.assets(["model", "candidate"], ["model", "evaluation"], ["model", "champion"])
_TO_RELEASE = dg.AssetSelection.assets(
    ["predictions", "upcoming"],
    ["predictions", "ledger"],
    ["releases", "current"],
    ["projections", "season"],
    ["history", "parts"],
    ["downloads", "files"],
)
_RECENT = dg.AssetSelection.assets(["livescores", "recent"])
_UPCOMING = dg.AssetSelection.assets(["livescores", "upcoming"])
_HISTORY = dg.AssetSelection.assets(["livescores", "history"])
_PARAMETERS = dg.AssetSelection.assets(["model", "parameters"])
_MONITORING = dg.AssetSelection.groups("monitoring")


def rollback_config(from_version: str | None = None, to_version: str | None = None) -> dict[str, Any]:
    """The config of a rollback, from one version to another where they are named."""
    named = {"from_version": from_version, "to_version": to_version}
    versions = {name: int(version) for name, version in named.items() if version is not None}
    return {"ops": {"model__champion": {"config": {"rollback": True, **versions}}}}


refresh_hourly = dg.define_asset_job(
    "refresh_hourly",
    _RECENT | _TO_FEATURES | _TO_RELEASE,
    description="Ingests the last three days of the feed, then updates matches, features, predictions and "
    "the release.",
    tags=PUBLISHES | at_most(hours=2),
)
refresh_daily = dg.define_asset_job(
    "refresh_daily",
    _UPCOMING | _RECENT | _TO_FEATURES | _TO_RELEASE,
    description="As refresh_hourly, and ingests the fixtures of the next fifteen days.",
    tags=PUBLISHES | at_most(hours=3),
)
retrain_model = dg.define_asset_job(
    "retrain_model",
    _MODEL | _TO_RELEASE | _MONITORING,
    description="Trains and evaluates a candidate; promotes it if every gate passes, then predicts, releases "
    "and reports on drift and quality.",
    tags=PUBLISHES | BY_HAND | at_most(hours=8) | _TRAINS,
)
tune_parameters = dg.define_asset_job(
    "tune_parameters",
    _PARAMETERS,
    description="Searches hyper-parameters on the last three seasons; the next candidate is fitted with "
    "them.",
    tags=on_queue(TRAIN) | at_most(hours=8) | _TRAINS,
)
rollback_champion = dg.define_asset_job(
    "rollback_champion",
    dg.AssetSelection.assets(["model", "champion"]) | _TO_RELEASE | _MONITORING,
    description="Makes the previous champion the champion again, then predicts, releases and reports on "
    "drift and quality. A second run changes nothing; `to_version` names any earlier champion, also one that "
    "was rolled back. The page of `model/champion` says which version is served, which one a rollback would "
    "serve, and how both scored.",
    config=rollback_config(),
    tags=PUBLISHES | BY_HAND | at_most(hours=2),
)
build_everything = dg.define_asset_job(
    "build_everything",
    dg.AssetSelection.all(),
    description="First build of a home: the newest months of history, a first model, a first release, both "
    "reports.",
    # Every asset is made once: Dagster warns in red, at each launch by hand, of one that never was. The
    # window is of one day, and no hyper-parameters are searched.
    config={
        "ops": {
            "livescores__window": {"config": {"days": 1}},
            "model__parameters": {"config": {"trials": 0}},
        }
    },
    tags=PUBLISHES | at_most(hours=24) | _TRAINS,
)

reload_history = dg.define_asset_job(
    "reload_history",
    _HISTORY | _TO_FEATURES | _TO_RELEASE,
    description="Reads past months of the feed again, then updates matches, features, predictions and the "
    "release: for results that are missing for longer than 120 days.",
    tags=PUBLISHES | at_most(hours=24),
)

# Without the publish tag: it publishes nothing and must not delay the hourly run.
monitor_daily = dg.define_asset_job(
    "monitor_daily",
    _MONITORING,
    description="Reports on drift of features and predictions, and on the quality of the published "
    "predictions.",
    tags=on_queue(TRAIN) | at_most(hours=3),
)


def declared_config(job: dg.JobDefinition) -> dict[str, Any]:
    """The config that a job declares for its ops; empty where it declares none.

    A job over partitions holds it as that of each partition, and a run in this process does not ask for it.
    """
    if job.partitioned_config is None or job.partitions_def is None:
        return dict(job.run_config or {})
    newest = job.partitions_def.get_partition_keys()[-1]
    return dict(job.partitioned_config.get_run_config_for_partition_key(newest))


JOBS = [refresh_hourly, refresh_daily, retrain_model, rollback_champion, build_everything, reload_history]
JOB_NAMES = tuple(job.name for job in (*JOBS, tune_parameters, monitor_daily))
"""Jobs of assets, whose newest run the metrics show."""
