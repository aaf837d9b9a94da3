"""A typed client of the sidecar: ``with Client(address, key) as soccer: ...``."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self, TypeVar

import httpx
import msgspec

from serving.errors import ServingError
from serving.http.schemas import (
    LivePage,
    ModelInfo,
    PairingBody,
    PredictionBody,
    PredictionPage,
    TaskAccepted,
    TaskStatus,
)
from serving.problems import Problem
from serving.scoring.schemas import FeatureRow, Pairing

_T = TypeVar("_T")
_ENDED = {"success", "failed"}


class RefusedError(ServingError):
    """The sidecar answered with an error; `problem` says why and what to do."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.status} {problem.title}: {problem.detail}")
        self.problem = problem


class Client:
    """A connection pool that sends one API key.

    Args:
        base_url: of the sidecar.
        key: an API key with the scopes of the methods that are called.
        seconds: timeout of a request.
    """

    def __init__(self, base_url: str, key: str, seconds: float = 10.0) -> None:
        self._http = httpx.Client(base_url=base_url, headers={"X-API-Key": key}, timeout=seconds)

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._http.close()

    def prediction(self, match_id: str, model: str = "champion") -> PredictionBody:
        """The prediction of a match. Every method raises `RefusedError` when the answer is an error."""
        return self._ask(PredictionBody, "GET", f"/predict/{match_id}", params={"model": model})

    def upcoming(self, **filters: Any) -> Iterator[PredictionBody]:
        """Iterate over all upcoming matches, page by page; write ``from_`` for ``from``, a Python keyword."""
        params = {name.rstrip("_"): value for name, value in filters.items()}
        while True:
            page = self._ask(PredictionPage, "GET", "/predict/matches/", params=params)
            yield from page.items
            if page.next_cursor is None:
                return
            params["cursor"] = page.next_cursor

    def livescores(self, **filters: Any) -> LivePage:
        """A page of matches with their current status and goals."""
        params = {name.rstrip("_"): value for name, value in filters.items()}
        return self._ask(LivePage, "GET", "/livescores/", params=params)

    def model(self, model: str = "champion") -> ModelInfo:
        """The model behind the predictions."""
        return self._ask(ModelInfo, "GET", "/predict/model/info", params={"model": model})

    def score(self, pairing: Pairing) -> PairingBody:
        """Score one pairing now."""
        return self._ask(PairingBody, "POST", "/predict/", content=msgspec.json.encode(pairing))

    def submit(
        self, rows: Sequence[Pairing | FeatureRow], idempotency_key: str | None = None
    ) -> TaskAccepted:
        """Submit rows to score in the background; retries with the same idempotency key are safe."""
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        content = msgspec.json.encode(rows)
        return self._ask(TaskAccepted, "POST", "/predict/async/", content=content, headers=headers)

    def wait(self, task: TaskAccepted, poll_seconds: float = 0.5) -> TaskStatus:
        """Poll a task until it succeeded or failed, and return its status with result or reason."""
        while (status := self._ask(TaskStatus, "GET", task.status_url)).status not in _ENDED:
            time.sleep(poll_seconds)
        return status

    def _ask(
        self, kind: type[_T], method: str, path: str, *, params: Mapping[str, Any] | None = None, **sent: Any
    ) -> _T:
        response = self._http.request(method, path, params=params, **sent)
        if response.is_error:
            raise RefusedError(msgspec.json.decode(response.content, type=Problem))
        return msgspec.json.decode(response.content, type=kind)
