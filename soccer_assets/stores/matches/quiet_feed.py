"""Whether a feed is quiet: at least half of the results of a matchday that are due have not come.

One late match is no fault of a feed: a provider is slow with one, a match is put off without a word. A
matchday is the matches of one competition of one feed on one day (UTC). Not here: every result that is
missing (``due.py``), and when an answer is stale for it (``contract/status.py``).
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from soccer_assets.feeds.feed_set import members_of
from soccer_assets.feeds.protocol import Feed, assumes_postponed
from soccer_assets.football.matches import SETTLED_STATUSES, KickoffPrecision, MatchStatus
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.due import SETTLING_TIME, MissingResults
from soccer_assets.tables import AWAITING, ingest, match, match_raw, match_source_id

# Before a home has looked for this long at a feed, the feed's declared lag counts.
OWN_LOOKS = dt.timedelta(days=30)
# A quantile of fewer results says nothing.
LEAST_RESULTS = 20
# On a smaller matchday half of it is late by chance: 5 % of single matches are later than the quantile.
LEAST_MATCHES = 5
_QUANTILE = 0.95
_DECLARED_LAGS = 2
# Matchdays that are looked at, and results that the quantile is taken of.
_RECENT = dt.timedelta(days=30)
_OBSERVED = dt.timedelta(days=90)
# A matchday whose results came later than the usual one's by this factor was one of an outage.
_OUTAGE_FROM = 3
_NAMED = 3
QUIET_REMEDY = (
    "check the provider's status page and SOCCER_FEED_URL; another feed in SOCCER_FEED can take over"
)
_LOOK = "livescores/recent"


class DueMatch(msgspec.Struct, frozen=True):
    """A match whose kickoff is over.

    Attributes:
        source: name of the feed.
        over_from: the instant from which it can be over: its kickoff, or the end of its day where only that
            is known.
    """

    source: str
    competition: str
    day: dt.date
    over_from: dt.datetime
    has_result: bool


class Arrival(msgspec.Struct, frozen=True):
    """How long after `DueMatch.over_from` a result came."""

    competition: str
    day: dt.date
    after: dt.timedelta


class Patience(msgspec.Struct, frozen=True):
    """How long results of a feed may take, from `DueMatch.over_from` on.

    Attributes:
        declared: the settling time and twice the declared lag.
        observed: by competition (empty for the whole feed) the 95th percentile of what was observed; no
            entry where there are too few results or own looks.
    """

    declared: dt.timedelta
    observed: Mapping[str, dt.timedelta] = {}

    def of(self, competition: str, matches: int) -> dt.timedelta:
        """The time for a matchday with so many due matches."""
        feed, own = self.observed.get(""), self.observed.get(competition)
        if feed is None:
            return self.declared
        observed = feed if own is None else max(feed, own)
        return observed if matches >= LEAST_MATCHES else max(observed, self.declared)


class QuietMatchday(msgspec.Struct, frozen=True, kw_only=True):
    """A matchday of which at least half the due results have not come.

    Attributes:
        since: when the first of the missing results was due.
        patience: how long a result may take.
    """

    source: str
    competition: str
    day: dt.date
    due: int
    missing: int
    since: dt.datetime
    patience: dt.timedelta


def quiet_matchdays(
    matches: Iterable[DueMatch], patience: Mapping[str, Patience], now: dt.datetime
) -> list[QuietMatchday]:
    """The matchdays of which at least half the due results have not come in time, the oldest first.

    Args:
        matches: every recent match whose kickoff is over.
        patience: by feed.
        now: the current time.
    """
    days: dict[tuple[str, str, dt.date], list[DueMatch]] = {}
    for found in matches:
        days.setdefault((found.source, found.competition, found.day), []).append(found)
    quiet = []
    for (source, competition, day), played in days.items():
        allowed = patience[source].of(competition, len(played))
        due = [found for found in played if found.over_from + allowed < now]
        missing = [found for found in due if not found.has_result]
        if missing and 2 * len(missing) >= len(due):
            quiet.append(
                QuietMatchday(
                    source=source,
                    competition=competition,
                    day=day,
                    due=len(due),
                    missing=len(missing),
                    since=min(found.over_from for found in missing) + allowed,
                    patience=allowed,
                )
            )
    return sorted(quiet, key=lambda found: (found.since, found.competition))


def patience_of(
    lag: dt.timedelta, arrivals: Sequence[Arrival], looks_began: dt.datetime | None, now: dt.datetime
) -> Patience:
    """How long the results of one feed may take.

    Args:
        lag: that the feed declares.
        arrivals: of this feed, as the home saw them.
        looks_began: when the home first looked at it; None before.
        now: the current time.
    """
    declared = SETTLING_TIME + _DECLARED_LAGS * lag
    if looks_began is None or now - looks_began < OWN_LOOKS or len(arrivals) < LEAST_RESULTS:
        return Patience(declared)
    usual = _without_outages(arrivals)
    groups: dict[str, list[dt.timedelta]] = {"": [arrival.after for arrival in usual]}
    for arrival in usual:
        groups.setdefault(arrival.competition, []).append(arrival.after)
    observed = {name: _quantile(times) for name, times in groups.items() if len(times) >= LEAST_RESULTS}
    return Patience(declared, observed)


def _without_outages(arrivals: Sequence[Arrival]) -> list[Arrival]:
    """The results without those of matchdays that came far later than the others: the feed was quiet then.

    Two days of an outage are more than 5 % of a season's part, and would hide the next one.
    """
    days: dict[tuple[str, dt.date], list[dt.timedelta]] = {}
    for arrival in arrivals:
        days.setdefault((arrival.competition, arrival.day), []).append(arrival.after)
    middles = {key: sorted(times)[len(times) // 2] for key, times in days.items()}
    usual = sorted(middles.values())[len(middles) // 2]
    return [
        arrival for arrival in arrivals if middles[arrival.competition, arrival.day] <= _OUTAGE_FROM * usual
    ]


def quiet_now(database: Database, feed: Feed, now: dt.datetime) -> list[QuietMatchday]:
    """The quiet matchdays of a home.

    Args:
        database: the matches, the raw rows and the looks.
        feed: the home's, or several.
        now: the current time.
    """
    lags = {member.name: member.result_lag for member in members_of(feed)}
    assumed = {member.name for member in members_of(feed) if assumes_postponed(member)}
    with database.reading() as connection:
        matches = _recent_matches(connection, list(lags), assumed, now)
        if all(found.has_result for found in matches):
            return []
        patience = {
            source: patience_of(lag, _arrivals(connection, source, now), _first_look(connection, source), now)
            for source, lag in lags.items()
        }
    return quiet_matchdays(matches, patience, now)


def results_text(missing: MissingResults, quiet: Sequence[QuietMatchday]) -> str:
    """What is missing and which matchdays are quiet, in one sentence."""
    if not quiet:
        return missing.text
    return quiet_text(quiet) if missing.is_complete else f"{missing.text}; {quiet_text(quiet)}"


def quiet_text(quiet: Sequence[QuietMatchday]) -> str:
    """The matchdays in one sentence; empty where there are none."""
    named = [
        f"{found.missing} of {found.due} results of {found.competition} on {found.day} have not "
        f"come within {found.patience.total_seconds() / 3600:.1f} hours of the kickoff"
        for found in quiet[:_NAMED]
    ]
    more = [f"and {len(quiet) - _NAMED} more matchdays"] if len(quiet) > _NAMED else []
    return "; ".join(named + more)


def _quantile(times: list[dt.timedelta]) -> dt.timedelta:
    """The smallest time within which 95 % of the results came."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(_QUANTILE * len(ordered)))]


def _recent_matches(
    connection: sa.Connection, sources: list[str], assumed: Collection[str], now: dt.datetime
) -> list[DueMatch]:
    """Matches whose kickoff is over and whose result came or should come.

    Where a feed assumes what was put off, a match counts as postponed without a word once its competition has
    a later result; before that the list may no longer be written.
    """
    query = sa.select(
        match.c.source, match.c.competition, match.c.kickoff, match.c.kickoff_precision, match.c.status
    ).where(
        match.c.kickoff > now - _RECENT,
        match.c.kickoff < now,
        match.c.source.in_(sources),
        match.c.status.in_([*AWAITING, *SETTLED_STATUSES, MatchStatus.POSTPONED]),
    )
    rows = connection.execute(query).all()
    newest: dict[tuple[str, str], dt.datetime] = {}
    for row in rows:
        if row.status in SETTLED_STATUSES:
            key = (row.source, row.competition)
            newest[key] = max(newest.get(key, row.kickoff), row.kickoff)

    def is_due(row: Any) -> bool:
        if row.status != MatchStatus.POSTPONED:
            return True
        result_at = newest.get((row.source, row.competition))
        return row.source in assumed and (result_at is None or result_at < row.kickoff)

    return [
        DueMatch(
            row.source,
            row.competition,
            row.kickoff.date(),
            _over_from(row.kickoff, row.kickoff_precision),
            row.status in SETTLED_STATUSES,
        )
        for row in rows
        if is_due(row)
    ]


def _arrivals(connection: sa.Connection, source: str, now: dt.datetime) -> list[Arrival]:
    """When the results of matches came that were seen before their kickoff.

    The last change of a row is taken for it: a correction makes the feed look slower than it is, not faster.
    """
    query = (
        sa.select(
            match_raw.c.competition, match_raw.c.kickoff, match_raw.c.changed_at, match.c.kickoff_precision
        )
        .join(match_source_id, _same_row(match_source_id))
        # By its id: by its day alone, every row would be compared with all matches of the time.
        .join(match, sa.and_(match.c.match_id == match_source_id.c.match_id, _same_row(match)))
        .where(
            match_raw.c.source == source,
            match.c.kickoff > now - _OBSERVED,
            match_raw.c.kickoff > now - _OBSERVED,
            match_raw.c.kickoff < now,
            match_raw.c.first_seen_at < match_raw.c.kickoff,
            match_raw.c.status.in_(SETTLED_STATUSES),
        )
    )
    return [
        Arrival(
            row.competition,
            row.kickoff.date(),
            row.changed_at - _over_from(row.kickoff, row.kickoff_precision),
        )
        for row in connection.execute(query)
    ]


def _same_row(table: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(
        table.c.source == match_raw.c.source, table.c.source_match_id == match_raw.c.source_match_id
    )


def _first_look(connection: sa.Connection, source: str) -> dt.datetime | None:
    first: dt.datetime | None = connection.execute(
        sa.select(sa.func.min(ingest.c.checked_at, type_=ingest.c.checked_at.type)).where(
            ingest.c.source == source, ingest.c.asset == _LOOK
        )
    ).scalar()
    return first


def _over_from(kickoff: dt.datetime, precision: str) -> dt.datetime:
    if precision == KickoffPrecision.MINUTE:
        return kickoff
    return kickoff.replace(hour=0, minute=0, second=0, microsecond=0) + dt.timedelta(days=1)
