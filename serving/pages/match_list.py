"""Matches as the list shows them: of one day or of teams, what was said of each, and what came."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from serving.backends.live_scores import LiveScore
from serving.http.paging import midnight
from serving.pages.days import UTC, clock_text, day_of
from serving.pages.zones import DaySpan, Zones
from serving.release.current import Current
from serving.release.snapshot import PageQuery, Snapshot
from soccer_assets.clock import isoformat
from soccer_assets.contract.release import CHAMPION, CompetitionEntry, Result, ScoreChance, Team

# Rows of a page; a day of more has several.
PAGE_ROWS = 40
_TO_THE_MINUTE = "minute"
_NOON = "T12:00:00Z"
_DAY = dt.timedelta(days=1)
OUTCOMES = ("home", "draw", "away")

# Match id, kickoff, competition.
Row = tuple[str, str, str]


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """What a list reads of a stored prediction; fields as in `Prediction`."""

    match_id: str
    competition: str
    home_team: Team
    away_team: Team
    kickoff: str
    kickoff_precision: str
    status: str
    p_home: float
    p_draw: float
    p_away: float
    likely_scores: tuple[ScoreChance, ...] = ()
    predicted_at: str
    result: Result | None = None

    @property
    def given(self) -> float | None:
        """The probability that was said of the outcome that came; None before it came."""
        if self.result is None:
            return None
        chances = (self.p_home, self.p_draw, self.p_away)
        return chances[OUTCOMES.index(self.result.outcome)]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A match of a list.

    Attributes:
        clock: time of the kickoff in the zone of the list; empty where only the day is known.
        notes: what a reader must know beside the numbers, such as ``postponed``.
        live: goals of a match under way; None where they are not known, or it is not.
    """

    match: Listed
    clock: str
    notes: tuple[str, ...]
    live: LiveScore | None = None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Matches of a competition on one day."""

    competition: str
    name: str
    country: str
    zone: Any
    day: dt.date
    lines: tuple[Line, ...]


class Filter(msgspec.Struct, frozen=True):
    """Which matches are asked for."""

    competition: str | None = None
    team_ids: tuple[str, ...] | None = None


class DayList(msgspec.Struct, frozen=True, kw_only=True):
    """The matches of a day.

    Attributes:
        total: matches of the day, of which ``groups`` hold one page.
        before: the last day before with matches; None where there is none. Likewise ``after``.
    """

    day: dt.date
    groups: tuple[Group, ...]
    total: int
    before: dt.date | None = None
    after: dt.date | None = None


class Matches:
    """Reads lists of one release at one instant.

    Args:
        current: release and status.
        zones: of the days and clocks.
        wanted: only these matches.
        now: for what is under way.
    """

    def __init__(
        self,
        current: Current,
        zones: Zones,
        wanted: Filter,
        now: dt.datetime,
        *,
        with_results: bool = True,
    ) -> None:
        self._with_results = with_results
        self._snapshot: Snapshot = current.snapshot
        self._moved = frozenset(current.view.status.moved_match_ids)
        self._zones = zones
        self._wanted = wanted
        self._now = isoformat(now)
        names = current.snapshot.names
        self._entries: dict[str, CompetitionEntry] = {} if names is None else names.competitions

    def on(self, day: dt.date, page: int = 1, rows: int = PAGE_ROWS) -> DayList:
        """The matches of a day, cups first, then by tier, country and kickoff.

        Raises:
            OverflowError: the day is out of range.
        """
        spans = self._zones.spans(day, self._competitions())
        noon = f"{day.isoformat()}{_NOON}"
        first = min([noon, *(span.first for span in spans.values())])
        end = max([f"{day.isoformat()}T12:00:01Z", *(span.end for span in spans.values())])
        wanted = self._wanted
        around = self._snapshot.kickoffs(first, end, wanted.competition, wanted.team_ids)
        found, others = self._split(around, day, spans)
        places = self._places(spans)
        # Sorting is stable: those of one competition stay in the order of their kickoffs.
        found.sort(key=lambda row: places[row[2]])
        shown = [row[0] for row in found[(page - 1) * rows : page * rows]]
        bodies = [self._snapshot.find(match_id, CHAMPION) for match_id in shown]
        return DayList(
            day=day,
            groups=self._groups([self._listed(body) for body in bodies if body is not None]),
            total=len(found),
            before=max((own for own in others if own < day), default=None) or self._day_before(first),
            after=min((own for own in others if own > day), default=None) or self._day_after(end),
        )

    def ahead(self, rows: int = PAGE_ROWS) -> tuple[Group, ...]:
        """The next matches, day by day."""
        found = self._read(self._now, None, rows)
        return self._groups(found)

    def played(self, rows: int) -> tuple[Group, ...]:
        """The last matches before now, the newest first."""
        return self._groups(self._latest_before(self._now, rows))

    def next_day(self, today: dt.date) -> dt.date | None:
        """The first day from today on that has matches; else the last one before; None without any."""
        start = midnight(today, self._zones.chosen or UTC)
        found = self._read(start, None, 1)
        return self._day_of(found[0]) if found else self._day_before(start)

    def _competitions(self) -> tuple[str, ...]:
        return (
            self._snapshot.competitions if self._wanted.competition is None else (self._wanted.competition,)
        )

    def _read(self, first: str | None, end: str | None, rows: int) -> list[Listed]:
        query = PageQuery(
            limit=rows,
            kickoff_from=first,
            kickoff_before=end,
            competition=self._wanted.competition,
            team_ids=self._wanted.team_ids,
        )
        return [self._listed(body) for _, body in self._snapshot.page(query).rows]

    def _listed(self, body: bytes) -> Listed:
        found = _decoder.decode(body)
        return found if self._with_results else msgspec.structs.replace(found, result=None)

    def _latest_before(self, instant: str, rows: int) -> list[Listed]:
        wanted = self._wanted
        found = self._snapshot.latest_before(instant, rows, wanted.competition, wanted.team_ids)
        return [self._listed(body) for body in found]

    def _day_of(self, match: Listed) -> dt.date:
        return day_of(match.kickoff, match.kickoff_precision, self._zones.of(match.competition))

    def _day_before(self, instant: str) -> dt.date | None:
        found = self._latest_before(instant, 1)
        return self._day_of(found[0]) if found else None

    def _day_after(self, instant: str) -> dt.date | None:
        found = self._read(instant, None, 1)
        return self._day_of(found[0]) if found else None

    def _split(
        self, rows: Sequence[Row], day: dt.date, spans: dict[str, DaySpan]
    ) -> tuple[list[Row], set[dt.date]]:
        """The rows of a day, and the days of the others."""
        own, others = list[Row](), set[dt.date]()
        for row in rows:
            span, kickoff = spans[row[2]], row[1]
            if span.first <= kickoff < span.end and not kickoff.endswith(_NOON):
                own.append(row)  # a thousand, in a loop that is short therefore
            elif (found := self._day_of_row(row, day, span)) == day:
                own.append(row)
            else:
                others.add(found)
        return own, others

    def _day_of_row(self, row: Row, day: dt.date, span: DaySpan) -> dt.date:
        """The day of a row, without its body where the kickoff tells it.

        One known by day only stands at noon in UTC; where that is another day in the zone, the body tells.
        """
        match_id, kickoff, _ = row
        own = day if span.first <= kickoff < span.end else day + _DAY * (1 if kickoff >= span.end else -1)
        if kickoff.endswith(_NOON) and own.isoformat() != kickoff[:10]:
            body = self._snapshot.find(match_id, CHAMPION)
            return own if body is None else self._day_of(self._listed(body))
        return own

    def _places(self, competitions: Iterable[str]) -> dict[str, int]:
        """The order of the competitions of a day: cups first, then by tier, country and name."""
        unknown = (99, "", "")
        found = []
        for code in competitions:
            entry = self._entries.get(code)
            found.append((unknown if entry is None else (entry.tier, entry.country, entry.name), code))
        return {code: place for place, (_, code) in enumerate(sorted(found))}

    def _groups(self, matches: Sequence[Listed]) -> tuple[Group, ...]:
        """Neighbours of one competition and day together."""
        groups: list[tuple[str, dt.date, list[Line]]] = []
        for match in matches:
            key = (match.competition, self._day_of(match))
            if not groups or groups[-1][:2] != key:
                groups.append((*key, []))
            groups[-1][2].append(self._line(match))
        return tuple(
            Group(
                competition=code,
                name=entry.name if (entry := self._entries.get(code)) else code,
                country=entry.country if entry else "",
                zone=self._zones.of(code),
                day=day,
                lines=tuple(lines),
            )
            for code, day, lines in groups
        )

    def _line(self, match: Listed) -> Line:
        notes = []
        if match.status in _TOLD:
            notes.append(match.status)
        elif match.result is None and match.kickoff <= self._now:
            notes.append("result not in yet" if self._with_results else "kicked off")
        if match.kickoff_precision != _TO_THE_MINUTE and match.result is None:
            notes.append("time open" if match.kickoff_precision == "day" else "date open")
        if match.match_id in self._moved:
            notes.append("kickoff moved since")
        clock = clock_text(match.kickoff, match.kickoff_precision, self._zones.of(match.competition))
        return Line(match=match, clock=clock, notes=tuple(notes))


_decoder = msgspec.json.Decoder(Listed)
# Statuses that a reader must know.
_TOLD = frozenset({"live", "postponed", "abandoned", "cancelled", "replayed", "awarded", "withdrawn"})
