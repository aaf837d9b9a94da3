"""One MLflow run per training run, through dagster-mlflow.

dagster-mlflow's `mlflow_tracking` makes every process of the code location import MLflow, which takes
seconds, and closes its run from a hook on the job's last step only. This resource imports MLflow when a run
first needs it, and closes the run when Dagster tears the resource down.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import dagster as dg

from soccer_assets.resources.model_registry import ModelRegistry

EXPERIMENT = "match_outcome"


def training_run(registry: ModelRegistry) -> dg.ResourceDefinition:
    """The resource ``mlflow`` of the training job; it logs to the registry's server."""

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
        try:
            yield run
        finally:
            run.end_run()

    return mlflow


@contextlib.contextmanager
def tracked_run(registry: ModelRegistry, name: str) -> Iterator[Any]:
    """An MLflow run outside Dagster, with the same methods as the resource."""
    registry.ensure_experiment(EXPERIMENT)
    import mlflow  # noqa: PLC0415 - seconds to import

    mlflow.set_experiment(EXPERIMENT)
    with mlflow.start_run(run_name=name):
        yield mlflow


@dg.failure_hook(name="mark_mlflow_run_failed", required_resource_keys={"mlflow"})
def mark_mlflow_run_failed(context: dg.HookContext) -> None:
    """Mark the MLflow run of a failed step as failed."""
    context.resources.mlflow.end_run(status="FAILED")
