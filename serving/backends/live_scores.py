"""Scores of the matches under way, for pages: asked of the match table at most every ten seconds.

However many pages are read, one query is under way, and a page waits for it for a moment only: a database
that hangs delays nobody. A failure and a table that answers too late look the same: there are no scores.
"""

import asyncio
import contextlib
import datetime as dt
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future

import msgspec

from serving.backends.match_table import DatabaseUnavailableError, LiveMatches, LiveQuery
from soccer_assets.clock import isoformat

# A match with extra time and penalties is over by then.
LONGEST_MATCH = dt.timedelta(hours=4)

_ASK_SECONDS = 10.0
# Scores that could not be read again are shown as long as this.
_KEPT_SECONDS = 45.0
_WAIT_SECONDS = 0.25
_MOST = 2_000


class LiveScore(msgspec.Struct, frozen=True, kw_only=True):
    """Goals of a match under way, as the feed told them."""

    home: int
    away: int
    source: str
    read_at: str


class LiveScores:
    """Keeps the scores that were read last.

    Args:
        matches: reads the table.
    """

    def __init__(self, matches: LiveMatches) -> None:
        self._matches = matches
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._reading: Future[None] | None = None
        self._asked_at = self._read_at = float("-inf")
        self._scores: Mapping[str, LiveScore] = {}

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ask on this event loop from now on."""
        self._loop = loop

    def read(self, now: dt.datetime) -> Mapping[str, LiveScore] | None:
        """Scores by match id; None where the table does not answer. Call this from a thread.

        Args:
            now: matches that kicked off before, and may not be over yet.
        """
        reading = self._ask_again(now)
        if reading is not None:
            with contextlib.suppress(Exception):
                reading.result(_WAIT_SECONDS)
        with self._lock:
            return self._scores if time.monotonic() - self._read_at < _KEPT_SECONDS else None

    def _ask_again(self, now: dt.datetime) -> Future[None] | None:
        """A query that is to be waited for; None where the last answer is recent enough."""
        with self._lock:
            if self._reading is not None and not self._reading.done():
                return self._reading if self._read_at < self._asked_at - _ASK_SECONDS else None
            if self._loop is None or time.monotonic() - self._asked_at < _ASK_SECONDS:
                return None
            self._asked_at = time.monotonic()
            self._reading = asyncio.run_coroutine_threadsafe(self._ask(now), self._loop)
            return self._reading

    async def _ask(self, now: dt.datetime) -> None:
        query = LiveQuery(
            limit=_MOST,
            kickoff_from=isoformat(now - LONGEST_MATCH),
            kickoff_before=isoformat(now),
            status="live",
        )
        try:
            rows, _ = await self._matches.page(query)
        except DatabaseUnavailableError:
            return
        found = {
            row.match_id: LiveScore(
                home=row.home_goals, away=row.away_goals, source=row.source, read_at=row.updated_at
            )
            for row in rows
            if row.home_goals is not None and row.away_goals is not None
        }
        with self._lock:
            self._scores, self._read_at = found, time.monotonic()
