"""Signs of life, and the health checks of the deployment that look for them."""

import pytest
import yaml

from soccer_assets.signs_of_life import RUN_WORKER, TASK_WORKER, WATCHDOG, SignOfLife
from tests.health_checks import ROOT, age, check_of, passes

FLEET = "docker-compose.fleet.yml"
CHECKS = [
    (WATCHDOG, check_of("watchdog")),
    (TASK_WORKER, check_of("worker")),
    (RUN_WORKER, check_of("publisher", FLEET)),
    (RUN_WORKER, check_of("runner", FLEET)),
]


@pytest.mark.parametrize(("name", "check"), CHECKS)
def test_a_program_is_healthy_while_its_sign_is_young(name, check, tmp_path):
    """Before its first sign, after one, after an hour without, and when an earlier one is taken back."""
    home = tmp_path / "home"
    sign = SignOfLife(home, name)
    assert not passes(check, home)
    sign.give()
    assert passes(check, home)
    age(sign.path)
    assert not passes(check, home)
    sign.give()
    sign.take_back()
    assert not passes(check, home)
    sign.take_back()


@pytest.mark.parametrize(("file", "service"), [("worker", "worker"), ("watchdog", "watchdog")])
def test_kubernetes_probes_look_as_compose_does(file, service):
    """The same command, at the start and later."""
    (pod, *_) = yaml.safe_load_all((ROOT / "deploy" / "kubernetes" / f"{file}.yaml").read_text())
    (container,) = pod["spec"]["template"]["spec"]["containers"]
    probes = {kind: tuple(container[kind]["exec"]["command"]) for kind in container if kind.endswith("Probe")}

    assert set(probes.values()) == {check_of(service)}


def test_the_charts_probes_ask_as_compose_does():
    """Code server and daemon; the chart's own would start a whole Dagster."""
    values = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "values.yaml").read_text())
    (code,) = values["dagster-user-deployments"]["deployments"]
    probes = [code[f"{kind}Probe"]["exec"]["command"] for kind in ("startup", "liveness", "readiness")]

    assert {tuple(one) for one in probes} == {check_of("code")}
    assert tuple(values["dagsterDaemon"]["livenessProbe"]["exec"]["command"]) == check_of("daemon")


def test_where_nothing_can_be_written_there_is_no_sign(tmp_path):
    """A file in place of the home is no fault of the program."""
    home = tmp_path / "file"
    home.touch()
    SignOfLife(home, WATCHDOG).give()
    SignOfLife(home, WATCHDOG).take_back()
    assert home.read_bytes() == b""
