"""The notebooks run, cell by cell, against a real sidecar, and show what the home has."""

import hashlib
import json
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest

from soccer_assets.contract.download_files import DOWNLOADS_KEY, DownloadFile, DownloadsIndex, download_key
from soccer_assets.stores.downloads.files import to_csv, typed
from tests.serving.builders import (
    TOKENS,
    make_prediction,
    make_release,
    put,
    real_model,
    write_keys,
    write_status,
)
from tests.serving.processes import ready_release, sidecar, wait_until

FOLDER = Path(__file__).parents[2] / "docs/notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MATCHES = 400


def put_ledger(store: Path) -> None:
    """A ledger of calibrated forecasts with their results, and one without."""
    chance = np.random.default_rng(1)
    said = chance.dirichlet((4, 2, 3), MATCHES)
    ended = [chance.choice(3, p=row) for row in said]
    rows = pd.DataFrame(said, columns=["p_home", "p_draw", "p_away"]).assign(
        sequence=range(1, MATCHES + 1),
        verdict="scored",
        outcome=[("home", "draw", "away")[place] for place in ended],
        log_loss=[-np.log(row[place]) for row, place in zip(said, ended, strict=True)],
    )
    rows.loc[MATCHES - 1, ["verdict", "outcome", "log_loss"]] = None
    data = to_csv(typed("ledger", rows))
    digest = hashlib.sha256(data).hexdigest()
    file = DownloadFile(
        name="ledger.csv", table="ledger", format="csv", sha256=digest, bytes=len(data), rows=MATCHES
    )
    index = DownloadsIndex(
        schema_version=1,
        made_at="2025-04-25T08:57:00Z",
        release_id="r1",
        feed="simulated",
        is_simulated=True,
        attribution=("made up",),
        left_out=(),
        files=(file,),
    )
    put(store, DOWNLOADS_KEY, index)
    (store / download_key(digest, "csv")).write_bytes(data)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory):
    """A sidecar with a release of ten matches and a ledger."""
    home = tmp_path_factory.mktemp("notebooks")
    model, golden_rows = real_model(trees=True)
    rows = [make_prediction(f"m{number}") for number in range(10)]
    make_release(home / "store", rows, model=model, golden_rows=golden_rows)
    put_ledger(home / "store")
    write_status(home / "store")
    write_keys(home / "store")
    with sidecar(home) as (one, _):
        wait_until(lambda: ready_release(one) == "r1")
        yield one


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_its_first_cell_to_its_last(address, notebook, monkeypatch, capsys):
    """Every cell runs as it is written; nothing is stored that a run has shown."""
    monkeypatch.setenv("SOCCER_API", address)
    monkeypatch.setenv("SOCCER_KEY", TOKENS["reader"])
    cells = msgspec.json.decode(notebook.read_bytes())["cells"]
    namespace: dict[str, object] = {"__name__": "__main__"}

    for cell in cells:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            exec(compile("".join(cell["source"]), notebook.name, "exec"), namespace)  # noqa: S102

    shown = capsys.readouterr().out
    expected = {
        "first-forecast": "Leeds - Derby: home 50%, draw 30%, away 20%",
        "check-our-calibration": f"{MATCHES} forecasts, {MATCHES - 1} of them official and scored",
        "score-your-own-model": "difference 0.",
    }
    assert expected[notebook.stem] in shown


def test_there_are_three_notebooks():
    """Those that the documents name."""
    assert len(NOTEBOOKS) == 3
    assert all(json.loads(path.read_text())["nbformat"] == 4 for path in NOTEBOOKS)
