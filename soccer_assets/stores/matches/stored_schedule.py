"""What else the two clubs of a meeting played, by the stored rows of their feed."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from soccer_assets.clock import midnight
from soccer_assets.football.meetings import do_pairs_repeat
from soccer_assets.football.text_folding import fold
from soccer_assets.stores.matches.meeting_names import meeting_of
from soccer_assets.stores.matches.meeting_rows import MeetingRow, read_rows
from soccer_assets.tables import match_raw, vanished_match

_A_SEASON = dt.timedelta(days=366)


class StoredSchedule:
    """What else the two clubs of a record played, by the stored rows of its feed."""

    def __init__(self, connection: sa.Connection, rows: Sequence[MeetingRow]) -> None:
        """Of the clubs of one meeting.

        Args:
            connection: to read.
            rows: of the meeting.
        """
        record = rows[0].record
        self._connection = connection
        self._record = record
        self._have_changed_grounds = any(row.reported.has_changed_grounds for row in rows)
        self._clubs = (fold(record.home_team), fold(record.away_team))

    def could_play_both(self, one: dt.date, other: dt.date) -> bool:
        """Whether one of the clubs has no other match within a day of either."""
        day = dt.timedelta(days=1)
        first, last = map(midnight, (one - day, other + 2 * day))
        return not all(self._days(first, last))

    def do_others_repeat(self) -> bool:
        """Whether two other pairs of the season or more have two results that differ."""
        of_season = sa.and_(
            match_raw.c.source == self._record.source,
            match_raw.c.competition == self._record.competition,
            match_raw.c.season == self._record.season,
            match_raw.c.kickoff >= self._record.kickoff - _A_SEASON,
            match_raw.c.kickoff <= self._record.kickoff + _A_SEASON,
            match_raw.c.meeting != self._meeting(),
        )
        several = (
            sa.select(match_raw.c.meeting)
            .where(of_season)
            .group_by(match_raw.c.meeting)
            .having(sa.func.count() > 1)
        )
        meetings = list(self._connection.execute(several).scalars())
        scores: defaultdict[str, set[tuple[int, int]]] = defaultdict(set)
        for row in read_rows(self._connection, self._record.source, meetings, (), {}):
            if row.reported.score is not None and row.record.season == self._record.season:
                scores[meeting_of(row.record)].add(row.reported.score)
        return do_pairs_repeat(scores.values())

    def has_changed_grounds(self) -> bool:
        """Whether the pair's match at the other ground was listed, and its rows are all gone or came here."""
        competition, season, home, away = self._meeting().split("|", 3)
        is_gone = sa.and_(
            vanished_match.c.source == match_raw.c.source,
            vanished_match.c.source_match_id == match_raw.c.source_match_id,
        )
        query = (
            sa.select(sa.func.count(), sa.func.count(vanished_match.c.source))
            .select_from(match_raw.outerjoin(vanished_match, is_gone))
            .where(
                match_raw.c.source == self._record.source,
                match_raw.c.meeting == f"{competition}|{season}|{away}|{home}",
            )
        )
        rows, gone = self._connection.execute(query).one()
        return bool(rows == gone and (rows or self._have_changed_grounds))

    def _meeting(self) -> str:
        return meeting_of(self._record)

    def _days(self, first: dt.datetime, end: dt.datetime) -> list[list[dt.date]]:
        """The days of each club's other matches from an instant to another."""
        query = sa.select(match_raw.c.meeting, match_raw.c.kickoff).where(
            match_raw.c.source == self._record.source,
            match_raw.c.kickoff >= first,
            match_raw.c.kickoff < end,
            match_raw.c.meeting != self._meeting(),
        )
        found: dict[str, list[dt.date]] = {club: [] for club in self._clubs}
        for meeting, kickoff in self._connection.execute(query):
            for name in meeting.split("|", 3)[2:]:
                if name in found:
                    found[name].append(kickoff.date())
        return list(found.values())
