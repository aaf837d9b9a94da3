"""Which side of a club a name tells: women, an age group, the reserves. One club's sides are several teams.

A competition's name tells it for all its entrants (`side_of_competition`), a club's name for itself
(`side_of_club`). Not here: how alike two clubs' names are (``club_names.py``).
"""

import re
from functools import lru_cache
from typing import Literal

from soccer_assets.football.text_folding import fold

_WOMEN = (
    r"wom[ae]n(?:s|'s)?|ladies|frauen\w*|dam(?:er|es|en)|fem(?:[aei]\w*|minil[ei])?|vrouwen|kobiet\w*|kadin\w*|"
    r"kvinn?(?:er|or|e)|kvinde\w*|naiset|zene|zensk\w*|girls"
)
_AGE = r"(?:u|under|sub)[- ]?(1[4-9]|2[0-3])s?"
_YOUTH = r"youth|juvenil|juniores|primavera|jugend|jeunes|espoirs"
_RESERVES = r"reserves?|reservas?|beloften|amateure|rezerv\w*"

# Names of leagues of women, of youth and of reserves that need no such word.
_LEAGUE_OF_WOMEN = re.compile(
    rf"\b(?:{_WOMEN}|w-?league|nwsl|toppserien|damallsvenskan|elitettan|wsl|swpl|uwcl|nadeshiko|we league|"
    r"liga f|de la reina|iberdrola|arkema|liga bpi|kansallinen liiga|\w*juniorinnen|zen|naiste|kvenna|"
    r"kvinnur|noi (?:nb|liga|kupa)|moteru|sieviesu|gynaikon|zhensk\w*|zhinoch\w*|nashim|merched)\b|"
    r"(?<=\w )w$|\([wf]\)"
)
_LEAGUE_OF_AGE = re.compile(rf"\b{_AGE}\b")
_LEAGUE_OF_YOUTH = re.compile(rf"\b(?:{_YOUTH}|\w*junior(?:en|innen)?|mladinsk\w*|dorost\w*|nachwuchs\w*)\b")
_LEAGUE_OF_RESERVES = re.compile(
    rf"\b(?:{_RESERVES}|reserve[sn]?lig\w*|premier league 2|liga revelacao|b team|"
    r"professional development)\b"
)

# Behind a club's name. `Willem II` and `Juan Pablo II` are clubs, `2 de Mayo` is a day, `C. Palace` is short.
_SECOND = r"(?<=[\w.)][ -])(?:b$|(?<!willem )(?<!pablo )ii\b|2\b(?! de\b))|\((?:b|ii|2|r)\)"
_THIRD = r"(?<=[\w.)][ -])(?:c$|iii\b|3\b(?! de\b))|\((?:c|iii|3)\)"
# Second teams with a name of their own.
_NAMED_SECOND = (
    r"jong|next ?gen|nxt|futuro|futures|(?<=real madrid )castilla|(?<=valencia )mestalla|"
    r"(?<=sevilla )at(?:h?let)?ico|bilbao athletic"
)
_OF_CLUB = {
    "women": re.compile(rf"\b(?:{_WOMEN}|wfc)\b|(?<=[\w.] )w$|\(w\)"),
    "youth": re.compile(rf"\b(?:{_YOUTH})\b"),
    "second": re.compile(rf"\b(?:{_RESERVES}|{_NAMED_SECOND}|res)\b|{_SECOND}"),
    "third": re.compile(_THIRD),
}
_FOOTBALL_CLUB = frozenset({"fc", "afc", "lfc", "wfc"})


def side_of_competition(name: str) -> tuple[Literal["men", "women"], str, Literal["first", "reserve"]]:
    """Sex, age group and squad of all entrants."""
    folded = _folded(name)
    age = _LEAGUE_OF_AGE.search(folded)
    age_group = "youth" if _LEAGUE_OF_YOUTH.search(folded) else "senior"
    return (
        "women" if _LEAGUE_OF_WOMEN.search(folded) else "men",
        f"u{age[1]}" if age else age_group,
        "reserve" if _LEAGUE_OF_RESERVES.search(folded) else "first",
    )


@lru_cache(maxsize=50_000)
def side_of_club(name: str) -> tuple[frozenset[str], str]:
    """The side that a club's name tells, empty for the first team of men, and the folded name without it.

    `Jong Ajax` and `Ajax II` are the second team of `ajax`.
    """
    rest = _folded(name)
    found = {f"u{age[1]}" for age in _LEAGUE_OF_AGE.finditer(rest)}
    rest = _without(_LEAGUE_OF_AGE, rest)
    for side, pattern in _OF_CLUB.items():
        before, rest = rest, _without(pattern, rest)
        if rest != before:
            found.add(side)
    return frozenset(found), rest or fold(name)


def name_in_pool(name: str, sex: str, age_group: str, squad: str) -> str:
    """The folded name by which a pool's team goes, without the marks that all teams of the pool share.

    Among women `Chelsea W`, `Chelsea FC Women` and `Chelsea` are one team; among men `Chelsea W` is another
    one. FC and the like are left out here alone: feeds write them before or behind the mark, or not at all,
    and names of men's first teams are resolved with evidence.
    """
    has_ages = age_group == "youth" or (squad, age_group) == ("reserve", "senior")
    if (sex, age_group) == ("men", "senior") and not has_ages:
        return fold(name)
    shared = {
        age_group,
        *(("women",) if sex == "women" else ()),
        *(("second",) if squad == "reserve" else ()),
    }
    if age_group != "senior":
        shared.add("youth")
    marks, rest = side_of_club(name)
    is_shared = all(mark in shared or (has_ages and mark.startswith("u")) for mark in marks)
    if not is_shared:
        return fold(name)
    return " ".join(word for word in rest.split() if word not in _FOOTBALL_CLUB) or rest


def _folded(name: str) -> str:
    return fold(name).replace("\u2019", "'")


def _without(pattern: re.Pattern[str], text: str) -> str:
    return " ".join(pattern.sub(" ", text).split())
