"""An archive of results: one Parquet or CSV file in the documented schema, from a path or any fsspec address.

The columns are those of `soccer_assets.feeds.archive_table.SCHEMA`. Matches settled after extra time (``AET``)
or on penalties (``PEN``) carry the final score, not the one after 90 minutes: they are finished, and their
goals are unknown.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from soccer_assets.clock import Clock
from soccer_assets.feeds.archive_competitions import PlacedRows, place_competitions
from soccer_assets.feeds.archive_table import FORGIVEN, SCHEMA, SETTING, ArchiveTable, Column, read_archive
from soccer_assets.feeds.as_of import known_by_time, over_at
from soccer_assets.feeds.fields import Fault, book_price, half_time_of, noon_of, score_of, teams_of
from soccer_assets.feeds.http import FileDoor
from soccer_assets.feeds.protocol import FeedRefused, RawMatch, Rejection
from soccer_assets.football.competitions import Competition
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.settings import Settings

LARGEST_ARCHIVE_BYTES = 2 * 2**30
ROWS_A_BATCH = 20_000

_RESULT = frozenset(
    {
        *("home_goals", "away_goals", "ht_home_goals", "ht_away_goals", "status"),
        *("odds_home", "odds_draw", "odds_away", "odds_type"),
    }
)
_CHECKED = tuple(name for name in SCHEMA if name not in FORGIVEN)
_EPOCH = dt.date(1970, 1, 1)


class ArchiveFeed:
    """Matches of one archive file.

    The file is read once in the life of this object.

    Args:
        url: path or address of the file.
        door: reads addresses of the web.
        s3_endpoint_url: address of an S3 server that is not Amazon's.
        history_start: first day wanted; None for all there is.
    """

    name = "archive"
    is_simulated = False
    # A file that somebody writes anew now and then.
    result_lag = dt.timedelta(days=3)

    def __init__(
        self, url: str, door: FileDoor, s3_endpoint_url: str = "", history_start: dt.date | None = None
    ) -> None:
        self._url = url
        self._door = door
        self._s3_endpoint_url = s3_endpoint_url
        self._history_start = history_start

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The archive at ``SOCCER_FEED_URL``.

        Raises:
            FeedRefused: the setting is empty.
        """
        if not settings.feed_url:
            raise FeedRefused(f"the feed 'archive' reads a file: set {SETTING} to its path or address")
        door = FileDoor(SETTING, settings.home / "cache" / "feeds", largest_bytes=LARGEST_ARCHIVE_BYTES)
        return cls(settings.feed_url, door, settings.s3_endpoint_url, settings.history_start)

    def first_month(self) -> dt.date:
        """The month of the first match, or of ``SOCCER_HISTORY_START``."""
        if self._history_start is not None:
            return self._history_start.replace(day=1)
        return (_EPOCH + dt.timedelta(days=int(self._days[self._order[0]]))).replace(day=1)

    def competitions(self) -> Mapping[str, Competition]:
        """Every competition of the file: those of the catalogue, and the others under codes of their own."""
        return {competition.code: competition for competition in self._placed.competitions}

    def fetch(self, window: Window, clock: Clock) -> Iterator[RawMatch | Rejection]:
        """Every match whose kickoff day (UTC) lies in ``window``, as it is known at the clock's now.

        A row whose date cannot be used is reported with the day of the row before it.

        Raises:
            FeedUnavailable: the store does not answer.
            FeedRefused: there is no such file, or it is not in the schema.
        """
        now = clock.now()
        first = (window.start - _EPOCH).days
        low, high = np.searchsorted(self._days[self._order], [first, (window.end - _EPOCH).days])
        if low < high and low == 0:
            for reason, line in self._table.broken:
                yield Rejection(source=self.name, reason=reason, payload={"line": line})
        for start in range(int(low), int(high), ROWS_A_BATCH):
            yield from self._rows(self._order[start : min(start + ROWS_A_BATCH, int(high))], now)

    @cached_property
    def _table(self) -> ArchiveTable:
        table = read_archive(self._url, self._door, self._s3_endpoint_url)
        if not len(table):
            raise FeedRefused(f"{SETTING}: the archive has no row")
        return table

    @cached_property
    def _placed(self) -> PlacedRows:
        return place_competitions(self._table.columns, self.name)

    @cached_property
    def _days(self) -> NDArray[np.int64]:
        """UTC kickoff day of each row since 1970; a row without one has that of the row before it."""
        columns = self._table.columns
        days = _looked_up(columns["date"], lambda day: (day - _EPOCH).days)
        kickoffs = _looked_up(columns["kickoff_utc"], lambda instant: (instant.date() - _EPOCH).days)
        days = np.where(np.isnan(kickoffs), days, kickoffs)
        known = np.flatnonzero(~np.isnan(days))
        if not known.size:
            raise FeedRefused(f"{SETTING}: no row of the archive has a date that can be used")
        last_known = np.maximum(np.searchsorted(known, np.arange(len(days)), side="right") - 1, 0)
        return days[known[last_known]].astype(np.int64)

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return np.argsort(self._days, kind="stable")

    def _rows(self, rows: NDArray[np.int64], now: dt.datetime) -> Iterator[RawMatch | Rejection]:
        columns = self._table.columns
        codes = {name: column.codes[rows] for name, column in columns.items()}
        values = [columns[name].values[codes[name]].tolist() for name in SCHEMA]
        names = [name for name in SCHEMA if (codes[name] >= 0).any()]
        shown = zip(*(columns[name].shown[codes[name]].tolist() for name in names), strict=True)
        faulty = np.zeros(len(rows), dtype=bool)
        for name in _CHECKED:
            if columns[name].faults:
                faulty |= np.isin(codes[name], list(columns[name].faults))
        places = self._placed.of_row[rows].tolist()
        for index, (place, said, *row) in enumerate(zip(places, shown, *values, strict=True)):
            payload = {name: value for name, value in zip(names, said, strict=True) if value is not None}
            try:
                if faulty[index]:
                    raise Fault(self._faults_of(int(rows[index])))
                match = self._match(self._placed.competitions[place], row, payload, now)
            except Fault as fault:
                hidden = _RESULT if _is_ahead(row, now) else frozenset()
                open_payload = {name: value for name, value in payload.items() if name not in hidden}
                yield Rejection(source=self.name, reason=str(fault), payload=open_payload)
            else:
                yield match
