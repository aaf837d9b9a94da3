"""What the project's images are: sizes, users, and how much of one a changed line ships again."""

import json
import tarfile
from io import BytesIO
from pathlib import Path

from tests.containers.deployment import Deployment
from tests.containers.engine import Engine

IMAGES = ("soccer-assets/pipeline:0.1.0", "soccer-assets/serving:0.1.0")
_LIMIT_MB = 5.0


def layers(engine: Engine, image: str) -> list[str]:
    """The hashes of an image's layers, the lowest first."""
    return engine.docker("image", "inspect", "--format", '{{join .RootFS.Layers "\\n"}}', image).splitlines()


def shipped_mb(engine: Engine, image: str, known: list[str]) -> float:
    """Megabytes, packed as a registry sends them, of the layers above those that a machine has."""
    now = layers(engine, image)
    shared = sum(1 for one, other in zip(now, known, strict=False) if one == other)
    data = json.loads(engine.docker("image", "inspect", "--format", "{{json .GraphDriver.Data}}", image))
    folders = [data["UpperDir"], *data["LowerDir"].split(":")]  # of overlay2, the highest first
    return sum(_packed(Path(folder)) for folder in folders[: len(now) - shared]) / 1e6


def _packed(folder: Path) -> int:
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(folder, ".")
    return buffer.tell()


def change_a_line(folder: Path) -> None:
    """Change the code of both images."""
    for package in ("soccer_assets", "serving"):
        with (folder / package / "__init__.py").open("a") as file:
            file.write("\n# Another version.\n")


def look(deployment: Deployment) -> None:
    """A row an image: its size and its user."""
    for image in IMAGES:
        deployment.record(image, None, lambda image=image: _about(deployment.engine, image))  # type: ignore[misc]


def upgrade_images(deployment: Deployment, build_lines: list[str]) -> None:
    """Build both images with a changed line; how much of each is new becomes a row."""
    engine = deployment.engine
    known = {image: layers(engine, image) for image in IMAGES}
    change_a_line(engine.folder)
    deployment.follow(build_lines)
    for image in IMAGES:
        shipped = shipped_mb(engine, image, known[image])
        verdict = "" if shipped < _LIMIT_MB else f", MORE THAN {_LIMIT_MB:.0f} MB"
        deployment.record(f"a changed line in {image}", None, lambda: f"{shipped:.1f} MB new{verdict}")  # noqa: B023 - called at once


def _about(engine: Engine, image: str) -> str:
    size = int(engine.docker("image", "inspect", "--format", "{{.Size}}", image)) / 1e6
    user = engine.docker("run", "--rm", "--network", "none", image, "id", "-u")
    return f"{size:.0f} MB, uid {user}"
