"""A small graph whose runs wait for a file: executed by run workers in tests."""

import os
import time
from pathlib import Path

import dagster as dg

from soccer_assets.graph.executor import one_process

_FOLDER = "FLEET_TEST_FOLDER"


@dg.op
def wait_for_go(context: dg.OpExecutionContext) -> None:
    """Write the process id and the niceness, then wait until the file ``go`` is there."""
    folder = Path(os.environ[_FOLDER])
    begun = folder / f"begun-{context.run_id}"
    begun.with_suffix(".new").write_text(f"{os.getpid()} {os.nice(0)}")
    begun.with_suffix(".new").rename(begun)
    while not (folder / "go").exists():
        time.sleep(0.05)


@dg.job(executor_def=one_process)
def waiting() -> None:
    """One run of it is begun by whoever executes it."""
    wait_for_go()
