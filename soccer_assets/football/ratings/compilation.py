"""The decorator that compiles the ratings to machine code."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile with numba on the first call; ``numba.njit`` with the types kept.

    Without Python's checks for division by zero: no divisor here can be 0.
    """
    return cast("F", numba.njit(cache=True, error_model="numpy")(function))
