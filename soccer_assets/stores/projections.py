"""Season projections in the object store: one part a competition, computed anew where what it is of changed.

A part is keyed by a hash of the season's results, fixtures, ratings, rules and code: equal inputs are never
simulated twice. Not here: how a season is simulated (``football/projections``).
"""

import datetime as dt
import functools
import hashlib
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from soccer_assets.clock import isoformat
from soccer_assets.contract.projections import (
    PROJECTIONS_KEY,
    BandEntry,
    ClubProjection,
    ImportantMatch,
    ProjectionList,
    SeasonProjection,
    part_key,
)
from soccer_assets.football import league_blocks
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.football_error import FootballError
from soccer_assets.football.matches import MatchStatus
from soccer_assets.football.projections import (
    kernel,
    projection,
    season_rules,
    standings,
    strengths,
)
from soccer_assets.football.projections.projection import SEASONS, Fixture, Result, project_season
from soccer_assets.football.projections.season_rules import (
    NotProjectedError,
    SeasonRules,
    awarded_score,
    named_club,
)
from soccer_assets.football.projections.standings import Played, league_table
from soccer_assets.football.projections.strengths import FITTED, league_records, season_strengths
from soccer_assets.football.ratings.compile_cache import ratings_fingerprint
from soccer_assets.football.ratings.state import TeamState
from soccer_assets.football.season_formats import load_season_formats
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.stored_json import decoded_or_none

# Months of matches that hold a season under way.
SEASON_DAYS = 400
MATCH_COLUMNS = (
    *("match_id", "competition", "season", "kickoff", "kickoff_precision", "status", "quarantine"),
    *("home_team_id", "home_team", "away_team_id", "away_team", "home_goals", "away_goals"),
)
_CODE = (kernel, projection, season_rules, standings, strengths, league_blocks)
_OPEN = {
    MatchStatus.SCHEDULED.value,
    MatchStatus.TBD.value,
    MatchStatus.LIVE.value,
    MatchStatus.POSTPONED.value,
}
_WITH_SCORE = {MatchStatus.FINISHED.value, MatchStatus.AWARDED.value}


class ProjectionUpdate(NamedTuple):
    """The result of an update.

    Attributes:
        parts: every competition's projection, by code.
        computed: the competitions that were simulated now.
        carried: those that changed and keep their last part, because the time was up.
        failed: competition -> why it keeps its last part.
    """

    parts: dict[str, SeasonProjection]
    computed: tuple[str, ...]
    carried: tuple[str, ...]
    failed: dict[str, str]


class _Season(NamedTuple):
    """A season's clubs and matches as the simulation takes them; clubs by number."""

    rules: SeasonRules
    clubs: list[str]
    names: dict[str, str]
    results: list[Result]
    fixtures: list[Fixture]
    points_off: NDArray[np.int64]
    off_today: dict[str, str]


def update_projections(
    store: ObjectStore,
    matches: pd.DataFrame,
    state: TeamState,
    now: dt.datetime,
    cpu_seconds: float | None = None,
    seasons: int = SEASONS,
) -> ProjectionUpdate:
    """Bring the projections of all told competitions up to date.

    Args:
        store: keeps the parts.
        matches: `MATCH_COLUMNS` of the last `SEASON_DAYS` and of what is ahead.
        state: after the last known result.
        now: what is later is a fixture.
        cpu_seconds: CPU time after which no further competition is simulated; None for no limit.
        seasons: how many are simulated.
    """
    before = decoded_or_none(store.read(PROJECTIONS_KEY), ProjectionList) or ProjectionList()
    start = time.process_time()
    parts: dict[str, SeasonProjection] = {}
    computed: list[str] = []
    carried: list[str] = []
    failed: dict[str, str] = {}
    blocks = load_season_formats()
    for competition in sorted(set(matches["competition"].tolist())):
        rows = matches[matches["competition"] == competition]
        block = blocks.get(competition)
        if block is None or not (block.rules or block.not_projected):
            continue
        last = decoded_or_none(_read(store, before.parts.get(competition)), SeasonProjection)
        try:
            part, is_new = _part(competition, rows, state, now, last, cpu_seconds, start, seasons)
        except (FootballError, ValueError, KeyError, ArithmeticError) as fault:
            failed[competition] = f"{type(fault).__name__}: {fault}"
            part, is_new = last, False
        if part is None:
            carried.append(competition)
            part = last
        if part is not None:
            parts[competition] = part
        if is_new:
            computed.append(competition)
    _write(store, before, parts)
    return ProjectionUpdate(parts, tuple(computed), tuple(carried), failed)


def read_projections(store: ObjectStore) -> dict[str, SeasonProjection]:
    """All current projections by competition; a damaged part counts as none."""
    listed = decoded_or_none(store.read(PROJECTIONS_KEY), ProjectionList) or ProjectionList()
    found = {
        competition: decoded_or_none(_read(store, key), SeasonProjection)
        for competition, key in listed.parts.items()
    }
    return {competition: part for competition, part in found.items() if part is not None}


def _read(store: ObjectStore, key: str | None) -> bytes | None:
    return None if key is None else store.read(key)


def _write(store: ObjectStore, before: ProjectionList, parts: dict[str, SeasonProjection]) -> None:
    listed = {code: part_key(code, part.key) for code, part in parts.items()}
    for code, key in listed.items():
        if before.parts.get(code) != key or not store.exists(key):
            store.write(key, msgspec.json.encode(parts[code]))
    if listed != before.parts or not store.exists(PROJECTIONS_KEY):
        store.write(PROJECTIONS_KEY, msgspec.json.encode(ProjectionList(parts=listed), order="deterministic"))
    for code, key in before.parts.items():
        if listed.get(code) != key:
            store.delete(key)


def _part(
    competition: str,
    rows: pd.DataFrame,
    state: TeamState,
    now: dt.datetime,
    last: SeasonProjection | None,
    cpu_seconds: float | None,
    start: float,
    seasons: int,
) -> tuple[SeasonProjection | None, bool]:
    """A competition's projection, and whether it is new; None where it changed and the time is up."""
    season = _season_under_way(rows, now)
    of_season = rows[rows["season"] == season]
    told = SeasonProjection(competition=competition, season=season, as_of=isoformat(now), key="")
    try:
        found = _season(competition, season, of_season, now)
    except NotProjectedError as why:
        key = hashlib.sha256(f"{competition} {season} {why}".encode()).hexdigest()
        if last is not None and last.key == key:
            return last, False
        return msgspec.structs.replace(told, key=key, not_projected=str(why)), True
    tier, day = load_competitions()[competition].tier, int(now.timestamp() // 86_400)
    records = league_records(state, found.clubs, competition, season, tier, day)
    key = _key(found, records, now, seasons)
    if last is not None and last.key == key:
        return last, False
    if cpu_seconds is not None and time.process_time() - start > cpu_seconds:
        return None, False
    seed = int(key[:8], 16) & 0x7FFFFFFF
    try:
        drawn = season_strengths(*records, FITTED)
        simulated = project_season(
            *(found.rules, found.results, found.fixtures, drawn, now.date(), seed),
            points_off=found.points_off,
            seasons=seasons,
        )
    except NotProjectedError as why:
        return msgspec.structs.replace(told, key=key, not_projected=str(why)), True
    return _rendered(told, found, simulated, key, seed, seasons, now), True


def _season_under_way(rows: pd.DataFrame, now: dt.datetime) -> str:
    """The season of the last match that was played, or of the next one where that is a later season."""
    near = rows[rows["kickoff"] <= now + dt.timedelta(days=60)]
    chosen = near if len(near) else rows
    return str(chosen["season"].iloc[int(chosen["kickoff"].argmax())])


def _season(competition: str, season: str, rows: pd.DataFrame, now: dt.datetime) -> _Season:
    is_counted = rows["quarantine"].isna() & rows["home_goals"].notna() & rows["status"].isin(_WITH_SCORE)
    is_open = rows["status"].isin(_OPEN)
    used = rows[is_counted | is_open].sort_values(["kickoff", "match_id"])
    names = dict(zip(used["home_team_id"], used["home_team"], strict=True))
    names |= dict(zip(used["away_team_id"], used["away_team"], strict=True))
    rules, clubs = _rules_and_clubs(competition, season, used, names, now.date())
    number = {club: place for place, club in enumerate(clubs)}
    results, fixtures = [], []
    for row in used.to_dict("records"):
        home, away = number.get(row["home_team_id"]), number.get(row["away_team_id"])
        if home is None or away is None:
            continue
        day = row["kickoff"].date()
        awarded = awarded_score(competition, season, day, row["home_team"], row["away_team"])
        if row["status"] in _WITH_SCORE:
            score = awarded or (int(row["home_goals"]), int(row["away_goals"]))
            results.append(Result(home, away, *score))
        elif awarded is not None:
            results.append(Result(home, away, *awarded))
        else:
            has_day = row["kickoff_precision"] != "tbd" and row["status"] != MatchStatus.POSTPONED.value
            fixtures.append(Fixture(home, away, day if has_day else None, row["match_id"]))
    told_names = {
        name: named
        for name in {one.club for one in rules.deductions}
        if (named := named_club(name, (names[club] for club in clubs))) is not None
    }
    off_today = {named: name for name, named in told_names.items()}
    off = [rules.points_off(off_today.get(names[club], ""), now.date()) for club in clubs]
    return _Season(rules, clubs, names, results, fixtures, np.array(off, np.int64), off_today)


def _rules_and_clubs(
    competition: str, season: str, used: pd.DataFrame, names: dict[str, str], today: dt.date
) -> tuple[SeasonRules, list[str]]:
    """The rules for the clubs that are left: without guests of play-offs, and without annulled clubs."""
    told = season_rules.season_rules(competition, season)
    counts = Counter(used["home_team_id"]) + Counter(used["away_team_id"])
    gone = {named_club(one.club, names.values()) for one in told.annulled if one.day <= today}
    ranked = sorted(counts, key=lambda club: (-counts[club], club))
    clubs = sorted(club for club in ranked[: told.clubs] if names[club] not in gone)
    return season_rules.season_rules(competition, season, len(clubs)), clubs


def _key(found: _Season, records: tuple[NDArray[np.void], ...], now: dt.datetime, seasons: int) -> str:
    teams, league, match = records
    digest = hashlib.sha256(_fingerprint().encode())
    digest.update(repr((found.rules, found.clubs, found.points_off.tolist(), seasons)).encode())
    digest.update(repr((found.results, found.fixtures, match["tier"].tolist())).encode())
    digest.update(teams.tobytes() + league.tobytes())
    # A result that is late moves nothing, but a season's drift does, and a deduction that is effective.
    digest.update(now.date().isocalendar()[:2].__repr__().encode())
    return digest.hexdigest()


@functools.cache
def _fingerprint() -> str:
    digest = hashlib.sha256(ratings_fingerprint().encode())
    for module in _CODE:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()


def _rendered(
    told: SeasonProjection,
    found: _Season,
    simulated: projection.Projection,
    key: str,
    seed: int,
    seasons: int,
    now: dt.datetime,
) -> SeasonProjection:
    played = [
        Played(found.clubs[one.home], found.clubs[one.away], one.home_goals, one.away_goals)
        for one in found.results
    ]
    told_names = {club: found.off_today.get(found.names[club], "") for club in found.clubs}
    table = league_table(
        msgspec.structs.replace(found.rules, annulled=()), found.clubs, played, now.date(), told_names
    )
    lines = {line.club: line for line in table}
    bands = found.rules.bands
    order = sorted(range(len(found.clubs)), key=lambda club: (-simulated.points[club], found.clubs[club]))
    return msgspec.structs.replace(
        told,
        key=key,
        seed=seed,
        seasons=seasons,
        matches_left=simulated.matches_left,
        source=found.rules.source,
        bands=tuple(BandEntry(name=b.name, first=b.first, last=b.last, cups=b.cups) for b in bands),
        clubs=tuple(
            ClubProjection(
                id=found.clubs[club],
                name=found.names[found.clubs[club]],
                place=lines[found.clubs[club]].place,
                played=lines[found.clubs[club]].played,
                points=lines[found.clubs[club]].points,
                expected_points=round(float(simulated.points[club]), 4),
                places=tuple(round(float(p), 6) for p in simulated.places[club]),
                bands={
                    band.name: round(float(simulated.bands[club, place]), 6)
                    for place, band in enumerate(bands)
                },
            )
            for club in order
        ),
        matches=tuple(
            ImportantMatch(
                match_id=one.match_id,
                home_team_id=found.clubs[one.home],
                away_team_id=found.clubs[one.away],
                importance=round(one.importance, 6),
            )
            for one in simulated.watched
        ),
    )


def band_rows(parts: Iterable[SeasonProjection]) -> list[dict[str, Any]]:
    """A row a club for pages: competition, club, expected points, and its bands as text."""
    return [
        {
            "competition": part.competition,
            "season": part.season,
            "club": club.name,
            "points": club.points,
            "expected_points": f"{club.expected_points:.1f}",
            "bands": ", ".join(f"{name} {p:.0%}" for name, p in club.bands.items() if p >= 0.005),  # noqa: PLR2004
        }
        for part in parts
        for club in part.clubs
    ]
