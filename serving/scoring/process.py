"""Scoring in a child process, so that neither numpy nor xgboost is ever loaded beside the event loop.

Here: what the child runs, and which releases it is warm for. An alarm ends the child where a model makes it
hang. Not here: the process itself (``child_process.py``) and the scores (``engine.py``).
"""

import asyncio
import gc
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import structlog

from serving.child_process import ChildBusyError, ChildFailedError, ChildProcess
from serving.release.scoring_files import ScoringFiles
from serving.scoring.schemas import Answer, Row

Rows = Sequence[Sequence[float]]
ScoreFunction = Callable[[str, Rows], list[tuple[float, float, float]]]

# A cold child imports xgboost and scores a handful of golden rows in about two seconds.
SCORE_SECONDS = 60

_log = structlog.get_logger()


def score_rows(model_file: str, rows: Rows) -> list[tuple[float, float, float]]:
    """Load the model and score feature rows, in the child: home, draw and away probability of each."""
    import numpy as np  # noqa: PLC0415 - only the child pays for it

    from soccer_assets.modelling.outcome_model import OutcomeModel  # noqa: PLC0415

    signal.alarm(SCORE_SECONDS)
    try:
        model = OutcomeModel.from_bytes(Path(model_file).read_bytes())
        probabilities = model.predict_proba(np.array(rows, dtype=float))
    finally:
        signal.alarm(0)
    return [(float(home), float(draw), float(away)) for home, draw, away in probabilities]


class Scored(msgspec.Struct, frozen=True):
    """Answers to rows, what they said in short (likeliest outcome, its probability), and the time it took."""

    answers: list[Answer]
    top_outcomes: list[tuple[str, float]]
    seconds: float


def answer_rows(files: ScoringFiles, rows: Sequence[Row], at: str, with_reasons: bool) -> Scored:
    """Score rows, in the child: a JSON body of each, or what is wrong with it."""
    from serving.scoring.engine import engine, top_outcomes  # noqa: PLC0415 - only the child pays for numpy

    signal.alarm(SCORE_SECONDS)
    started = time.perf_counter()
    try:
        answers = engine(files).answer(rows, at, with_reasons=with_reasons)
    finally:
        signal.alarm(0)
    return Scored(answers, top_outcomes(answers), time.perf_counter() - started)


def warm_up(files: ScoringFiles) -> None:
    """Read a release and score once, in the child: the first time takes seconds, the next milliseconds."""
    from serving.scoring.engine import engine  # noqa: PLC0415 - only the child pays for numpy

    signal.alarm(SCORE_SECONDS)
    try:
        engine(files).warm_up()
    finally:
        signal.alarm(0)
    # What stays is not looked through for garbage again: that took 160 ms in the middle of a request.
    gc.unfreeze()
    gc.collect()
    gc.freeze()


class Scorer:
    """Scores in a child process.

    Args:
        score: what the child runs for golden rows; tests pass their own. It must be importable by name.
    """

    def __init__(self, score: ScoreFunction = score_rows) -> None:
        self._score = score
        self.child = ChildProcess(import_xgboost_alone, on_death=self._start_cold)
        self._warm: list[ScoringFiles] = []
        self._warming: asyncio.Task[None] | None = None
        self._failed: ScoringFiles | None = None

    async def score(self, model_file: Path, rows: Rows) -> list[tuple[float, float, float]]:
        """Probabilities of each row by the model in ``model_file``.

        Raises:
            ChildFailedError: the child raised an error, or died.
        """
        return await self.child.run(self._score, str(model_file), rows)

    def is_warm(self, files: ScoringFiles) -> bool:
        """Whether rows can be scored with this release at once."""
        return files in self._warm

    async def warm(self, files: ScoringFiles | None) -> None:
        """Make ready to score rows with a release; where that fails rows are answered 503."""
        if files is None or self.is_warm(files):
            return
        try:
            await self.child.run(warm_up, files)
        except ChildFailedError as error:
            self._failed = files
            _log.error("rows cannot be scored", release_id=files.provenance.release_id, error=str(error))
            return
        self._warm = [files, *self._warm[:1]]

    def keep_warm(self, files: ScoringFiles | None) -> None:
        """Warm up in the background, also after the child died; a release that failed is not tried again."""
        is_warming = self._warming is not None and not self._warming.done()
        if files is not None and not is_warming and files != self._failed and not self.is_warm(files):
            self._warming = asyncio.create_task(self.warm(files))

    async def answer(
        self, files: ScoringFiles, rows: Sequence[Row], at: str, *, with_reasons: bool
    ) -> Scored:
        """A JSON body for each row, or what is wrong with it.

        Raises:
            ChildBusyError: the child is not ready, died, or has too much to do.
            ChildFailedError: a row broke it.
        """
        if not self.is_warm(files):
            raise ChildBusyError("the model is being loaded")
        return await self.child.run_for_client(answer_rows, files, rows, at, with_reasons)

    def cancel(self) -> None:
        """Stop waiting for the child."""
        if self._warming is not None:
            self._warming.cancel()

    def close(self) -> None:
        """End the child; `cancel` comes first, on the event loop."""
        self.child.close()

    def _start_cold(self) -> None:
        self._warm = []


def import_xgboost_alone() -> None:
    """Let this process import xgboost without scikit-learn, for processes that only score.

    Where that is installed, xgboost brings it, scipy.stats and pandas for a part of itself that is not used
    here: four fifths of the time of its import. It takes None for "not installed".
    """
    sys.modules.setdefault("sklearn", None)  # type: ignore[arg-type]
