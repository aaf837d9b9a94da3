"""An archive of results: one Parquet or CSV file in the documented schema, from a path or any fsspec address.

The columns are those of `archive_table.SCHEMA`. Matches settled after extra time
(``AET``) or on penalties (``PEN``) carry the final score, not the one after 90 minutes: they are finished,
and their goals are unknown.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import compress
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.clock import Clock
from soccer_assets.feeds.base import SETTING
from soccer_assets.feeds.fields import book_odds, goal_book, half_time_of, noon_of, score_or_none
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.protocol import FeedRefusedError
from soccer_assets.feeds.providers.archive.archive_csv import CUT_ROW
from soccer_assets.feeds.providers.archive.archive_rows import (
    EPOCH,
    EXTRA_TIME,
    RESULT,
    STATUS_OF,
    WENT_ON,
    RowCompetitions,
    RowResults,
    RowTimes,
    assign_competitions,
    row_results,
    row_times,
)
from soccer_assets.feeds.providers.archive.archive_table import (
    LARGEST_ARCHIVE_BYTES,
    SCHEMA,
    ArchiveTable,
    read_archive,
    shown,
)
from soccer_assets.feeds.unreadable import cut_file
from soccer_assets.feeds.visibility import visibility_by_time
from soccer_assets.football.competitions import Competition
from soccer_assets.football.matches import KickoffPrecision, Window
from soccer_assets.football.records import RawMatch, Rejection, after_ninety
from soccer_assets.settings import Settings

SOURCE = "archive"
# An archive is rewritten every few days at best.
RESULT_LAG = dt.timedelta(days=3)
ROWS_A_BATCH = 20_000
# A look-up of an enum's member is one of Python's slower operations, and there are a million rows.
_DAY, _MINUTE = KickoffPrecision.DAY, KickoffPrecision.MINUTE


class ArchiveFeed:
    """Matches of one archive file.

    The file is read once by an object.

    Args:
        url: path or address of the file.
        client: reads HTTP addresses.
        s3_endpoint_url: address of an S3 server that is not Amazon's.
        history_start: first day wanted; None for all there is.
    """

    name = SOURCE
    is_simulated = False
    # A file of the operator's, whose sources are not known here.
    attribution = "An archive of the operator's; its sources' terms go with it"
    may_publish_results = False
    may_publish_live = False
    may_redistribute = False
    is_cheap_to_read_again = True
    result_lag = RESULT_LAG
    assumes_postponed = True

    def __init__(
        self, url: str, client: FileClient, s3_endpoint_url: str = "", history_start: dt.date | None = None
    ) -> None:
        self._url = url
        self._client = client
        self._s3_endpoint_url = s3_endpoint_url
        self._history_start = history_start

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The archive at ``SOCCER_FEED_URL``.

        Raises:
            FeedRefusedError: the setting is empty.
        """
        if not settings.feed_url:
            raise FeedRefusedError(f"the feed 'archive' reads a file: set {SETTING} to its path or address")
        client = FileClient(SETTING, settings.home / "cache" / "feeds", largest_bytes=LARGEST_ARCHIVE_BYTES)
        return cls(settings.feed_url, client, settings.s3_endpoint_url, settings.history_start)

    def first_month(self) -> dt.date:
        """The month of the first match, or of ``SOCCER_HISTORY_START``."""
        if self._history_start is not None:
            return self._history_start.replace(day=1)
        return (EPOCH + dt.timedelta(days=int(self._times.days[self._order[0]]))).replace(day=1)

    def competitions(self) -> Mapping[str, Competition]:
        """Every competition of the file; those outside the catalogue have codes of their own."""
        return {competition.code: competition for competition in self._competitions.competitions}

    def fetch(self, window: Window, clock: Clock) -> Iterator[RawMatch | Rejection]:
        """Every match whose kickoff day (UTC) lies in ``window``, as known at ``clock.now()``.

        A row without a valid date is rejected with the day of the row before it. A file that ends inside a
        row is reported, as an `UnreadableFile`.

        Raises:
            FeedUnavailableError: the store does not answer.
            FeedRefusedError: there is no such file, or it is not in the schema.
        """
        now = clock.now()
        ends = [(window.start - EPOCH).days, (window.end - EPOCH).days]
        low, high = np.searchsorted(self._times.days[self._order], ends)
        for reason, line in self._table.broken:
            if reason == CUT_ROW:
                yield cut_file(self.name, shown(self._url), "", line)
            elif low < high and low == 0:
                yield Rejection(source=self.name, reason=reason, payload={"line": line})
        for start in range(int(low), int(high), ROWS_A_BATCH):
            yield from self._rows(self._order[start : min(start + ROWS_A_BATCH, int(high))], now)

    @cached_property
    def _table(self) -> ArchiveTable:
        table = read_archive(self._url, self._client, self._s3_endpoint_url)
        if not len(table):
            raise FeedRefusedError(f"{SETTING}: the archive has no row")
        return table

    @cached_property
    def _competitions(self) -> RowCompetitions:
        return assign_competitions(self._table.columns, self.name)

    @cached_property
    def _times(self) -> RowTimes:
        return row_times(self._table.columns)

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return np.argsort(self._times.days, kind="stable")

    @cached_property
    def _results(self) -> RowResults:
        return row_results(self._table.columns)

    def _rows(self, rows: NDArray[np.int64], now: dt.datetime) -> Iterator[RawMatch | Rejection]:
        columns, results = self._table.columns, self._results
        codes = {name: column.codes[rows] for name, column in columns.items()}
        names = [name for name in SCHEMA if (codes[name] >= 0).any()]
        empty = [None] * len(rows)
        values = zip(
            *(columns[name].parsed[codes[name]].tolist() if name in names else empty for name in SCHEMA),
            strict=True,
        )
        over = (self._times.over_at[rows] <= now.timestamp()).tolist()
        payloads = _payloads({name: (codes[name], columns[name].shown) for name in names}, over)
        places, goals = self._competitions.of_row[rows].tolist(), results.goals[rows].tolist()
        for number, place, is_over, score, payload, row in zip(
            rows.tolist(), places, over, goals, payloads, values, strict=True
        ):
            reason = (results.rejected_after if is_over else results.rejected_before).get(number)
            if reason is not None:
                yield Rejection(source=self.name, reason=reason, payload=payload)
                continue
            code = self._competitions.competitions[place].code
            known = (score[0], score[1]) if is_over and score[0] >= 0 else None
            yield _match(code, row, payload, known, now, is_over=is_over)


def _payloads(
    columns: Mapping[str, tuple[NDArray[Any], NDArray[np.object_]]], over: Sequence[bool]
) -> Iterator[dict[str, Any]]:
    """The filled cells of each row as the file shows them; of a match that is not over without its result.

    Few sets of columns are filled together: each is chosen once, and the rest is work of C.

    Args:
        columns: by name, codes of the rows, negative where a row has no value, and what they show.
        over: whether each row's match is over.
    """
    names = list(columns)
    is_over = np.array(over, bool)
    filled = [(codes >= 0) & (is_over | (name not in RESULT)) for name, (codes, _) in columns.items()]
    patterns = (np.array(filled).T @ (1 << np.arange(len(names)))).tolist()
    chosen = {pattern: [bool(pattern >> bit & 1) for bit in range(len(names))] for pattern in set(patterns)}
    names_of = {pattern: tuple(compress(names, those)) for pattern, those in chosen.items()}
    cells = zip(*(shown[codes].tolist() for codes, shown in columns.values()), strict=True)
    for pattern, row in zip(patterns, cells, strict=True):
        yield dict(zip(names_of[pattern], compress(row, chosen[pattern]), strict=True))


def _match(
    competition: str,
    row: tuple[Any, ...],
    payload: dict[str, Any],
    score: tuple[int, int] | None,
    now: dt.datetime,
    *,
    is_over: bool,
) -> RawMatch:
    """The match of a row that is not rejected; its values are in the order of the schema."""
    (match_id, kickoff, day, _, _, _, season, round_name, home, away, *result) = row
    precision = _DAY if kickoff is None else _MINUTE
    kickoff = noon_of(day) if kickoff is None else kickoff
    home_total, away_total, half_home, half_away, reported, neutral, *quotes, _ = result
    *prices, kind, over, under, line, line_home, line_away, goal_kind = quotes
    status = STATUS_OF.get(reported) if is_over else None
    if status is None:
        status = visibility_by_time(kickoff, precision, now, has_result=False, result_lag=RESULT_LAG).status
    if not is_over or (half_home is None and half_away is None):
        half_home = half_away = None
    else:
        half_home, half_away = half_time_of(half_home, half_away, score)
    after_90 = None
    if is_over and reported in WENT_ON:
        # The total of a shoot-out holds its goals in some rows.
        total = score_or_none(home_total, away_total) if reported == EXTRA_TIME else None
        after_90 = after_ninety(total, None, went_on=True, has_shoot_out=reported != EXTRA_TIME)
    goal_odds = None
    if is_over and goal_kind is not None:
        goal_odds = goal_book(goal_kind, (over, under), (line, line_home, line_away))
    has_odds = is_over and kind is not None and None not in prices
    return RawMatch(
        source=SOURCE,
        source_match_id=match_id,
        payload=payload,
        competition=competition,
        season=season,
        kickoff=kickoff,
        kickoff_precision=precision,
        home_team=home,
        away_team=away,
        status=status,
        round=round_name,
        neutral=bool(neutral),
        home_goals=None if score is None else score[0],
        away_goals=None if score is None else score[1],
        home_goals_half_time=half_home,
        away_goals_half_time=half_away,
        odds=book_odds(kind, *prices) if has_odds else None,
        after_90=after_90 or msgspec.UNSET,
        goal_odds=goal_odds or msgspec.UNSET,
    )
