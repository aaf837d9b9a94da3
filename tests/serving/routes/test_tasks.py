"""Where a task stands: the body of a finished one is streamed."""

import asyncio

import msgspec
import pytest

from serving.http.schemas import TaskResult, TaskStatus
from serving.routes.tasks import stream_body
from serving.scoring.schemas import RefusedRow, RowProblem

ITEMS = tuple(RefusedRow(row=row, errors=(RowProblem("kickoff", "null}"),)) for row in range(5))


class LaterStatus(TaskStatus, frozen=True, kw_only=True):
    """What a later version may answer: a field behind the result."""

    release_id: str | None = None


async def parts_of(items, size):
    """The items as a task keeps them."""
    for first in range(0, len(items), size):
        yield b",".join(msgspec.json.encode(item) for item in items[first : first + size])


def streamed(status, items, size=2):
    """The streamed body as one."""

    async def join():
        return b"".join([part async for part in stream_body(status, parts_of(items, size))])

    return asyncio.run(join())


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_streamed_body_is_the_encoded_struct(count):
    """A client cannot tell that the result came in parts."""
    status = TaskStatus(task_id="t", status="success", rows=count, progress=1.0, reason="null}")
    whole = msgspec.structs.replace(status, result=TaskResult(ITEMS[:count]))

    assert streamed(status, ITEMS[:count]) == msgspec.json.encode(whole)


def test_body_does_not_depend_on_the_order_of_its_fields():
    """A field that a later version declares behind the result is in the body, and the body is JSON."""
    status = LaterStatus(task_id="t", status="success", rows=5, progress=1.0, release_id="r1")
    whole = msgspec.structs.replace(status, result=TaskResult(ITEMS))

    assert msgspec.json.decode(streamed(status, ITEMS), type=LaterStatus) == whole
