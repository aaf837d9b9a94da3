"""The tie of a told play-off that a match belongs to, by the title of its round.

Not here: the play-offs themselves (``seasons.toml``), and cups (``cup_ties.py``).
"""

import re

from soccer_assets.football.neutral_grounds import folded_title
from soccer_assets.football.play_off_blocks import PlayOff, PlayOffTie
from soccer_assets.football.season_formats import load_season_formats

# Leagues whose play-offs' rounds bear these titles, however many legs a round has.
_LEAGUES = frozenset({"ENG-5", "ESP-2", "ITA-2"})
# How many rounds are played after one.
_ROUNDS_AFTER = (
    (re.compile(r"\b(quarter ?finals?|preliminary|eliminators?)\b"), 2),
    (re.compile(r"\bsemi ?finals?\b"), 1),
    (re.compile(r"\bfinals?\b"), 0),
)
_RELEGATION = re.compile(r"\b(relegation|play ?outs?)\b")


def told_tie(competition: str, season: str, title: str, legs: int) -> PlayOffTie | None:
    """The rules of a tie of a league's play-offs; None where they are not told, or not by this title alone.

    Args:
        competition: code.
        season: label.
        title: of the round.
        legs: how many matches of the pair are listed.
    """
    if competition not in _LEAGUES:
        return None
    folded = folded_title(title)
    after = next((count for pattern, count in _ROUNDS_AFTER if pattern.search(folded)), None)
    decides = "relegated" if _RELEGATION.search(folded) else "promoted"
    found = [
        tie
        for play_off in load_season_formats()[competition].play_offs_of(season)
        if play_off.decides == decides
        for tie, rounds in zip(play_off.ties, _rounds_after(play_off), strict=True)
        # A play-off of one tie needs no name of a round.
        if rounds == after or (len(play_off.ties) == 1 and decides == "relegated")
    ]
    rules = {(tie.legs, tie.if_level, tie.away_goals) for tie in found}
    return found[0] if len(rules) == 1 and found[0].legs == legs else None


def _rounds_after(play_off: PlayOff) -> list[int]:
    """How many rounds are played after each tie."""
    after = [0] * len(play_off.ties)
    for number in range(len(play_off.ties), 0, -1):
        for winner in play_off.ties[number - 1].winners_of:
            after[winner - 1] = after[number - 1] + 1
    return after
