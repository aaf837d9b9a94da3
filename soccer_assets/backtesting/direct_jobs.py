"""Runs a job by calling its assets and checks in graph order, without a Dagster run.

The asset functions are the same. A Dagster run also writes some fifty events, which would be half of the time
of a day in a replay of hundreds of days.
"""

import contextlib
import datetime as dt
import inspect
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import dagster as dg
import pandas as pd

from soccer_assets.backtesting.errors import JobFailedError
from soccer_assets.graph.build import plain_resources
from soccer_assets.graph.jobs import declared_config
from soccer_assets.graph.pages.plots import without_pages
from soccer_assets.graph.retries import INTERACTIVE_TAG
from soccer_assets.resources.mlflow_run import tracked_run
from soccer_assets.resources.parquet_io_manager import ParquetIOManager

_LOG = logging.getLogger(__name__)


class _Context:
    """The parts of Dagster's context that assets use."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        run: dg.DagsterRun,
        job: dg.JobDefinition,
        asset_key: dg.AssetKey | None,
        months: dg.TimeWindow | None,
        config: Mapping[str, Any],
    ) -> None:
        self.instance = instance
        self.partition_time_window = months
        self.partition_keys: list[str] = []  # whose pages a replay does not have
        self.run = run
        self.run_id = run.run_id
        self.job_def = job
        self.log = _LOG
        self.op_config = config
        self._asset_key = asset_key

    @property
    def op_execution_context(self) -> Self:
        """The context of the step, which has its config."""
        return self

    @property
    def asset_key(self) -> dg.AssetKey:
        """The key of the one asset of this step."""
        if self._asset_key is None:
            raise ValueError("a step of several assets has no one key")
        return self._asset_key

    def add_output_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Do nothing: a replay has no asset pages."""

    def add_asset_metadata(
        self, metadata: Mapping[str, Any], asset_key: dg.AssetKey, partition_key: str
    ) -> None:
        """Do nothing, likewise."""


class DirectJobs:
    """The jobs of a graph, run in this process.

    Args:
        definitions: the graph with its resources.
        instance: Dagster instance that assets read freshness and earlier materialisations from.
    """

    def __init__(self, definitions: dg.Definitions, instance: dg.DagsterInstance) -> None:
        self._definitions = definitions
        self._instance = instance
        self._resources = plain_resources(definitions)
        self._frames: ParquetIOManager = self._resources["frames"]

    def run(
        self, name: str, now: dt.datetime, tags: Mapping[str, str] = {}, months: dg.TimeWindow | None = None
    ) -> None:
        """Run a job with its declared config, and record the run in the instance.

        Args:
            name: of the job.
            now: creation time of the run by the replay's clock; decisions read it from the instance.
            tags: of the run.
            months: the time window of its partitioned asset.

        Raises:
            JobFailedError: with the reason of the first step or blocking check that failed.
        """
        job = self._definitions.resolve_job_def(name)
        # The interactive tag skips the retry after five minutes: a feed that does not answer fails the job.
        run = dg.DagsterRun(
            job_name=name,
            run_id=str(uuid.uuid4()),
            tags={INTERACTIVE_TAG: "true", **tags},
            status=dg.DagsterRunStatus.SUCCESS,
        )
        self._instance.run_storage.add_historical_run(run, now)
        assets_by_step = {node.node_handle.name: node.assets_def for node in job.asset_layer.data}
        configs = {step: op["config"] for step, op in declared_config(job).get("ops", {}).items()}
        with contextlib.ExitStack() as stack:
            stack.enter_context(without_pages())
            resources = dict(self._resources)
            steps = [(node.name, _function_of(node)) for node in job.nodes_in_topological_order]
            if any("mlflow" in inspect.signature(function).parameters for _, function in steps):
                resources["mlflow"] = stack.enter_context(tracked_run(resources["model_registry"], name))
            for step, function in steps:
                assets = assets_by_step[step]
                keys = list(assets.keys)
                asset_key, config = keys[0] if len(keys) == 1 else None, configs.get(step, {})
                context = _Context(self._instance, run, job, asset_key, months, config)
                arguments = self._arguments(function, assets, resources | {"context": context}, config)
                try:
                    self._store_result(function(**arguments), assets)
                except dg.Failure as failure:
                    raise JobFailedError(f"{step.replace('__', '/')}: {failure.description}") from failure

    def _arguments(
        self,
        function: Callable[..., Any],
        assets: dg.AssetsDefinition,
        resources: Mapping[str, Any],
        config: Mapping[str, Any],
    ) -> dict[str, Any]:
        arguments: dict[str, Any] = {}
        for name, parameter in inspect.signature(function).parameters.items():
            if name == "config":
                arguments[name] = parameter.annotation(**config)
            elif name in resources:
                arguments[name] = resources[name]
            else:
                arguments[name] = self._frames.load(assets.keys_by_input_name[name])
        return arguments

    def _store_result(self, result: Any, assets: dg.AssetsDefinition) -> None:
        """Store the frame an asset returned; fail where a blocking check failed."""
        if isinstance(result, pd.DataFrame):
            self._frames.store(assets.key, result)
            return
        blocking = {spec.name for spec in assets.check_specs if spec.blocking}
        for item in result if isinstance(result, Iterator) else (result,):
            is_check = isinstance(item, dg.AssetCheckResult)
            checks = (item,) if is_check else getattr(item, "check_results", ())
            for check in checks or ():
                name = check.check_name or next(iter(blocking), "")
                if not check.passed and name in blocking:
                    raise dg.Failure(f"check {name} failed: {check.description or dict(check.metadata)}")


def _function_of(node: Any) -> Callable[..., Any]:
    """The plain function under an asset's or a check's decorator."""
    function: Callable[..., Any] = node.definition.compute_fn.decorated_fn
    return function
