"""The clubs of other leagues that a season may meet in play-offs: their own league's end, simulated shortly.

Not here: the ties (``football/projections/play_offs.py``).
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Mapping

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from soccer_assets.football.football_error import FootballError
from soccer_assets.football.projections.play_offs import LeaguePlace
from soccer_assets.football.projections.projection import Result, project_season
from soccer_assets.football.projections.season_input import SeasonInput, StoredRivals
from soccer_assets.football.projections.season_rules import NotProjectedError
from soccer_assets.football.season_formats import load_season_formats
from soccer_assets.stores.projections.season_rows import Rivals, SeasonFound, scored, with_strengths

# Enough to tell who is where: the rival's strength varies more than the share of a club at a place.
RIVAL_SEASONS = 400


def rival_leagues(competition: str) -> set[str]:
    """Leagues whose clubs a league's clubs meet in play-offs of any season."""
    found = set()
    for code, league in load_season_formats().items():
        above = {one.above for one in league.play_offs if one.above}
        if code == competition:
            found |= above
        elif competition in above:
            found.add(code)
    return found


def with_rival_hashes(hashes: Mapping[str, str]) -> dict[str, str]:
    """A hash a competition, which changes with those of its rivals' leagues too."""
    found = dict(hashes)
    for code in hashes:
        if others := sorted(rival_leagues(code) & set(hashes)):
            joined = " ".join(hashes[one] for one in (code, *others))
            found[code] = hashlib.sha256(joined.encode()).hexdigest()
    return found


def with_rivals(
    found: SeasonFound, leagues: pd.DataFrame, season_of: Callable[[str], SeasonFound]
) -> SeasonFound:
    """The season with the seasons of its rivals, which are of its key.

    Args:
        found: of a league.
        leagues: `season_rows.MATCH_COLUMNS` of all leagues.
        season_of: the season under way of another league; raises where there is none.
    """
    rules = found.season.rules
    codes = sorted({place.competition for one in rules.play_offs for place in one.rivals})
    seasons = tuple(_seasons(codes, rules.season, season_of))
    if not seasons:
        return found
    used = leagues[
        leagues["competition"].isin([rules.competition, *codes]) & (leagues["season"] == rules.season)
    ]
    own = {club.id for club in found.season.clubs}
    guests = {club.id for other in seasons for club in other.season.clubs}
    rows = scored(used)
    ours, theirs = rows["home_team_id"].isin(own), rows["away_team_id"].isin(own)
    between = (ours & rows["away_team_id"].isin(guests)) | (theirs & rows["home_team_id"].isin(guests))
    columns = ["home_team_id", "away_team_id", "home_goals", "away_goals"]
    played = tuple(
        (str(home), str(away), int(home_goals), int(away_goals))
        for home, away, home_goals, away_goals in rows[between][columns].itertuples(index=False)
    )
    digest = hashlib.sha256(found.season.key.encode())
    digest.update(repr((played, [other.season.key for other in seasons])).encode())
    season = msgspec.structs.replace(found.season, key=digest.hexdigest())
    return found._replace(season=season, rivals=Rivals(seasons, played))


def _seasons(
    codes: Iterable[str], season: str, season_of: Callable[[str], SeasonFound]
) -> Iterable[SeasonFound]:
    """Those of the same season that are projected: a league without rules, or cut short, gives no rival."""
    for code in codes:
        with contextlib.suppress(FootballError, ValueError, LookupError):
            other = season_of(code)
            if other.season.rules.season == season and not other.season.rules.curtailed:
                yield other


def stored_rivals(season: SeasonInput, rivals: Rivals) -> StoredRivals | None:
    """The rivals as a projection takes them: at each place the clubs that some simulated season had there.

    None where no league of them can be simulated.
    """
    wanted = [place for one in season.rules.play_offs for place in one.rivals]
    places, columns = list[LeaguePlace](), list[NDArray[np.int64]]()
    clubs, mean, root = list[str](), list[list[float]](), list[list[list[float]]]()
    for other in rivals.seasons:
        drawn = with_strengths(other)
        try:
            final = _final_places(drawn)
        except NotProjectedError:  # its own part says why
            continue
        of_it = [place for place in dict.fromkeys(wanted) if place.competition == drawn.rules.competition]
        at = {place: (final == place.place - 1).argmax(axis=1) for place in of_it}
        used = sorted({int(club) for column in at.values() for club in column})
        number = {club: len(clubs) + position for position, club in enumerate(used)}
        places += of_it
        columns += [np.array([number[int(club)] for club in at[place]], np.int64) for place in of_it]
        clubs += [drawn.clubs[club].id for club in used]
        mean += [drawn.strengths.mean[club] for club in used]
        root += [drawn.strengths.root[club] for club in used]
    if not places:
        return None
    return StoredRivals(
        places=tuple(places),
        clubs=tuple(clubs),
        mean=mean,
        root=root,
        drawn=np.stack(columns, axis=1).tolist(),
        results=tuple(_numbered(rivals.played, season, clubs)),
    )


def _final_places(season: SeasonInput) -> NDArray[np.int8]:
    """(m, n) places, from 0, of a season's clubs in a few simulated ends of it."""
    return project_season(
        *(season.rules, season.results, season.fixtures, season.strengths.arrays(), season.today),
        season.seed,
        points_off=np.array(season.points_off, np.int64),
        seasons=RIVAL_SEASONS,
        watched=0,
        finals=RIVAL_SEASONS,
    ).finals


def _numbered(
    played: Iterable[tuple[str, str, int, int]], season: SeasonInput, rivals: list[str]
) -> Iterable[Result]:
    """Matches by number of the clubs: the season's own, then the rivals."""
    ids = [*(club.id for club in season.clubs), *rivals]
    number: Mapping[str, int] = {club: place for place, club in enumerate(ids)}
    for home, away, home_goals, away_goals in played:
        if home in number and away in number:
            yield Result(number[home], number[away], home_goals, away_goals)
