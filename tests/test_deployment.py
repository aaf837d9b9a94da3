"""The deployment: docker-compose.yml as compose itself reads it."""

import functools
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from soccer_assets.feeds.provider_keys import key_variable
from soccer_assets.operations.backup.places import places_of
from soccer_assets.operations.server_command import sidecar_command
from soccer_assets.settings import Settings
from tests.containers.page import commands

ROOT = Path(__file__).parents[1]
COMPOSE = ROOT / "docker-compose.yml"
EXAMPLE = ROOT / ".env.example"
PROFILES = ["minio", "seaweedfs", ""]
KEYED_FEEDS = ["api-football", "football-data-org"]


class Asked(dict[str, str]):
    """An empty environment that records the names read from it."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        """Nothing is set."""
        self.names.add(key)
        return default


def run_compose(
    *arguments: str, env_file: Path = EXAMPLE, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The real compose, without an engine and without this shell's variables."""
    program = Path(sys.executable).parent / "docker-compose"
    return subprocess.run(
        [program, "--file", COMPOSE, "--env-file", env_file, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], **(environ or {})},
    )


@functools.cache
def resolved() -> dict[str, Any]:
    """The file as compose reads it, with the services of all profiles."""
    answer = run_compose("--profile", "*", "config", "--format", "json")
    assert answer.returncode == 0, answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def services() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and definition of each service of all profiles."""
    yield from resolved()["services"].items()


@pytest.mark.parametrize("profile", PROFILES)
def test_compose_accepts_every_choice_of_object_store(profile):
    """The file is valid with MinIO, with SeaweedFS, and with a store elsewhere."""
    answer = run_compose("config", "-q", environ={"COMPOSE_PROFILES": profile})

    assert (answer.returncode, answer.stderr) == (0, "")


def test_one_object_store_at_a_time():
    """A profile starts its own store and not the other; .env.example has the maintained one."""
    started = {
        profile: set(
            run_compose("config", "--services", environ={"COMPOSE_PROFILES": profile}).stdout.split()
        )
        for profile in PROFILES
    }
    default = set(run_compose("config", "--services").stdout.split())

    assert started["minio"] - started[""] == {"minio"}
    assert started["seaweedfs"] - started[""] == {"seaweedfs"}
    assert default == started["seaweedfs"]


def test_every_image_is_pinned():
    """Every image has a fixed version, and our own have that of the package."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    images = {name: service["image"] for name, service in services()}
    bases = re.findall(r"^FROM (\S+:\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    assert bases
    for image in [*images.values(), *bases]:
        assert re.search(r":[^/]*\d+\.\d+|:RELEASE\.\d{4}-", image), image
    ours = {image for image in images.values() if image.startswith("soccer-assets/")}
    assert ours == {f"soccer-assets/pipeline:{version}", f"soccer-assets/serving:{version}"}


def test_only_the_loopback_is_published():
    """Three pages are published on 127.0.0.1; stores and sidecars are not."""
    published = {name: service["ports"] for name, service in services() if "ports" in service}

    assert {name: [port["target"] for port in ports] for name, ports in published.items()} == {
        "mlflow": [5000],
        "webserver": [3000],
        "balancer": [8000],
    }
    assert {port["host_ip"] for ports in published.values() for port in ports} == {"127.0.0.1"}
    assert not [name for name, service in services() if service.get("network_mode") == "host"]


def test_every_password_is_a_file_that_few_services_mount():
    """No variable holds a password; each variable NAME_FILE names a secret that the service mounts."""
    for name, service in services():
        given = {key: value for key, value in service.get("environment", {}).items() if value}
        plain = [key for key in given if re.search(r"PASSWORD$|SECRET_ACCESS_KEY$|SECRET_KEY$", key)]
        mounted = {f"/run/secrets/{secret['source']}" for secret in service.get("secrets", [])}
        assert plain == [], name
        assert {value for key, value in given.items() if key.endswith("_FILE")} <= mounted, name
        assert not re.search(r"//[^/ ]*:[^@/ ]+@", json.dumps(service)), name
    owners = {name for name, service in services() if "postgres" in secrets_of(service)}
    assert owners == {"postgres", "migrate", "backup"}
    assert secrets_of(resolved()["services"]["sidecar"]) == {"serving", "s3_serving", "valkey"}
    written = commands("deploy.md")[2]
    assert set(resolved()["secrets"]) == set(re.findall(r"in (.*?);", written)[0].split())


def secrets_of(service: Mapping[str, Any]) -> set[str]:
    """Names of the secrets that a service mounts."""
    return {secret["source"] for secret in service.get("secrets", [])}


def test_a_program_of_the_images_reads_its_password_from_a_file(tmp_path):
    """NAME_FILE of a secret gives NAME; a variable that is set stays, and another file is no secret."""
    code = (ROOT / "deploy" / "containers" / "sitecustomize.py").read_text()
    secret = tmp_path / "password"
    secret.write_text("of-the-file\n")
    (tmp_path / "sitecustomize.py").write_text(code.replace("/run/secrets/", f"{tmp_path}/"))
    environ = {
        "PYTHONPATH": str(tmp_path),
        "PGPASSWORD_FILE": str(secret),
        "KEPT_FILE": str(secret),
        "KEPT": "own",
        "SOCCER_ALERTS_FILE": "/srv/alerts.json",
    }
    shown = "import os; print([os.environ.get(name) for name in ('PGPASSWORD', 'KEPT', 'SOCCER_ALERTS')])"

    done = subprocess.run(
        [sys.executable, "-c", shown], check=True, capture_output=True, text=True, env=environ
    )

    assert done.stdout.strip() == "['of-the-file', 'own', None]"


@pytest.mark.parametrize("name", ["S3_BUCKET", "S3_ACCESS_KEY"])
def test_a_missing_choice_is_named(name, tmp_path):
    """Without .env, or with an empty choice in it, compose names the variable to set."""
    empty, incomplete = tmp_path / "empty", tmp_path / "incomplete"
    empty.touch()
    incomplete.write_text(re.sub(rf"(?m)^{name}=.*", f"{name}=", EXAMPLE.read_text()))

    for env_file in (empty, incomplete):
        answer = run_compose("config", "-q", env_file=env_file)
        assert answer.returncode != 0
        assert f"set {name} in .env" in answer.stderr or env_file == empty


def test_every_setting_exists():
    """Each SOCCER_ variable of compose, its example and the Dockerfile is one that the program reads."""
    asked = Asked()
    Settings.from_env(asked)
    known = asked.names | {key_variable(feed) for feed in KEYED_FEEDS}
    given = {name for _, service in services() for name in service.get("environment", {})}
    written = re.findall(
        r"\bSOCCER_\w+", COMPOSE.read_text() + EXAMPLE.read_text() + (ROOT / "Dockerfile").read_text()
    )

    used = {name for name in given if name.startswith("SOCCER_")} | set(written)
    assert {"SOCCER_DATABASE_URL", "SOCCER_STORE_URL", "SOCCER_MLFLOW_URL", "SOCCER_REDIS_URL"} <= used
    assert {
        name.removesuffix("_FILE") if name.endswith("PASSWORD_FILE") else name for name in used
    } <= known | {
        "SOCCER_FEEDS_FOLDER"  # compose alone reads it
    }


def test_every_setting_is_handed_on():
    """What stands in .env reaches a service, or is a port of this machine; only the home is fixed."""
    asked = Asked()
    Settings.from_env(asked)
    given = {name for _, service in services() for name in service.get("environment", {})}
    interpolated = set(re.findall(r"\$\{(SOCCER_\w+)", COMPOSE.read_text()))
    settings = {name for name in asked.names if name.startswith("SOCCER_")} | {
        key_variable(feed) for feed in KEYED_FEEDS
    }

    handed_on = {name.removesuffix("_FILE") if name.endswith("PASSWORD_FILE") else name for name in given}
    assert settings - handed_on - interpolated == {"SOCCER_HOME"}


def test_no_service_may_more_than_it_needs():
    """Read-only roots, dropped capabilities, and stores that reach nothing outside."""
    added = {name: service["cap_add"] for name, service in services() if "cap_add" in service}
    for name, service in services():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    assert set(added) == {"minio", "seaweedfs", "balancer"}
    assert resolved()["networks"]["inside"]["internal"]
    stores = ("postgres", "valkey", "seaweedfs", "minio")
    assert {tuple(resolved()["services"][name]["networks"]) for name in stores} == {("inside",)}


def test_the_sidecar_can_be_scaled():
    """It has no port of this machine; the balancer finds it by its name."""
    sidecar = resolved()["services"]["sidecar"]

    scaled = run_compose("config", "--format", "json", environ={"SIDECARS": "2", "WORKERS": "3"})
    found = json.loads(scaled.stdout)["services"]

    assert (sidecar["scale"], found["sidecar"]["scale"], found["worker"]["scale"]) == (1, 2, 3)
    assert "ports" not in sidecar
    assert "container_name" not in sidecar
    assert "dynamic a sidecar 8000" in (ROOT / "deploy" / "caddy" / "Caddyfile").read_text()


def test_the_sidecar_is_started_as_a_home_starts_it():
    """The same program and options, so settings mean the same; the balancer lets connections go first."""
    asked = {"SOCCER_KEEP_ALIVE_SECONDS": "90", "SOCCER_SERVING_WORKERS": "3"}
    found = json.loads(run_compose("config", "--format", "json", environ=asked).stdout)
    (keep,) = re.findall(r"keepalive (\d+)s", (ROOT / "deploy" / "caddy" / "Caddyfile").read_text())

    command = sidecar_command(Settings.from_env(asked), "0.0.0.0")  # noqa: S104 - in a container
    assert found["services"]["sidecar"]["command"] == ["python", *command[1:]]
    assert int(keep) < Settings.from_env({}).keep_alive_seconds


def test_a_setting_of_the_env_file_reaches_the_graph_and_the_sidecar(tmp_path):
    """SOCCER_NOW of .env reaches graph and sidecar; without it nothing is passed."""
    env_file = tmp_path / "env"
    env_file.write_text(EXAMPLE.read_text() + "SOCCER_NOW=2025-04-25T09:00:00Z\n")

    answer = run_compose("config", "--format", "json", env_file=env_file)
    found = json.loads(answer.stdout)["services"]

    for name in ("migrate", "code", "sidecar"):
        assert found[name]["environment"]["SOCCER_NOW"] == "2025-04-25T09:00:00Z"
        assert resolved()["services"][name]["environment"]["SOCCER_NOW"] is None


def test_each_program_has_a_database_of_its_own_with_the_driver_written_out():
    """Soccer, Dagster and MLflow use three PostgreSQL databases, all through psycopg2."""
    postgres = resolved()["services"]["postgres"]
    urls = [
        sa.make_url(resolved()["services"]["migrate"]["environment"][name])
        for name in ("SOCCER_DATABASE_URL", "DAGSTER_POSTGRES_URL", "MLFLOW_BACKEND_STORE_URI")
    ]
    made = re.findall(r"CREATE DATABASE (\w+);", Path(resolved()["configs"]["databases"]["file"]).read_text())

    assert {url.database for url in urls} == {postgres["environment"]["POSTGRES_DB"], *made}
    assert len({url.database for url in urls}) == 3
    assert {(url.drivername, url.host, url.username) for url in urls} == {
        ("postgresql+psycopg2", "postgres", postgres["environment"]["POSTGRES_USER"])
    }


def test_every_session_of_dagster_and_mlflow_is_bounded(postgres_server, monkeypatch):
    """A server that hangs, a lock or a lost network costs minutes; migrations and backups may take longer."""
    bounds = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    found = resolved()["services"]
    address = sa.make_url(postgres_server)
    for name, variable in (("daemon", "DAGSTER_POSTGRES_URL"), ("mlflow", "MLFLOW_BACKEND_STORE_URI")):
        environment = found[name]["environment"]
        for given in ("PGOPTIONS", "PGCONNECT_TIMEOUT"):
            monkeypatch.setenv(given, environment[given])
        query = sa.make_url(environment[variable]).query
        engine = sa.create_engine(address.set(query=query), poolclass=sa.NullPool)
        with engine.connect() as connection:
            shown = [connection.exec_driver_sql(f"SHOW {bound}").scalar_one() for bound in bounds]
            connecting = connection.connection.dbapi_connection.info.dsn_parameters
        assert shown == ["10min", "1min", "30min"], name
        assert connecting["tcp_user_timeout"] == "60000"
        assert connecting["connect_timeout"] == "10"
    users = {name for name, service in services() if "DAGSTER_POSTGRES_URL" in service.get("environment", {})}
    unbounded = {name for name in users if not found[name]["environment"]["PGOPTIONS"]}
    assert unbounded == {"migrate", "backup"}


def test_the_workspace_names_the_code_server():
    """The webserver and the daemon look for the graph where compose starts it."""
    (location,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    code = shlex.join(resolved()["services"][location["grpc_server"]["host"]]["command"])

    assert code.startswith("soccer code ")
    assert f"--port {location['grpc_server']['port']}" in code
    for name in ("webserver", "daemon"):
        assert resolved()["services"][name]["command"][-1] == "/srv/dagster/workspace.yaml"


def test_every_server_is_watched_bounded_and_restarted():
    """Each long-running service has a health check, a memory limit and a restart policy."""
    ending = {"migrate", "backup"}
    staying = {name: service for name, service in services() if name not in ending}

    assert {resolved()["services"][name]["restart"] for name in ending} == {"no"}
    for name, service in staying.items():
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert int(service["mem_limit"]) >= 256 * 2**20, name
        assert service["logging"]["driver"] == "local", name


def test_the_backup_is_of_what_the_services_use():
    """MLflow's database and artifacts, Dagster's database and logs, the home: where the services have it."""
    found = resolved()["services"]
    backup = found["backup"]
    given = {name: value for name, value in backup["environment"].items() if value is not None}
    mlflow = found["mlflow"]
    settings = Settings.from_env(given | {"SOCCER_HOME": "/srv/soccer"})
    folders = {mount["target"] for name in ("code", "migrate") for mount in found[name]["volumes"]}

    places = places_of(settings, given | {"DAGSTER_HOME": "/srv/dagster"})

    def without_user(url: str | None) -> sa.URL:
        return sa.make_url(url or "").set(username="any")  # the backup is the owner's

    assert without_user(places.mlflow) == without_user(mlflow["environment"]["MLFLOW_BACKEND_STORE_URI"])
    assert f"--artifacts-destination {places.artifacts}" in shlex.join(mlflow["command"])
    assert without_user(places.dagster) == without_user(
        found["daemon"]["environment"]["DAGSTER_POSTGRES_URL"]
    )
    assert without_user(places.matches) == without_user(found["code"]["environment"]["SOCCER_DATABASE_URL"])
    assert places.store == found["code"]["environment"]["SOCCER_STORE_URL"]
    not_kept = {"/var/cache/soccer", "/srv/feeds"}  # made again; the machine's
    assert {str(places.home), str(places.dagster_folder / "storage")} == folders - not_kept
    assert folders - not_kept < {mount["target"] for mount in backup["volumes"]}
    assert backup["profiles"] == ["backup"]
    owned = re.search(r"install --directory .*", (ROOT / "Dockerfile").read_text())
    assert owned is not None
    assert {mount["target"] for mount in backup["volumes"]} <= set(owned.group().split())


def test_what_must_last_lies_in_named_volumes():
    """No service writes into the checkout, and each volume that is declared is used."""
    mounts = [mount for _, service in services() for mount in service.get("volumes", [])]
    bound = [mount for mount in mounts if mount["type"] != "volume"]

    assert [(mount["target"], mount["read_only"]) for mount in bound] == [("/srv/feeds", True)]
    assert {mount["source"] for mount in mounts if "source" in mount and mount not in bound} == set(
        resolved()["volumes"]
    )


def test_the_images_find_what_they_copy():
    """Each file the Dockerfile copies exists and passes .dockerignore."""
    text = (ROOT / "Dockerfile").read_text()
    copies = re.findall(r"^COPY (?:--chown=\S+ )?(.+) \S+$", text, re.MULTILINE)
    mounted = re.findall(r"--mount=source=([^,]+),", text)
    sources = {source for line in copies for source in line.split()} | set(mounted)
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}

    assert {"requirements.lock", "dagster.yaml", "soccer_assets"} <= sources
    hooks = "deploy/containers"
    assert {hooks if source.startswith(hooks) else source for source in sources} == let_through
    assert not [source for source in sources if not (ROOT / source).exists()]


def test_a_changed_line_ships_the_last_layers_only():
    """In both images all packages are installed before anything of the project is copied."""
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    for target in ("pipeline", "serving"):
        (stage,) = (one for one in stages if one.startswith(f"base AS {target}\n"))
        packages, own = stage.split("--requirement", maxsplit=1)
        assert "pip install" in packages
        assert not re.search(r"^COPY|source=/project", packages, re.MULTILINE)
        assert "source=/project" in own
    (base,) = (one for one in stages if " AS base\n" in one)
    assert not re.search(r"^COPY", base, re.MULTILINE)


def test_both_images_are_targets_of_the_dockerfile():
    """Compose builds the stages that the Dockerfile has."""
    stages = set(re.findall(r"^FROM \S+ AS (\w+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    targets = {service["build"]["target"] for _, service in services() if "build" in service}

    assert targets == {"pipeline", "serving"}
    assert targets <= stages
