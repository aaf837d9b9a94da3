"""A hook before the server's graceful stop, which waits for open responses: event streams never end alone."""

import asyncio
import functools
import signal
from collections.abc import Callable
from typing import Any


def before_stop(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    """Call back on SIGTERM and SIGINT, before the server's own signal handler.

    Granian installs its handlers before the application starts and has no hook for this; asyncio exposes them
    in a private attribute only. A loop without it is left alone: the server's kill timeout ends the streams.
    """
    handlers: dict[int, Any] = getattr(loop, "_signal_handlers", {})
    for number in (signal.SIGINT, signal.SIGTERM):
        handle = handlers.get(number)
        if handle is not None:
            server = functools.partial(handle._callback, *handle._args)  # noqa: SLF001 - see above
            loop.add_signal_handler(number, _call_both, callback, server)


def _call_both(first: Callable[[], None], then: Callable[[], None]) -> None:
    first()
    then()
