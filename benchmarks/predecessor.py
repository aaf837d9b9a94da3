"""The predecessor's serving, rebuilt in its documented style, for comparison in `benchmarks.serving`.

``precomputed`` is its fastest path, a Pydantic response from a dict, here without its key check.
``on_demand`` sends each request through Celery and Redis to a worker with the model and polls the task's
state every 50 ms, 30 s at most. Both read the release in the folder `RELEASE`; the queue is at `REDIS_URL`.
"""

import asyncio
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from celery import Celery
from celery.signals import worker_process_init
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from soccer_assets.contract.release import MANIFEST_FILE, MODEL_FILE, PREDICTIONS_FILE, Manifest, Prediction
from soccer_assets.modelling.outcome_model import OutcomeModel

POLL_SECONDS = 0.05
TIMEOUT_SECONDS = 30.0

queue = Celery("predecessor", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
_model: dict[str, Any] = {}


class Precomputed(BaseModel):
    """What `GET /predict/precomputed/{match_id}` answered."""

    match_id: str
    p_home: float
    p_draw: float
    p_away: float
    predicted_class: int
    predicted_label: str
    is_future: bool
    start_time_utc: str
    home_team_name: str
    away_team_name: str
    model_run_id: str
    model_stage: str
    predictions_computed_at: str


class OnDemand(BaseModel):
    """What `GET /predict/{match_id}` answered."""

    match_id: str
    prediction: dict[str, Any]


@worker_process_init.connect
def load_model(**_: Any) -> None:
    """The worker keeps the model; the features of a match are a row of the golden ones, in turn."""
    manifest = msgspec.json.decode((_release() / MANIFEST_FILE).read_bytes(), type=Manifest)
    _model["model"] = OutcomeModel.from_bytes((_release() / MODEL_FILE).read_bytes())
    _model["features"] = np.array([row.features for row in manifest.golden_rows])


@queue.task(name="predict_match")
def predict_match(match_id: str) -> dict[str, Any]:
    """Score one match."""
    row = int(match_id, 16) % len(_model["features"])
    probabilities = _model["model"].predict_proba(_model["features"][row : row + 1])[0].tolist()
    return {"predicted_class": int(np.argmax(probabilities)), "probabilities": dict(enumerate(probabilities))}


def precomputed() -> FastAPI:
    """The look-up in a dict."""
    rows = {}
    with sqlite3.connect(_release() / PREDICTIONS_FILE) as connection:
        for (body,) in connection.execute("SELECT body FROM prediction"):
            prediction = msgspec.json.decode(body, type=Prediction)
            rows[prediction.match_id] = {
                "match_id": prediction.match_id,
                "p_home": prediction.p_home,
                "p_draw": prediction.p_draw,
                "p_away": prediction.p_away,
                "predicted_class": ("home", "draw", "away").index(prediction.predicted_label),
                "predicted_label": prediction.predicted_label,
                "is_future": prediction.result is None,
                "start_time_utc": prediction.kickoff,
                "home_team_name": prediction.home_team.name,
                "away_team_name": prediction.away_team.name,
                "model_run_id": prediction.model_run_id,
                "model_stage": "champion",
                "predictions_computed_at": prediction.predicted_at,
            }
    app = FastAPI()

    @app.get("/predict/precomputed/{match_id}", response_model=Precomputed)
    async def read(match_id: str) -> dict[str, Any]:
        row = rows.get(match_id)
        if row is None:
            raise HTTPException(404, "not in the latest batch")
        return row

    return app


def on_demand() -> FastAPI:
    """The task a request."""
    app = FastAPI()

    @app.get("/predict/{match_id}", response_model=OnDemand)
    async def read(match_id: str) -> dict[str, Any]:
        task = predict_match.delay(match_id)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not task.ready():
            if time.monotonic() > deadline:
                raise HTTPException(504, "timeout")
            await asyncio.sleep(POLL_SECONDS)
        return {"match_id": match_id, "prediction": task.result}

    return app


def _release() -> Path:
    return Path(os.environ["RELEASE"])
