"""Reads the match table for `GET /livescores/`: SQLite or PostgreSQL, a few connections, short timeouts.

Nothing else in the sidecar needs the database. SQLAlchemy is imported at the first query, so that a sidecar
that only serves predictions does not load it.
"""

import asyncio
import contextlib
import datetime as dt
import functools
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import msgspec

from serving.errors import ServingError
from serving.pause import Pause
from soccer_assets.clock import isoformat
from soccer_assets.contract.release import Team

_CONNECTIONS = 4
_WAIT_SECONDS = 2
_STATEMENT_MS = 3_000
_ANSWER_SECONDS = 5.0


class DatabaseUnavailableError(ServingError):
    """The database does not answer, answers with an error, or all connections are busy."""

    def __init__(self, *, is_connection_lost: bool = False) -> None:
        super().__init__()
        self.is_connection_lost = is_connection_lost


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the match table; goals are those of 90 minutes plus stoppage time."""

    match_id: str
    source: str
    source_match_id: str
    competition: str
    season: str
    round: str | None
    home_team: Team
    away_team: Team
    kickoff: str
    kickoff_precision: str
    status: str
    neutral: bool
    home_goals: int | None
    away_goals: int | None
    home_goals_half_time: int | None
    away_goals_half_time: int | None
    home_goals_et: int | None
    away_goals_et: int | None
    home_pens: int | None
    away_pens: int | None
    decided_by: str | None
    updated_at: str


class LiveQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Filter and position of a page of matches; fields as in `PageQuery`."""

    limit: int
    after: tuple[str, str] | None = None
    kickoff_from: str | None = None
    kickoff_before: str | None = None
    status: str | None = None
    competition: str | None = None


class LiveMatches:
    """Reads pages of the match table.

    Args:
        url: SQLAlchemy URL, see `SOCCER_DATABASE_URL`.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._pause = Pause()
        self._is_loaded = False
        self._turns = asyncio.Semaphore(_CONNECTIONS)
        self._threads = ThreadPoolExecutor(_CONNECTIONS, "match-table")

    async def page(self, query: LiveQuery) -> tuple[list[Live], tuple[str, str] | None]:
        """Matches ordered by kickoff and match id, and the last row if another page follows.

        Raises:
            DatabaseUnavailableError: the database does not answer, or no connection became free in 2 s.
        """
        found = await self._ask(query)
        last = found[query.limit - 1] if len(found) > query.limit else None
        return found[: query.limit], None if last is None else (last.kickoff, last.match_id)

    async def has_competition(self, code: str) -> bool:
        """Whether a match is of this competition; errors as of `page`."""
        return bool(await self._ask(LiveQuery(limit=0, competition=code)))

    async def _ask(self, query: LiveQuery) -> list[Live]:
        if self._pause.is_on:
            raise DatabaseUnavailableError
        if not self._is_loaded:
            # Outside the time limits: on a busy machine it takes longer than an answer may.
            await asyncio.get_running_loop().run_in_executor(self._threads, self._load)
            self._is_loaded = True
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                await self._turns.acquire()
        except TimeoutError as error:
            raise DatabaseUnavailableError from error
        reading = asyncio.get_running_loop().run_in_executor(self._threads, self._read, query)
        reading.add_done_callback(self._end_turn)
        # A server that was stopped answers no time limit of its own; its turn ends when the thread does.
        await asyncio.wait([reading], timeout=_ANSWER_SECONDS)
        if not reading.done():
            self._pause.begin()
            raise DatabaseUnavailableError
        try:
            return reading.result()
        except DatabaseUnavailableError as error:
            if error.is_connection_lost:
                self._pause.begin()
            raise

    def _end_turn(self, reading: asyncio.Future[Any]) -> None:
        self._turns.release()
        if not reading.cancelled():
            reading.exception()  # retrieved, also where nobody waits any more

    def close(self) -> None:
        """Close the connections."""
        self._threads.shutdown(wait=False)
        if "_engine" in self.__dict__:
            self._engine.dispose()

    def _load(self) -> None:
        """Import SQLAlchemy, the tables and the driver; nothing is connected."""
        import sqlalchemy as sa  # noqa: PLC0415 - see above

        import soccer_assets.tables  # noqa: F401, PLC0415 - brings SQLAlchemy

        with contextlib.suppress(sa.exc.SQLAlchemyError):  # the query reports it
            self._engine.dialect  # noqa: B018 - makes the engine

    @functools.cached_property
    def _engine(self) -> Any:
        import sqlalchemy as sa  # noqa: PLC0415 - see above

        url = sa.make_url(self._url)
        if url.get_backend_name() == "sqlite":
            # Read-only: a missing file is not created.
            file = f"sqlite:///file:{quote(url.database or '')}?mode=ro&uri=true"
            return sa.create_engine(file, connect_args={"timeout": _WAIT_SECONDS}, pool_size=_CONNECTIONS)
        options = {"connect_timeout": _WAIT_SECONDS, "options": f"-c statement_timeout={_STATEMENT_MS}"}
        return sa.create_engine(
            url, pool_size=_CONNECTIONS, max_overflow=0, pool_pre_ping=True, connect_args=options
        )

    def _read(self, query: LiveQuery) -> list[Live]:
        """Up to ``limit + 1`` rows: the extra one says that another page follows."""
        import sqlalchemy as sa  # noqa: PLC0415 - see above

        from soccer_assets.tables import match, team  # noqa: PLC0415 - brings SQLAlchemy

        home, away = team.alias("home"), team.alias("away")
        chosen = (
            sa.select(match, home.c.name.label("home_name"), away.c.name.label("away_name"))
            .outerjoin(home, home.c.team_id == match.c.home_team_id)
            .outerjoin(away, away.c.team_id == match.c.away_team_id)
            .order_by(match.c.kickoff, match.c.match_id)
            .limit(query.limit + 1)
        )
        if query.kickoff_from is not None:
            chosen = chosen.where(match.c.kickoff >= _instant(query.kickoff_from))
        if query.kickoff_before is not None:
            chosen = chosen.where(match.c.kickoff < _instant(query.kickoff_before))
        if query.status is not None:
            chosen = chosen.where(match.c.status == query.status)
        if query.competition is not None:
            chosen = chosen.where(match.c.competition == query.competition)
        if query.after is not None:
            kickoff, match_id = _instant(query.after[0]), query.after[1]
            later = sa.and_(match.c.kickoff == kickoff, match.c.match_id > match_id)
            chosen = chosen.where(sa.or_(match.c.kickoff > kickoff, later))
        try:
            with self._engine.connect() as connection:
                return [_live(row) for row in connection.execute(chosen).mappings()]
        except sa.exc.SQLAlchemyError as error:
            raise DatabaseUnavailableError(is_connection_lost=_is_connection_lost(error)) from error


def _is_connection_lost(error: Any) -> bool:
    """Whether an error of SQLAlchemy is one of the connection, and no refusal of one statement."""
    import sqlalchemy as sa  # noqa: PLC0415 - see above

    if isinstance(error, sa.exc.TimeoutError):  # no connection became free
        return True
    # PostgreSQL: 08 connection, 53 resources, 57P shutting down. SQLITE_ERROR is one of the statement.
    code = getattr(getattr(error, "orig", None), "pgcode", None)
    is_refusal = getattr(getattr(error, "orig", None), "sqlite_errorname", "") == "SQLITE_ERROR"
    is_of_server = code is None or str(code).startswith(("08", "53", "57P"))
    return (
        isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError) and is_of_server and not is_refusal
    )


def _instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def _live(row: Any) -> Live:
    copied = {name: row[name] for name in Live.__struct_fields__ if name in row}
    return Live(
        **copied
        | {
            "home_team": Team(row["home_team_id"], row["home_name"] or row["home_team_id"]),
            "away_team": Team(row["away_team_id"], row["away_name"] or row["away_team_id"]),
            "kickoff": isoformat(row["kickoff"]),
            "updated_at": isoformat(row["updated_at"]),
        }
    )
