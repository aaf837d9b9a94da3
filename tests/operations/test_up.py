"""`soccer up` as a user runs it: a real process with real children."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import dagster as dg
import httpx
import psutil
import pytest
from click.testing import CliRunner

from soccer_assets.alerting.running_parts import read_running_parts
from soccer_assets.cli import main
from soccer_assets.operations.local_instance import open_instance
from soccer_assets.operations.processes import free_port, port_fault
from tests.dagster_pages import DagsterPages
from tests.homes import make_home, share_caches, shared_cache

# Of others; the home's own servers and feed need none of them.
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "store-secret-1f2e",
    "SOCCER_API_FOOTBALL_KEY": "feed-secret-3d4c",
    "MLFLOW_TRACKING_PASSWORD": "mlflow-secret-5b6a",
    "GITHUB_TOKEN": "token-of-another-program-7d",
}


T = TypeVar("T")


def _variables(home: Path, dagster_port: int, serving_port: int) -> dict[str, str]:
    return {
        "SOCCER_HOME": str(home),
        "SOCCER_DAGSTER_PORT": str(dagster_port),
        "SOCCER_SERVING_PORT": str(serving_port),
        "SOCCER_LEAGUES": "2",
        "SOCCER_FIRST_BUILD_MONTHS": "12",
        "PYTHONPYCACHEPREFIX": str(shared_cache("pycache")),  # as make sets one
    }


class Stack:
    """A `soccer up` with its own home and ports."""

    def __init__(self, home: Path, *arguments: str, **environ: str) -> None:
        self.home = home
        self.dagster_port, self.serving_port = free_port(), free_port()
        self.pages = DagsterPages(f"http://127.0.0.1:{self.dagster_port}")
        self._log = home.parent / f"{self.serving_port}.out"
        env = dict(os.environ) | _variables(home, self.dagster_port, self.serving_port)
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "soccer_assets.cli", "up", *arguments],
                env=env | environ,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=home.parent,
            )

    @property
    def output(self) -> str:
        """Its output so far."""
        return self._log.read_text()

    def wait_for(self, text: str, seconds: float = 600) -> None:
        """Wait until it has printed something."""
        deadline = time.monotonic() + seconds
        while text not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.1)

    def children(self) -> list[psutil.Process]:
        """All its processes but itself."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def wait_for_run(self, run_id: str, statuses: set[str]) -> None:
        """Wait until a run has one of these."""
        deadline = time.monotonic() + 600
        while (status := self.pages.status_of(run_id)) not in statuses:
            assert time.monotonic() < deadline, status
            time.sleep(0.2)

    def stop(self) -> int:
        """Stop it as a service manager would; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(600)


def _of_each(processes: list[psutil.Process], ask: Callable[[psutil.Process], T]) -> list[T]:
    """What each process answers; one that ended since it was listed, such as a run's, has nothing to tell."""
    answers = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            answers.append(ask(process))
    return answers


def _finish(stack: Stack) -> tuple[int, str]:
    code = stack.process.wait(600)
    return code, stack.output


def _refused(home: Path, **environ: str) -> tuple[int, str]:
    """Exit code and output of a start that ends before its first child, in this process: that is imported."""
    caught = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(each) for each in caught]
    try:
        variables = _variables(home, free_port(), free_port())
        result = CliRunner().invoke(main, ["up"], env=variables | environ)
    finally:
        for each, handler in zip(caught, before, strict=True):
            signal.signal(each, handler)
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that has built its first release and keeps running."""
    home = tmp_path_factory.mktemp("up") / "home"
    share_caches(home)
    stack = Stack(home, "--mlflow-ui", SOCCER_MLFLOW_PORT=str(free_port()), **SECRETS)
    try:
        stack.wait_for("running; Ctrl-C stops everything")
        yield stack
    finally:
        stack.stop()


@pytest.mark.slow
def test_everything_listens_on_loopback_only(running):
    """Dagster's and MLflow's pages have no login: no port of any child is open to the network."""
    listening = {
        connection.laddr.ip.removeprefix("::ffff:")  # gRPC's sockets speak both families
        for connections in _of_each(running.children(), lambda child: child.net_connections("inet"))
        for connection in connections
        if connection.status == psutil.CONN_LISTEN
    }

    assert listening == {"127.0.0.1"}


@pytest.mark.slow
def test_the_pages_and_the_sidecar_answer(running):
    """The printed addresses answer, and the local key gives access to predictions."""
    dagster = f"http://127.0.0.1:{running.dagster_port}"
    serving = f"http://127.0.0.1:{running.serving_port}"
    key = (running.home / "dev.key").read_text().strip()

    with httpx.Client(headers={"X-API-Key": key}, timeout=120) as client:
        page = client.get(f"{serving}/predict/matches/", params={"limit": 1}).json()

    assert httpx.get(f"{dagster}/asset-groups", timeout=120).status_code == 200
    assert httpx.get(f"{serving}/predict/matches/", timeout=120).status_code == 401
    assert sum(page["items"][0][name] for name in ("p_home", "p_draw", "p_away")) == pytest.approx(1)


@pytest.mark.slow
def test_each_process_has_the_secrets_of_its_part_only(running):
    """Also the processes that a part starts. Whoever breaks into the sidecar finds no key of a provider."""
    of_parts: dict[str, set[str]] = {}
    for part in read_running_parts(running.home / "run"):
        process = psutil.Process(part.pid)
        family = [process, *process.children(recursive=True)]
        for environ in _of_each(family, lambda each: each.environ()):
            held = {name for name, value in SECRETS.items() if value in "".join(environ.values())}
            of_parts.setdefault(part.name, set()).update(held)

    graph = {"AWS_SECRET_ACCESS_KEY", "SOCCER_API_FOOTBALL_KEY", "MLFLOW_TRACKING_PASSWORD"}
    store = {"AWS_SECRET_ACCESS_KEY"}
    assert of_parts == {
        "dagster-code": graph,
        "sidecar": store,
        "dagster-webserver": set(),
        "dagster-daemon": set(),
        "worker": store,
        "watchdog": store,
        "mlflow": {"MLFLOW_TRACKING_PASSWORD"},
        "valkey": set(),
    }


@pytest.mark.slow
def test_the_local_key_is_its_owners_alone(running):
    """Only its owner can read the key's file."""
    assert stat.S_IMODE((running.home / "dev.key").stat().st_mode) == 0o600


@pytest.mark.slow
def test_a_second_start_on_the_same_home_is_refused(running):
    """Two stacks never share a home."""
    code, output = _finish(Stack(running.home))

    assert code == 1
    assert "another `soccer up` is running" in output


@pytest.mark.slow
def test_the_daemon_runs_what_the_page_launches(running):
    """A job launched from its page succeeds and keeps the release current."""
    run_id = running.pages.launch_from_page("refresh_hourly")

    running.wait_for_run(run_id, {"SUCCESS", "FAILURE", "CANCELED"})

    assert running.pages.status_of(run_id) == "SUCCESS"


@pytest.mark.slow
def test_the_first_build_is_a_run_of_its_job(running):
    """Dagster's pages list it with the runs of `build_everything`, though no daemon launched it."""
    ask = """query($s: PipelineSelector!) { pipelineOrError(params: $s) {
        ... on Pipeline { runs { status } } } }"""
    selector = {
        "repositoryName": "__repository__",
        "repositoryLocationName": "soccer_assets",
        "pipelineName": "build_everything",
    }

    found = running.pages.ask(ask, s=selector)

    assert [run["status"] for run in found["runs"]] == ["SUCCESS"]


@pytest.mark.slow
def test_no_command_line_holds_a_secret_and_no_other_user_reads_the_home(running):
    """Every user of the machine reads command lines; Valkey and the code server have no port."""
    commands = _of_each(running.children(), lambda child: " ".join(child.cmdline()))
    secret = (running.home / "dev.key").read_text().strip()

    assert commands
    assert not [command for command in commands if secret in command or "://" in command]
    assert stat.S_IMODE(running.home.stat().st_mode) == 0o700
    assert stat.S_IMODE((running.home / "run" / "sockets").stat().st_mode) == 0o700
    assert {path.name for path in (running.home / "run" / "sockets").iterdir()} == {
        "valkey.sock",
        "code.sock",
    }


@pytest.mark.slow
def test_nothing_is_written_outside_the_home(running):
    """Caches of Python, numba and matplotlib and temporary files of every child have their place there."""
    assert {path.name for path in running.home.parent.iterdir() if path.suffix != ".out"} == {"home"}
    places = {
        "PYTHONPYCACHEPREFIX": "cache/pycache",
        "NUMBA_CACHE_DIR": "cache/numba",
        "MPLCONFIGDIR": "cache/matplotlib",
        "TMPDIR": "tmp",
    }
    python = [child for child in running.children() if "python" in child.name()]
    assert len(python) > len(places)
    for child in python:
        environ = child.environ()
        assert {name: environ[name] for name in places} == {
            name: str(running.home / place) for name, place in places.items()
        }
        assert not environ["PYTHONDONTWRITEBYTECODE"]


@pytest.mark.slow
def test_sigterm_stops_every_child(tmp_path, running):
    """After a stop no process and no port is left; a second start continues from the stored state.

    A run that the stop interrupts is no failure: it ends cancelled, and the second start launches it again.
    """
    run_id = running.pages.launch_from_page("retrain_model")
    running.wait_for_run(run_id, {"STARTED", "SUCCESS"})
    children = running.children()
    releases = {path.name for path in (running.home / "store" / "releases").iterdir() if path.is_dir()}

    code = running.stop()
    again = Stack(running.home, "--once")
    again_code, output = _finish(again)
    with open_instance(running.home / "dagster") as instance:
        run, events = instance.get_run_by_id(run_id), instance.all_logs(run_id)

    assert code == 0
    assert run is not None
    assert run.status is dg.DagsterRunStatus.CANCELED
    assert "the home was stopped" in [event.message for event in events]
    assert "retrain_model was stopped with the home; it runs again" in output
    assert not [child for child in children if child.is_running() and child.status() != "zombie"]
    assert not port_fault(running.dagster_port)
    assert again_code == 0, output
    assert "first build" not in output
    assert releases <= {path.name for path in (running.home / "store" / "releases").iterdir()}
    assert json.loads(output.splitlines()[-1])["feed"] == "simulated"


@pytest.mark.trial
def test_a_killed_first_build_is_finished_by_the_next_start(tmp_path):
    """After kill -9 during the build nothing keeps running, and the next start duplicates nothing."""
    share_caches(tmp_path / "home")
    first = Stack(tmp_path / "home")
    first.wait_for("✓ matches")
    children = first.children()
    first.process.kill()
    first.process.wait()
    _, alive = psutil.wait_procs(children, timeout=300)

    code, output = _finish(Stack(tmp_path / "home", "--once"))

    assert not [child for child in alive if child.status() != "zombie"]
    assert code == 0, output
    assert "first build" in output
    with sqlite3.connect(tmp_path / "home" / "soccer.db") as database:
        ((rows, distinct),) = database.execute("SELECT count(*), count(DISTINCT source_match_id) FROM match")
        ((doubled,),) = database.execute("SELECT count(*) FROM match_history WHERE version > 1")
    assert rows == distinct > 500
    assert doubled == 0


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"SOCCER_FEED": "nix"}, "SOCCER_FEED names 'nix', which is no feed; there are: "),
        ({"SOCCER_NOW": "yesterday"}, "SOCCER_NOW='yesterday' is not an instant"),
        ({"SOCCER_NOW": "2025-04-25T09:00:00"}, "SOCCER_NOW='2025-04-25T09:00:00' is not an instant"),
        ({"SOCCER_SERVING_PORT": "many"}, "SOCCER_SERVING_PORT='many' is not a whole number"),
    ],
)
def test_a_broken_setting_gets_one_clear_sentence(tmp_path, environ, sentence):
    """The sentence names the setting, and nothing is created."""
    code, output = _refused(tmp_path / "home", **environ)

    assert code == 1
    assert sentence in output
    assert len(output.strip().splitlines()) == 1
    assert not (tmp_path / "home").exists()


def test_a_port_in_use_gets_one_clear_sentence(tmp_path):
    """The sentence names the port and its setting."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, output = _refused(tmp_path / "home", SOCCER_DAGSTER_PORT=str(port))

    assert code == 1
    assert output.strip() == (
        f"soccer: port {port} is in use; stop that program, or set SOCCER_DAGSTER_PORT to another port"
    )


def test_two_settings_with_one_port_get_one_clear_sentence(tmp_path):
    """Both are named; the second server would otherwise be started again and again."""
    port = str(free_port())
    code, output = _refused(tmp_path / "home", SOCCER_DAGSTER_PORT=port, SOCCER_SERVING_PORT=port)

    assert code == 1
    assert output == (
        f"soccer: SOCCER_DAGSTER_PORT and SOCCER_SERVING_PORT are both {port}; "
        "set one of them to another port\n"
    )


def test_a_home_of_simulated_clubs_refuses_a_real_feed(tmp_path):
    """A home contains either simulated or real clubs."""
    make_home(tmp_path / "home")
    code, output = _refused(tmp_path / "home", SOCCER_FEED="football-data")

    assert code == 1
    assert "contains simulated clubs" in output
