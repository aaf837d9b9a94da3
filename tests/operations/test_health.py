"""The health checks of code server and daemon, asked of real ones."""

import os
import signal
import subprocess
import sys
import time

import dagster as dg
import pytest
import yaml
from dagster._daemon.types import DaemonHeartbeat
from sqlalchemy.engine import make_url

from soccer_assets.operations.health import DAEMONS, code_fault, daemon_fault, heartbeat_ages
from soccer_assets.operations.processes import free_port
from tests.health_checks import ROOT, check_of
from tests.operations.kills import wait_until

_FRESH = dict.fromkeys(DAEMONS, 5.0)


def checked(check: tuple[str, ...], **environ: str) -> subprocess.CompletedProcess[str]:
    """A check as the engine runs it, and the modules that it imported on its standard error."""
    command = [sys.executable, "-X", "importtime", *check[1:]]
    return subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("file", ["dagster.yaml", "deploy/fleet/dagster.yaml"])
def test_the_daemons_are_those_that_the_instance_needs(file, tmp_path):
    """Dagster's own list, for one machine and for a fleet."""
    config = yaml.safe_load((ROOT / file).read_text())
    for of_a_deployment in ("storage", "run_launcher"):
        config.pop(of_a_deployment)
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config))

    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert sorted(instance.get_required_daemon_types()) == list(DAEMONS)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({}, ""),
        ({"SENSOR": 1800.0}, ""),  # one tick that takes half an hour
        ({"SENSOR": 1900.0}, "no heartbeat of SENSOR for 1900 s"),
        (dict.fromkeys(DAEMONS, 121.0), "no heartbeat for 121 s"),
        ({"OF_AN_OLDER_VERSION": 1e6}, ""),
    ],
)
def test_the_daemon_hangs_when_no_heartbeat_is_young_or_one_is_old(changed, fault):
    """One daemon may be busy for long, all of them together may not."""
    assert daemon_fault(_FRESH | changed) == fault


def test_a_daemon_without_a_heartbeat_has_not_started():
    """The fault names it."""
    assert (
        daemon_fault({name: 1.0 for name in DAEMONS if name != "MONITORING"}) == "no heartbeat of MONITORING"
    )


def test_the_daemons_heartbeats_are_read_from_its_database(postgres_url, tmp_path):
    """What Dagster stored, by the server's clock, from a session in another time zone; without Dagster."""
    address = make_url(postgres_url)
    url = address.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
    config = {"storage": {"postgres": {"postgres_url": url}}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config))
    now = time.time()
    check = check_of("daemon")
    environ = {"DAGSTER_POSTGRES_URL": url, "PGTZ": "Pacific/Auckland"}
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        for number, name in enumerate(DAEMONS):
            instance.add_daemon_heartbeat(DaemonHeartbeat(now - 40 * number, name, "daemon", []))
        ages = heartbeat_ages(url)
        healthy = checked(check, **environ)
        for name in DAEMONS:
            instance.add_daemon_heartbeat(DaemonHeartbeat(now - 600, name, "daemon", []))
        hung = checked(check, **environ)
    gone = checked(
        check, DAGSTER_POSTGRES_URL=address.set(port=free_port()).render_as_string(hide_password=False)
    )

    assert [round((ages[name] - ages[DAEMONS[0]]) / 40) for name in DAEMONS] == list(range(len(DAEMONS)))
    assert 0 <= ages[DAEMONS[0]] < 300
    assert healthy.returncode == 0, healthy.stderr.splitlines()[-1]
    assert "dagster" not in healthy.stderr.replace("soccer_assets", "")
    assert hung.returncode == 1
    assert "no heartbeat for" in hung.stderr
    assert gone.returncode == 1
    assert "does not answer: OperationalError" in gone.stderr


def test_a_code_server_that_hangs_is_found(tmp_path):
    """It answers, is stopped, goes on, and is gone; asked without Dagster."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    check = tuple(address if part == "127.0.0.1:4000" else part for part in check_of("code"))
    assert address in check
    command = [
        sys.executable,
        "-m",
        "dagster",
        "api",
        "grpc",
        "--python-file",
        str(ROOT / "tests/fleet_job.py"),
    ]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            stdout=log,
            stderr=log,
            env=os.environ | {"PYTHONPATH": str(ROOT), "DAGSTER_HOME": str(tmp_path)},
        )
    try:
        wait_until(lambda: not code_fault(address), 120)
        healthy = checked(check, HTTPS_PROXY="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9")
        server.send_signal(signal.SIGSTOP)
        hung = code_fault(address)
        server.send_signal(signal.SIGCONT)
        assert code_fault(address) == ""
    finally:
        server.kill()
        server.wait()
    gone = checked(check)

    assert healthy.returncode == 0, healthy.stderr.splitlines()[-1]
    assert "dagster" not in healthy.stderr.replace("soccer_assets", "")
    assert hung == f"{address} does not answer: DEADLINE_EXCEEDED"
    assert gone.returncode == 1
    assert f"{address} does not answer: UNAVAILABLE" in gone.stderr
