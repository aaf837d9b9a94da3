"""deploy/kubernetes without a cluster: by the published schemas, and beside compose."""

import copy
import functools
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.containers.page import commands
from tests.test_deployment import ROOT, resolved, secrets_of

FOLDER = ROOT / "deploy" / "kubernetes"
VALUES: dict[str, Any] = yaml.safe_load((FOLDER / "values.yaml").read_text())
OURS = ["migrate", "mlflow", "webserver", "watchdog", "sidecar", "worker"]
OLDEST = "1.30"  # as the page says
# The chart names PostgreSQL's password itself; what runs print lies in the bucket.
ELSEWHERE = {"DAGSTER_PG_PASSWORD", "AWS_ENDPOINT_URL_S3"}
# Of the Secret `soccer-outside`.
OUTSIDE = {"SOCCER_API_FOOTBALL_KEY", "SOCCER_FOOTBALL_DATA_ORG_KEY"}


@functools.cache
def manifests() -> dict[tuple[str, str], dict[str, Any]]:
    """Every object of the folder, by kind and name."""
    files = [file for file in FOLDER.glob("*.yaml") if file.name not in {"values.yaml", "kustomization.yaml"}]
    found = [one for file in files for one in yaml.safe_load_all(file.read_text())]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and pod of each workload."""
    for (kind, name), one in manifests().items():
        if kind in {"Deployment", "Job"}:
            yield name, one["spec"]["template"]["spec"]


def code_server() -> dict[str, Any]:
    """The chart's values of the code server, and so of runs."""
    (found,) = VALUES["dagster-user-deployments"]["deployments"]
    return dict(found)


def environment(container: Mapping[str, Any]) -> dict[str, str | None]:
    """The variables of a container; None where a Secret gives the value."""
    maps = [one["configMapRef"]["name"] for one in container.get("envFrom", []) if "configMapRef" in one]
    maps += [one["name"] for one in container.get("envConfigMaps", [])]
    found: dict[str, str | None] = {}
    for name in maps:
        found |= manifests()["ConfigMap", name]["data"]
    for one in container["env"]:
        source = one.get("valueFrom", {}).get("configMapKeyRef")
        value = (
            manifests()["ConfigMap", source["name"]]["data"][source["key"]] if source else one.get("value")
        )
        found[one["name"]] = value
    return found


def mounted_secrets(volumes: list[dict[str, Any]], mounts: list[dict[str, Any]]) -> dict[str, str]:
    """Secret by the path at which its file is mounted."""
    secrets = {one["name"]: one["secret"]["secretName"] for one in volumes if "secret" in one}
    return {one["mountPath"]: secrets[one["name"]] for one in mounts if one["name"] in secrets}


def megabytes(quantity: str) -> int:
    """A quantity of memory of Kubernetes in MiB."""
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", quantity).groups()  # type: ignore[union-attr]
    return int(number) * {"Mi": 1, "Gi": 1024}[unit]


@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
def test_every_object_is_valid(version):
    """By the published schemas, strictly: no field is unknown."""
    for one in manifests().values():
        kubernetes_validate.validate(one, version, strict=True)

    broken = manifests()["Deployment", "mlflow"]
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(broken | {"spec": broken["spec"] | {"replica": 1}}, version, strict=True)


def test_kustomize_gets_every_file_but_the_job():
    """`kubectl apply -k` makes what the folder holds; `migrate` is started by its own command."""
    listed = set(yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"])

    held = {file.name for file in FOLDER.glob("*.yaml")}
    assert held - listed == {"kustomization.yaml", "values.yaml", "migrate.yaml"}
    assert listed < held
    assert {name for name, _ in pods()} == set(OURS)


def test_the_page_makes_every_secret_and_names_the_chart_of_our_dagster():
    """Each Secret that a pod mounts is made by the page's commands, and the chart is Dagster's version."""
    written = " ".join(commands("run-on-kubernetes.md"))
    wanted = {
        secret
        for spec in [dict(pod) for _, pod in pods()] + [code_server(), VALUES["dagsterDaemon"]]
        for one in spec["volumes"]
        if "secret" in one and not one["secret"].get("optional")
        for secret in [one["secret"]["secretName"]]
    }
    (looped,) = re.findall(r"for name in ([^;]*); do kubectl", written)
    made = {f"soccer-{name}".replace("_", "-") for name in looped.split()}
    made |= set(re.findall(r"create secret generic (soccer-[a-z]+) ", written))

    assert wanted | {"soccer-outside"} == made
    assert VALUES["global"]["postgresqlSecretName"] == "soccer-graph"
    assert f"--version {metadata.version('dagster')} " in written


@pytest.mark.parametrize("name", OURS)
def test_a_pod_is_what_compose_starts(name):
    """The same program, image, variables, secrets and memory as the service of this name."""
    service = resolved()["services"][name]
    pod = dict(pods())[name]
    (container,) = pod["containers"]
    given, theirs = environment(container), service["environment"]

    image = "soccer-assets/kubernetes:0.1.0" if name == "webserver" else service["image"]
    assert container["image"] == image
    assert set(given) - ELSEWHERE - OUTSIDE >= set(theirs) - ELSEWHERE - OUTSIDE
    assert {key for key in given if key.startswith("SOCCER_")} <= {
        key for one in resolved()["services"].values() for key in one.get("environment", {})
    }
    for key, value in theirs.items():
        if re.search(r"_URL$|_URI$|_FILE$|^PG|ALLOWED_HOSTS", key) and value and key != "SOCCER_ALERTS_FILE":
            assert given[key] == value, key
    mounts = mounted_secrets(pod["volumes"], container["volumeMounts"])
    mounts.pop("/srv/alerts", None)
    more = {"s3"} if name == "webserver" else set()  # reads what runs printed from the bucket
    assert set(mounts) == {f"/run/secrets/{one}" for one in secrets_of(service) | more}
    assert {path: f"soccer-{path.rsplit('/', 1)[1].replace('_', '-')}" for path in mounts} == mounts
    assert megabytes(container["resources"]["limits"]["memory"]) == int(service["mem_limit"]) >> 20
    command = shlex.join(container["command"])
    if name not in {"webserver", "migrate"}:
        theirs = shlex.join(service["command"])
        if name == "sidecar":
            theirs = theirs.replace("--keep-alive 75", "--keep-alive '$(SOCCER_KEEP_ALIVE_SECONDS)'")
            theirs = theirs.replace("--workers 1", "--workers '$(SOCCER_SERVING_WORKERS)'")
        assert command == theirs
    if name == "migrate":
        assert container["command"][2].split() == service["command"][2].replace("$$", "$").split()


def test_every_setting_of_compose_is_handed_on():
    """What compose hands to code, sidecar and worker, the cluster hands to the same."""
    pairs = {
        "code": environment(code_server()),
        "sidecar": environment(dict(pods())["sidecar"]["containers"][0]),
        "worker": environment(dict(pods())["worker"]["containers"][0]),
    }
    for name, given in pairs.items():
        theirs = resolved()["services"][name]["environment"]
        assert set(theirs) - OUTSIDE <= set(given), name
        for key in ("SOCCER_DATABASE_URL", "SOCCER_STORE_URL", "SOCCER_REDIS_URL", "AWS_ACCESS_KEY_ID"):
            if name != "worker" or key in theirs:
                assert given[key] == theirs[key], (name, key)
    for name in [*OURS, "code"]:
        passwords = {"PASSWORD", "SECRET_ACCESS_KEY"}
        given = pairs.get(name) or environment(dict(pods())[name]["containers"][0])
        assert not [key for key, value in given.items() if value and key.endswith(tuple(passwords))], name


def test_no_pod_may_more_than_it_needs():
    """Each may what the `restricted` standard allows, with a read-only root; only Dagster's have a token."""
    bound = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    user = {"runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001}
    user |= {"seccompProfile": {"type": "RuntimeDefault"}}
    assert f"--uid {user['runAsUser']} " in (ROOT / "Dockerfile").read_text()
    for name, pod in pods():
        assert pod["securityContext"] == user, name
        assert [one["securityContext"] for one in pod["containers"]] == [bound], name
        assert pod["automountServiceAccountToken"] == (name == "webserver"), name
    for values in (VALUES["dagsterDaemon"], code_server()):
        assert (values["podSecurityContext"], values["securityContext"]) == (user, bound)
    enforced = manifests()["Namespace", "soccer"]["metadata"]["labels"]
    assert enforced["pod-security.kubernetes.io/enforce"] == "restricted"


def test_every_pod_is_in_a_network_and_reached_on_its_port():
    """A pod without a network's label reaches everything; a port that is listened on has one policy."""
    labels = {
        name: manifests()[kind, name]["spec"]["template"]["metadata"]["labels"]
        for kind, name in manifests()
        if kind in {"Deployment", "Job"}
    }
    labels |= {"daemon": VALUES["dagsterDaemon"]["labels"], "code": code_server()["labels"]}
    policies = [one["spec"] for (kind, _), one in manifests().items() if kind == "NetworkPolicy"]
    entered = {
        (*one["podSelector"]["matchLabels"].values(), port["port"])
        for one in policies
        for rule in one.get("ingress", [])
        for port in rule["ports"]
    }

    assert {one["soccer-assets/network"] for one in labels.values()} == {"inner", "outer"}
    assert {"podSelector": {}, "policyTypes": ["Ingress"]} in policies
    services = {
        (name, port["port"])
        for (kind, name), one in manifests().items()
        if kind == "Service"
        for port in one["spec"]["ports"]
    }
    assert entered == services | {("user-deployments", code_server()["port"])}


def test_the_probes_ask_routes_that_exist():
    """The sidecar's are of its OpenAPI document; the readiness of a replica is not its life."""
    (sidecar,) = dict(pods())["sidecar"]["containers"]
    operations = (ROOT / "serving" / "routes" / "operations.py").read_text()
    asked = {sidecar[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}

    assert asked == {"/healthcheck/", "/ready"}
    assert all(f'@get("{path}"' in operations for path in asked)
    assert sidecar["livenessProbe"]["httpGet"]["path"] == "/healthcheck/"
    for name, pod in pods():
        if name != "migrate":
            assert {"startupProbe", "livenessProbe"} <= set(pod["containers"][0]), name


def test_workers_grow_by_a_metric_that_is_exported():
    """The autoscaler's external metric is a gauge of the sidecar with this state."""
    metrics = manifests()["HorizontalPodAutoscaler", "worker"]["spec"]["metrics"]
    (external,) = [one["external"]["metric"] for one in metrics if one["type"] == "External"]
    exported = (ROOT / "docs" / "reference" / "metrics.md").read_text()  # a test compares it with the code
    page = (ROOT / "docs" / "how-to" / "run-on-kubernetes.md").read_text()

    assert f"| `{external['name']}` | gauge | `state` | bulk tasks: queued or active |" in exported
    assert external["selector"] == {"matchLabels": {"state": "queued"}}
    assert f'{external["name"]}{{state="queued"}}' in page


def test_the_instance_is_that_of_dagster_yaml():
    """What the chart has no names for is written as in dagster.yaml; a pod may take longer to start."""
    own = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    more = copy.deepcopy(VALUES["additionalInstanceConfig"])

    own["run_monitoring"]["start_timeout_seconds"] = more["run_monitoring"]["start_timeout_seconds"]
    runs, own_runs = (one["concurrency"].pop("runs") for one in (more, own))
    rest = {key: value for key, value in own.items() if key not in {"storage", "run_launcher", "telemetry"}}
    assert more == rest
    limits = {one["key"]: one["limit"] for one in runs["tag_concurrency_limits"]}
    backfill = limits.pop("dagster/backfill")
    assert limits == {one["key"]: one["limit"] for one in own_runs["tag_concurrency_limits"]}
    assert backfill < runs["max_concurrent_runs"]
    assert manifests()["ConfigMap", "soccer-graph"]["data"]["SOCCER_RUNS"] == "fleet"
    assert VALUES["telemetry"] == own["telemetry"]
    # Written once: the chart would write these sections a second time.
    daemon = VALUES["dagsterDaemon"]
    assert (daemon["runMonitoring"], daemon["runRetries"]) == ({"enabled": False}, {"enabled": False})
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    images = [daemon["image"], code_server()["image"]]
    assert {(one["repository"], one["tag"]) for one in images} == {("soccer-assets/kubernetes", version)}
