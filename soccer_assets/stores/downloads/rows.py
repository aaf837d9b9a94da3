"""The rows of each table, from what other stores hold.

What a provider does not allow to hand on is left out.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from soccer_assets.contract.history_parts import HistoryIndex, SeasonPart, SideStrength
from soccer_assets.contract.release import CHAMPION, Pointer
from soccer_assets.contract.season_projection import ProjectionsFile, projections_key
from soccer_assets.modelling.ledger_rules import SCORED
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parquet_parts import month_of, read_table
from soccer_assets.stores.exports import Exports, MissingSnapshotError
from soccer_assets.stores.history.parts import read_object
from soccer_assets.stores.ledger.parquet_copy import ENTRY_SCHEMA, SCORE_SCHEMA, read_copy
from soccer_assets.stores.stored_json import decoded

_RESULT = ("home_goals", "away_goals")
# What a ledger row tells of the result.
_SCORE = ("verdict", "outcome", "log_loss", "rps", "brier_score")
_OF_MATCH = ("match_id", "season", "home_team", "away_team", *_RESULT)


class Restricted(NamedTuple):
    """The competitions whose rows are not handed on: all of them, or some by code."""

    every: bool
    codes: Collection[str] = ()

    def of(self, competitions: Any) -> Any:
        """Whether each of a column of codes is restricted."""
        column = pd.Series(competitions)
        return pd.Series(data=True, index=column.index) if self.every else column.isin(list(self.codes))

    def has(self, competition: str) -> bool:
        """Whether a competition is restricted."""
        return self.every or competition in self.codes


def predictions(upcoming: pd.DataFrame, restricted: Restricted) -> pd.DataFrame:
    """The champion's predictions without the results of restricted competitions.

    Args:
        upcoming: rows of `predictions/upcoming`.
        restricted: competitions.
    """
    champions = upcoming["model"] == CHAMPION
    found: pd.DataFrame = upcoming[champions].sort_values(["kickoff", "match_id"], ignore_index=True)
    found.loc[restricted.of(found["competition"]), list(_RESULT)] = None
    return found


def ledger(store: ObjectStore, exports: Exports, restricted: Restricted) -> pd.DataFrame:
    """Every entry of the ledger's copy, with the result and the score of the official one."""
    copy = read_copy(store)
    if copy is None:
        return pd.DataFrame()
    entries = read_table(store, copy.entries, ENTRY_SCHEMA).sort_by("sequence").to_pandas()
    scores = read_table(store, copy.scores, SCORE_SCHEMA).to_pandas()
    newest = scores.sort_values("revision").drop_duplicates("match_id", keep="last")
    scored = newest[["match_id", "sequence", *_SCORE]].dropna(subset="sequence")
    rows: pd.DataFrame = entries.merge(_matches(exports, entries), on="match_id", how="left")
    rows = rows.merge(scored, on=["match_id", "sequence"], how="left")
    rows.loc[rows["verdict"] != SCORED, list(_SCORE[1:])] = None
    rows.loc[restricted.of(rows["competition"]), [*_RESULT, *_SCORE]] = None
    return rows


def snapshot_id(exports: Exports) -> str:
    """The snapshot that names and results are of; empty before the first."""
    try:
        return exports.manifest().snapshot_id
    except MissingSnapshotError:
        return ""


def _matches(exports: Exports, entries: pd.DataFrame) -> pd.DataFrame:
    """Names and results of the entries' matches, of the first one's month and those after it."""
    try:
        manifest = exports.manifest()
    except MissingSnapshotError:
        return pd.DataFrame(columns=list(_OF_MATCH))
    # A match that was put off is in a later month than its entry says.
    first = month_of(entries["kickoff"].min()) if len(entries) else "9999"
    later = {part.month for part in manifest.tables["match"].parts if part.month >= first}
    found = exports.read_matches(manifest, later, [*_OF_MATCH, "status"])
    finished = pc.equal(found["status"], "finished")
    for name in _RESULT:
        place = found.column_names.index(name)
        kept = pc.if_else(finished, found[name], pa.scalar(None, found[name].type))
        found = found.set_column(place, name, kept)
    named: pd.DataFrame = found.drop_columns("status").to_pandas()
    return named


def seasons(store: ObjectStore, pointer: Pointer) -> list[SeasonPart]:
    """The newest season of each competition in the history; none where there is no history yet."""
    index = None if pointer.history is None else read_object(store, pointer.history.sha256, HistoryIndex)
    newest = {} if index is None else {entry.competition: entry for entry in index.seasons}
    parts = [read_object(store, entry.sha256, SeasonPart) for entry in newest.values()]
    return [part for part in parts if part is not None]


def ratings(parts: list[SeasonPart]) -> pd.DataFrame:
    """The strength of each team before its newest rated match of these seasons."""
    return pd.DataFrame([row for part in parts for row in _ratings(part)])


def _ratings(part: SeasonPart) -> Iterator[dict[str, Any]]:
    newest: dict[int, tuple[int, SideStrength]] = {}
    for match in part.matches:  # by kickoff
        for side, strength in zip((match.home, match.away), match.strengths or (), strict=False):
            newest[side] = match.kickoff, strength
    for side, (kickoff, strength) in sorted(newest.items()):
        as_of = pd.Timestamp(kickoff, unit="s", tz="UTC")
        values = {name: getattr(strength, name) / 100.0 for name in strength.__struct_fields__}
        yield _team_of(part, side) | {"as_of": as_of} | values


def tables(parts: list[SeasonPart], restricted: Restricted) -> pd.DataFrame:
    """The lines of the leagues' tables; none of restricted competitions."""
    return pd.DataFrame([
        msgspec.structs.asdict(line) | _team_of(part, line.team)
        for part in parts
        if part.table is not None and not restricted.has(part.competition)
        for line in part.table.lines
    ])  # fmt: skip


def projections(store: ObjectStore, pointer: Pointer) -> pd.DataFrame:
    """Places and bands of every projected team."""
    key = None if pointer.projections is None else projections_key(pointer.release_id, pointer.projections)
    data = None if key is None else store.read(key)
    if key is None or data is None:
        return pd.DataFrame()
    file = decoded(key, data, ProjectionsFile)
    rows = []
    for part in file.competitions.values():
        said = part.projection
        for line in said.teams:
            common: Mapping[str, Any] = {
                "competition": said.competition,
                "season": said.season,
                "as_of": said.as_of,
                "team_id": line.team.id,
                "team": line.team.name,
                "expected_points": line.expected_points,
            }
            chances = {str(place): chance for place, chance in enumerate(line.places, 1)} | line.bands
            rows += [{**common, "what": what, "probability": chance} for what, chance in chances.items()]
    return pd.DataFrame(rows)


def _team_of(part: SeasonPart, place: int) -> dict[str, Any]:
    team_id, name = part.teams[place]
    return {"competition": part.competition, "season": part.season, "team_id": team_id, "team": name}
