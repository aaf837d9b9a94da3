"""How alike two spellings of a club's name are: folded, abbreviated, cut short, or mistyped.

Only spellings of one country are compared. Not here: who is meant, which takes evidence from fixtures too
(``team_resolution.py``), which side of a club a name tells (``club_sides.py``), and folding case and accents
(``text_folding.py``).
"""

import re
from enum import IntEnum
from functools import lru_cache

from soccer_assets.football.club_sides import side_of_club
from soccer_assets.football.text_folding import fold

# Words that say what a club is, not which: they come and go between spellings of one name.
_KIND_OF_CLUB = frozenset(
    re.findall(
        r"\w+",
        """
    ac afc as asko bk bsc bv ca calcio cd cf cfc cp cs csd csm dsc ec ev fc fk fsv gd gnk if ifk il kf kfc ks
    ksc kv la mks nk og osc pfc ra rc rcd sad sbv sc scp se sfc sk sl ss ssc sv tsg tsv ud us vfb vfl vv
    club clube de del do e futbol football the
    """,
    )
)
# Words that follow a town's name and are often left out.
_SECOND_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
    academical albion alexandra argyle athletic city county end hotspur hove north orient rangers rovers
    thistle town united wanderers
    """,
    )
)
# `St Etienne` and `Saint-Etienne`, `St. Truiden` and `Sint-Truiden`.
_SAINT, _SAINTS = "st", frozenset({"saint", "sainte", "sankt", "sint", "ste"})
# Two spellings with a whole word in common and an edit distance of a fifth are within reach of each other.
_LEAST_RATIO = 80.0
_LEAST_WORD = 4
_LONGEST_CUT = 4
_LONGEST_ENDING = 2


class Likeness(IntEnum):
    """How two spellings resemble each other; higher is stronger.

    Attributes:
        NONE: they do not: two clubs.
        WEAK: a word in common or few letters apart, as two clubs of one town are too.
        PARTIAL: one has words more, which may tell another club: `Lausanne` and `Lausanne Ouchy`.
        STRONG: one abbreviates the other, or leaves out a word such as City.
        SAME: the same letters, but for blanks, punctuation, and words such as FC.
    """

    NONE = 0
    WEAK = 1
    PARTIAL = 2
    STRONG = 3
    SAME = 4


@lru_cache(maxsize=50_000)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name that tell which club: folded, without years and without words such as FC."""
    found = re.findall(r"[a-z0-9]+", fold(name).replace("'", "").replace("\u2019", ""))
    telling = [
        _SAINT if word in _SAINTS else word
        for word in found
        if word not in _KIND_OF_CLUB and not word.isdigit()
    ]
    return tuple(telling or found)


def _years(name: str) -> frozenset[str]:
    """Years in a name."""
    return frozenset(word for word in re.findall(r"[0-9]+", name) if len(word) == _LEAST_WORD)


@lru_cache(maxsize=200_000)
def likeness(one: str, other: str) -> Likeness:
    """How alike two spellings are; the order does not matter."""
    (side, club), (other_side, other_club) = side_of_club(one), side_of_club(other)
    if side != other_side:
        return Likeness.NONE
    first, second = sorted((words_of(club), words_of(other_club)), key=len)
    if "".join(first) == "".join(second):
        # A year is left out as often as it tells a club refounded: `VfL Bochum 1848` and `U Craiova 1948`.
        return Likeness.SAME if _years(one) == _years(other) else Likeness.STRONG
    more = _abbreviates(first, second)
    is_reversed = len(first) == len(second) and _abbreviates(second, first) is not None
    if _initials(first, second) or is_reversed or (more is not None and more <= _SECOND_WORDS):
        return Likeness.STRONG
    if more is not None:
        return Likeness.PARTIAL
    shared = any(len(word) >= _LEAST_WORD and word in second for word in first)
    from rapidfuzz import fuzz  # noqa: PLC0415 - the sidecar's image, whose scorer needs the words, has none

    ratio = fuzz.ratio(" ".join(first), " ".join(second))
    is_near = shared or ratio >= _LEAST_RATIO or _shared_start(first, second)
    return Likeness.WEAK if is_near else Likeness.NONE


def closeness(one: str, other: str) -> float:
    """A finer measure to rank candidates by, 0 to 5: the likeness, and the share of equal letters."""
    from rapidfuzz import fuzz  # noqa: PLC0415 - as above

    alike = fuzz.token_sort_ratio(" ".join(words_of(one)), " ".join(words_of(other))) / 100
    return likeness(one, other).value + alike


def _abbreviates(short: tuple[str, ...], long: tuple[str, ...]) -> frozenset[str] | None:
    """The words of ``long`` that ``short`` leaves out; None where a word of ``short`` stands for none of it.

    A word stands for another that it equals, begins, or gives the consonants of. One pair at least must be
    equal or agree in four letters, so that `A. B.` stands for nothing.
    """
    left = list(long)
    anchored = False
    for word in sorted(short, key=len, reverse=True):
        found = next((full for full in left if word == full), None) or next(
            (full for full in left if _stands_for(word, full)), None
        )
        if found is None:
            return None
        left.remove(found)
        anchored |= word == found or (len(word) >= _LEAST_WORD and found.startswith(word))
    return frozenset(left) if anchored else None


def _stands_for(short: str, full: str) -> bool:
    if len(short) <= _LONGEST_CUT and len(full) <= _LONGEST_CUT:  # `Ath` and `Atl.` both cut one long word
        return full.startswith(short[:2])
    if len(short) >= len(full) or short[0] != full[0]:
        return False
    if full.startswith(short):  # `Oster` for Osters and `Gornik Z.`, but not `Osters` for Ostersunds
        return len(short) <= _LONGEST_CUT or len(full) - len(short) <= _LONGEST_ENDING
    letters = iter(full)
    return len(short) >= 3 and all(letter in letters for letter in short)  # noqa: PLR2004 - `utd`, `wed`


def _initials(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    """`QPR` for Queens Park Rangers, `PSG` for Paris SG, and `OH` for two words of Oud-Heverlee Leuven."""
    left = [word for word in long if word not in short]
    cut = [word for word in short if word not in long]
    if len(cut) != 1 or len(left) < 2:  # noqa: PLR2004 - one word for two
        return False
    # Two letters say little without a word that both have.
    is_anchored = any(len(word) >= _LEAST_WORD for word in set(short) & set(long))
    is_long_enough = len(cut[0]) >= (2 if is_anchored else 3)
    starts = "".join(word[0] for word in left)
    whole = "".join(word if len(word) <= 2 else word[0] for word in left)  # noqa: PLR2004 - `SG` is cut already
    return is_long_enough and cut[0] in {starts, whole}


def _shared_start(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """Whether two words begin with the same five letters: `Wolves` and `Wolverhampton`."""
    return any(
        len(word) > _LEAST_WORD and full.startswith(word[: _LEAST_WORD + 1])
        for word in first
        for full in second
    )
