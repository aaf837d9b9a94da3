"""Season projections in the object store: one part a competition, computed anew where what it is of changed.

A part is keyed by a hash of the season's results, fixtures, ratings, rules and code: equal inputs are never
simulated twice.
"""

import contextlib
import datetime as dt
import functools
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pandas as pd

from soccer_assets.clock import isoformat
from soccer_assets.contract.season_projection import (
    PROJECTIONS_SCHEMA_VERSION,
    ProjectionPart,
    ProjectionsFile,
    SeasonProjection,
)
from soccer_assets.football import league_blocks, play_off_blocks
from soccer_assets.football.football_error import FootballError
from soccer_assets.football.projections import (
    drawn_goals,
    drawn_ties,
    kernel,
    play_off_ties,
    play_offs,
    projection,
    random_stream,
    season_rules,
    season_standings,
    standings,
    strengths,
    table_order,
)
from soccer_assets.football.projections import season_input as inputs
from soccer_assets.football.projections.projection import SEASONS
from soccer_assets.football.projections.season_input import SeasonInput, project
from soccer_assets.football.projections.season_rules import NotProjectedError
from soccer_assets.football.ratings.compile_cache import ratings_fingerprint
from soccer_assets.football.ratings.state import TeamState
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.projections import rival_clubs, season_rows
from soccer_assets.stores.projections.course import with_course
from soccer_assets.stores.projections.looked_at import LookedAt, hashes_of, still_current
from soccer_assets.stores.projections.rival_clubs import stored_rivals, with_rival_hashes, with_rivals
from soccer_assets.stores.projections.season_rows import (
    SeasonFound,
    encoded_input,
    season_under_way,
    with_strengths,
)
from soccer_assets.stores.stored_json import decoded_or_none

LIST_KEY = "projections/current.json"
# Days of matches that hold a season under way.
SEASON_DAYS = 400
_CODE = (
    *(kernel, table_order, random_stream, drawn_goals, drawn_ties, play_offs, play_off_ties),
    *(projection, season_rules, season_standings, standings, strengths, inputs, season_rows),
    *(play_off_blocks, league_blocks, rival_clubs),
)
_LEAST_SHOWN = 0.005
# A run has other work beside it, and more would wait for memory.
_THREADS = 2
# Of one competition: the others are projected.
_FAULTS = (FootballError, ValueError, LookupError, ArithmeticError)


class _PartList(msgspec.Struct, frozen=True, kw_only=True):
    """The key of each competition's part in the store, and what the last look at it read."""

    parts: dict[str, str] = {}
    looked_at: LookedAt = LookedAt()


class ProjectionUpdate(NamedTuple):
    """The result of an update.

    Attributes:
        parts: every competition's projection, by code.
        computed: the competitions that were simulated now.
        carried: those that changed and keep their last part until a run with more time.
        failed: competition -> why it keeps its last part.
    """

    parts: dict[str, ProjectionPart]
    computed: tuple[str, ...]
    carried: tuple[str, ...]
    failed: dict[str, str]

    def file(self) -> bytes:
        """The projections as a release carries them."""
        # Not sorted: a season's bands keep their order, and a projection its bytes.
        return msgspec.json.encode(
            ProjectionsFile(schema_version=PROJECTIONS_SCHEMA_VERSION, competitions=self.parts)
        )


class Source(NamedTuple):
    """What projections are made from.

    Attributes:
        matches: `season_rows.MATCH_COLUMNS` of the last `SEASON_DAYS` and of what is ahead.
        state: after the last known result.
        now: what is later is a fixture.
        feed: name of the feed.
        is_simulated: its clubs are fictitious.
        seasons: how many are simulated.
    """

    matches: pd.DataFrame
    state: TeamState
    now: dt.datetime
    feed: str
    is_simulated: bool = False
    seasons: int = SEASONS


def update_projections(
    store: ObjectStore,
    source: Source,
    cpu_seconds: float | None = None,
    say: Callable[[str], None] = lambda _text: None,
) -> ProjectionUpdate:
    """Bring the projections of all leagues up to date.

    Args:
        store: keeps the parts.
        source: what they are made from.
        cpu_seconds: only competitions with a new result are simulated, until so much CPU time was used, not
            counting that of loading compiled code; None for all that changed.
        say: gets a line a competition that was simulated.
    """
    before = decoded_or_none(store.read(LIST_KEY), _PartList) or _PartList()
    last = {code: decoded_or_none(store.read(key), ProjectionPart) for code, key in before.parts.items()}
    leagues = source.matches[source.matches["tier"] > 0]
    hashes = with_rival_hashes(hashes_of(leagues, source.state, source.now, _made_by(source)))
    current, waiting = still_current(before.looked_at, hashes, has_time=cpu_seconds is None)
    whole = {code: part for code, part in last.items() if part is not None}
    parts, waiting = {code: whole[code] for code in current & set(whole)}, waiting & set(whole)
    changed: dict[str, SeasonFound] = {}
    failed: dict[str, str] = {}
    season_of = functools.cache(functools.partial(_season_of, leagues, source))
    for code in sorted(set(hashes) - {*parts, *waiting}):
        found: ProjectionPart | SeasonFound | None
        try:
            found = _look(code, leagues, source, last.get(code), season_of)
        except _FAULTS as fault:
            failed[code] = f"{type(fault).__name__}: {fault}"
            found = last.get(code)
        if isinstance(found, ProjectionPart):
            parts[code] = found
        elif found is not None:
            changed[code] = found
    # The one that waited longest comes first: a limit of time starves none.
    ordered = sorted(changed, key=lambda code: (whole[code].projection.as_of if code in whole else "", code))
    wanted = [
        code for code in ordered if cpu_seconds is None or _has_new_result(changed[code], last.get(code))
    ]
    computed: list[str] = []
    if wanted:
        _load_compiled_code(changed[wanted[0]])
    for number, (code, part) in enumerate(_simulated_ones(wanted, changed, source, cpu_seconds), 1):
        if isinstance(part, ProjectionPart):
            parts[code] = with_course(part, last.get(code))
            computed.append(code)
            say(f"{code}: {part.projection.matches_left} matches left ({number} of {len(wanted)})")
        elif part is not None:
            failed[code] = part
    current = set(parts) - set(failed)
    waiting |= set(changed) - set(wanted)
    carried = [code for code in {*changed, *waiting} if code not in parts and code not in failed]
    parts |= {code: whole[code] for code in {*carried, *failed} & set(whole) if code not in parts}
    looked_at = LookedAt(
        current={code: hashes[code] for code in sorted(current)},
        waiting={code: hashes[code] for code in sorted(waiting)},
    )
    _write(store, before, parts, last, looked_at)
    return ProjectionUpdate(dict(sorted(parts.items())), tuple(computed), tuple(sorted(carried)), failed)


def read_parts(store: ObjectStore) -> dict[str, ProjectionPart]:
    """All current parts by competition; a damaged one counts as none."""
    listed = decoded_or_none(store.read(LIST_KEY), _PartList) or _PartList()
    found = {code: decoded_or_none(store.read(key), ProjectionPart) for code, key in listed.parts.items()}
    return {code: part for code, part in found.items() if part is not None}


def _write(
    store: ObjectStore,
    before: _PartList,
    parts: dict[str, ProjectionPart],
    last: dict[str, ProjectionPart | None],
    looked_at: LookedAt,
) -> None:
    """Write new parts, then the list, then remove what it no longer names: a kill leaves a whole list."""
    listed = {code: _part_key(code, part.projection.key) for code, part in parts.items()}
    for code, key in listed.items():
        if before.parts.get(code) != key or last.get(code) is None:
            store.write(key, msgspec.json.encode(parts[code]))
    after = _PartList(parts=listed, looked_at=looked_at)
    if after != before or not store.exists(LIST_KEY):
        store.write(LIST_KEY, msgspec.json.encode(after, order="deterministic"))
    for code, key in before.parts.items():
        if listed.get(code) != key:
            store.delete(key)


def _part_key(competition: str, key: str) -> str:
    return f"projections/{competition}/{key[:16]}.json"


def _look(
    code: str,
    leagues: pd.DataFrame,
    source: Source,
    last: ProjectionPart | None,
    season_of: Callable[[str], SeasonFound],
) -> ProjectionPart | SeasonFound:
    """The season of a competition if it changed; else its last part, or one that says why there is none."""
    try:
        found = with_rivals(season_of(code), leagues, season_of)
    except NotProjectedError as why:
        rows = leagues[leagues["competition"] == code]
        return _without(code, season_under_way(rows, source.now), source, why, last)
    return last if last is not None and last.projection.key == found.season.key else found


def _season_of(leagues: pd.DataFrame, source: Source, code: str) -> SeasonFound:
    return season_rows.season_input(
        leagues[leagues["competition"] == code],
        *(source.state, source.now, source.feed, _code_hash(), source.seasons),
        is_simulated=source.is_simulated,
    )


def _drawn(found: SeasonFound) -> SeasonInput:
    """What the projection is simulated from."""
    season = with_strengths(found)
    if found.rivals is None:
        return season
    return msgspec.structs.replace(season, rivals=stored_rivals(season, found.rivals))


def _simulated_ones(
    wanted: Sequence[str], changed: Mapping[str, SeasonFound], source: Source, cpu_seconds: float | None
) -> Iterator[tuple[str, ProjectionPart | str | None]]:
    """Each competition with its new part, why it has none, or None where the time is over.

    In threads: compiled code runs beside other threads, and a season's numbers depend on none of them.
    """
    start = time.process_time()

    def simulated(code: str) -> ProjectionPart | str | None:
        if cpu_seconds is not None and time.process_time() - start > cpu_seconds:
            return None
        try:
            return _simulated(changed[code], source)
        except _FAULTS as fault:
            return f"{type(fault).__name__}: {fault}"

    with ThreadPoolExecutor(_THREADS, "projections") as threads:
        yield from zip(wanted, threads.map(simulated, wanted), strict=True)


def _simulated(found: SeasonFound, source: Source) -> ProjectionPart:
    try:
        season = _drawn(found)
        return ProjectionPart(projection=project(season), inputs=encoded_input(season))
    except NotProjectedError as why:
        rules = found.season.rules
        part = _without(rules.competition, rules.season, source, why, None)
        return msgspec.structs.replace(
            part, projection=msgspec.structs.replace(part.projection, key=found.season.key)
        )


def _load_compiled_code(found: SeasonFound) -> None:
    """Simulate one season: the first call in a process loads machine code for seconds, or compiles it."""
    with contextlib.suppress(*_FAULTS):
        project(msgspec.structs.replace(with_strengths(found), seasons=1))


def _has_new_result(found: SeasonFound, last: ProjectionPart | None) -> bool:
    before = decoded_or_none(bytes(last.inputs), SeasonInput) if last else None
    return before is None or before.results != found.season.results


def _without(
    competition: str, season: str, source: Source, why: NotProjectedError, last: ProjectionPart | None
) -> ProjectionPart:
    """A part that says why there is no projection."""
    key = hashlib.sha256(f"{competition} {season} {why}".encode()).hexdigest()
    if last is not None and last.projection.key == key:
        return last
    told = SeasonProjection(
        competition=competition,
        season=season,
        feed=source.feed,
        as_of=isoformat(source.now),
        key=key,
        not_projected=str(why),
    )
    return ProjectionPart(projection=told)


def _made_by(source: Source) -> str:
    return repr((_code_hash(), source.feed, source.is_simulated, source.seasons))


@functools.cache
def _code_hash() -> str:
    digest = hashlib.sha256(ratings_fingerprint().encode())
    for module in _CODE:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()


def table_rows(projections: Iterable[SeasonProjection]) -> list[dict[str, Any]]:
    """A row a team for pages: competition, team, expected points, and its bands as text."""
    return [
        {
            "competition": one.competition,
            "season": one.season,
            "team": line.team.name,
            "points": line.points,
            "expected_points": f"{line.expected_points:.1f}",
            "bands": ", ".join(f"{name} {p:.0%}" for name, p in line.bands.items() if p >= _LEAST_SHOWN),
        }
        for one in projections
        for line in one.teams
    ]
