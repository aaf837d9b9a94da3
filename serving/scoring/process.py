"""Scoring in a child process, so that neither numpy nor xgboost is ever loaded beside the event loop.

The child is spawned at the first use and kept. It ends with its parent, and an alarm ends it where a model
makes it hang.
"""

import asyncio
import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import structlog

from serving.errors import ServingError
from serving.release.scoring_files import ScoringFiles
from serving.scoring.schemas import Answer, Row

_T = TypeVar("_T")

Rows = Sequence[Sequence[float]]
ScoreFunction = Callable[[str, Rows], list[tuple[float, float, float]]]

# A cold child imports xgboost and scores a handful of golden rows in about two seconds.
SCORE_SECONDS = 60


# Requests that may wait for the child: at 20 ms each the last of them waits two seconds at most.
MAX_WAITING = 100

_log = structlog.get_logger()


class ScoringError(ServingError):
    """The model could not be loaded or scored; the message says why."""


class ScorerBusyError(ScoringError):
    """Nothing can be scored now; a moment later it can."""


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
    """One child process that scores.

    Args:
        score: what the child runs for golden rows; tests pass their own. It must be importable by name.
    """

    def __init__(self, score: ScoreFunction = score_rows) -> None:
        self._score = score
        self._pool: ProcessPoolExecutor | None = None
        self._children: set[BaseProcess] = set()
        self._warm: list[ScoringFiles] = []
        self._warming: asyncio.Task[None] | None = None
        self._failed: ScoringFiles | None = None
        self._waiting = 0

    async def score(self, model_file: Path, rows: Rows) -> list[tuple[float, float, float]]:
        """Probabilities of each row by the model in ``model_file``.

        Raises:
            ScoringError: the child raised an error, or died.
        """
        return await self._run(self._score, str(model_file), rows)

    def is_warm(self, files: ScoringFiles) -> bool:
        """Whether rows can be scored with this release at once."""
        return files in self._warm

    async def warm(self, files: ScoringFiles | None) -> None:
        """Make ready to score rows with a release; where that fails rows are answered 503."""
        if files is None or self.is_warm(files):
            return
        try:
            await self._run(warm_up, files)
        except ScoringError as error:
            self._failed = files
            _log.error("rows cannot be scored", release_id=files.provenance.release_id, error=str(error))
            return
        self._warm = [files, *self._warm[:1]]

    def keep_warm(self, files: ScoringFiles | None) -> None:
        """See to it in the background that rows can be scored, also after the child died; no second trial."""
        is_at_it = self._warming is not None and not self._warming.done()
        if files is not None and not is_at_it and files != self._failed and not self.is_warm(files):
            self._warming = asyncio.create_task(self.warm(files))

    async def run(self, function: Callable[..., _T], *args: Any) -> _T:
        """What a function answers in the child, warm or not; it must be importable by name.

        Raises:
            ScoringError: it raised an error.
            ScorerBusyError: the child died, or has too much to do.
        """
        if self._waiting >= MAX_WAITING:
            raise ScorerBusyError("too many requests wait to be scored")
        self._waiting += 1
        try:
            return await self._run(function, *args)
        finally:
            self._waiting -= 1

    async def answer(
        self, files: ScoringFiles, rows: Sequence[Row], at: str, *, with_reasons: bool
    ) -> Scored:
        """A JSON body for each row, or what is wrong with it.

        Raises:
            ScorerBusyError: the child is not ready, died, or has too much to do.
            ScoringError: a row broke it.
        """
        if not self.is_warm(files):
            raise ScorerBusyError("the model is being loaded")
        return await self.run(answer_rows, files, rows, at, with_reasons)

    async def _run(self, function: Callable[..., _T], *args: Any) -> _T:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_start_child)
        pool = self._pool
        others = set(multiprocessing.active_children()) - self._children
        try:
            future = asyncio.get_running_loop().run_in_executor(pool, function, *args)
        except BrokenProcessPool as error:
            self._discard_pool(pool)
            raise ScorerBusyError(f"the scoring process died: {error}") from error
        self._children = set(multiprocessing.active_children()) - others
        future.add_done_callback(_retrieve_exception)
        # A model is a file from outside: its reader may raise anything, and all of it means the same here.
        await asyncio.wait([future])
        error_of_child = future.exception()
        if error_of_child is None:
            return future.result()
        if isinstance(error_of_child, BrokenProcessPool):
            self._discard_pool(pool)
            raise ScorerBusyError(f"{type(error_of_child).__name__}: {error_of_child}") from error_of_child
        raise ScoringError(f"{type(error_of_child).__name__}: {error_of_child}") from error_of_child

    def _discard_pool(self, pool: ProcessPoolExecutor) -> None:
        """The child is dead: the next one starts cold."""
        if self._pool is pool:
            self._pool = None
            self._warm = []

    def cancel(self) -> None:
        """Stop waiting for the child."""
        if self._warming is not None:
            self._warming.cancel()

    def close(self) -> None:
        """End the child now: it holds nothing that must be finished, and a stop should not wait for it.

        A thread may call it: `cancel` comes first, on the event loop.
        """
        if self._pool is not None:
            for child in self._children:
                child.terminate()
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


def _retrieve_exception(future: "asyncio.Future[Any]") -> None:
    """Take note of an error that nobody waits for any more: the sidecar stops."""
    if not future.cancelled():
        future.exception()


def import_xgboost_alone() -> None:
    """Let this process import xgboost without scikit-learn, for processes that only score.

    Where that is installed, xgboost brings it, scipy.stats and pandas for a part of itself that is not used
    here: four fifths of the time of its import. It takes None for "not installed".
    """
    sys.modules.setdefault("sklearn", None)  # type: ignore[arg-type]


def _start_child() -> None:
    # Ctrl-C reaches the whole process group; the parent says when the child ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import_xgboost_alone()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
