"""Whole valid releases in a folder, and what the tests need to answer from them."""

import dataclasses
import datetime as dt
import functools
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from serving.scoring.process import Rows, Scorer
from soccer_assets.clock import isoformat, parse_instant
from soccer_assets.contract.api_keys import API_KEYS_KEY, ApiKey, ApiKeys
from soccer_assets.contract.installation import INSTALLATION_KEY, Installation
from soccer_assets.contract.release import (
    CHAMPION,
    DIRECTORY_FILE,
    MANIFEST_FILE,
    MODEL_FILE,
    POINTER_KEY,
    PREDICTIONS_DDL,
    PREDICTIONS_FILE,
    SCHEMA_VERSION,
    TEAM_STATE_FILE,
    FeedTerms,
    FileEntry,
    GoldenRow,
    Manifest,
    ModelCard,
    Pointer,
    Prediction,
    Team,
    release_key,
)
from soccer_assets.contract.season_projection import ProjectionsFile, projections_key
from soccer_assets.contract.status import STATUS_KEY, AssetState, Status
from soccer_assets.football.text_folding import fold
from soccer_assets.modelling.outcome_model import THREADS, XGBOOST_ON_LOGIT, OutcomeModel
from soccer_assets.settings import Settings
from tests.builders import INSTALLATION

NOW = parse_instant("2025-04-25T09:00:00Z")

TOKENS = {
    "reader": "token-of-the-reader",
    "predictor": "token-of-the-predictor",
    "admin": "token-of-the-admin",
}
READER = {"X-API-Key": TOKENS["reader"]}

GOLDEN_ROWS = (
    GoldenRow(features=(0.25, 1.5), probabilities=(0.5, 0.3, 0.2)),
    GoldenRow(features=(-0.5, 2.0), probabilities=(0.2, 0.3, 0.5)),
)


def make_prediction(match_id: str = "m1", **changes: Any) -> Prediction:
    """A prediction of tomorrow's Leeds against Derby, with the given changes."""
    prediction = Prediction(
        match_id=match_id,
        competition="ENG-2",
        season="2024-25",
        round=None,
        home_team=Team("t-leeds", "Leeds"),
        away_team=Team("t-derby", "Derby"),
        kickoff="2025-04-26T14:00:00Z",
        kickoff_precision="minute",
        status="scheduled",
        neutral=False,
        p_home=0.5,
        p_draw=0.3,
        p_away=0.2,
        predicted_label="home",
        expected_goals=None,
        model=CHAMPION,
        model_version="7",
        model_run_id="run-7",
        release_id="r1",
        feed="simulated",
        predicted_at="2025-04-25T08:55:00Z",
    )
    return msgspec.structs.replace(prediction, **changes)


def make_release(
    store: Path,
    predictions: Iterable[Prediction],
    *,
    release_id: str = "r1",
    schema_version: int = SCHEMA_VERSION,
    golden_rows: Sequence[GoldenRow] = GOLDEN_ROWS,
    model: bytes | None = None,
    prediction_rows: int | None = None,
    feature_names: Sequence[str] = ("elo_gap", "rest_gap"),
    terms: tuple[FeedTerms, ...] = (),
    **contents: bytes,
) -> Path:
    """Write a release as the graph does, pointer last; returns its folder.

    ``contents`` are further files: ``team_state`` and ``directory`` make it one that can score pairings.
    """
    folder = store / release_key(release_id, "")
    folder.mkdir(parents=True, exist_ok=True)
    rows = [msgspec.structs.replace(prediction, release_id=release_id) for prediction in predictions]
    _write_predictions(folder / PREDICTIONS_FILE, rows)
    stub_model = json.dumps([row.probabilities for row in GOLDEN_ROWS]).encode()
    (folder / MODEL_FILE).write_bytes(stub_model if model is None else model)
    files = {TEAM_STATE_FILE: contents.get("team_state", b"states")}
    if "directory" in contents:
        files[DIRECTORY_FILE] = contents["directory"]
    for name, content in files.items():
        (folder / name).write_bytes(content)
    manifest = Manifest(
        schema_version=schema_version,
        release_id=release_id,
        terms=terms,
        feed="simulated",
        is_simulated=True,
        created_at="2025-04-25T08:56:00Z",
        data_as_of="2025-04-24T19:00:00Z",
        snapshot_id="s1",
        models={CHAMPION: make_model_card()},
        feature_names=tuple(feature_names),
        golden_rows=tuple(golden_rows),
        prediction_rows=len(rows) if prediction_rows is None else prediction_rows,
        ledger_head=None,
        files={
            name: FileEntry(sha256=sha256(folder / name), bytes=(folder / name).stat().st_size)
            for name in (PREDICTIONS_FILE, MODEL_FILE, *files)
        },
    )
    (folder / MANIFEST_FILE).write_bytes(msgspec.json.encode(manifest))
    write_pointer(store, release_id, schema_version)
    return folder


def write_pointer(store: Path, release_id: str, schema_version: int = SCHEMA_VERSION) -> None:
    """Make a release that is there the current one."""
    manifest = store / release_key(release_id, MANIFEST_FILE)
    pointer = Pointer(
        schema_version=schema_version,
        release_id=release_id,
        manifest_sha256=sha256(manifest),
        model_version="7",
        published_at="2025-04-25T08:57:00Z",
    )
    put(store, POINTER_KEY, pointer)
    put(store, INSTALLATION_KEY, Installation(id=INSTALLATION))


def write_projections(store: Path, file: ProjectionsFile) -> Path:
    """Put season projections beside the current release, as the graph does; returns their file."""
    pointer = msgspec.json.decode((store / POINTER_KEY).read_bytes(), type=Pointer)
    content = msgspec.json.encode(file)
    entry = FileEntry(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
    path = store / projections_key(pointer.release_id, entry)
    path.write_bytes(content)
    put(store, POINTER_KEY, msgspec.structs.replace(pointer, projections=entry))
    return path


def write_status(store: Path, **changes: Any) -> Status:
    """Write a status that was checked five minutes before `NOW`, with the given changes."""
    status = Status(
        schema_version=SCHEMA_VERSION,
        feed="simulated",
        checked_at="2025-04-25T08:55:00Z",
        data_as_of="2025-04-24T19:00:00Z",
        next_expected_at="2025-04-26T18:00:00Z",
        assets=(AssetState(key="livescores/recent", state="pass", promise="checked every 90 minutes"),),
    )
    status = msgspec.structs.replace(status, **changes)
    put(store, STATUS_KEY, status)
    return status


def write_keys(store: Path, scopes: dict[str, tuple[str, ...]] | None = None) -> None:
    """Write the keys of `TOKENS`, or those of them that are named."""
    scopes = scopes or {"reader": ("read",), "predictor": ("predict",), "admin": ("admin",)}
    keys = ApiKeys(
        schema_version=SCHEMA_VERSION,
        keys=tuple(
            ApiKey(
                id=name,
                sha256=hashlib.sha256(TOKENS[name].encode()).hexdigest(),
                scopes=held,
                created_at="2025-04-01T00:00:00Z",
            )
            for name, held in scopes.items()
        ),
    )
    put(store, API_KEYS_KEY, keys)


def make_settings(home: Path, **changes: Any) -> Settings:
    """Settings of a sidecar with its store under ``home`` and its clock at `NOW`."""
    settings = Settings.from_env(
        {
            "SOCCER_HOME": str(home),
            "SOCCER_NOW": isoformat(NOW),
            "SOCCER_POLL_SECONDS": "3600",
            # Nobody listens on port 9: the Dagster of a `make up` on this machine must not answer a test.
            "SOCCER_DAGSTER_URL": "http://127.0.0.1:9",
        }
    )
    return msgspec.structs.replace(settings, **changes)


def make_model_card() -> ModelCard:
    """The card of the champion."""
    return ModelCard(
        name="match_outcome",
        version="7",
        run_id="run-7",
        alias=CHAMPION,
        recipe="xgboost",
        content_sha256="0" * 64,
        trained_at="2025-04-20T00:00:00Z",
        train_end="2025-04-13T00:00:00Z",
        trained_rows=12_000,
        scorecard={"champion": {"log_loss": 1.01}},
    )


def put(store: Path, key: str, value: object) -> None:
    """Write an object as a whole, as an object store does."""
    path = store / key
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(msgspec.json.encode(value))
    partial.replace(path)


def sha256(path: Path) -> str:
    """The hash of a file, as manifest and pointer give it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def hours(count: float) -> dt.timedelta:
    """A number of hours."""
    return dt.timedelta(hours=count)


def stub_scores(model_file: str, rows: Rows) -> list[tuple[float, float, float]]:
    """Scores of the stub model: its file holds the probabilities it gives, row by row."""
    return [tuple(row) for row in json.loads(Path(model_file).read_bytes())][: len(rows)]


def dying_scores(model_file: str, rows: Rows) -> list[tuple[float, float, float]]:
    """A model that kills the process that scores it."""
    raise SystemExit(1)


class StubScorer(Scorer):
    """Scores the stub model in this process, and counts how many calls overlap."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    async def score(self, model_file: Path, rows: Rows) -> list[tuple[float, float, float]]:
        """Probabilities of the stub model."""
        self.calls += 1
        return stub_scores(str(model_file), rows)


def _write_predictions(path: Path, predictions: Sequence[Prediction]) -> None:
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    with connection:
        connection.executescript(PREDICTIONS_DDL)
        connection.executemany(
            "INSERT INTO prediction VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    row.match_id,
                    row.model,
                    row.kickoff,
                    row.competition,
                    row.home_team.id,
                    row.away_team.id,
                    fold(row.home_team.name),
                    fold(row.away_team.name),
                    f"s-{row.match_id}",
                    int(row.result is None),
                    msgspec.json.encode(row),
                )
                for row in predictions
            ],
        )
    connection.close()


@functools.cache
def real_model(*, trees: bool) -> tuple[bytes, tuple[GoldenRow, ...]]:
    """A small fitted model of the project's own kind, and the probabilities it gives two rows."""
    import xgboost as xgb  # noqa: PLC0415 - scoring children import this module for its stubs

    values = np.array([[0.25, 1.5], [-0.5, 2.0], [1.0, -1.0], [0.1, 0.2]])
    model = OutcomeModel(
        recipe=XGBOOST_ON_LOGIT,
        feature_names=("elo_gap", "rest_gap"),
        center=np.zeros(2),
        scale=np.ones(2),
        weights=np.array([[0.2, 0.0, -0.2], [0.5, 0.0, -0.5], [0.1, 0.0, -0.1]]),
    )
    if trees:
        data = xgb.DMatrix(values, label=[0, 2, 0, 1], nthread=THREADS)
        parameters = {"objective": "multi:softprob", "num_class": 3, "max_depth": 2, "min_child_weight": 0}
        parameters |= {"nthread": THREADS}
        booster = xgb.train(parameters, data, num_boost_round=3)
        model = dataclasses.replace(model, trees=(bytes(booster.save_raw("ubj")),))
    golden = tuple(
        GoldenRow(features=(row[0], row[1]), probabilities=(home, draw, away))
        for row, (home, draw, away) in zip(
            values[:2].tolist(), model.predict_proba(values[:2]).tolist(), strict=True
        )
    )
    return model.to_bytes(), golden
