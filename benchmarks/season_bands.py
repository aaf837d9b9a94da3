"""Told tables and bands against an archive: who really left a division after each season.

Usage: ``python -m benchmarks.season_bands ARCHIVE``. The final table of every complete season of the told
leagues is made by its rules, with deductions and awarded results. A club of a band of relegation (or, below
the first tier, of promotion) must be missing in the next season's matches, and a missing club must be of
such a band or of a play-off place. Explained are clubs that `seasons.toml` names in ``by_decision``, clubs
level on points at a deciding match, and clubs that the archive names otherwise in the next season. A line
for each club that is not explained, and for seasons whose stages are not met; the last line is JSON.
"""

import argparse
import datetime as dt
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.season_formats import seasons_of
from soccer_assets.backtesting.archive_matches import read_matches
from soccer_assets.football.competitions import club_and_pool, load_competitions
from soccer_assets.football.match_table import SECONDS_A_DAY, MatchTable
from soccer_assets.football.projections.projection import Projection, Result, project_season
from soccer_assets.football.projections.season_rules import (
    NotProjectedError,
    SeasonRules,
    awarded_score,
    named_club,
    season_rules,
)
from soccer_assets.football.projections.strengths import Strengths
from soccer_assets.football.season_formats import load_season_formats

_COMPLETE = 0.97
# Lots decide what no rule separates; the mean place of so many seasons tells that they did.
_LOTS = 64
# Named otherwise in the archive's next season.
_RENAMED = {
    ("BEL-1", "2015/2016", "Mouscron-Peruwelz"),
    ("CHN-1", "2018", "Tianjin Quanjian"),
    ("CHN-1", "2019", "Dalian Yifang F.C."),
    ("DEN-1", "2015/2016", "Aalborg"),
    ("ENG-5", "2006/2007", "Gravesend"),
    ("ENG-5", "2011/2012", "AFC Telford United"),
    ("NED-1", "2009/2010", "Roda JC"),
    ("POL-1", "2022/2023", "Gornik Z."),
    ("TUR-1", "1998/1999", "Erzurum"),
    ("TUR-1", "2007/2008", "Oftasspor"),
}


def main() -> None:
    """Compare, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("archive", type=Path)
    archive = parser.parse_args().archive
    matches, names = read_matches([archive], None).matches, club_names(archive)
    seasons, figures = seasons_of(matches), Counter[str]()
    for (competition, season), rows in sorted(seasons.items()):
        after = seasons.get((competition, _next_label(season)))
        if after is None:
            continue
        try:
            rules = season_rules(competition, season)
            following = season_rules(competition, _next_label(season)).clubs
        except NotProjectedError:
            continue
        if rules.curtailed or not _has_bands(rules):
            figures["curtailed, or bands not told"] += 1
            continue
        final = final_table(rules, matches, rows, names)
        if isinstance(final, str):
            figures[final.partition(":")[0]] += 1
            print(f"{competition} {season}: {final}")
            continue
        clubs, table = final
        found = disagreements(rules, clubs, table, _clubs(matches, after, following), names)
        figures["seasons"] += 1
        figures["clubs"] += len(clubs)
        figures.update(reason for _, reason in found)
        for text, reason in found:
            if reason == "not explained":
                print(f"{competition} {season}: {text}")
    print(json.dumps(figures))


def _next_label(season: str) -> str:
    first = int(season[:4]) + 1
    return f"{first}/{first + 1}" if "/" in season else str(first)


def _has_bands(rules: SeasonRules) -> bool:
    told = {band.name for band in rules.bands}
    return "relegated" in told and (rules.competition.endswith("-1") or "promoted" in told)


def club_names(archive: Path) -> dict[str, str]:
    """Team id -> name, of all countries with a league that is known."""
    columns = pq.read_table(archive, columns=["country", "home_team"])
    pairs = set(zip(*(columns[name].to_pylist() for name in ("country", "home_team")), strict=True))
    leagues = {one.country: one for one in load_competitions().values()}
    names = {}
    for country, name in pairs:
        if name and country in leagues:
            club, pool = club_and_pool(name, leagues[country])
            names[pool.team_id(club)] = name
    return names


def _clubs(matches: MatchTable, rows: NDArray[np.int64], clubs: int) -> list[str]:
    """Clubs of the league itself: those of another tier play two to eight matches of a play-off."""
    played = Counter([*matches.home_team[rows], *matches.away_team[rows]])
    return sorted(club for club, _ in played.most_common(clubs))


def final_table(
    rules: SeasonRules, matches: MatchTable, rows: NDArray[np.int64], names: Mapping[str, str]
) -> tuple[list[str], Projection] | str:
    """The clubs, and their places; a text where the season's matches do not make its table."""
    clubs = _clubs(matches, rows, rules.clubs)
    number = {club: place for place, club in enumerate(clubs)}
    results = []
    for row in rows:
        home, away = matches.home_team[row], matches.away_team[row]
        if home not in number or away not in number:
            continue
        day = dt.date(1970, 1, 1) + dt.timedelta(days=int(matches.kickoff[row] // SECONDS_A_DAY))
        told = awarded_score(rules.competition, rules.season, day, names[home], names[away])
        score = told or (int(matches.home_goals[row]), int(matches.away_goals[row]))
        results.append(Result(number[home], number[away], *score))
    if len(clubs) < rules.clubs or len(results) < _COMPLETE * rules.matches(0):
        return "incomplete"
    by_name = {names[club]: place for club, place in number.items()}
    off = np.zeros(len(clubs), np.int64)
    for deduction in rules.deductions:
        club = named_club(deduction.club, by_name)
        if club is None:
            return f"not of the season: {deduction.club}, of which points were taken"
        off[by_name[club]] += deduction.points
    count = len(clubs)
    nobody = Strengths(np.zeros((count, 3)), np.zeros((count, 3, 3)), np.zeros(4), np.zeros(2), 0.0)
    try:
        table = project_season(
            rules, results, [], nobody, dt.date.max, 1, points_off=off, seasons=_LOTS, watched=0
        )
    except NotProjectedError as why:
        return f"wrong: {why}"
    return clubs, table


def disagreements(
    rules: SeasonRules,
    clubs: Sequence[str],
    table: Projection,
    after: Sequence[str],
    names: Mapping[str, str],
) -> list[tuple[str, str]]:
    """Clubs that left or stayed otherwise than their places say, and why, or "not explained"."""
    places = table.places @ np.arange(1, len(clubs) + 1)
    order = np.argsort(places)
    league = load_season_formats()[rules.competition]
    by_decision = {
        named_club(told, [names[club] for club in clubs])
        for one in league.by_decision
        if one.season == rules.season
        for told in one.clubs
    }
    edges = {"relegated": "must", "relegation_play_off": "may"}
    if not rules.competition.endswith("-1"):
        edges |= {"promoted": "must", "promotion_play_off": "may"}
    found = []
    for place, club in enumerate(order.tolist(), start=1):
        held = {edges.get(band.name) for band in rules.bands if band.first <= place <= band.last}
        has_left = clubs[club] not in after
        if has_left and not held & {"must", "may"}:
            text = f"{names[clubs[club]]} left from place {place}"
        elif "must" in held and not has_left:
            text = f"{names[clubs[club]]} stayed in place {place}"
        else:
            continue
        reason = "not explained"
        if names[clubs[club]] in by_decision:
            reason = "by decision"
        elif (rules.competition, rules.season, names[clubs[club]]) in _RENAMED:
            reason = "named otherwise in the next season"
        elif any(place - edge in (0, 1) for edge in rules.deciders) and table.places[club].max() < 1.0:
            reason = "level on points at a deciding match"
        elif table.matches_left and len(rules.stages) > 1:
            reason = "later stages are not in the file"
        found.append((text, reason))
    return found


if __name__ == "__main__":
    main()
