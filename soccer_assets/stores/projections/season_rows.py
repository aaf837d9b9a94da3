"""The season under way of a competition, from the rows of its matches."""

import datetime as dt
import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from soccer_assets.clock import isoformat
from soccer_assets.contract.release import Team
from soccer_assets.football.matches import COUNTED_STATUSES, OPEN_STATUSES, MatchStatus
from soccer_assets.football.projections import season_rules
from soccer_assets.football.projections.projection import Fixture, Result
from soccer_assets.football.projections.season_input import SeasonInput, StoredStrengths
from soccer_assets.football.projections.season_rules import SeasonRules, awarded_score
from soccer_assets.football.projections.season_standings import rules_and_clubs, rules_names
from soccer_assets.football.projections.strengths import FITTED, league_records, season_strengths
from soccer_assets.football.ratings.state import TeamState

MATCH_COLUMNS = (
    *("match_id", "competition", "season", "tier", "kickoff", "kickoff_precision", "status", "quarantine"),
    *("home_team_id", "home_team", "away_team_id", "away_team", "home_goals", "away_goals"),
)
# A season that begins later is not under way.
_AHEAD = dt.timedelta(days=60)
_SECONDS_A_DAY = 86_400
_LARGEST_SEED = 0x7FFFFFFF
_NOT_DRAWN = StoredStrengths([], [], [], [], 0.0)


class SeasonFound(NamedTuple):
    """A season without its strengths, and what they and its rivals are drawn from.

    Attributes:
        records: of the ratings: clubs, league, match.
        rivals: of its play-offs; None where it meets no other league.
    """

    season: SeasonInput
    records: tuple[NDArray[np.void], NDArray[np.void], NDArray[np.void]]
    rivals: "Rivals | None" = None


class Rivals(NamedTuple):
    """The other leagues of a season's play-offs, and the home, away and goals of both that were played."""

    seasons: tuple[SeasonFound, ...]
    played: tuple[tuple[str, str, int, int], ...]


def season_under_way(rows: pd.DataFrame, now: dt.datetime) -> str:
    """The season of the last match that was played, or of the next one where that is a later season."""
    near = rows[rows["kickoff"] <= now + _AHEAD]
    chosen = near if len(near) else rows
    return str(chosen["season"].iloc[int(chosen["kickoff"].argmax())])


def season_input(
    rows: pd.DataFrame,
    state: TeamState,
    now: dt.datetime,
    feed: str,
    code_hash: str,
    seasons: int,
    *,
    is_simulated: bool,
) -> SeasonFound:
    """What the projection of the season under way is simulated from, but for the strengths.

    Args:
        rows: `MATCH_COLUMNS` of one competition.
        state: after the last known result.
        now: what is later is a fixture.
        feed: name of the feed.
        code_hash: of the code that simulates; of the key.
        seasons: how many are simulated; of the key.
        is_simulated: the clubs are fictitious: their leagues have the rules of the simulated world.

    Raises:
        NotProjectedError: the league or its season has no rules, or another number of clubs.
    """
    competition, season = str(rows["competition"].iloc[0]), season_under_way(rows, now)
    used = _counted(rows[rows["season"] == season])
    names = dict(zip(used["home_team_id"], used["home_team"], strict=True))
    names |= dict(zip(used["away_team_id"], used["away_team"], strict=True))
    tier = int(rows["tier"].iloc[0])
    if is_simulated:
        clubs = sorted(names)
        rules = season_rules.simulated_rules(competition, season, len(clubs), tier)
    else:
        sides = [*used["home_team_id"], *used["away_team_id"]]
        rules, clubs = rules_and_clubs(competition, season, sides, names, now.date())
    results, fixtures, awarded = _matches(rules, clubs, used)
    named = rules_names(rules, clubs, names)
    off = tuple(rules.points_off(named.get(club, ""), now.date()) for club in clubs)
    records = league_records(state, clubs, competition, season, tier, int(now.timestamp()) // _SECONDS_A_DAY)
    told = (rules, clubs, off, seasons, results, fixtures, tier)
    key = _key(code_hash, repr(told), records, now)
    season_found = SeasonInput(
        rules=rules,
        feed=feed,
        as_of=isoformat(now),
        today=now.date(),
        key=key,
        seed=int(key[:8], 16) & _LARGEST_SEED,
        seasons=seasons,
        clubs=tuple(Team(club, names[club]) for club in clubs),
        rules_names=named,
        results=tuple(results),
        fixtures=tuple(fixtures),
        points_off=off,
        strengths=_NOT_DRAWN,
        awarded=awarded,
    )
    return SeasonFound(season_found, records)


def with_strengths(found: SeasonFound) -> SeasonInput:
    """The input with the strengths of its clubs, whose compiled code only what is simulated needs."""
    drawn = season_strengths(*found.records, FITTED)
    return msgspec.structs.replace(found.season, strengths=StoredStrengths.of(drawn))


def scored(rows: pd.DataFrame) -> pd.DataFrame:
    """The matches whose results count, in order of time."""
    return rows[_has_result(rows)].sort_values(["kickoff", "match_id"])


def _has_result(rows: pd.DataFrame) -> "pd.Series[bool]":
    return rows["quarantine"].isna() & rows["home_goals"].notna() & rows["status"].isin(COUNTED_STATUSES)


def _counted(rows: pd.DataFrame) -> pd.DataFrame:
    """Results that count and matches that are open, in order of time."""
    return rows[_has_result(rows) | rows["status"].isin(OPEN_STATUSES)].sort_values(["kickoff", "match_id"])


def _matches(
    rules: SeasonRules, clubs: list[str], used: pd.DataFrame
) -> tuple[list[Result], list[Fixture], int]:
    """Results, fixtures, and how many of the results were awarded."""
    number = {club: place for place, club in enumerate(clubs)}
    results, fixtures, awarded = list[Result](), list[Fixture](), 0
    # A dictionary a row would be a third of what a look at a league costs.
    rows: Iterable[Any] = used.itertuples(index=False)
    for row in rows:
        home, away = number.get(row.home_team_id), number.get(row.away_team_id)
        if home is None or away is None:
            continue
        day = row.kickoff.date()
        score = awarded_score(rules.competition, rules.season, day, row.home_team, row.away_team)
        awarded += score is not None or row.status == MatchStatus.AWARDED.value
        if score is None and row.status in COUNTED_STATUSES:
            score = int(row.home_goals), int(row.away_goals)
        if score is not None:
            results.append(Result(home, away, *score))
        else:
            has_day = row.kickoff_precision != "tbd" and row.status != MatchStatus.POSTPONED.value
            fixtures.append(Fixture(home, away, day if has_day else None, row.match_id))
    return results, fixtures, awarded


def _key(code_hash: str, told: str, records: tuple[NDArray[np.void], ...], now: dt.datetime) -> str:
    teams, league, _ = records
    digest = hashlib.sha256(code_hash.encode())
    digest.update(told.encode() + teams.tobytes() + league.tobytes())
    # A day without a result moves nothing; a week does: the drift, and deductions that became effective.
    digest.update(repr(now.date().isocalendar()[:2]).encode())
    return digest.hexdigest()


def encoded_input(season: SeasonInput) -> msgspec.Raw:
    """The input as JSON, as a part stores it."""
    return msgspec.Raw(msgspec.json.encode(season))
