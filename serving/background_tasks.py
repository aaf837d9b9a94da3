"""Background tasks of the event loop: how they are cancelled.

Not here: what a task does (the module that starts it).
"""

import asyncio
from typing import Any


async def cancel_and_wait(*tasks: "asyncio.Task[Any] | None") -> None:
    """Cancel tasks and wait until they are over.

    Again where once is not enough: a cancellation that meets a connection being made turns into its failure,
    and a task that survives failures goes on.
    """
    running = {task for task in tasks if task is not None and not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=0.5)
