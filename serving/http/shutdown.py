"""A word before the server stops: it waits for open answers, and a stream of events never ends by itself."""

import asyncio
import functools
import signal
from collections.abc import Callable
from typing import Any


def before_stop(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    """Call back on SIGTERM and SIGINT, then let the server do what it does.

    Granian sets its handlers before the application starts and has no hook for this; asyncio names them only
    privately. On a loop that does not, nothing is changed, and the server's kill timeout ends the streams.
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
