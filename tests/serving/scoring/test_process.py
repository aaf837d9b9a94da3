"""Scoring in a child process."""

import asyncio
import os
import sys
import time

import pytest

from serving.child_process import ChildFailedError
from serving.scoring.process import Scorer, _end_after, score_rows
from tests.serving.builders import dying_scores, real_model, stub_scores


def failing_scores(model_file, rows):
    """A model whose reader does not understand its file."""
    raise KeyError("booster")


def slow_scores(model_file, rows):
    """A model that waits for longer than it may compute: the machine does much else."""
    _end_after(1)
    time.sleep(1.2)
    _end_after(0)
    return [(1.0, 0.0, 0.0)]


def endless_scores(model_file, rows):
    """A model that does not end."""
    _end_after(1)
    while True:
        pass


def process_ids(model_file, rows):
    """Not probabilities, but the process they would come from."""
    return [(float(os.getpid()), float(os.getppid()), 0.0)]


def unneeded_modules(model_file, rows):
    """Not probabilities, but whether xgboost, scikit-learn and pandas are there once rows were scored."""
    score_rows(model_file, rows)
    return [tuple(float(sys.modules.get(name) is not None) for name in ("xgboost", "sklearn", "pandas"))]


def test_a_model_is_bounded_in_processor_time_and_not_in_time(tmp_path):
    """On a busy machine a minute passes while a release is loaded; an endless one is ended there, too."""

    async def score(function):
        scorer = Scorer(function)
        try:
            return await scorer.score(tmp_path / "model.bin", [(0.0,)])
        finally:
            scorer.close()

    assert asyncio.run(score(slow_scores)) == [(1.0, 0.0, 0.0)]
    with pytest.raises(ChildFailedError, match="BrokenProcessPool"):
        asyncio.run(score(endless_scores))


def test_child_scores_and_is_kept(tmp_path):
    """Rows are scored outside this process, by one child for all calls."""

    async def score_twice():
        scorer = Scorer(process_ids)
        answers = [await scorer.score(tmp_path / "model.bin", [(0.0,)]) for _ in range(2)]
        scorer.close()
        return answers

    first, second = asyncio.run(score_twice())

    assert first == second
    assert first[0][0] != os.getpid()
    assert first[0][1] == os.getpid()


@pytest.mark.parametrize("score", [failing_scores, dying_scores])
def test_error_of_the_child_is_told_and_the_next_call_works(tmp_path, score):
    """Whether the model's reader raises or takes the process with it, the scorer goes on."""
    model = tmp_path / "model.bin"
    model.write_text("[[0.5, 0.3, 0.2]]")

    async def fail_then_score():
        scorer = Scorer(score)
        with pytest.raises(ChildFailedError):
            await scorer.score(model, [(1.0,)])
        scorer._score = stub_scores
        answer = await scorer.score(model, [(1.0,)])
        scorer.close()
        return answer

    assert asyncio.run(fail_then_score()) == [(0.5, 0.3, 0.2)]


@pytest.mark.parametrize("trees", [False, True])
def test_golden_rows_of_a_real_model_are_met(tmp_path, trees):
    """The child gives the very probabilities the model gave when the release was made."""
    model, golden = real_model(trees=trees)
    (tmp_path / "model.bin").write_bytes(model)

    async def score():
        scorer = Scorer()
        answer = await scorer.score(tmp_path / "model.bin", [row.features for row in golden])
        scorer.close()
        return answer

    scored = asyncio.run(score())

    for got, row in zip(scored, golden, strict=True):
        assert got == pytest.approx(row.probabilities, abs=1e-12)


def test_child_imports_xgboost_without_what_scoring_does_not_need(tmp_path):
    """Neither scikit-learn nor pandas is in a child that scored with trees: it is ready so much sooner."""
    model, golden_rows = real_model(trees=True)
    (tmp_path / "model.bin").write_bytes(model)

    async def score():
        scorer = Scorer(unneeded_modules)
        found = await scorer.score(tmp_path / "model.bin", [row.features for row in golden_rows])
        scorer.close()
        return found

    assert asyncio.run(score()) == [(1.0, 0.0, 0.0)]


def test_child_ends_with_a_killed_parent(tmp_path):
    """A sidecar that is killed leaves no scoring process behind."""
    parent = os.fork()
    note = tmp_path / "child"
    if parent == 0:  # the parent-to-be: starts its child, notes its id, and is killed
        scores = asyncio.run(Scorer(process_ids).score(tmp_path / "model.bin", [(0.0,)]))
        note.write_text(str(int(scores[0][0])))
        os.kill(os.getpid(), 9)
    os.waitpid(parent, 0)
    child = int(note.read_text())

    assert not _lives_for(child, seconds=60)


def _lives_for(process_id, seconds):
    """Whether a process is still there after that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(process_id, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.05)
    return True
