"""`soccer up`: the whole system on one machine, from an empty folder to an answered prediction.

Everything binds 127.0.0.1 and keeps its state, caches and temporary files under one home; only what several
sidecar workers count together lies in memory.
"""

import contextlib
import datetime as dt
import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

import httpx
from filelock import FileLock, Timeout
from rich.console import Console

from soccer_assets.alerting.subscribers import SubscriberError, Subscribers
from soccer_assets.bounded_call import BoundedCall
from soccer_assets.compiled_files import compiled_files
from soccer_assets.contract.release import POINTER_KEY
from soccer_assets.contract.status import STATUS_KEY, Status
from soccer_assets.feeds.registry import open_feeds
from soccer_assets.home import apply_home, open_home
from soccer_assets.loopback import certificates
from soccer_assets.operations import local_parts as parts
from soccer_assets.operations.home_health import home_faults
from soccer_assets.operations.installation_owner import InstallationOwner
from soccer_assets.operations.local_instance import INSTANCE, home_environment, prepare_instance
from soccer_assets.operations.local_sockets import LocalSockets, listen
from soccer_assets.operations.operation_error import OperationError
from soccer_assets.operations.part_environment import PartEnvironments
from soccer_assets.operations.processes import HOST, Processes, StartError, port_fault
from soccer_assets.operations.stopped_runs import cancel_open_runs, run_again
from soccer_assets.operations.supervisor import Supervisor
from soccer_assets.operations.upgrades import UpgradeError, upgrade_databases
from soccer_assets.operations.welcome import first_prediction, local_key, print_addresses
from soccer_assets.resources.database import Database, NewerSchemaError
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.settings import Settings
from soccer_assets.stores.installation import read_installation
from soccer_assets.stores.releases.origin import establish
from soccer_assets.stores.stored_json import decoded_or_none

# Data older than this is refreshed at the start, without waiting for the hourly run.
_REFRESH_AFTER = dt.timedelta(hours=1)
_START_SECONDS = 180.0
_CANCEL_SECONDS = 10.0


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


def _prepare(settings: Settings, sockets: LocalSockets, console: Console) -> PartEnvironments:
    """Create folders and the instance's files, upgrade the schemas; returns the children's environments."""
    for folder in (*compiled_files(settings.home).values(), "dagster", "tmp", "valkey"):
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
    prepare_instance(settings.home / "dagster")
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


def _start(
    settings: Settings, supervisor: Supervisor, sockets: LocalSockets, environments: PartEnvironments
) -> None:
    """Start everything except the daemon: its schedules must not start runs during the first build."""
    if not settings.redis_url:
        supervisor.start(parts.valkey(settings, sockets, environments.of("valkey")))
    supervisor.start(parts.code_server(sockets, environments.of("dagster-code")))
    location = {"socket": str(sockets.code), "location_name": "soccer_assets"}
    parts.workspace(settings).write_text(json.dumps({"load_from": [{"grpc_server": location}]}))
    # Held here as long as we run: connections wait while a killed sidecar is started again.
    listening = listen(settings.serving_port, settings.serving_workers)
    fds = tuple(listener.detach() for listener in listening)
    supervisor.start(parts.sidecar(settings, fds, environments.of("sidecar")))
    supervisor.start(parts.webserver(settings, environments.of("dagster-webserver")))


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
    supervisor.start(parts.daemon(settings, environments.of("dagster-daemon")))
    ready = f"http://{HOST}:{settings.serving_port}/ready"
    supervisor.wait_until("sidecar", lambda: _answers(ready), _START_SECONDS)
    supervisor.start(parts.task_worker(environments.of("worker")))
    supervisor.start(parts.watchdog(settings, environments.of("watchdog")))
    if with_mlflow:
        # After the build: only one process may create its tables.
        supervisor.start(parts.mlflow(settings, environments.of("mlflow")))
        health = parts.mlflow_health(settings)
        supervisor.wait_until("mlflow", lambda: _answers(health), _START_SECONDS)


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
    code = supervisor.run(job, [*parts.PYTHON, "-m", "soccer_assets.cli", "run", job], env)
    if code != 0 and job == "build_everything":
        raise StartError(f"the job {job} failed, see above; stored data is unchanged")
    if code != 0:
        console.print(f"the job {job} failed, see above; the current release is served")


def _answers(url: str) -> bool:
    try:
        answer = httpx.get(url, timeout=5, trust_env=False, verify=certificates(url))
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK
