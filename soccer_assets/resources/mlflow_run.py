"""One MLflow run per training run, through dagster-mlflow.

dagster-mlflow's `mlflow_tracking` makes every process of the code location import MLflow, which takes
seconds, and closes its run from a hook on the job's last step only; a hook also leaves a "hook skipped"
beside every step that does not fail. This resource imports MLflow when a run first needs it, and closes the
run when Dagster tears the resource down.
"""

import contextlib
import datetime as dt
from collections.abc import Iterator
from typing import Any

import dagster as dg

from soccer_assets.resources.model_registry import ModelRegistry

EXPERIMENT = "match_outcome"
# Tags of a Dagster run that start so are tags of its MLflow run too, such as the reason for a training.
_TAG_PREFIX = "soccer/"
_LINK_TAG, _JOB_TAG = "dagster/run", "dagster/job"


def training_run(registry: ModelRegistry, dagster_url: str) -> dg.ResourceDefinition:
    """The resource ``mlflow`` of the training job; it logs to the registry's server.

    Args:
        registry: names the server.
        dagster_url: address of Dagster's pages, for the link to the run there.
    """

    @dg.resource(
        config_schema={
            "experiment_name": dg.Field(str, default_value=EXPERIMENT),
            "mlflow_tracking_uri": dg.Field(str, default_value=registry.url),
            "env": dg.Field(dict, default_value={}),
            "extra_tags": dg.Field(dict, default_value={}),
        },
        description="One MLflow run a training run: parameters, metrics and plots (SOCCER_MLFLOW_URL).",
    )
    def mlflow(context: dg.InitResourceContext) -> Iterator[Any]:
        from dagster_mlflow import resources  # noqa: PLC0415 - seconds to import

        registry.ensure_experiment(context.resource_config["experiment_name"])
        run: Any = resources.MlFlow(context)  # type: ignore[no-untyped-call]  # untyped upstream
        if context.run is not None:
            _describe(run, context.run, dagster_url)
        try:
            yield run
        finally:
            run.end_run(status=_status_of(context))

    return mlflow


def _describe(mlflow: Any, run: dg.DagsterRun, dagster_url: str) -> None:
    """Name the active MLflow run, and link it with the Dagster run; a retry finds what stands already."""
    # The run's own start: whoever attaches to it again writes the same name.
    started = dt.datetime.fromtimestamp(mlflow.active_run().info.start_time / 1000, dt.UTC)
    link = f"{dagster_url}/runs/{run.run_id}"
    reasons = {name: value for name, value in run.tags.items() if name.startswith(_TAG_PREFIX)}
    mlflow.set_tags(
        {
            "mlflow.runName": f"{run.job_name} {started:%Y-%m-%d %H:%M}",
            "mlflow.note.content": f"Job `{run.job_name}` in Dagster: [{run.run_id}]({link})",
            _LINK_TAG: link,
            _JOB_TAG: run.job_name,
            **reasons,
        }
    )


def _status_of(context: dg.InitResourceContext) -> str:
    """MLflow's status of a run whose steps are over: FAILED where one of them failed."""
    instance = context.instance
    if instance is None or context.run is None:
        return "FINISHED"
    run_id = context.run.run_id
    run = instance.get_run_by_id(run_id)
    if run is not None and run.status is dg.DagsterRunStatus.CANCELING:
        return "KILLED"
    failures = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE, limit=1)
    return "FAILED" if failures.records else "FINISHED"


@contextlib.contextmanager
def tracked_run(registry: ModelRegistry, name: str) -> Iterator[Any]:
    """An MLflow run outside Dagster, with the same methods as the resource."""
    registry.ensure_experiment(EXPERIMENT)
    import mlflow  # noqa: PLC0415 - seconds to import

    mlflow.set_experiment(EXPERIMENT)
    with mlflow.start_run(run_name=name):
        yield mlflow
