"""For each kind of fault: its effect on predictions, what to do, and the headline of its recovery."""

import msgspec

from soccer_assets.alerting.faults import FORECAST, TEST


class Guide(msgspec.Struct, frozen=True):
    """General texts of a kind; a condition may have its own.

    Attributes:
        impact: effect on the service.
        action: what to do.
        recovered: predicate of the recovery's headline, such as "answers again".
        forgotten: the same where no run ended the fault: it is only too old to be told of.
    """

    impact: str
    action: str
    recovered: str = "is over"
    forgotten: str = ""


GUIDES = {
    FORECAST: Guide("the newest forecast counts", "none; you follow this match or one of its teams"),
    TEST: Guide("none", "none; this is how an alert arrives"),
    "run": Guide(
        "the last release stays in service",
        "open the run, read the failed step, fix its cause and re-execute from failure",
        "succeeded again",
        "has not run again for 7 days; this alert ends",
    ),
    "check": Guide(
        "a failure stopped the run before it published, and the last release stays in service; a warning "
        "stopped nothing",
        "open the check, read its counts, fix the cause and materialise the asset again",
        "passes again",
    ),
    "freshness": Guide(
        "answers rest on data older than promised and say so in `stale` and `stale_reasons`",
        "check that the schedule and the daemon run (`soccer doctor`), then launch the asset's job by hand",
        "is fresh again",
    ),
    "feed": Guide(
        "expected results are missing; answers are marked stale",
        "check the provider's status page; another feed in SOCCER_FEED can take over",
        "has the results that were due",
    ),
    "drift": Guide(
        "matches differ from those the model was trained on; its probabilities may be less well calibrated",
        "look at the drift plots; `soccer run retrain_model` trains on the newest matches now, as the "
        "retrain sensor does by itself above its bound",
        "is within its bound again",
    ),
    "release": Guide(
        "a sidecar rejected the newest release and serves the previous one",
        "read the reason, then run `soccer run refresh_hourly`: it publishes again",
        "was replaced: another release was published",
    ),
    "promotion": Guide("predictions come from a new champion", "none; the scorecard shows why"),
    "rollback": Guide(
        "predictions come from the previous champion again", "none; the champion's page compares both"
    ),
    "queue": Guide(
        "no new result, fixture or model is published; the last release stays in service and goes stale",
        "open the run that holds the queue and terminate it if its log stands still; the next run follows",
        "goes on",
    ),
    "daemon": Guide(
        "no schedule, sensor or backfill runs; the last release stays in service and goes stale",
        "restart it and read its log: `docker compose restart daemon`, or start `soccer up` again",
        "is up again",
    ),
    "sidecar": Guide(
        "clients of this address get no answers",
        "restart it and read its log: `docker compose restart sidecar`, or start `soccer up` again",
        "answers again",
    ),
    "process": Guide(
        "what this part does stands still; while the sidecar runs, the last release stays in service",
        "read its log, remove the cause, stop `soccer up` and start it again",
        "runs again",
    ),
    "database": Guide(
        "nothing new can be stored or published; the last release stays in service",
        "check that the database of SOCCER_DATABASE_URL runs and accepts connections (`soccer doctor`)",
        "answers again",
    ),
    "store": Guide(
        "nothing new can be published; sidecars serve the release they have loaded",
        "check that the store of SOCCER_STORE_URL can be read and written (`soccer doctor`)",
        "can be read again",
    ),
    "mlflow": Guide(
        "results, fixtures and releases go on with the champion of the current release; training and "
        "rollback fail until it is back",
        "check that the server of SOCCER_MLFLOW_URL runs; `soccer doctor` shows what it answers",
        "gives models again",
    ),
    "disk": Guide(
        "nothing new can be stored; stored data is intact and the last release stays in service",
        "free space, or run `soccer prune`",
        "has enough space again",
    ),
}
