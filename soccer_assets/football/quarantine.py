"""Results that cannot all be true: kept, shown, and taught to nobody.

A team plays once a day. Where it has two results on one UTC day, a date is wrong, a match stands twice, or
two teams share a name; which of them, nobody can tell, so neither row moves a rating or trains a model.
"""

import datetime as dt
from collections.abc import Iterable

TWICE_ON_A_DAY = "a team has another result on this day"


def twice_on_a_day(results: Iterable[tuple[str, dt.date, str, str]]) -> set[str]:
    """Ids of the results of a day that share a team: all of them, in whichever order they come.

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
