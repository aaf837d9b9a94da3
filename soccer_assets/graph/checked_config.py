"""Config that is checked when a run is launched, and not first in its step.

The launchpad's own check knows types and names alone. What `post_process` raises comes when the code server
makes the plan of a run: the launch is refused with the sentence, and no run is made.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Self

import dagster as dg
from dagster._config.errors import PostProcessingError

Check = Callable[[Mapping[str, Any]], object]


class CheckedShape(dg.Shape):
    """Fields whose values are checked together.

    Dagster keeps one shape for equal fields, and of what holds it; a check belongs to one home.
    """

    def __new__(cls, fields: Mapping[str, dg.Field], check: Check, whose: str) -> Self:  # noqa: ARG004
        """A shape of its own."""
        made = object.__new__(cls)
        made._initialized = False
        return made

    def __init__(self, fields: Mapping[str, dg.Field], check: Check, whose: str) -> None:
        """Take the fields, a check that raises `Failure` with a sentence, and what the check depends on."""
        super().__init__(fields)  # type: ignore[no-untyped-call]  # Dagster's
        self.key = f"{self.key}.{hashlib.sha256(whose.encode()).hexdigest()[:16]}"
        self._check = check

    def post_process(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """The value, if the check raises nothing."""
        try:
            self._check(value)
        except dg.Failure as failure:
            raise PostProcessingError(str(failure.description)) from None
        return value
