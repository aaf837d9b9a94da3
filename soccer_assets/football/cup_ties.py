"""Which matches of a cup decide who goes on: legs by their return match, single matches by the cup's rules.

A tie of two legs is known by two matches of one pair in one round, home and away exchanged. Without a round,
or in a group, nothing is known. Not here: the probability (``football/knock_out.py``).
"""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from soccer_assets.football.knock_out import Tie, away_goals_count
from soccer_assets.football.neutral_grounds import folded_title, is_one_leg, is_tournament, stage_of

# The second legs of March 2020 were played in August.
_LEGS_APART = dt.timedelta(days=200)
_LEG = re.compile(
    r"\b(legs?|matchday|(hin|ruck|rueck)spiele?|ida|vuelta|volta|andata|ritorno|aller|retour)\b( \d)?"
)
_NUMBER = re.compile(r"\b(1st|2nd|first|second|1|2)\b(?= *,? *leg\b)")
_KNOCK_OUT = re.compile(
    r"\b(round of \d+|last \d+|semi ?finals?|quarter ?finals?|finals?|halbfinale?|viertelfinale?|"
    r"achtelfinale?|endspiel|knock ?out|play ?offs?|qualif\w*|preliminary|legs?)\b"
)
_GROUP = re.compile(r"\b(groups?|gruppen?|league stage|league phase|regular season)\b")
_LAST_OF_MANY = re.compile(r"\b(round of|last) \d+\b|\bachtelfinale?\b")
_WHO_GOES_ON = frozenset({"final", "semi-final", "quarter-final"})

# Cups in which every match decides, and since when. FA Cup: no replays from the first round proper of 2024/25
# on (The FA and the Premier League, 18 April 2024). DFB-Pokal: none since 1991/92 (DFB,
# Durchführungsbestimmungen). ÖFB-Cup: extra time and a shoot-out in every round (ÖFB,
# Durchführungsbestimmungen). Not the League Cup: two legs in the semi-finals, elsewhere a shoot-out at once.
_EVERY_MATCH_DECIDES: Mapping[str, dt.date] = {
    "ENG-CUP": dt.date(2024, 10, 25),
    "GER-CUP": dt.date(1991, 7, 1),
    "AUT-CUP": dt.date(1991, 7, 1),
}


class CupMatch(msgspec.Struct, frozen=True, kw_only=True):
    """A match, as far as ties are told by it.

    Attributes:
        score: after 90 minutes; None before the match, or where it is not known.
        is_cup: its competition has no tier.
    """

    match_id: str
    competition: str
    season: str
    round: str | None
    kickoff: dt.datetime
    home_team_id: str
    away_team_id: str
    score: tuple[int, int] | None
    is_cup: bool


def ties_of(matches: Iterable[CupMatch]) -> dict[str, Tie]:
    """What decides beside the match itself, by the id of each match that decides a tie, or opens one.

    A second leg has a tie once the first leg's score is known.

    Args:
        matches: of any competitions; both legs of a tie are among them.
    """
    pairs: defaultdict[tuple[object, ...], list[CupMatch]] = defaultdict(list)
    for match in matches:
        sides = frozenset((match.home_team_id, match.away_team_id))
        pairs[match.competition, match.season, _round_of(match.round), sides].append(match)
    ties = {}
    for legs in pairs.values():
        if len(legs) == 1:
            if _decides_alone(legs[0]):
                ties[legs[0].match_id] = Tie()
        elif _are_two_legs(legs := sorted(legs, key=lambda match: match.kickoff)):
            first, second = legs
            counts = away_goals_count(first.competition, first.season)
            ties[first.match_id] = Tie(is_first_leg=True, counts_away_goals=counts)
            if first.score is not None:
                ties[second.match_id] = Tie(first_leg=first.score[::-1], counts_away_goals=counts)
    return ties


def _round_of(title: str | None) -> str:
    """A round's title without what tells its legs apart; empty for a group, and where there is none."""
    folded = folded_title(title or "")
    if _GROUP.search(folded) or not _KNOCK_OUT.search(folded):
        return ""
    return " ".join(_LEG.sub(" ", _NUMBER.sub(" ", folded)).replace(",", " ").split()) or "legs"


def _are_two_legs(legs: Sequence[CupMatch]) -> bool:
    if len(legs) != 2 or not _round_of(legs[0].round) or not legs[0].is_cup:  # noqa: PLR2004
        return False
    first, second = legs
    return (
        first.home_team_id == second.away_team_id
        and dt.timedelta() < second.kickoff - first.kickoff <= _LEGS_APART
    )


def _decides_alone(match: CupMatch) -> bool:
    title, day = match.round or "", match.kickoff.date()
    if _LEG.search(folded_title(title)):
        return False
    if (since := _EVERY_MATCH_DECIDES.get(match.competition)) is not None and day >= since:
        return True
    stage = stage_of(title)
    if is_tournament(match.competition):
        return stage in _WHO_GOES_ON or bool(_LAST_OF_MANY.search(folded_title(title)))
    if stage in _WHO_GOES_ON and is_one_leg(match.competition, day, stage):
        return True
    return stage == "final" and match.is_cup
