"""Rules that every match row must satisfy, whichever provider reports it: the only place that states them.

Adapters (``feeds/fields.py``), validation (``feeds/validation.py``), the match table (``stores/matches``),
the asset checks (``graph/checks.py``) and the sidecar's queries use these names. Not here: how a row that
breaks one is rejected or reported.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from soccer_assets.football.text_folding import fold

# The first Laws of the Game are of December 1863: before them there was no match of association football.
OLDEST_YEAR = 1863

# Arbroath beat Bon Accord 36-0 in 1885; Australia beat American Samoa 31-0 in 2001.
LEAST_GOALS, MOST_GOALS = 0, 36

# A decimal price of 1 pays back the stake alone.
LEAST_PRICE = 1.0
# Sums of the three inverse prices: bookmakers of football-data.co.uk lie between .98 and 1.31. Best prices of
# several bookmakers may lie below 1; outside these bounds a price is a typing error.
LEAST_OVERROUND, MOST_OVERROUND = 0.97, 1.40

# A team plays at most once a UTC day. Where it has two results on one day, a date is wrong, a match is stored
# twice, or two teams share a name. The rows do not say which, so both are quarantined: kept and listed, but
# they move no rating and train no model. The text is stored.
TWICE_ON_A_DAY = "a team has another result on this day"


def is_same_team(home_team: str, away_team: str) -> bool:
    """Whether two names are one team's, but for case, accents and blanks: no team plays itself."""
    return fold(home_team) == fold(away_team)


def same_team_fault(home_team: str, away_team: str) -> str:
    """The sentence for a match of a team against itself; empty for two teams."""
    return f"{home_team} cannot play itself" if is_same_team(home_team, away_team) else ""


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


def twice_on_a_day(results: Iterable[tuple[str, dt.date, str, str]]) -> set[str]:
    """Ids of all results that share a team and a day with another result, whatever their order.

    Args:
        results: match id, UTC day, home team and away team of each.
    """
    first: dict[tuple[str, dt.date], str] = {}
    found = set()
    for match_id, day, home, away in results:
        for team in (home, away):
            other = first.setdefault((team, day), match_id)
            if other != match_id:
                found |= {match_id, other}
    return found
