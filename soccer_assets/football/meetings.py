"""Meetings: which rows of one ordered pair of clubs in a season are the same match.

A meeting is (competition, season, stage, home, away, n-th time). How often a pair can meet comes from the
season's format (``season_formats.py``). Where no format is told, rows are one match only on proof: the old
one is gone since the look in which the new one came, or both have one score at most three days apart and
neither club could have played both.
Not here: which clubs are meant (``team_resolution.py``), and ids of providers without ids (``identity.py``).
"""

import datetime as dt
import itertools
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

import msgspec

from soccer_assets.football.matches import STATUS_RULES, MatchStatus
from soccer_assets.football.season_formats import SeasonFormat
from soccer_assets.football.text_folding import fold
from soccer_assets.football.validity import MET_TWICE, MET_TWICE_NOT_LISTED

# What a feed no longer lists, and has not listed for so long, is withdrawn: lists appear twice a week.
WITHDRAWN_AFTER = dt.timedelta(days=7)
# A match that is reported as under way so long after its kickoff was broken off.
ABANDONED_AFTER = dt.timedelta(days=7)
# A corrected date is at most so many days off. Clubs do meet twice in three days with one score: 54 times in
# 98,102 repeated meetings of the archive, in series, on tours and in two legs at one ground.
_CORRECTED_DATE = dt.timedelta(days=3)
_NEXT_DAY = dt.timedelta(days=1)
_LONGEST_ADVANCE = dt.timedelta(days=14)
_LONGEST_POSTPONEMENT = dt.timedelta(days=120)
# Fewer may be results that the feed has corrected and still lists.
_PAIRS_THAT_REPEAT = 2
_SEVERAL = 2

_NUMBER = re.compile(r"\d+")

_Score = tuple[int, int]


class Schedule(Protocol):
    """What else the two clubs of a pair played."""

    def could_play_both(self, one: dt.date, other: dt.date) -> bool:
        """Whether one of the clubs, by its other matches, could have played on both days."""
        ...

    def do_others_repeat(self) -> bool:
        """Whether other pairs of the season have two results that differ: the format is another one here."""
        ...

    def has_changed_grounds(self) -> bool:
        """Whether the pair's match at the other ground was listed, and is not listed there any more."""
        ...


class ReportedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A stored row of an ordered pair's meetings in one season.

    Attributes:
        key: the row's id.
        score: after 90 minutes; None where there is none.
        round: as the provider names it.
        first_seen_at: of the look that brought the row.
        vanished_at: of the first look that no longer had it; None where the last one had it.
        replaced_by: key of the row that came in its place.
        has_changed_grounds: whether it was a fixture at the other ground first, under this id.
    """

    key: str
    kickoff: dt.datetime
    status: MatchStatus
    score: _Score | None
    round: str | None
    first_seen_at: dt.datetime
    vanished_at: dt.datetime | None = None
    replaced_by: str | None = None
    has_changed_grounds: bool = False

    @property
    def is_open(self) -> bool:
        """Whether a result is still awaited."""
        rule = STATUS_RULES[self.status]
        return rule.is_served and not rule.settles

    @property
    def has_result(self) -> bool:
        """Whether the match is over and counts."""
        return STATUS_RULES[self.status].settles


def group_rows(
    rows: Sequence[ReportedRow], season: SeasonFormat | None, schedule: Schedule
) -> list[list[ReportedRow]]:
    """The rows of each match, the one that stands first; every row is in one group.

    Args:
        rows: all rows of an ordered pair in a season, from one feed.
        season: its format; None where it is not known.
        schedule: of the two clubs.
    """
    days = _by_day(rows)
    groups: list[list[ReportedRow]] = []
    # Results first: an open row joins the match that it became.
    for of_day in sorted(days, key=lambda row: (not row.has_result, row.kickoff, row.key)):
        near = sorted(groups, key=lambda group: abs(group[0].kickoff - of_day.kickoff))
        found = next(
            (
                group
                for group in near
                if all(_may_be_one(of_day, other) for other in group)
                and any(_is_one(of_day, other, season, schedule) for other in group)
            ),
            None,
        )
        if found is None:
            groups.append([of_day])
        else:
            found.append(of_day)
    return [
        sorted((row for of_day in group for row in days[of_day]), key=_precedence, reverse=True)
        for group in groups
    ]


def _by_day(rows: Sequence[ReportedRow]) -> dict[ReportedRow, list[ReportedRow]]:
    """The rows of each day, which are one match, under the one that stands for all of them.

    It is listed if one of them is, since the first of them was seen: a row that came in place of one of its
    own day came in place of no other.
    """
    days: defaultdict[dt.date, list[ReportedRow]] = defaultdict(list)
    for row in rows:
        days[row.kickoff.date()].append(row)
    found: dict[ReportedRow, list[ReportedRow]] = {}
    stands_for: dict[str, str] = {}
    for of_day in days.values():
        best = max(of_day, key=_precedence)
        gone = [row.vanished_at for row in of_day if row.vanished_at is not None]
        together = msgspec.structs.replace(
            best,
            first_seen_at=min(row.first_seen_at for row in of_day),
            vanished_at=max(gone) if len(gone) == len(of_day) else None,
            replaced_by=next((row.replaced_by for row in of_day if row.replaced_by), None),
        )
        found[together] = of_day
        stands_for.update(dict.fromkeys((row.key for row in of_day), together.key))
    return {
        msgspec.structs.replace(one, replaced_by=stands_for.get(one.replaced_by or "", one.replaced_by)): rows
        for one, rows in found.items()
    }


def are_separate(days: Sequence[dt.date], season: SeasonFormat | None) -> bool:
    """Whether results of a pair on these days are matches of their own, whatever their scores are.

    Args:
        days: in order, of results that the feed lists.
        season: its format; None where it is not known.
    """
    if season is not None and any(map(season.meets_once_by, days[1:])):
        return False
    return all(later - earlier > _CORRECTED_DATE for earlier, later in itertools.pairwise(days))


def do_pairs_repeat(scores: Iterable[Collection[_Score]]) -> bool:
    """Whether pairs met more than once in a season, from the distinct scores of each pair."""
    return sum(len(of_pair) > 1 for of_pair in scores) >= _PAIRS_THAT_REPEAT


def other_scores(group: Sequence[ReportedRow]) -> tuple[_Score, ...]:
    """Scores that rows which are still listed tell otherwise than the row that stands."""
    listed = {one.score for one in group[1:] if one.has_result and one.vanished_at is None and one.score}
    return tuple(sorted(listed - {group[0].score}))


def results_beyond_format(
    groups: Sequence[Sequence[ReportedRow]], season: SeasonFormat | None, schedule: Schedule
) -> dict[str, str]:
    """The marks of results of a pair that meets once and has several, by the key of the row that stands.

    At least one of them is wrong: in its score, its date, its ground or its opponent. The rows do not say
    which, so none counts; where the feed still lists some, those that it dropped are the wrong ones.

    Args:
        groups: the rows of each match, as `group_rows` gives them.
        season: the format.
        schedule: of the two clubs.
    """
    results = sorted((rows[0] for rows in groups if rows[0].has_result), key=lambda row: row.kickoff)
    if season is None or len(results) < _SEVERAL:
        return {}
    once = [one for one in results if season.meets_once_by(one.kickoff.date())]
    if len(once) < _SEVERAL or any(itertools.starmap(_are_two_stages, itertools.combinations(once, 2))):
        return {}
    # The return match came to this ground: the feed dropped it at the other one, or changed its row.
    if schedule.do_others_repeat() or schedule.has_changed_grounds():
        return {}
    listed = [one for one in once if one.vanished_at is None]
    gone = {} if not listed else {one.key: MET_TWICE_NOT_LISTED for one in once if one not in listed}
    told = listed or once
    if len(told) < _SEVERAL:
        return gone
    scores = " and ".join(
        f"{one.score[0]}-{one.score[1]} on {one.kickoff:%Y-%m-%d}"
        if one.score
        else f"one on {one.kickoff:%Y-%m-%d}"
        for one in told
    )
    return gone | {one.key: f"{MET_TWICE}: {scores}" for one in told}


def first_seen(group: Sequence[ReportedRow]) -> ReportedRow:
    """The row whose id the match has: predictions were made for it."""
    return min(group, key=lambda one: (one.first_seen_at, one.kickoff, one.key))


def status_by_now(row: ReportedRow, now: dt.datetime) -> MatchStatus:
    """The row's status; withdrawn or abandoned where the feed has been silent about it for too long."""
    if row.is_open and row.vanished_at is not None and now >= row.vanished_at + WITHDRAWN_AFTER:
        return MatchStatus.WITHDRAWN
    if row.status is MatchStatus.LIVE and now >= row.kickoff + ABANDONED_AFTER:
        return MatchStatus.ABANDONED
    return row.status


def _precedence(row: ReportedRow) -> tuple[bool, bool, bool, dt.datetime, dt.datetime, str]:
    """What stands of two rows of one match.

    A result, what is still listed, what has a date, the later row, the later date. A postponed row beside
    another one was made anew, also where a look at its day came after the look at the new day.
    """
    return (
        row.has_result,
        row.vanished_at is None,
        row.status is not MatchStatus.POSTPONED,
        row.first_seen_at,
        row.kickoff,
        row.key,
    )


def _may_be_one(one: ReportedRow, other: ReportedRow) -> bool:
    """Whether nothing forbids that two rows are one match: two scores on two days are two matches."""
    return not (one.has_result and other.has_result) or one.score == other.score or _replaces(one, other)


def _replaces(one: ReportedRow, other: ReportedRow) -> bool:
    """Whether one of two rows went in the look in which the other came, in one stage."""
    return not _are_two_stages(one, other) and any(
        old.vanished_at is not None
        and new.vanished_at is None
        and new.first_seen_at >= old.vanished_at
        and old.kickoff - _LONGEST_ADVANCE <= new.kickoff <= old.kickoff + _LONGEST_POSTPONEMENT
        for old, new in ((one, other), (other, one))
    )


def _is_one(one: ReportedRow, other: ReportedRow, season: SeasonFormat | None, schedule: Schedule) -> bool:
    """Whether two rows of a pair are one match, by proof or by the season's format."""
    if other.key == one.replaced_by or one.key == other.replaced_by:
        return True
    if not all(row.is_open or row.has_result for row in (one, other)):
        return False  # awarded, abandoned, cancelled: its replay is another match
    if _replaces(one, other):
        return True
    if _are_two_stages(one, other) and (season is None or season.most_meetings > 1):
        return False
    earlier, later = sorted((one, other), key=lambda row: row.kickoff)
    if earlier.has_result and later.has_result:
        return one.score == other.score and (
            _is_a_corrected_date(earlier, later, schedule) or _meet_once(earlier, later, season, schedule)
        )
    # Put off: the row without a result is the earlier one. A played match that is listed once more stays two
    # rows until the list drops it.
    is_same_round = one.round is not None and one.round == other.round
    is_postponed = is_same_round and earlier.status is MatchStatus.POSTPONED
    return earlier.is_open and (is_postponed or _meet_once(earlier, later, season, schedule))


def _meet_once(
    earlier: ReportedRow, later: ReportedRow, season: SeasonFormat | None, schedule: Schedule
) -> bool:
    """Whether the pair has met at most once by the later row, by a format that the feed's rows bear out.

    A row that came from the other ground is the pair's return match.
    """
    is_told = season is not None and season.meets_once_by(later.kickoff.date())
    is_return_match = earlier.has_changed_grounds is not later.has_changed_grounds
    return is_told and not is_return_match and not schedule.do_others_repeat()


def _are_two_stages(one: ReportedRow, other: ReportedRow) -> bool:
    """Whether rows name stages that differ: a semi-final and a final do, two matchdays do not."""
    return one.round is not None and other.round is not None and _stage(one.round) != _stage(other.round)


def _stage(name: str) -> str:
    return _NUMBER.sub("", fold(name)).strip()


def _is_a_corrected_date(earlier: ReportedRow, later: ReportedRow, schedule: Schedule) -> bool:
    """Whether two results with one score are so near that neither club could have played both."""
    gap = later.kickoff.date() - earlier.kickoff.date()
    if gap <= _NEXT_DAY:
        return True
    return gap <= _CORRECTED_DATE and not schedule.could_play_both(
        earlier.kickoff.date(), later.kickoff.date()
    )
