"""The progress of a job that runs in this process."""

import logging
import re
import threading

import dagster as dg
import pytest
from dagster._core.utils import make_new_run_id

from soccer_assets.operations.run_job import Belongs, Progress


def test_a_long_step_is_reported_while_it_runs_and_once_when_it_ends() -> None:
    """The step ends only after a line said that it runs: without that line this test fails."""
    lines: list[str] = []
    is_reported = threading.Event()

    def say(line: str) -> None:
        lines.append(line)
        if "… slow, " in line:
            is_reported.set()

    progress = Progress(say, quiet_seconds=0.02)
    logger = logging.Logger("progress")  # noqa: LOG001 - as the job's own
    logger.addHandler(progress)

    @dg.op
    def slow() -> bool:
        return is_reported.wait(60)

    @dg.job(logger_defs={"progress": dg.LoggerDefinition(lambda _context: logger)})
    def long_job() -> None:
        slow()

    progress.steps = 1
    with progress:
        done = long_job.execute_in_process(run_config={"loggers": {"progress": {}}})

    assert done.output_for_node("slow") is True
    assert [line for line in lines if "✓" in line] == [line for line in lines if "[ 1/1] ✓ slow  " in line]
    assert sum("✓" in line for line in lines) == 1
    assert re.search(r"\[ 0/1\] … slow, \d+ s", " ".join(lines))


def test_a_run_without_a_step_yet_is_reported_as_starting() -> None:
    """Dagster takes seconds before the first step, on a busy machine half a minute."""
    lines: list[str] = []
    is_reported = threading.Event()

    def say(line: str) -> None:
        lines.append(line)
        is_reported.set()

    with Progress(say, quiet_seconds=0.02):
        assert is_reported.wait(60)

    assert lines[0] == "  [ 0/0] … the run is starting"


@pytest.mark.parametrize("fails", [False, True])
def test_a_run_belongs_to_the_code_location_while_it_runs_and_after(fails: bool) -> None:
    """Dagster's timeline shows no other runs; its state is that of its end."""
    run_id = make_new_run_id()
    seen: list[str] = []

    with dg.DagsterInstance.ephemeral() as instance:
        logger = logging.Logger("progress")  # noqa: LOG001 - as the job's own
        logger.addHandler(Belongs(instance, run_id))

        def location() -> str:
            run = instance.get_run_by_id(run_id)
            origin = run.remote_job_origin if run else None
            assert origin is not None
            return f"{origin.location_name}: {origin.job_name}"

        @dg.op
        def step() -> None:
            seen.append(location())
            if fails:
                raise ValueError("by intent")

        @dg.job(logger_defs={"progress": dg.LoggerDefinition(lambda _context: logger)})
        def small_job() -> None:
            step()

        small_job.execute_in_process(
            run_config={"loggers": {"progress": {}}}, instance=instance, run_id=run_id, raise_on_error=False
        )

        run = instance.get_run_by_id(run_id)
        assert run is not None
        assert run.status == (dg.DagsterRunStatus.FAILURE if fails else dg.DagsterRunStatus.SUCCESS)
        assert [*seen, location()] == ["soccer_assets: small_job"] * 2


def test_the_thread_ends_with_the_job() -> None:
    """Nothing is printed after the last line of a job, and no thread is left."""
    with Progress(lambda _line: None):
        pass

    assert "progress" not in {thread.name for thread in threading.enumerate()}
