"""A typed client of the sidecar: ``with Client(address, key) as soccer: ...``."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from serving.errors import ServingError
from serving.http.schemas import (
    LivePage,
    Lookup,
    MarketsBody,
    ModelInfo,
    PairingBody,
    PredictionBody,
    PredictionList,
    PredictionPage,
    ProjectionLine,
    ProjectionList,
    TaskAccepted,
    TaskStatus,
)
from serving.problems import Problem
from serving.scoring.assumptions import Assumption, Assumptions
from serving.scoring.schemas import FeatureRow, Pairing
from soccer_assets.contract.season_projection import SeasonProjection
from soccer_assets.loopback import http_options

_T = TypeVar("_T")
_ENDED = {"success", "failed"}
_RETRY_SECONDS = 2.0
# The connection failed; a timeout is no such failure: the sidecar may still work on the request.
_BROKEN = (httpx.NetworkError, httpx.RemoteProtocolError)


class RefusedError(ServingError):
    """The sidecar answered with an error.

    Attributes:
        problem: says why and what to do.
        retry_after: seconds after which a service that is unavailable (503) may be asked again.
    """

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        super().__init__(f"{problem.status} {problem.title}: {problem.detail}")
        self.problem = problem
        self.retry_after = retry_after


class Client:
    """A connection pool that sends one API key.

    A request that may be repeated (all but `submit` without an idempotency key) is sent once more after 2 s
    when the connection is refused or broken: a killed sidecar listens again within that time.

    Args:
        base_url: of the sidecar.
        key: an API key with the scopes of the methods that are called.
        seconds: timeout of a request.
    """

    def __init__(self, base_url: str, key: str, seconds: float = 10.0) -> None:
        headers = {"X-API-Key": key}
        self._http = httpx.Client(
            base_url=base_url, headers=headers, timeout=seconds, **http_options(base_url)
        )

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._http.close()

    def prediction(self, match_id: str, model: str = "champion") -> PredictionBody:
        """The prediction of a match. Every method raises `RefusedError` when the answer is an error."""
        return self._ask(PredictionBody, "GET", _path_of(match_id), params={"model": model})

    def predictions(self, match_ids: Sequence[str], model: str = "champion") -> PredictionList:
        """The predictions of up to 500 matches in one answer, and the ids without one."""
        params = {"ids": ",".join(match_ids), "model": model}
        return self._ask(PredictionList, "GET", "/predict/", params=params)

    def look_up(
        self, match_ids: Sequence[str], model: str = "champion"
    ) -> Iterator[PredictionBody | Problem]:
        """Iterate over the predictions of up to 10,000 matches as they arrive; problems of unknown ones."""
        content = msgspec.json.encode(Lookup(ids=tuple(match_ids)))
        with self._http.stream(
            "POST", "/predict/lookup", params={"model": model}, content=content
        ) as response:
            if response.is_error:
                response.read()
                raise RefusedError(_problem_of(response))
            for line in response.iter_lines():
                if line.startswith('{"type":'):
                    yield msgspec.json.decode(line, type=Problem)
                else:
                    yield msgspec.json.decode(line, type=PredictionBody)

    def markets(self, match_id: str, model: str = "champion") -> MarketsBody:
        """Every market of a match."""
        return self._ask(MarketsBody, "GET", f"{_path_of(match_id)}/markets", params={"model": model})

    def projections(self) -> tuple[ProjectionLine, ...]:
        """Every league: as of when its season is projected, or why it is not."""
        return self._ask(ProjectionList, "GET", "/projections/").items

    def projection(self, competition: str) -> SeasonProjection:
        """How the season of a competition may end."""
        return self._ask(SeasonProjection, "GET", _projection_path(competition))

    def assume(
        self, competition: str, results: Sequence[Assumption], patience: float = 120.0
    ) -> SeasonProjection:
        """The same if matches that are left end as assumed.

        Args:
            competition: its code or name.
            results: that are assumed.
            patience: seconds in which an answer of 503 is followed by another request: a sidecar's first
                simulation may have to be compiled.
        """
        content = msgspec.json.encode(Assumptions(results=tuple(results)))
        path, until = _projection_path(competition), time.monotonic() + patience
        while True:
            try:
                return self._ask(SeasonProjection, "POST", path, content=content)
            except RefusedError as error:
                if error.retry_after is None or time.monotonic() + error.retry_after > until:
                    raise
                time.sleep(error.retry_after)

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

    def score(self, pairing: Pairing, *, markets: bool = False) -> PairingBody:
        """Score one pairing now, with every market where asked for."""
        params = {"markets": "true"} if markets else None
        content = msgspec.json.encode(pairing)
        return self._ask(PairingBody, "POST", "/predict/", params=params, content=content)

    def submit(
        self, rows: Sequence[Pairing | FeatureRow], idempotency_key: str | None = None
    ) -> TaskAccepted:
        """Submit rows to score in the background; retries with the same idempotency key are safe."""
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        content = msgspec.json.encode(rows)
        return self._ask(
            TaskAccepted,
            "POST",
            "/predict/async/",
            is_repeatable=idempotency_key is not None,
            content=content,
            headers=headers,
        )

    def wait(self, task: TaskAccepted, poll_seconds: float = 0.5) -> TaskStatus:
        """Poll a task until it succeeded or failed, and return its status with result or reason."""
        while (
            status := self._ask(TaskStatus, "GET", f"/monitoring/task_status/{task.task_id}")
        ).status not in _ENDED:
            time.sleep(poll_seconds)
        return status

    def _ask(
        self,
        kind: type[_T],
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        is_repeatable: bool = True,
        **sent: Any,
    ) -> _T:
        try:
            response = self._http.request(method, path, params=params, **sent)
        except _BROKEN:
            if not is_repeatable:
                raise
            time.sleep(_RETRY_SECONDS)
            response = self._http.request(method, path, params=params, **sent)
        if response.is_error:
            raise RefusedError(_problem_of(response), _retry_after(response))
        try:
            return msgspec.json.decode(response.content, type=kind)
        except msgspec.DecodeError as error:  # a page of a proxy, such as its login
            raise RefusedError(_problem_of(response)) from error


def _problem_of(response: httpx.Response) -> Problem:
    """The problem in an error's body; a proxy's own page becomes one with its status."""
    try:
        return msgspec.json.decode(response.content, type=Problem)
    except msgspec.DecodeError:
        detail = "the answer is no problem document: it comes from a proxy before the sidecar"
        return Problem("about:blank", response.reason_phrase, response.status_code, detail, response.url.path)


def _retry_after(response: httpx.Response) -> float | None:
    """The seconds of a 503's `Retry-After`; a date, which a proxy may send, is none."""
    seconds = response.headers.get("Retry-After", "")
    is_told = response.status_code == httpx.codes.SERVICE_UNAVAILABLE and seconds.isdecimal()
    return float(seconds) if is_told else None


def _path_of(match_id: str) -> str:
    return f"/predict/{quote(match_id, safe='')}"


def _projection_path(competition: str) -> str:
    return f"/projections/{quote(competition, safe='')}"
