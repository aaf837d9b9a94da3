"""From an older version to this one, with two sidecars and without an unanswered look-up.

The older version is a commit, so that its images are made of its own code by its own Dockerfile. It had one
sidecar, no balancer, and its passwords in .env; the volumes are its own, and so are the two sidecars that
answer until this version's replace them.
"""

import secrets
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import yaml

from tests.archives import unpack_tar
from tests.containers.deployment import SMALL, Deployment, Row, copy_of, wait
from tests.containers.engine import Engine
from tests.containers.images import has_image
from tests.containers.lookups import Lookups
from tests.containers.page import commands

COMMIT = "ac1c787"
_PROJECT = "soccer-upgrade"
_OURS = {target: f"soccer-assets/{target}:{COMMIT}" for target in ("pipeline", "serving")}
_PASSWORDS = {"POSTGRES_PASSWORD": "postgres", "S3_SECRET_KEY": "s3"}  # a variable of then, a file of now
_HOOK = "deploy/containers/sitecustomize.py"


def upgrade(engine: Engine, root: Path, work: Path, ports: dict[str, int], rows: list[Row]) -> None:
    """Build and fill the older version, put this one's balancer before its sidecars, and follow the page."""
    then = copy_of(_checked_out(root, work / COMMIT), engine, _PROJECT, ["docker-compose.yml"])
    images = {name: {"image": _OURS[target]} for name, target in _targets(then.folder).items()}
    _add_file(then, {"services": images})
    for target, image in _OURS.items():
        if not has_image(then, image):
            then.docker("build", "--target", target, "--tag", image, ".")
    settings = _write_settings(then.folder, ports)
    old = Deployment(then, ports, rows, builds=False)
    old.destroy()  # of a run that broke off
    old.record(f"first build by {COMMIT}", None, lambda: _first_build(old))
    key = then.docker(
        "compose", "exec", "--no-TTY", "code", "soccer", "keys", "create", "--scope", "read"
    ).split()[-1]
    wait("its sidecar", old.is_answering)
    before = old.asked(key)
    then.docker("compose", "down")

    now = copy_of(engine.folder, engine, _PROJECT, ["docker-compose.yml"])
    new = Deployment(now, ports, rows, builds=False)
    new.follow(commands("deploy.md")[:3])  # .env and a password for each program
    _hand_over(now.folder, settings)
    _start_older_sidecars(now)
    wait("two older sidecars", lambda: new.are_healthy("sidecar", 2) and new.is_answering())
    _same(new.asked(key), before)
    with Lookups(new.base, key) as lookups:
        lines = commands("upgrade.md", "A deployment with two sidecars or more")
        new.record(f"upgrade from {COMMIT}, two sidecars", lookups, lambda: new.follow(lines) and "done")
    wait("two sidecars", lambda: new.are_healthy("sidecar", 2))
    new.record("its predictions, ledger and `soccer doctor`", None, lambda: _look(new, key, before))
    new.destroy()


def _checked_out(root: Path, folder: Path) -> Path:
    """The files of the commit."""
    done = subprocess.run(["git", "archive", COMMIT], check=True, capture_output=True, cwd=root)
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        unpack_tar(archive, folder)
    return folder


def _targets(folder: Path) -> dict[str, str]:
    """The services whose images are the project's, and the target of each."""
    services: dict[str, Any] = yaml.safe_load((folder / "docker-compose.yml").read_text())["services"]
    ours = {name: one["image"] for name, one in services.items() if one["image"].startswith("soccer-assets/")}
    return {name: image.partition("/")[2].partition(":")[0] for name, image in ours.items()}


def _add_file(engine: Engine, content: dict[str, Any], name: str = "images.yml") -> None:
    (engine.folder / name).write_text(yaml.safe_dump(content))
    engine.environ["COMPOSE_FILE"] += f":{name}"


def _write_settings(folder: Path, ports: dict[str, int]) -> dict[str, str]:
    """Its .env by its example: passwords of its own, the store that is kept up."""
    lines = [
        line.split("=", 1)
        for line in (folder / ".env.example").read_text().splitlines()
        if line[:1].isalpha()
    ]
    settings = dict(lines) | {name: secrets.token_hex(24) for name in _PASSWORDS}
    settings |= {
        "COMPOSE_PROFILES": "seaweedfs",
        **SMALL,
        **{name: str(port) for name, port in ports.items()},
    }
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return settings


def _first_build(old: Deployment) -> str:
    old.follow(["docker compose run --rm code soccer run build_everything", "docker compose up --detach"])
    return "by its own compose"


def _hand_over(folder: Path, settings: dict[str, str]) -> None:
    """As the page has it: its passwords become files, and both lines leave .env."""
    for name, file in _PASSWORDS.items():
        (folder / "secrets" / file).write_text(settings[name] + "\n")
    kept = {name: value for name, value in settings.items() if name not in _PASSWORDS} | {"SIDECARS": "2"}
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in kept.items()))


def _start_older_sidecars(now: Engine) -> None:
    """Stores, this version's balancer, and two older sidecars, which know passwords as variables."""
    files = now.environ["COMPOSE_FILE"]
    volumes = ["/srv/soccer", f"{now.folder / _HOOK}:/hook/sitecustomize.py:ro"]
    text = yaml.safe_dump(
        {
            "services": {
                "sidecar": {
                    "image": _OURS["serving"],
                    "environment": {"PYTHONPATH": "/hook"},
                    "volumes": volumes,
                }
            }
        }
    )
    # Its image has no folder for compiled code, and a volume takes its owner from what it first covers.
    text = text.replace("volumes:", "volumes: !override")
    (now.folder / "older-sidecars.yml").write_text(text)
    now.environ["COMPOSE_FILE"] = f"{files}:older-sidecars.yml"
    now.docker("compose", "up", "--detach", "--wait", "postgres", "valkey", "seaweedfs")
    now.docker("compose", "up", "--detach", "--no-deps", "sidecar", "balancer")
    now.environ["COMPOSE_FILE"] = files


def _same(found: Any, expected: Any) -> None:
    names = ("match_id", "home", "away")
    assert [[one.get(name) for name in names] for one in found] == [
        [one.get(name) for name in names] for one in expected
    ]


def _look(new: Deployment, key: str, before: Any) -> str:
    _same(new.asked(key), before)
    verified = new.verified_ledger()
    done = new.engine.sh("docker compose exec --no-TTY code soccer doctor", check=False)
    return f"{verified}; doctor exit {done.returncode}"
