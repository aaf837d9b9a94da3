"""Scoring in a child process, so that neither numpy nor xgboost is ever loaded beside the event loop.

The child is spawned at the first use and kept. It ends with its parent, and an alarm ends it where a model
makes it hang.
"""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

Rows = Sequence[Sequence[float]]
ScoreFunction = Callable[[str, Rows], list[tuple[float, float, float]]]

# A cold child imports xgboost and scores a handful of golden rows in about two seconds.
SCORE_SECONDS = 60


class ScoringError(Exception):
    """The model could not be loaded or scored; the message says why."""


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


class Scorer:
    """One child process that scores.

    Args:
        score: what the child runs; tests pass their own. It must be importable by name.
    """

    def __init__(self, score: ScoreFunction = score_rows) -> None:
        self._score = score
        self._pool: ProcessPoolExecutor | None = None
        self._children: set[BaseProcess] = set()

    async def score(self, model_file: Path, rows: Rows) -> list[tuple[float, float, float]]:
        """Probabilities of each row by the model in ``model_file``.

        Raises:
            ScoringError: the child raised an error, or died.
        """
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_start_child)
        others = set(multiprocessing.active_children()) - self._children
        try:
            future = asyncio.get_running_loop().run_in_executor(
                self._pool, self._score, str(model_file), rows
            )
        except BrokenProcessPool as error:
            self._pool = None
            raise ScoringError(f"the scoring process died: {error}") from error
        self._children = set(multiprocessing.active_children()) - others
        # A model is a file from outside: its reader may raise anything, and all of it means the same here.
        await asyncio.wait([future])
        error_of_child = future.exception()
        if error_of_child is None:
            return future.result()
        if isinstance(error_of_child, BrokenProcessPool):
            self._pool = None
        raise ScoringError(f"{type(error_of_child).__name__}: {error_of_child}") from error_of_child

    def close(self) -> None:
        """End the child now: it holds nothing that must be finished, and a stop should not wait for it."""
        if self._pool is not None:
            for child in self._children:
                child.terminate()
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


def _start_child() -> None:
    # Ctrl-C reaches the whole process group; the parent says when the child ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
