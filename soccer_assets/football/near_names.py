"""The names most like a given one, among tens of thousands, in a few milliseconds.

Comparing a name with 20,000 others by `difflib` takes 0.2 to 0.7 s: a request of 1,000 unknown names would
hold the scoring process for minutes. So only the names that share the most trigrams are compared. Not here:
which name is meant (``name_lookup.py``), and the resolver of the feeds' names (``team_resolution.py``).
"""

import difflib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable

_NEAREST = 5
# Half of the letters in order: "Leds Utd" finds Leeds United.
_LEAST_LIKENESS = 0.5
# Names compared letter by letter.
_COMPARED = 60


class NearNames:
    """An index of names by their trigrams.

    Args:
        names: folded.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(dict.fromkeys(names))
        self._sizes: list[int] = []
        self._holders: defaultdict[str, list[int]] = defaultdict(list)
        for number, name in enumerate(self._names):
            found = _trigrams(name)
            self._sizes.append(len(found))
            for trigram in found:
                self._holders[trigram].append(number)

    def nearest(self, name: str) -> list[str]:
        """At most five names like this one, the likest first.

        Args:
            name: folded.
        """
        asked = _trigrams(name)
        shared: Counter[int] = Counter()
        for trigram in asked:
            shared.update(self._holders.get(trigram, ()))
        # The share of common trigrams among those of both names, by Dice.
        likeness = {number: count / (len(asked) + self._sizes[number]) for number, count in shared.items()}
        likest = sorted(likeness, key=lambda number: (-likeness[number], number))[:_COMPARED]
        return difflib.get_close_matches(
            name, [self._names[number] for number in likest], _NEAREST, _LEAST_LIKENESS
        )


def _trigrams(name: str) -> Collection[str]:
    """Three letters in a row of each word, which begins with two spaces and ends with one."""
    return {f"  {word} "[start : start + 3] for word in set(name.split()) for start in range(len(word) + 1)}
