"""Runs on Kubernetes without a cluster: Dagster's own launcher sends their jobs to a server in its place."""

import json
from typing import Any

import dagster as dg
import kubernetes_validate
import pytest
import yaml
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher.base import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.test_utils import create_run_for_test
from pytest_httpserver import HTTPServer

from soccer_assets.graph.jobs import JOBS, tune_parameters
from tests.test_kubernetes import OLDEST, VALUES, code_server, mounted_secrets


def test_dagster_takes_the_instance():
    """Our sections beside those that the chart writes itself: the limits of runs are ours."""
    queued = {"module": "dagster.core.run_coordinator", "class": "QueuedRunCoordinator"}
    written = {
        "run_coordinator": queued | {"config": {"dequeue_use_threads": True, "dequeue_num_workers": 4}}
    }
    with dg.instance_for_test(overrides=VALUES["additionalInstanceConfig"] | written) as instance:
        found = instance.get_concurrency_config().run_queue_config
        assert found.max_concurrent_runs == 8
        assert [one["key"] for one in found.tag_concurrency_limits] == ["soccer/publish", "dagster/backfill"]
        assert (instance.run_monitoring_enabled, instance.run_retries_max_retries) == (True, 2)


def launcher_config(kubeconfig: str) -> dict[str, Any]:
    """The run launcher's section of dagster.yaml, as the chart makes it of our values."""
    values = VALUES["runLauncher"]["config"]["k8sRunLauncher"]
    run = values["runK8sConfig"]
    return {
        "load_incluster_config": False,  # here a server that listens in the cluster's place
        "kubeconfig_file": kubeconfig,
        "job_namespace": "soccer",
        "image_pull_policy": values["imagePullPolicy"],
        "service_account_name": VALUES["global"]["fullnameOverride"],
        "dagster_home": VALUES["global"]["dagsterHome"],
        "instance_config_map": f"{VALUES['global']['fullnameOverride']}-instance",
        "postgres_password_secret": VALUES["global"]["postgresqlSecretName"],
        "security_context": values["securityContext"],
        "run_k8s_config": {
            "pod_spec_config": run["podSpecConfig"],
            "job_spec_config": run["jobSpecConfig"],
        },
    }


def container_context() -> dict[str, Any]:
    """What the chart's code server hands to its runs."""
    code = code_server()
    return {
        "k8s": {
            "image_pull_policy": code["image"]["pullPolicy"],
            "env_config_maps": ["soccer-code-user-env", *(one["name"] for one in code["envConfigMaps"])],
            "env_secrets": [one["name"] for one in code["envSecrets"]],
            "volume_mounts": code["volumeMounts"],
            "volumes": code["volumes"],
            "labels": code["labels"],
            "resources": code["resources"],
            "namespace": "soccer",
            "service_account_name": "soccer-user-deployments",
            "env": code["env"],
        }
    }


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The object that Dagster's launcher sends to the cluster for a run of each job."""
    sent: dict[str, dict[str, Any]] = {}
    image = "{repository}:{tag}".format_map(code_server()["image"])
    with HTTPServer(host="127.0.0.1", port=0) as cluster:
        cluster.expect_request("/apis/batch/v1/namespaces/soccer/jobs", method="POST").respond_with_json({})
        kubeconfig = tmp_path_factory.mktemp("cluster") / "config"
        entry = {"clusters": [{"name": "c", "cluster": {"server": cluster.url_for("")}}]}
        entry |= {"contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}
        kubeconfig.write_text(
            yaml.safe_dump(
                {**entry, "users": [{"name": "u", "user": {"token": "none"}}], "current-context": "c"}
            )
        )
        config = launcher_config(str(kubeconfig))
        overrides = {"run_launcher": {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": config}}
        with dg.instance_for_test(overrides=overrides) as instance:
            for job in (*JOBS, tune_parameters):
                run = create_run_for_test(
                    instance,
                    job_name=job.name,
                    tags=dict(job.tags or {}),
                    remote_job_origin=RemoteJobOrigin(
                        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("code"), "__repository__"),
                        job.name,
                    ),
                    job_code_origin=JobPythonOrigin(
                        job.name,
                        RepositoryPythonOrigin(
                            executable_path="python",
                            code_pointer=ModuleCodePointer("soccer_assets.definitions", "definitions", None),
                            container_image=image,
                            entry_point=["dagster"],
                            container_context=container_context(),
                        ),
                    ),
                )
                instance.run_launcher.launch_run(LaunchRunContext(run, workspace=None))
                sent[job.name] = json.loads(cluster.log[-1][0].get_data())
    return sent


@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
def test_the_job_of_a_run_is_valid(launched, version):
    """As Dagster's own launcher sends it to the cluster."""
    for job in launched.values():
        kubernetes_validate.validate(job, version, strict=True)


def test_a_run_has_what_the_code_server_has(launched):
    """The same image, variables, secrets and bounds; without a token's rights of its own."""
    code = code_server()
    for name, job in launched.items():
        pod = job["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert container["image"] == "soccer-assets/kubernetes:0.1.0"
        assert container["securityContext"] == code["securityContext"], name
        assert pod["securityContext"] == code["podSecurityContext"], name
        sources = {one["configMapRef"]["name"] for one in container["envFrom"] if "configMapRef" in one}
        assert {"soccer-settings", "soccer-graph"} <= sources
        assert {one["name"] for one in code["env"]} | {"DAGSTER_PG_PASSWORD"} <= {
            one["name"] for one in container["env"]
        }
        assert mounted_secrets(pod["volumes"], container["volumeMounts"]) == mounted_secrets(
            code["volumes"], code["volumeMounts"]
        )
        assert job["spec"]["template"]["metadata"]["labels"]["soccer-assets/network"] == "outer"
        assert job["spec"]["backoffLimit"] == 0  # Dagster itself retries
        assert "execute_run" in container["args"]


def test_what_trains_gets_a_larger_pod(launched):
    """By the tag of the job; the others have the size of the code server."""
    sizes = {
        name: job["spec"]["template"]["spec"]["containers"][0]["resources"] for name, job in launched.items()
    }

    large = {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"memory": "4Gi"}}
    training = {"retrain_model", "tune_parameters", "build_everything"}
    assert {name for name, size in sizes.items() if size == large} == training
    assert all(size == code_server()["resources"] for name, size in sizes.items() if name not in training)
