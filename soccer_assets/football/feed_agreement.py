"""Whether two feeds report the same results and the same kickoffs of one competition, month by month.

Feeds that copy what was played differ in 3 to 4 of 1,000 results (openfootball against football-data: 99.6 %
of 75,429). A month in which they differ more often has a fault that no single row shows: scores of another
season, columns in another order, invented results. The rows do not say which feed is right.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence

import msgspec

# Below this share of equal scores neither feed is believed: of 81,476 results since 2010 in the archive and
# in openfootball 7 differ, and no month has more than one of them ...
LEAST_AGREEMENT = 0.95
# ... where at least so many results are in both feeds, or so many differ: a small league has 12 a month.
LEAST_COMPARED = 20
LEAST_CONTRADICTIONS = 3

# A match of the other feed is at most one day away: feeds count days in different zones.
_NEAR = dt.timedelta(days=1)

# Clocks that are set wrong differ by whole or half hours; moved kickoffs by any number of minutes.
_CLOCK_STEP_MINUTES = 30
_LARGEST_OFFSET_MINUTES = 14 * 60
# Share of a month's kickoffs that must differ by the same offset, and their number in all such months.
LEAST_SHIFTED_SHARE = 0.8
LEAST_SHIFTED = 5


# Why such a result teaches nothing; the texts are stored.
FEEDS_DISAGREE = "the feeds report other scores in this competition and month: `soccer feeds trust` decides"
NOT_TOLD = (
    "the feeds report other scores in this competition and month, and the trusted one has no such match"
)
NEITHER_IS_TRUSTED = "a person trusts no feed in this competition and month"
FEED_MARKS = frozenset({FEEDS_DISAGREE, NOT_TOLD, NEITHER_IS_TRUSTED})


class ReportedMatch(msgspec.Struct, frozen=True):
    """A match as one feed reports it.

    Attributes:
        row_id: the row's id within its feed.
        kickoff: UTC.
        is_timed: whether the minute of the kickoff is known, not the day alone.
        home: key of the team, the same for both feeds.
        score: home and away goals after 90 minutes; None without a result.
    """

    row_id: str
    kickoff: dt.datetime
    is_timed: bool
    home: str
    away: str
    score: tuple[int, int] | None


_Pair = tuple[ReportedMatch, ReportedMatch]  # of the first and of the second feed


class Contradiction(msgspec.Struct, frozen=True):
    """A match whose score the feeds report differently.

    Attributes:
        second: as the second feed writes it, its own home side first.
        are_sides_exchanged: whether the second feed names the two sides the other way round.
    """

    day: dt.date
    home: str
    away: str
    first: tuple[int, int]
    second: tuple[int, int]
    are_sides_exchanged: bool = False

    @property
    def scores(self) -> tuple[str, str]:
        """What each feed reports, as text."""
        first, second = ("-".join(map(str, score)) for score in (self.first, self.second))
        return first, f"{second}, sides exchanged" if self.are_sides_exchanged else second


class MonthAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """What two feeds have in common in one competition and month of kickoff.

    Attributes:
        month: such as ``2025-04``, in UTC, by the kickoffs of the first feed.
        compared: matches with a result in both.
        contradictions: those among them with different scores or exchanged sides, by day.
        timed: matches whose kickoff both know to the minute, played or not.
        offset_minutes: the commonest difference of kickoffs that a wrong clock explains, second feed minus
            first; 0 where there is none.
        shifted: matches with that difference.
    """

    month: str
    compared: int
    contradictions: tuple[Contradiction, ...]
    timed: int
    offset_minutes: int
    shifted: int

    @property
    def share(self) -> float:
        """Share of equal scores; 1 where nothing was compared."""
        return 1.0 - len(self.contradictions) / self.compared if self.compared else 1.0

    @property
    def is_disputed(self) -> bool:
        """Whether neither feed is believed until a person decides."""
        is_enough = self.compared >= LEAST_COMPARED or len(self.contradictions) >= LEAST_CONTRADICTIONS
        return is_enough and self.share < LEAST_AGREEMENT


class ClockOffset(msgspec.Struct, frozen=True, kw_only=True):
    """Months of one competition whose kickoffs differ by the same whole or half hours.

    Attributes:
        minutes: second feed minus first; -60 where the second is an hour early.
        matches: kickoffs with that difference, of ``timed`` that both know to the minute.
        months: in order, such as ``2025-04``.
    """

    minutes: int
    matches: int
    timed: int
    months: tuple[str, ...]


def pair_reports(
    first: Iterable[ReportedMatch], second: Iterable[ReportedMatch]
) -> list[tuple[ReportedMatch, ReportedMatch]]:
    """The matches that both feeds report: the same teams at home and away, at most one day apart.

    Where several are so near, the nearest kickoffs belong together. Each match is used once.
    """
    meetings: defaultdict[tuple[str, str], list[ReportedMatch]] = defaultdict(list)
    for report in second:
        meetings[report.home, report.away].append(report)
    near = sorted(
        (abs(one.kickoff - other.kickoff), one.kickoff, one.row_id, other.row_id, one, other)
        for one in first
        for other in meetings.get((one.home, one.away), ())
        if abs(one.kickoff.date() - other.kickoff.date()) <= _NEAR
    )
    used_first, used_second, pairs = set[str](), set[str](), []
    for _, _, row_id, other_id, one, other in near:
        if row_id not in used_first and other_id not in used_second:
            used_first.add(row_id)
            used_second.add(other_id)
            pairs.append((one, other))
    return pairs


def pair_exchanged(
    first: Iterable[ReportedMatch],
    second: Iterable[ReportedMatch],
    pairs: Iterable[tuple[ReportedMatch, ReportedMatch]],
) -> list[tuple[ReportedMatch, ReportedMatch]]:
    """Of results that `pair_reports` leaves over, those of two teams that the feeds name the other way round.

    A file whose columns of home and away are exchanged has no match in common with another feed's.

    Args:
        first: matches of the first feed.
        second: matches of the second feed.
        pairs: what `pair_reports` made of both.
    """
    paired = [{row.row_id for row in of_feed} for of_feed in zip(*pairs, strict=True)] or [set(), set()]
    left = [one for one in first if one.score and one.row_id not in paired[0]]
    turned = [
        msgspec.structs.replace(one, home=one.away, away=one.home)
        for one in second
        if one.score and one.row_id not in paired[1]
    ]
    return pair_reports(left, turned)


def pair_by_one_team(
    first: Iterable[ReportedMatch], second: Iterable[ReportedMatch], shared_teams: Collection[str]
) -> list[tuple[ReportedMatch, ReportedMatch]]:
    """Of matches that `pair_reports` leaves over, those with the same team at the same ground on one day.

    A team plays at most once a day: where only one feed knows each of the two opponents, these are one club
    under two names that are not learned yet.

    Args:
        first: matches of the first feed.
        second: matches of the second feed.
        shared_teams: keys of the teams that both feeds name.
    """
    by_team: defaultdict[tuple[dt.date, bool, str], list[ReportedMatch]] = defaultdict(list)
    for report in second:
        day = report.kickoff.date()
        if report.away not in shared_teams:
            by_team[day, True, report.home].append(report)
        if report.home not in shared_teams:
            by_team[day, False, report.away].append(report)
    pairs = []
    for one in first:
        day = one.kickoff.date()
        for is_home, team, opponent in ((True, one.home, one.away), (False, one.away, one.home)):
            found = by_team.get((day, is_home, team), [])
            if len(found) == 1 and team in shared_teams and opponent not in shared_teams:
                pairs.append((one, found[0]))
    return pairs


def compare(pairs: Iterable[_Pair], exchanged: Iterable[_Pair] = ()) -> dict[str, MonthAgreement]:
    """The agreement of two feeds by month of kickoff, for pairs of one competition.

    Args:
        pairs: from `pair_reports`.
        exchanged: from `pair_exchanged`; each is a contradiction, whatever its scores.
    """
    by_month: defaultdict[str, tuple[list[_Pair], list[_Pair]]] = defaultdict(lambda: ([], []))
    for place, found in enumerate((pairs, exchanged)):
        for pair in found:
            by_month[month_of(pair[0].kickoff)][place].append(pair)
    return {month: _compare_month(month, *by_month[month]) for month in sorted(by_month)}


def month_of(kickoff: dt.datetime) -> str:
    """The month of a kickoff in UTC, such as ``2025-04``."""
    return f"{kickoff:%Y-%m}"


def start_of(month: str) -> dt.datetime:
    """The first instant of a month such as ``2025-04``."""
    return dt.datetime.strptime(month, "%Y-%m").replace(tzinfo=dt.UTC)


def end_of(month: str) -> dt.datetime:
    """The first instant after a month."""
    return (start_of(month) + dt.timedelta(days=31)).replace(day=1)


def _compare_month(month: str, pairs: Sequence[_Pair], exchanged: Sequence[_Pair]) -> MonthAgreement:
    results = [
        (one, one.score, other.score, are_exchanged)
        for found, are_exchanged in ((pairs, False), (exchanged, True))
        for one, other in found
        if one.score and other.score
    ]
    differences = [
        round((other.kickoff - one.kickoff) / dt.timedelta(minutes=1))
        for one, other in pairs
        if one.is_timed and other.is_timed
    ]
    offsets = Counter(filter(_is_offset, differences))
    # The smallest of equally common ones: the answer does not depend on the order of the rows.
    offset = min(offsets, key=lambda minutes: (-offsets[minutes], abs(minutes), minutes), default=0)
    return MonthAgreement(
        month=month,
        compared=len(results),
        contradictions=tuple(
            sorted(
                (
                    Contradiction(one.kickoff.date(), one.home, one.away, score, other_score, are_exchanged)
                    for one, score, other_score, are_exchanged in results
                    if score != other_score or are_exchanged
                ),
                key=lambda found: (found.day, found.home, found.away),
            )
        ),
        timed=len(differences),
        offset_minutes=offset,
        shifted=offsets[offset],
    )


def _is_offset(minutes: int) -> bool:
    return 0 < abs(minutes) <= _LARGEST_OFFSET_MINUTES and minutes % _CLOCK_STEP_MINUTES == 0


def clock_offsets(months: Iterable[MonthAgreement]) -> list[ClockOffset]:
    """The systematic differences of kickoffs in the months of one competition, most matches first.

    A month counts where at least four of five kickoffs differ by the same offset: a file in summer time only,
    or one season's file, is an hour off where its neighbours are right.
    """
    shifted: defaultdict[int, list[MonthAgreement]] = defaultdict(list)
    for month in months:
        if month.offset_minutes and month.shifted >= LEAST_SHIFTED_SHARE * month.timed:
            shifted[month.offset_minutes].append(month)
    found = [
        ClockOffset(
            minutes=minutes,
            matches=sum(month.shifted for month in of_offset),
            timed=sum(month.timed for month in of_offset),
            months=tuple(sorted(month.month for month in of_offset)),
        )
        for minutes, of_offset in shifted.items()
    ]
    return sorted(
        (offset for offset in found if offset.matches >= LEAST_SHIFTED),
        key=lambda offset: (-offset.matches, offset.minutes),
    )
