"""Background tasks of the event loop: how they are cancelled.

Not here: what a task does (the module that starts it).
"""

import asyncio
from typing import Any


async def cancel_and_wait(*tasks: "asyncio.Task[Any] | None") -> None:
    """Cancel tasks and wait until they are done.

    A task may need a second cancellation: while it connects, the library turns the first into a connection
    error, and a task that handles connection errors continues.
    """
    running = {task for task in tasks if task is not None and not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=0.5)
