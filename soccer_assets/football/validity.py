"""Rules that every match row must satisfy, whichever provider reports it: the only place that states them.

Adapters (``feeds/fields.py``), validation (``feeds/validation.py``), the match table (``stores/matches``),
the asset checks (``graph/checks.py``) and the sidecar's queries use these names. Not here: how a row that
breaks one is rejected or reported.

A team plays at most once a UTC day. Where it has two results on one day that agree (the same pair with the
same score, at whichever ground), one match is reported twice: one row counts. Else a date is wrong, a match
is stored twice, or two teams share a name. The rows do not say which, so all are quarantined: kept and
listed, but they move no rating and train no model. So is a match that is reported with two scores, a pair
that has two results with different scores in a season in which it meets once, and a matchday whose results
are all one score.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from soccer_assets.football.placeholders import is_placeholder
from soccer_assets.football.text_folding import fold

# The first Laws of the Game are of December 1863: before them there was no match of association football.
OLDEST_YEAR = 1863
# No fixture is scheduled earlier: the World Cup's first are known two and a half years before.
FURTHEST_AHEAD = dt.timedelta(days=3 * 365)

# Arbroath beat Bon Accord 36-0 in 1885; Australia beat American Samoa 31-0 in 2001.
LEAST_GOALS, MOST_GOALS = 0, 36

# A decimal price of 1 pays back the stake alone.
LEAST_PRICE = 1.0
# Sums of the three inverse prices: bookmakers of football-data.co.uk lie between .98 and 1.31. Best prices of
# several bookmakers may lie below 1; outside these bounds a price is a typing error.
LEAST_OVERROUND, MOST_OVERROUND = 0.97, 1.40

# The largest of football-data.co.uk is 3.75.
MOST_HANDICAP = 8.0

# The texts are stored.
TWICE_ON_A_DAY = "a team has another result on this day"
NOT_LISTED = "its feed lists it no longer, and a team has another result on this day"
TOLD_TWICE = "another row tells this match with the same score, and counts"
CONTRADICTED = "told with several scores on one day"
MET_TWICE = "the pair meets once in this season by its format, and has several results"
MET_TWICE_NOT_LISTED = (
    "its feed lists it no longer, and the pair meets once in this season and has another result"
)
FILLED_IN = "all results of this matchday are one score: `soccer feeds trust` decides"

# Of 58,319 days since 1998 on which a league had five results or more, one had no goal at all; of 37,523 with
# six or more none had one score throughout.
LEAST_WITHOUT_GOALS, LEAST_OF_ONE_SCORE = 5, 6

Goals = tuple[int | None, int | None]


def is_same_team(home_team: str, away_team: str) -> bool:
    """Whether two names are one team's, but for case, accents and blanks: no team plays itself."""
    return fold(home_team) == fold(away_team)


def same_team_fault(home_team: str, away_team: str) -> str:
    """The sentence for a match of a team against itself; empty for two teams, and for two placeholders."""
    is_fault = is_same_team(home_team, away_team) and not is_placeholder(home_team)
    return f"{home_team} cannot play itself" if is_fault else ""


def is_goal_count(count: int) -> bool:
    """Whether a side can have scored so often: 0 to 36 goals."""
    return LEAST_GOALS <= count <= MOST_GOALS


def overround(home: Any, draw: Any, away: Any) -> Any:
    """The sum of the three inverse prices; element by element for columns of numpy, pandas or SQL."""
    return 1.0 / home + 1.0 / draw + 1.0 / away


def is_book(home: float, draw: float, away: float) -> bool:
    """Whether three decimal prices can be one bookmaker's: each above 1, their overround within bounds."""
    if min(home, draw, away) <= LEAST_PRICE:
        return False
    return bool(LEAST_OVERROUND <= overround(home, draw, away) <= MOST_OVERROUND)


def is_two_way_book(price: float, other: float) -> bool:
    """Whether two decimal prices can be one bookmaker's for a bet and its opposite."""
    if min(price, other) <= LEAST_PRICE:
        return False
    return LEAST_OVERROUND <= 1.0 / price + 1.0 / other <= MOST_OVERROUND


def is_handicap(goals: float) -> bool:
    """Whether it is an Asian handicap: quarters of a goal, eight goals at most."""
    return abs(goals) <= MOST_HANDICAP and goals * 4 == round(goals * 4)


def is_filled_in(scores: Collection[Goals]) -> bool:
    """Whether a matchday's results are of a provider that filled in one score for all of them."""
    if len(set(scores)) != 1:
        return False
    least = LEAST_WITHOUT_GOALS if (0, 0) in scores else LEAST_OF_ONE_SCORE
    return len(scores) >= least


class Result(NamedTuple):
    """A result as a row tells it: match id, UTC day, teams at home and away, their goals."""

    match_id: str
    day: dt.date
    home: str
    away: str
    goals: Goals = (None, None)

    def meeting(self) -> tuple[dt.date, tuple[str, Goals]]:
        """What two tellings of one match share, whichever team is named first."""
        if self.home <= self.away:
            return self.day, (f"{self.home}|{self.away}", self.goals)
        return self.day, (f"{self.away}|{self.home}", self.goals[::-1])


def contradiction(scores: Iterable[tuple[int, int]]) -> str:
    """The mark of a match that is told with these scores."""
    return f"{CONTRADICTED}: {' and '.join(f'{home}-{away}' for home, away in sorted(set(scores)))}"


def beside_listed(results: Iterable[Result], gone: Collection[str]) -> dict[str, str]:
    """The marks of `twice_on_a_day`, where a result that its feed no longer lists gives way to listed ones.

    Args:
        results: of whole days.
        gone: ids of results that no feed lists any more.
    """
    of_a_day = list(results)
    listed = [result for result in of_a_day if result.match_id not in gone]
    taken = {(result.day, team) for result in listed for team in (result.home, result.away)}
    left: list[Result] = []
    marks = twice_on_a_day(listed)
    for result in of_a_day:
        if result.match_id not in gone:
            continue
        if {(result.day, result.home), (result.day, result.away)} & taken:
            marks[result.match_id] = NOT_LISTED
        else:
            left.append(result)
    return marks | twice_on_a_day(left)


def twice_on_a_day(results: Iterable[Result]) -> dict[str, str]:
    """The mark of each result that shares a team and a day with another one, whatever their order.

    Of rows that tell one match with the same score the one with the least id counts.
    """
    of_a_day = list(results)
    times = Counter((result.day, team) for result in of_a_day for team in (result.home, result.away))
    twice = {
        team_and_day for team_and_day, count in times.items() if count > 1
    }  # few: the rest needs no work
    tellings: defaultdict[tuple[dt.date, tuple[str, Goals]], list[Result]] = defaultdict(list)
    for result in of_a_day:
        if (result.day, result.home) in twice or (result.day, result.away) in twice:
            tellings[result.meeting()].append(result)
    marks: dict[str, str] = {}
    first: dict[tuple[str, dt.date], Result] = {}
    for rows in tellings.values():
        kept, *others = sorted(rows) if len(rows) > 1 else rows
        marks.update(dict.fromkeys((other.match_id for other in others), TOLD_TWICE))
        for team in (kept.home, kept.away):
            beside = first.setdefault((team, kept.day), kept)
            if beside.match_id != kept.match_id:
                marks[beside.match_id] = marks[kept.match_id] = TWICE_ON_A_DAY
    return marks
