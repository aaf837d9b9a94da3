"""Search for teams by name: spellings that share the most trigrams with a text, compared letter by letter."""

import difflib
import sqlite3

from soccer_assets.football.text_folding import fold

# The cache of `fold` would keep what strangers send.
_fold_once = fold.__wrapped__

_LONGEST = 60
_TRIGRAM = 3
_COMPARED = 80
# Half of the letters in order: "Leds Utd" finds Leeds United.
_LEAST_LIKENESS = 0.5


def search_spellings(connection: sqlite3.Connection, text: str, limit: int) -> list[tuple[int, float]]:
    """Teams whose name or other spelling is like a text, by number, with their likeness; the likest first.

    A text of one or two letters finds names that begin with it.
    """
    folded = _fold_once(text[:_LONGEST])
    if not folded:
        return []
    if len(folded) < _TRIGRAM:
        pattern = folded.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        sql = "SELECT folded, team FROM spelling WHERE folded LIKE ? ESCAPE '\\' LIMIT ?"
        found = connection.execute(sql, (pattern, _COMPARED)).fetchall()
    else:
        trigrams = {folded[start : start + _TRIGRAM] for start in range(len(folded) - _TRIGRAM + 1)}
        query = " OR ".join('"' + trigram.replace('"', '""') + '"' for trigram in sorted(trigrams))
        sql = "SELECT folded, team FROM spelling WHERE spelling MATCH ? ORDER BY rank LIMIT ?"
        found = connection.execute(sql, (query, _COMPARED)).fetchall()
    best: dict[int, float] = {}
    # The second sequence is looked into once for all.
    matcher = difflib.SequenceMatcher(None, "", folded)
    for spelling, team in found:
        likeness = _likeness(matcher, folded, spelling)
        if likeness >= _LEAST_LIKENESS:
            best[team] = max(best.get(team, 0.0), likeness)
    return sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]


def _likeness(matcher: "difflib.SequenceMatcher[str]", text: str, spelling: str) -> float:
    """From 0 to 1 for equal; a name that begins with the text is liker than one that is spelled alike."""
    if spelling == text:
        return 1.0
    matcher.set_seq1(spelling)
    ratio = matcher.ratio()
    if spelling.startswith(text):
        return 0.9 + ratio / 20
    return 0.8 + ratio / 20 if f" {text}" in f" {spelling}" else ratio * 0.85
