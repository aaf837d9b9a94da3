"""A wheel of another provider, in the old spelling: found by name, audited, and used up to a release."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "toy_provider"
NOW = "2025-03-01T09:00:00Z"


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the built wheel is installed beside this project."""
    folder = tmp_path_factory.mktemp("toy")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, str(SOURCE)], check=True, capture_output=True)
    (wheel,) = folder.glob("toy_feed-1.0-*.whl")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*install, "--target", str(folder / "site"), str(wheel)], check=True, capture_output=True)
    path = os.pathsep.join(
        filter(None, [str(folder / "site"), os.environ.get("PYTHONPATH", ""), str(SOURCE.parents[1])])
    )
    home = {"SOCCER_HOME": str(folder / "home"), "SOCCER_FEED": "toy", "SOCCER_NOW": NOW}
    return os.environ | home | {"PYTHONPATH": path}


def _soccer(env: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "soccer_assets.cli", *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheels_feed_is_found_and_every_row_accounted_for(env: dict[str, str]) -> None:
    assert "toy" in _soccer(env, "feeds", "list").split()
    sums = json.loads(_soccer(env, "feeds", "audit", "--feed", "toy"))
    assert sums["rows"] == sums["matches"] > 500
    assert sums["rejected"] == sums["duplicates"] == sums["contradictions"] == 0
    assert sums["twins"] == sums["details"]["contradictions"] == sums["details"]["files_passed_over"] == []


@pytest.mark.slow
def test_the_wheels_feed_is_built_from_matches_to_a_release(env: dict[str, str]) -> None:
    """A home on the toy feed ends in a release that names it."""
    _soccer(env, "migrate")
    folder = Path(env["SOCCER_HOME"]) / "dagster"
    folder.mkdir()
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    output = _soccer(env, "run", "build_everything")
    assert "✓ releases/current" in output
    pointer = json.loads((Path(env["SOCCER_HOME"]) / "store/releases/current.json").read_bytes())
    release = Path(env["SOCCER_HOME"]) / "store/releases" / pointer["release_id"]
    manifest = json.loads((release / "manifest.json").read_bytes())
    assert manifest["feed"] == "toy"
    assert manifest["prediction_rows"] > 0
