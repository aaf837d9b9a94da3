"""Placeholders that providers write where a team is not known yet: "Semifinal 1 Winner", "W49", "N.N.", "2B".

They are no teams: two rounds later another club stands in the same place. The words are in
``placeholders.toml`` beside this module. A word alone is not enough: "Sieger" or "Final" might be a club,
"Sieger HF 1" is none.
"""

import functools
import re
from importlib import resources

import msgspec

from soccer_assets.football.text_folding import fold

# What stands for a team that a provider leaves without a name.
NOT_KNOWN = "TBD"

_SHORT = (
    # W49, L61, RU3: winner and loser of a match by its number.
    re.compile(r"(?:w|l|ru)[ -]?\d{1,3}"),
    # 1A, 2B, 2B/C/D, 3ABCDF: places of groups.
    re.compile(r"[1-4][a-l](?:[/-]?[a-l])*|[1-4][a-l](?:/[1-4][a-l])+"),
    # SF1, QF 3, WSF1, QFW1, R16 W3, RD16 W1.
    re.compile(r"(?:w|l|ru)?[ -]?(?:qf|sf|hf|vf|af|ef|kf|po|(?:r|rd|ro)(?:16|32))[ -]?[wl]?[ -]?\d{1,2}"),
    re.compile(r"(?:w|l|ru)[ -]?(?:qf|sf|hf|vf|af|ef|f|po)|(?:qf|sf|(?:r|rd|ro)(?:16|32))[ -]?[wl]"),
    # SF1 winner, R16-1 Loser.
    re.compile(r"(?:qf|sf|hf|vf|af|ef|kf|po|(?:r|rd|ro)(?:16|32))[ -]?\d{1,2}[ -]?(?:winner|loser)"),
    # 1. Gr. A, 2.Gruppe B, 1° Girone C, 1er Groupe A, 1. A, A Grubu 1.si, Grup A 2.
    re.compile(
        r"[1-4](?:\.|\u00b0|o|a|er|ere|e|eme|ro|do|st|nd|rd|th)? ?"
        r"(?:gr\.?|gruppe|group|grupo|groupe|gruppo|girone|groep|grupa|skupin[ay]|grup) ?[a-l](?:/[a-l])*"
    ),
    re.compile(r"[1-4]\. ?[a-l]"),
    re.compile(
        r"(?:[a-l] grubu|grup [a-l]) (?:[1-4]\.? ?(?:si|su|cu|inci|nci)?|birincisi|ikincisi|ucuncusu)"
    ),
)
# 49, 1st, 1/8, A, B2, IV, QF1, M49.
_NUMBER = re.compile(
    r"\d{1,3}(?:st|nd|rd|th|er|e|o|a|\.)?|1/\d{1,2}|[a-l]\d?|\d[a-l]?|[ivx]{1,4}|[a-z]{1,3}\d{1,3}(?:-\d{1,2})?"
)
_NO_WORD = re.compile(r"[\W_]+")
_BLANKS = re.compile(r"[\s/()\[\],:#]+")
_NUMBER_BEHIND = re.compile(r"[ -]*\d{0,2}$")
# Two teams of which one will come: "Winner Leeds/Derby".
_TWO_TEAMS = re.compile(r"/| vs?\.? | - ")


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The lists of ``placeholders.toml``."""

    names: frozenset[str]
    winner: frozenset[str]
    place: frozenset[str]
    stage: frozenset[str]
    numbered: frozenset[str]
    between: frozenset[str]
    club: frozenset[str]

    def kind(self, word: str) -> str:
        """The list that a word is in, or ``number``; empty for any other word."""
        for kind in ("winner", "place", "stage", "between"):
            if word in getattr(self, kind):
                return kind
        return "number" if _NUMBER.fullmatch(word) else ""


@functools.lru_cache(maxsize=200_000)  # in a million matches each club occurs 80 times
def is_placeholder(name: str) -> bool:
    """Whether a name stands for a team that is not known yet: "Sieger HF 1", "W49", "2B/C", "N.N."."""
    text = fold(name)
    if _NO_WORD.fullmatch(text) or any(pattern.fullmatch(text) for pattern in _SHORT):
        return True
    words = _words()
    if all(_NUMBER_BEHIND.sub("", part).strip() in words.names for part in text.split("/")):
        return True
    found = [word for word in _BLANKS.split(text) if word]
    return len(found) > 1 and _is_phrase(text, found, words)


def _is_phrase(text: str, found: list[str], words: _Words) -> bool:
    """Whether several words say which match or group a team will come from."""
    kinds = [words.kind(word) for word in found]
    if kinds[0] == "winner":
        is_one_of_two = kinds[1] == "between" or _TWO_TEAMS.search(text) is not None
        says_which = not {"winner", "place", "stage", "number"}.isdisjoint(kinds[1:])
        return is_one_of_two or (says_which and words.club.isdisjoint(found))
    if kinds[-1] == "winner":
        return not {"place", "stage"}.isdisjoint(kinds[:-1])
    if "" in kinds:
        return False
    named = set(kinds) - {"between"}
    if "place" in named:
        return len(named) > 1 or not {"best", "place"}.isdisjoint(found)
    numbers = kinds.count("number")
    return "stage" in named and (numbers > 1 or (numbers == 1 and found[0] in words.numbered))


def undrawn_teams(home: str, away: str) -> list[str]:
    """The names of a fixture that are placeholders, home before away."""
    return [name for name in (home, away) if is_placeholder(name)]


@functools.cache
def _words() -> _Words:
    text = resources.files(__package__).joinpath("placeholders.toml").read_bytes()
    return msgspec.toml.decode(text, type=_Words)
