"""Rules that every match row must satisfy, whichever provider reports it.

A team plays at most once a UTC day. Where it has two results on one day, a date is wrong, a match is stored
twice, or two teams share a name. The rows do not say which, so both are quarantined: kept and listed, but
they move no rating and train no model.
"""

import datetime as dt
from collections.abc import Iterable

TWICE_ON_A_DAY = "a team has another result on this day"


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
