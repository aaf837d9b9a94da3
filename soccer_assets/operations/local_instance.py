"""The Dagster instance of a home under `soccer up`: its settings, its variables, its tables."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soccer_assets.compiled_files import compiled_files
from soccer_assets.loopback import ask_loopback_directly
from soccer_assets.resources.run_workers import Worker, worker_of
from soccer_assets.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

_FOLDER = "DAGSTER_HOME"

# The instance of a home; the deployment's dagster.yaml differs in storage and compute logs only.
INSTANCE: dict[str, Any] = {
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},  # no newsletter form on the first page
    "storage": {
        "custom": {
            "module": "soccer_assets.resources.dagster_sqlite",
            "class": "KeptSqliteStorage",
            # Not the folder itself: a home may be moved.
            "config": {"base_dir": {"env": _FOLDER}},
        }
    },
    "concurrency": {
        "runs": {
            "max_concurrent_runs": 2,
            # One publisher at a time: an hourly run never interleaves with a promotion.
            "tag_concurrency_limits": [{"key": "soccer/publish", "limit": 1}],
        },
        "pools": {"default_limit": 1, "granularity": "op"},
    },
    "run_launcher": {"module": "soccer_assets.resources.run_launcher", "class": "CheckedRunLauncher"},
    "run_monitoring": {
        "enabled": True,
        "poll_interval_seconds": 30,
        "free_slots_after_run_end_seconds": 300,
        # A cancelled run ends within seconds; one in a call that no interrupt reaches is ended after this.
        "cancel_timeout_seconds": 60,
        # 24 hours, for runs without a tag of their own such as backfills.
        "max_runtime_seconds": 86_400,
    },
    "run_retries": {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False},
    "freshness": {"enabled": True},
    "retention": {
        "schedule": {"purge_after_days": 90},
        "sensor": {"purge_after_days": {"skipped": 1, "success": 30, "failure": 30}},
    },
}


def home_environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """All variables that there are for the processes of a home: its settings, and caches inside the home."""
    direct = dict(environ)
    ask_loopback_directly(direct)
    return direct | {
        "SOCCER_HOME": str(settings.home),
        _FOLDER: str(settings.home / "dagster"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_LOGGING_LEVEL": "ERROR",
        **compiled_files(settings.home),
        # Compiled files go to the home's cache even where the user forbids them; without them a run starts 3
        # s later.
        "PYTHONDONTWRITEBYTECODE": "",
        # The working folder is not on the import path: a `json.py` there would run in every process.
        "PYTHONSAFEPATH": "1",
        "TMPDIR": str(settings.home / "tmp"),
        # Hides Dagster's notices about its own beta and preview functions.
        "PYTHONWARNINGS": "ignore",
    }


def open_instance(folder: Path) -> "dg.DagsterInstance":
    """The Dagster instance in a folder, whichever DAGSTER_HOME names; to be closed after use."""
    import dagster as dg  # noqa: PLC0415 - a second that only those pay who open one

    named = os.environ.get(_FOLDER)
    os.environ[_FOLDER] = str(folder)  # for the storage
    try:
        return dg.DagsterInstance.from_config(str(folder))
    finally:
        if named is None:
            del os.environ[_FOLDER]
        else:
            os.environ[_FOLDER] = named


def prepare_instance(folder: Path) -> None:
    """Create Dagster's tables in one process only, and fail runs that were open when a process was killed."""
    import dagster as dg  # noqa: PLC0415 - a second that only `up` pays

    open_statuses = [
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
    with open_instance(folder) as instance:
        for run in instance.get_runs(dg.RunsFilter(statuses=open_statuses)):
            if worker_of(instance, run) is Worker.ALIVE:  # `soccer run` in another terminal
                continue
            if run.status is dg.DagsterRunStatus.CANCELING:
                instance.report_run_canceled(run)
            else:
                instance.report_run_failed(run, "its process was killed; the next run repeats its work")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
