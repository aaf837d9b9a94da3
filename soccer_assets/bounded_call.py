"""A call that is given up after some seconds, for callers that must report what hangs."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Generic, TypeVar

_T = TypeVar("_T")


class BoundedCall(Generic[_T]):
    """Calls a function in a thread of its own; while one call hangs, no second one is made.

    Client libraries bound a connection and a statement, but not a server that is stopped in the middle of an
    answer. The thread is a daemon: a process that ends does not wait for it.
    """

    def __init__(self, function: Callable[[], _T], seconds: float) -> None:
        """Bind the function and the longest time that a caller waits for it."""
        self._function = function
        self._seconds = seconds
        self._hanging: Future[_T] | None = None

    def __call__(self) -> _T:
        """The function's result, or its exception.

        Raises:
            TimeoutError: it, or the call before it, has not returned in time.
        """
        if self._hanging is not None:
            # Its answer is old when it comes.
            self._wait(self._hanging)
            self._hanging = None
        future: Future[_T] = Future()
        threading.Thread(target=self._run, args=(future,), daemon=True).start()
        self._hanging = future
        self._wait(future)
        self._hanging = None
        return future.result()

    def _wait(self, future: "Future[_T]") -> None:
        try:
            future.exception(self._seconds)
        except FutureTimeoutError:
            raise TimeoutError(f"no answer within {self._seconds:.0f} s") from None

    def _run(self, future: "Future[_T]") -> None:
        try:
            future.set_result(self._function())
        except BaseException as error:  # noqa: BLE001 - the caller's to handle
            future.set_exception(error)
