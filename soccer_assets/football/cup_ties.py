"""Which matches decide who goes on: legs by their return match, single matches by the competition's rules.

A tie of two legs is known by two matches of one pair in one round, home and away exchanged, in a cup or in
play-offs of a league whose rules are told here. Without a round, or in a group, nothing is known. Not here:
the probability (``football/knock_out.py``).
"""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from soccer_assets.football.knock_out import LAST_SEASON_OF_AWAY_GOALS, Tie, away_goals_count
from soccer_assets.football.neutral_grounds import folded_title, is_one_leg, is_tournament, stage_of
from soccer_assets.football.play_off_blocks import PlayOffTie
from soccer_assets.football.told_ties import told_tie

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
_LATE_ROUND = re.compile(r"\bfinals?\b")
_WHO_GOES_ON = frozenset({"final", "semi-final", "quarter-final"})

# Cups in which every match decides, and since when. FA Cup: no replays from the first round proper of 2024/25
# on (The FA and the Premier League, 18 April 2024). DFB-Pokal: none since 1991/92 (DFB,
# Durchführungsbestimmungen). ÖFB-Cup: extra time and a shoot-out in every round (ÖFB,
# Durchführungsbestimmungen). League Cup: two legs in the first rounds until 2000/01 and in the semi-finals
# but for January 2021 (EFL: rules of the League Cup); a first leg stands alone in a list without the second.
_EVERY_MATCH_DECIDES: Mapping[str, dt.date] = {
    "ENG-CUP": dt.date(2024, 10, 25),
    "GER-CUP": dt.date(1991, 7, 1),
    "AUT-CUP": dt.date(1991, 7, 1),
    "ENG-LC": dt.date(2001, 7, 1),
}
_SEMI_FINALS_OF_TWO_LEGS: Mapping[str, frozenset[str]] = {"ENG-LC": frozenset({"2020/2021"})}
"""Cups whose semi-finals have two legs, and the seasons in which they had one."""
# No extra time but in the final: EFL, 8 June 2018 (bbc.com/sport/football/44415928).
_SHOOT_OUT_AT_ONCE: Mapping[str, dt.date] = {"ENG-LC": dt.date(2018, 7, 1)}
# Leagues with semi-finals of two legs for promotion and a final of one match on neutral ground, by the first
# season in which away goals counted no more: EFL, regulations, section 9.
_PROMOTION_TIES: Mapping[str, str] = dict.fromkeys(("ENG-2", "ENG-3", "ENG-4"), "1999/2000")
# Leagues whose play-offs have two legs in every round and no away goals, by the first season that is told:
# SPFL (spfl.co.uk, 3 May 2023: the schedule; thenational.scot, 2016, quotes the rules).
_TWO_LEGS_IN_EVERY_ROUND: Mapping[str, str] = dict.fromkeys(("SCO-1", "SCO-2", "SCO-3"), "2015/2016")
# Leagues whose last but two plays two legs against a club of the league below, under the title "Relegation",
# by the first season; by UEFA's rules of away goals (DFL and DFB, Spielordnung; for France
# centrepresseaveyron.fr, 20 May 2024).
_RELEGATION_TIES: Mapping[str, str] = {
    "GER-1": "2008/2009",
    "GER-2": "2008/2009",
    "FRA-1": "2023/2024",
    "FRA-2": "2023/2024",
}
# More points are taken for the better place: two clubs with equal points would play extra time.
_LEVEL_IS_HOME: Mapping[str, Literal["at_once", "after_extra_time"]] = {
    "better_placed": "at_once",
    "more_points": "at_once",
    "extra_time_then_better_placed": "after_extra_time",
}
_RELEGATION = re.compile(r"\brelegation( round| play ?offs?)?\b")


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
        title = "relegation" if _is_relegation_tie(match) else _round_of(match.round)
        pairs[match.competition, match.season, title, sides].append(match)
    ties = {}
    for legs in pairs.values():
        if len(legs) == 1:
            if (told := _told(legs[0], 1)) is not None:
                ties[legs[0].match_id] = _by_rules(told)
            elif _decides_alone(legs[0]):
                ties[legs[0].match_id] = Tie(shoots_out_at_once=_has_no_extra_time(legs[0]))
        elif _are_two_legs(legs := sorted(legs, key=lambda match: match.kickoff)):
            first, second = legs
            tie = _of_two_legs(first)
            ties[first.match_id] = msgspec.structs.replace(tie, is_first_leg=True)
            if first.score is not None:
                ties[second.match_id] = msgspec.structs.replace(tie, first_leg=first.score[::-1])
    return ties


def _told(match: CupMatch, legs: int) -> PlayOffTie | None:
    """The rules of the tie where the match is of a play-off in ``seasons.toml``."""
    return None if match.is_cup else told_tie(match.competition, match.season, match.round or "", legs)


def _by_rules(told: PlayOffTie) -> Tie:
    """The tie; the side at home in the match that decides is the better placed where one goes on by place."""
    return Tie(
        counts_away_goals=told.away_goals,
        shoots_out_at_once=told.if_level == "shoot_out",
        level_is_home=_LEVEL_IS_HOME.get(told.if_level, "no"),
    )


def _of_two_legs(first: CupMatch) -> Tie:
    if (told := _told(first, 2)) is not None:
        return _by_rules(told)
    counts = away_goals_count(first.competition, first.season) or (
        _is_relegation_tie(first) and first.season <= LAST_SEASON_OF_AWAY_GOALS
    )
    return Tie(counts_away_goals=counts, shoots_out_at_once=_has_no_extra_time(first))


def _round_of(title: str | None) -> str:
    """A round's title without what tells its legs apart; empty for a group, and where there is none."""
    folded = folded_title(title or "")
    if _GROUP.search(folded) or not _KNOCK_OUT.search(folded):
        return ""
    return " ".join(_LEG.sub(" ", _NUMBER.sub(" ", folded)).replace(",", " ").split()) or "legs"


def _are_two_legs(legs: Sequence[CupMatch]) -> bool:
    if len(legs) != 2:  # noqa: PLR2004
        return False
    first, second = legs
    if not (first.is_cup and _round_of(first.round)) and not _is_tie_of_a_league(first):
        return False
    return (
        first.home_team_id == second.away_team_id
        and dt.timedelta() < second.kickoff - first.kickoff <= _LEGS_APART
    )


def _is_tie_of_a_league(match: CupMatch) -> bool:
    """Whether its title is that of a tie of two legs in a league with play-offs that are told."""
    title = _round_of(match.round)
    is_semi_final = "semi" in title
    is_named = title == "legs" or _LATE_ROUND.search(title) is not None
    return (
        (is_semi_final and _has_promotion_ties(match))
        or (is_named and _has_two_legs_always(match))
        or _is_relegation_tie(match)
        or _told(match, 2) is not None
    )


def _has_two_legs_always(match: CupMatch) -> bool:
    since = _TWO_LEGS_IN_EVERY_ROUND.get(match.competition)
    return since is not None and match.season >= since


def _has_promotion_ties(match: CupMatch) -> bool:
    since = _PROMOTION_TIES.get(match.competition)
    return since is not None and match.season >= since


def _is_relegation_tie(match: CupMatch) -> bool:
    since = _RELEGATION_TIES.get(match.competition)
    is_told = since is not None and match.season >= since
    return is_told and _RELEGATION.search(folded_title(match.round or "")) is not None


def _has_no_extra_time(match: CupMatch) -> bool:
    since = _SHOOT_OUT_AT_ONCE.get(match.competition)
    return since is not None and match.kickoff.date() >= since and stage_of(match.round or "") != "final"


def _decides_alone(match: CupMatch) -> bool:
    title, day = match.round or "", match.kickoff.date()
    if _LEG.search(folded_title(title)):
        return False
    stage = stage_of(title)
    of_one_leg = _SEMI_FINALS_OF_TWO_LEGS.get(match.competition)
    if of_one_leg is not None and stage == "semi-final":
        return match.season in of_one_leg
    if (since := _EVERY_MATCH_DECIDES.get(match.competition)) is not None and day >= since:
        return True
    if is_tournament(match.competition):
        return stage in _WHO_GOES_ON or bool(_LAST_OF_MANY.search(folded_title(title)))
    if stage in _WHO_GOES_ON and is_one_leg(match.competition, day, stage):
        return True
    return stage == "final" and (match.is_cup or _has_promotion_ties(match))
