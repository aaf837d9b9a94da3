"""A graph of one asset, which fails on demand."""

import time

import dagster as dg
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

CURRENT = dg.AssetKey(["releases", "current"])


class Flaky(dg.ConfigurableResource):
    """Whether the asset and its check do what they should."""

    run_fails: bool = False
    check_fails: bool = False


@dg.asset(key=CURRENT)
def current(flaky: Flaky) -> None:
    """A stage that fails on demand."""
    if flaky.run_fails:
        raise ValueError("https://me:secret@feed.example.org did not answer")


@dg.asset_check(asset=CURRENT, name="release_is_readable")
def release_is_readable(flaky: Flaky) -> dg.AssetCheckResult:
    """A check that fails on demand."""
    return dg.AssetCheckResult(passed=not flaky.check_fails, description="3 bodies do not decode")


def run(instance: dg.DagsterInstance, **flaky: bool) -> None:
    """Run the one job, which fails as asked."""
    definitions = dg.Definitions(
        assets=[current],
        asset_checks=[release_is_readable],
        jobs=[dg.define_asset_job("refresh_hourly")],
        resources={"flaky": Flaky(**flaky)},
        executor=dg.in_process_executor,
    )
    definitions.resolve_job_def("refresh_hourly").execute_in_process(instance=instance, raise_on_error=False)


def report_freshness(instance: dg.DagsterInstance, state: FreshnessState) -> None:
    """Let the freshness daemon have found the asset in a state."""
    change = FreshnessStateChange(
        key=CURRENT,
        new_state=state,
        previous_state=FreshnessState.UNKNOWN,
        state_change_timestamp=time.time(),
    )
    instance._report_runless_asset_event(change)
