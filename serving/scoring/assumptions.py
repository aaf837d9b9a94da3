"""Projections with assumed results: the body of the request, and the simulation in a child process."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import msgspec

from serving.child_process import ChildBusyError, ChildProcess
from serving.scoring.schemas import RowProblem, problem_of

# A double round robin of 20 clubs has 380 matches.
MOST_ASSUMED = 400
# Simulations of a worker at a time, one of which runs: each takes some tenths of a second.
_MOST_WAITING = 4
# Loading compiled code in a new child takes less where the machine is not busy; compiling takes longer.
LOADING_SECONDS = 4.0
_MAX_LISTED_NAMES = 10
_Goals = Annotated[int, msgspec.Meta(ge=0, le=30)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]


class Assumption(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A result that is assumed, of the next match of two teams on the ground of the first: ids or names."""

    home_team: _Name
    away_team: _Name
    home_goals: _Goals
    away_goals: _Goals


class Assumptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /projections/{competition}`; without results it gives the stored projection."""

    results: Annotated[tuple[Assumption, ...], msgspec.Meta(max_length=MOST_ASSUMED)] = ()


def decode_assumptions(body: bytes) -> Assumptions | str | RowProblem:
    """The assumptions of a body; a text says why it is malformed, a problem names a field."""
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return f"the body cannot be read: {error}; send a JSON object"
    try:
        return msgspec.json.decode(body, type=Assumptions)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return problem_of(error)


def simulate(inputs: bytes, assumed: Sequence[Assumption]) -> bytes | tuple[RowProblem, ...]:
    """The projection as JSON, in the child; or why assumed results cannot be fixed."""
    # Only the child pays for numpy and numba.
    from soccer_assets.football.projections.projection import NotLeftError, Result  # noqa: PLC0415
    from soccer_assets.football.projections.season_input import SeasonInput, project  # noqa: PLC0415
    from soccer_assets.football.projections.season_rules import named_club  # noqa: PLC0415

    season = msgspec.json.decode(inputs, type=SeasonInput)
    names = {club.name: number for number, club in enumerate(season.clubs)}
    ids = {club.id: number for number, club in enumerate(season.clubs)}
    results, problems = list[Result](), list[RowProblem]()
    for number, one in enumerate(assumed):
        sides = []
        for field, text in (("home_team", one.home_team), ("away_team", one.away_team)):
            named = named_club(text, names)
            side = ids.get(text, None if named is None else names[named])
            if side is None:
                listed = ", ".join(sorted(names)[:_MAX_LISTED_NAMES])
                message = f"no club of this season is called {text!r}; its clubs: {listed}, ..."
                problems.append(RowProblem(f"results[{number}].{field}", message))
            else:
                sides.append(side)
        if len(sides) == 2 and sides[0] == sides[1]:  # noqa: PLR2004 - home and away
            problems.append(RowProblem(f"results[{number}].away_team", "a club cannot play itself"))
        if not problems:
            results.append(Result(sides[0], sides[1], one.home_goals, one.away_goals))
    if problems:
        return tuple(problems)
    try:
        return msgspec.json.encode(project(season, results))
    except NotLeftError as error:
        return (RowProblem(f"results[{error.number}].home_team", str(error)),)


def load_code(inputs: bytes) -> None:
    """Simulate one season in the child: its first call loads compiled code, or compiles it."""
    from soccer_assets.football.projections.season_input import SeasonInput, project  # noqa: PLC0415

    project(msgspec.structs.replace(msgspec.json.decode(inputs, type=SeasonInput), seasons=1))


class Simulations:
    """Simulates in a child process, a few requests at a time.

    The first request starts the child, which is not the one that scores: on a machine that never simulated it
    compiles for half a minute.
    """

    def __init__(self) -> None:
        self._child = ChildProcess(on_death=self._start_cold)
        self._waiting = 0
        self._loading: asyncio.Task[None] | None = None

    async def answer(self, inputs: bytes, assumed: Sequence[Assumption]) -> bytes | tuple[RowProblem, ...]:
        """As `simulate`.

        Raises:
            ChildBusyError: the child compiles or died, or too many simulations wait.
            ChildFailedError: the simulation raised an exception.
        """
        if self._waiting >= _MOST_WAITING:
            raise ChildBusyError("other projections are being simulated")
        self._waiting += 1
        try:
            await self._load(inputs)
            return await self._child.run_for_client(simulate, inputs, assumed)
        finally:
            self._waiting -= 1

    def cancel(self) -> None:
        """Cancel a child that loads."""
        if self._loading is not None:
            self._loading.cancel()

    def close(self) -> None:
        """Terminate the child; call `cancel` first, on the event loop."""
        self._child.close()

    async def _load(self, inputs: bytes) -> None:
        """Wait a moment for the compiled code, which goes on being loaded for the requests after this one."""
        if self._loading is None:
            self._loading = asyncio.create_task(self._child.run(load_code, inputs))
        loading = self._loading
        await asyncio.wait([loading], timeout=LOADING_SECONDS)
        if not loading.done():
            raise ChildBusyError("the code of simulations is being loaded")
        if loading.cancelled():
            raise ChildBusyError("the sidecar stops")
        if loading.exception() is not None:
            self._start_cold()
        loading.result()

    def _start_cold(self) -> None:
        self._loading = None
