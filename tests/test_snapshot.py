"""The snapshot of what a refactoring must not change: what its comparison finds, and what its masks hide."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks.snapshot import main
from benchmarks.snapshot_parts.masking import Mask

FILES: dict[str, Any] = {
    "bodies": {"GET /predict/1": {"status": 200, "body": '{"match_id":"1","p_home":0.1,"items":[1,2]}'}},
    "names": {"features": ["elo_gap", "tier"], "weight": 1.0},
    "texts": {"cli.help": "Start everything."},
}


def write(folder: Path, files: dict[str, Any]) -> Path:
    """A snapshot with these files."""
    folder.mkdir()
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def before(tmp_path: Path) -> Path:
    return write(tmp_path / "before", FILES)


def test_equal_folders_differ_in_nothing(before, tmp_path, capsys):
    """The same files: no line, exit code 0."""
    after = shutil.copytree(before, tmp_path / "after")

    assert main(["--compare", str(before), str(after)]) == 0
    assert capsys.readouterr().out == "no difference\n"


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (
            {
                "bodies": {
                    "GET /predict/1": {"status": 404, "body": FILES["bodies"]["GET /predict/1"]["body"]}
                }
            },
            "bodies: GET /predict/1.status: 200 -> 404",
        ),
        (
            {
                "bodies": {
                    "GET /predict/1": {
                        "status": 200,
                        "body": '{"match_id":"1","p_home":0.10000000000000002,"items":[1,2]}',
                    }
                }
            },
            "bodies: GET /predict/1.body.p_home: 0.1 -> 0.10000000000000002",
        ),
        (
            {"names": {"features": ["tier", "elo_gap"], "weight": 1.0}},
            'names: features[0]: "elo_gap" -> "tier"',
        ),
        ({"names": {"features": ["elo_gap"], "weight": 1.0}}, "names: features: 2 items -> 1 items"),
        ({"names": {"features": ["elo_gap", "tier"], "weight": 1}}, "names: weight: 1.0 -> 1"),
        ({"names": {"features": ["elo_gap", "tier"]}}, "names: weight: 1.0 -> (nothing)"),
    ],
)
def test_a_planted_difference_is_found(before, tmp_path, capsys, changed, line):
    """One line names the file, the place and both values, also within the JSON of a body; exit code 1."""
    after = write(tmp_path / "after", FILES | changed)

    assert main(["--compare", str(before), str(after)]) == 1
    assert line in capsys.readouterr().out.splitlines()


def test_the_same_json_in_other_bytes_is_a_difference(before, tmp_path, capsys):
    """A body whose fields come in another order is not the same body."""
    body = '{"p_home":0.1,"match_id":"1","items":[1,2]}'
    after = write(tmp_path / "after", FILES | {"bodies": {"GET /predict/1": {"status": 200, "body": body}}})

    assert main(["--compare", str(before), str(after)]) == 1
    assert capsys.readouterr().out.startswith("bodies: GET /predict/1.body: ")


def test_a_file_may_be_left_out(before, tmp_path):
    """Sentences for people lie in a file of their own; without it there is nothing to see."""
    after = write(tmp_path / "after", FILES | {"texts": {"cli.help": "Start all of it."}})

    assert main(["--compare", str(before), str(after)]) == 1
    assert main(["--compare", str(before), str(after), "--ignore", "texts"]) == 0


def test_a_missing_file_is_a_difference(before, tmp_path, capsys):
    """A snapshot that lacks a file differs, and two folders without any file are no snapshots."""
    after = write(tmp_path / "after", {name: FILES[name] for name in ("bodies", "texts")})
    empty = write(tmp_path / "empty", {})

    assert main(["--compare", str(before), str(after)]) == 1
    assert f"names: only in {before}" in capsys.readouterr().out
    assert main(["--compare", str(empty), str(empty)]) == 1


def test_masks_hide_ids_and_take_sentences_out():
    """A run's id, a fingerprint and a sentence are replaced; a probability and a name stay."""
    mask = Mask()
    mask.know("0a1b2c", "<run of 3>")
    body = (
        '{"model_run_id":"0a1b2c","made_by":"ffff","p_home":0.25,"detail":"Say \\"please\\".","name":"Leeds"}'
    )

    assert mask(body, "place") == (
        '{"model_run_id":"<run of 3>","made_by":"<drawn>","p_home":0.25,"detail":"<text>","name":"Leeds"}'
    )
    assert mask.texts == {"place": ['Say "please".']}
