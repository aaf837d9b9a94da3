"""Evaluations in the object store: the newest, the scores of each model version, the log of test readings."""

import datetime as dt

import msgspec

from soccer_assets.clock import isoformat
from soccer_assets.contract.model_history import EVALUATION_KEY
from soccer_assets.modelling.dataset import TrainingData
from soccer_assets.modelling.evaluation import Evaluation
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.store_error import StoreError
from soccer_assets.stores.stored_json import decoded, read_stored

READINGS_KEY = "model/test_readings.jsonl"


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One use of a test window, logged because repeated selection on the same window overfits it.

    Attributes:
        at: the clock's instant.
        run_id: of the evaluating run.
        candidate_version: the version that was evaluated.
        data_sha256: hash of the rows, test included.
        test_from: first kickoff of the window.
        test_until: last kickoff of the window.
        rows: matches in it.
    """

    at: str
    run_id: str
    candidate_version: str
    data_sha256: str
    test_from: str
    test_until: str
    rows: int


def reading_of(data: TrainingData, run_id: str, candidate_version: str, now: dt.datetime) -> Reading:
    """The reading of a run that evaluates a candidate on the test window of ``data``."""
    kickoff = data.matches.kickoff[data.split.test]
    first, last = (dt.datetime.fromtimestamp(int(each), dt.UTC) for each in (kickoff.min(), kickoff.max()))
    return Reading(
        at=isoformat(now),
        run_id=run_id,
        candidate_version=candidate_version,
        data_sha256=data.content_sha256,
        test_from=isoformat(first),
        test_until=isoformat(last),
        rows=len(kickoff),
    )


class MissingEvaluationError(StoreError):
    """No candidate was evaluated yet."""


class Scorecards:
    """Writes and reads evaluations."""

    def __init__(self, store: ObjectStore) -> None:
        """Bind to a store."""
        self._store = store

    def write(self, evaluation: Evaluation) -> None:
        """Store the newest evaluation."""
        self._store.write(EVALUATION_KEY, msgspec.json.format(msgspec.json.encode(evaluation)))

    def current(self) -> Evaluation:
        """The newest evaluation.

        Raises:
            MissingEvaluationError: no candidate was evaluated yet.
        """
        current = read_stored(self._store.read, EVALUATION_KEY, Evaluation)
        if current is None:
            raise MissingEvaluationError("no evaluation yet; run the job retrain_model")
        return current

    def log_reading(self, reading: Reading) -> int:
        """Append a reading to the log; returns how many readings now overlap its window, itself included.

        The run queue starts one training at a time, so that the log needs no lock.
        """
        past = self.readings()
        lines = [*past, reading]
        self._store.write(READINGS_KEY, b"\n".join(msgspec.json.encode(line) for line in lines) + b"\n")
        return sum(
            line.test_from <= reading.test_until and line.test_until >= reading.test_from for line in lines
        )

    def readings(self) -> list[Reading]:
        """Every reading of a test window, oldest first."""
        data = self._store.read(READINGS_KEY) or b""
        return [decoded(READINGS_KEY, line, Reading) for line in data.splitlines()]

    def describe(self, version: str, forecaster: str, evaluation: Evaluation) -> None:
        """Store the scores of one forecaster as the metrics of a model version."""
        metrics = {"all": msgspec.structs.asdict(evaluation.scorecard.forecasters[forecaster])}
        if forecaster in evaluation.scorecard.forecasters_with_odds:
            with_odds = evaluation.scorecard.forecasters_with_odds[forecaster]
            metrics["odds"] = msgspec.structs.asdict(with_odds)
        self._store.write(_key(version), msgspec.json.encode(metrics))

    def metrics_of(self, version: str) -> dict[str, dict[str, int | float]]:
        """Scores of a model version by row set (`all`, `odds`); empty where it was never evaluated."""
        return read_stored(self._store.read, _key(version), dict[str, dict[str, int | float]]) or {}


def _key(version: str) -> str:
    return f"model/scorecards/{version}.json"
