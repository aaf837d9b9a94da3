"""Scoring in a child process, so that numpy and xgboost are not loaded beside the event loop.

Here: the functions that run in the child, and the releases it is warm for. A timer kills the child if a
model does not end. Not here: the process itself (``child_process.py``), the scores (``engine.py``).
"""

import asyncio
import functools
import gc
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import structlog

from serving.child_process import ChildBusyError, ChildFailedError, ChildProcess
from serving.memory_file import SharedFile
from serving.release.scoring_files import ScoringFiles
from serving.scoring.schemas import Answer, BodyFault, DecodedRows, decode_body
from soccer_assets.garbage import uncollected

Rows = Sequence[Sequence[float]]
ScoreFunction = Callable[[str, Rows], list[tuple[float, float, float]]]

# Of processor time: a cold child imports xgboost and scores a handful of golden rows in about two seconds,
# which took more than a minute beside much else. One that waits for ever is ended by `ChildProcess`.
SCORE_SECONDS = 60
# A child that dies while it loads a release may have been killed; if each one dies, it is the release.
_MOST_DEATHS = 3

_log = structlog.get_logger()


def _end_after(seconds: int) -> None:
    """End this process when it has used so much more processor time; 0 for never."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def score_rows(model_file: str, rows: Rows) -> list[tuple[float, float, float]]:
    """Load the model and score feature rows, in the child; returns p_home, p_draw, p_away of each row."""
    import numpy as np  # noqa: PLC0415 - only the child pays for it

    from soccer_assets.modelling.outcome_model import OutcomeModel  # noqa: PLC0415

    _end_after(SCORE_SECONDS)
    try:
        model = OutcomeModel.from_bytes(Path(model_file).read_bytes())
        probabilities = model.predict_proba(np.array(rows, dtype=float))
    finally:
        _end_after(0)
    return [(float(home), float(draw), float(away)) for home, draw, away in probabilities]


class Scored(msgspec.Struct, frozen=True):
    """Answers to rows, the likeliest outcome of each with its probability, and the seconds it took."""

    answers: list[Answer]
    is_list: bool
    top_outcomes: list[tuple[str, float]]
    seconds: float


def answer_file(
    files: ScoringFiles, body: SharedFile, max_rows: int, at: str, *, with_markets: bool
) -> Scored | BodyFault:
    """Decode the body in a file and score its rows, in the child, or say why they cannot be scored."""
    decoded = decode_body(body.read(), max_rows)
    if not isinstance(decoded, DecodedRows):
        return decoded
    return answer_rows(files, decoded, at, with_markets=with_markets)


def answer_rows(files: ScoringFiles, decoded: DecodedRows, at: str, *, with_markets: bool) -> Scored:
    """Score rows, in the child: the JSON body or the problems of each; reasons for one that is no list."""
    from serving.scoring.engine import engine, top_outcomes  # noqa: PLC0415 - only the child pays for numpy

    _end_after(SCORE_SECONDS)
    started = time.perf_counter()
    try:
        answers = engine(files).answer(
            decoded.rows, at, with_reasons=not decoded.is_list, with_markets=with_markets
        )
    finally:
        _end_after(0)
    return Scored(answers, decoded.is_list, top_outcomes(answers), time.perf_counter() - started)


def warm_up(files: ScoringFiles) -> None:
    """Load a release and score once, in the child: the first call takes seconds, later ones milliseconds."""
    from serving.scoring.engine import engine  # noqa: PLC0415 - only the child pays for numpy

    _end_after(SCORE_SECONDS)
    try:
        with uncollected():
            engine(files).warm_up()
    finally:
        _end_after(0)
    # Exclude what was loaded from garbage collection: a full collection paused a request for 160 ms.
    gc.unfreeze()
    gc.collect()
    gc.freeze()


class Scorer:
    """Scores in a child process.

    Args:
        score: scores golden rows in the child; must be importable by name. Tests pass their own.
    """

    def __init__(self, score: ScoreFunction = score_rows) -> None:
        self._score = score
        self.child = ChildProcess(on_death=self._start_cold)
        self._warm: list[ScoringFiles] = []
        self._warming: asyncio.Task[None] | None = None
        self._failed: ScoringFiles | None = None
        self._deaths: tuple[ScoringFiles | None, int] = (None, 0)

    async def score(self, model_file: Path, rows: Rows) -> list[tuple[float, float, float]]:
        """Probabilities of feature rows by the model in ``model_file``.

        Raises:
            ChildFailedError: the child raised an error, or died.
        """
        return await self.child.run(self._score, str(model_file), rows)

    def is_warm(self, files: ScoringFiles) -> bool:
        """Whether the child has loaded this release."""
        return files in self._warm

    async def warm(self, files: ScoringFiles | None) -> None:
        """Load a release in the child; if that fails, scoring with it is refused with 503.

        A child that is killed meanwhile is no failure of the release, unless it dies each time.
        """
        if files is None or self.is_warm(files):
            return
        try:
            await self.child.run(warm_up, files)
        except ChildBusyError as error:
            before, deaths = self._deaths
            self._deaths = files, 1 + (deaths if files == before else 0)
            if self._deaths[1] >= _MOST_DEATHS:
                self._failed = files
            _log.error("rows cannot be scored", release_id=files.provenance.release_id, error=str(error))
            return
        except ChildFailedError as error:
            self._failed = files
            _log.error("rows cannot be scored", release_id=files.provenance.release_id, error=str(error))
            return
        self._warm = [files, *self._warm[:1]]

    def keep_warm(self, files: ScoringFiles | None) -> None:
        """Warm up in the background if needed, also after the child died; skip a release that failed."""
        is_warming = self._warming is not None and not self._warming.done()
        if files is not None and not is_warming and files != self._failed and not self.is_warm(files):
            self._warming = asyncio.create_task(self.warm(files))

    async def answer(
        self,
        files: ScoringFiles,
        body: SharedFile | DecodedRows,
        max_rows: int,
        at: str,
        *,
        with_markets: bool = False,
    ) -> Scored | BodyFault:
        """The JSON body or the problems of each row, in order; of the body in a file also why it has none.

        Args:
            files: of the release that scores.
            body: of the request, or its rows.
            max_rows: a longer list is refused.
            at: the instant of the request.
            with_markets: whether pairings are answered with every market.

        Raises:
            ChildBusyError: the child is not warm, died, or is overloaded.
            ChildFailedError: scoring raised an exception.
        """
        if not self.is_warm(files):
            raise ChildBusyError("the model is being loaded")
        if isinstance(body, DecodedRows):
            scored = functools.partial(answer_rows, with_markets=with_markets)
            return await self.child.run_for_client(scored, files, body, at)
        answered = functools.partial(answer_file, with_markets=with_markets)
        return await self.child.run_for_client(answered, files, body, max_rows, at)

    def cancel(self) -> None:
        """Cancel a running warm-up."""
        if self._warming is not None:
            self._warming.cancel()

    def close(self) -> None:
        """Terminate the child; call `cancel` first, on the event loop."""
        self.child.close()

    def _start_cold(self) -> None:
        self._warm = []
