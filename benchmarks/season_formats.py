"""Told formats against an archive: every complete season of every told league, by its own matches.

Usage: ``python -m benchmarks.season_formats ARCHIVE``. A season is complete where its matches are as many as
the stages have. For each told season whose matches are more or fewer, or whose pairs meet another number of
times, a line says what was found; the last line is JSON. Play-offs of clubs of other tiers are not the
league's own matches: a season with rows beyond its stages is right where these are met by the rest of them.
"""

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from soccer_assets.backtesting.archive_matches import read_matches
from soccer_assets.football.match_table import MatchTable
from soccer_assets.football.projections.season_rules import (
    NotProjectedError,
    SeasonRules,
    season_rules,
    told_competitions,
)

# A season under way, or cut short, has fewer matches than this share of its stages.
_COMPLETE = 0.97
_MOST_PLAY_OFF_PAIRS = 6
_WRONG = 0.03


def main() -> None:
    """Compare, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("archive", type=Path)
    matches = read_matches([parser.parse_args().archive], None).matches
    figures: Counter[str] = Counter()
    for (competition, season), rows in sorted(seasons_of(matches).items()):
        figures["seasons of told leagues"] += 1
        try:
            rules = season_rules(competition, season)
        except NotProjectedError as why:
            figures["not told"] += 1
            print(f"{competition} {season}: {why}")
            continue
        if rules.curtailed:
            figures["curtailed"] += 1
            continue
        result = held_against(rules, matches, rows)
        figures[result.partition(":")[0]] += 1
        if result != "right":
            print(f"{competition} {season}: {result}")
    print(json.dumps(figures))


def seasons_of(matches: MatchTable) -> dict[tuple[str, str], np.ndarray]:
    """Rows of the results of every season of the told leagues, in order of time."""
    told, found = set(told_competitions()), defaultdict(list)
    for row in np.argsort(matches.kickoff, kind="stable"):
        if matches.competition[row] in told and matches.home_goals[row] >= 0:
            found[matches.competition[row], matches.season[row]].append(int(row))
    return {key: np.array(rows) for key, rows in found.items()}


def held_against(rules: SeasonRules, matches: MatchTable, rows: np.ndarray) -> str:
    """What a season's matches say of its rules: right, incomplete, or wrong with the reason."""
    pairs = [(matches.home_team[row], matches.away_team[row]) for row in rows]
    played = Counter(side for pair in pairs for side in pair)
    # Clubs of another tier play two to eight matches of a play-off, the league's own at least a round.
    own = {club for club, _ in played.most_common(rules.clubs)}
    pairs = [pair for pair in pairs if own.issuperset(pair)]
    first, total = rules.matches(0), sum(rules.matches(stage) for stage in range(len(rules.stages)))
    if len(pairs) < _COMPLETE * first:
        return "incomplete"
    is_whole = len(pairs) >= _COMPLETE * total
    told = _told_meetings(rules) if is_whole else Counter({rules.stages[0].meets: _pairs(rules.clubs)})
    met = Counter(Counter(frozenset(pair) for pair in (pairs if is_whole else pairs[:first])).values())
    # Play-offs of the league's own clubs are a meeting or two more of at most six pairs.
    wrong = sum((met - told).values()) - (_MOST_PLAY_OFF_PAIRS if is_whole else 0)
    if wrong > _WRONG * _pairs(rules.clubs):
        return f"wrong: pairs meet {dict(met)}, told {dict(told)}"
    return "right" if is_whole else "right in the first stage, the others are not in the file"


def _told_meetings(rules: SeasonRules) -> Counter[int]:
    """How many pairs meet how often, in all stages."""
    meets = rules.stages[0].meets
    told: Counter[int] = Counter()
    for stage in rules.stages[1:]:
        for group in stage.groups:
            told[meets + group.meets] += _pairs(group.clubs)
    told[meets] += _pairs(rules.clubs) - told.total()
    return +told


def _pairs(clubs: int) -> int:
    return clubs * (clubs - 1) // 2


if __name__ == "__main__":
    main()
