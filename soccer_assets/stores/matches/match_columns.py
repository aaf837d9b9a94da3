"""The columns of `match` that records give.

Not here: their teams (``named_teams.py``), and the marks that other matches give (``quarantine.py``,
``filled_matchdays.py``).
"""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from soccer_assets.football.competitions import Competition
from soccer_assets.football.matches import MatchStatus
from soccer_assets.football.records import MatchStats, RawMatch
from soccer_assets.football.validity import contradiction
from soccer_assets.stores.matches.grounds import PLAYED_AT_HOME, ground_columns
from soccer_assets.stores.matches.match_batch import MatchBatch
from soccer_assets.tables import match

# A column of `match` with the name of a field of the record, or of its competition, holds that field.
FROM_RECORD = tuple(column.name for column in match.columns if column.name in RawMatch.__struct_fields__)
FROM_COMPETITION = tuple(
    column.name
    for column in match.columns
    if column.name in Competition.__struct_fields__ and column.name not in FROM_RECORD
)
# Of parts that a record may lack: the columns that hold their fields.
_PARTS = {
    "stats": {name: name for name in MatchStats.__struct_fields__},
    "odds": {"price_kind": "kind", "home_price": "home", "draw_price": "draw", "away_price": "away"},
    "goal_odds": {
        "goal_price_kind": "kind",
        "over_price": "over",
        "under_price": "under",
        "handicap": "handicap",
        "home_handicap_price": "home",
        "away_handicap_price": "away",
    },
    "after_90": {
        "home_goals_et": "home_goals",
        "away_goals_et": "away_goals",
        "home_pens": "home_penalties",
        "away_pens": "away_penalties",
    },
}
PRICE_COLUMNS, GOAL_PRICE_COLUMNS = tuple(_PARTS["odds"]), tuple(_PARTS["goal_odds"])
# A look-up of an enum's member is one of Python's slower operations.
_FINISHED, _AWARDED = MatchStatus.FINISHED, MatchStatus.AWARDED


def match_batch(
    records: Sequence[RawMatch],
    match_ids: Sequence[str],
    competitions: Mapping[str, Competition],
    teams: Sequence[tuple[str, str]],
) -> MatchBatch:
    """The rows of `match`, but for version and quarantine by other rows.

    Args:
        records: with the awarded results; the last one of a match counts.
        match_ids: of each record.
        competitions: of these records, by code.
        teams: ids of home and away of each record.
    """
    last = dict(zip(match_ids, zip(records, teams, strict=True), strict=True))
    if len(last) < len(records):
        match_ids, records = list(last), [record for record, _ in last.values()]
        teams = [sides for _, sides in last.values()]
    columns: dict[str, list[Any]] = {"match_id": list(match_ids)}
    columns.update((name, list(map(attrgetter(name), records))) for name in FROM_RECORD)
    columns["decided_by"] = list(map(_decided_by, records))
    for name in ("status", "kickoff_precision"):
        columns[name] = list(map(str.__str__, columns[name]))
    for name in FROM_COMPETITION:
        of_competition = {code: getattr(competitions[code], name) for code in set(columns["competition"])}
        columns[name] = list(map(of_competition.__getitem__, columns["competition"]))
    columns["home_team_id"], columns["away_team_id"] = ([pair[side] for pair in teams] for side in (0, 1))
    columns["quarantine"] = list(map(_contradiction, records))
    for field, names in _PARTS.items():
        parts = [part or None for part in map(attrgetter(field), records)]
        if any(parts):
            for name, of_part in names.items():
                read = attrgetter(of_part)
                columns[name] = [None if part is None else read(part) for part in parts]
    batch = MatchBatch(columns)
    _put_grounds(batch, records, competitions)
    return batch


def _put_grounds(
    batch: MatchBatch, records: Sequence[RawMatch], competitions: Mapping[str, Competition]
) -> None:
    """The columns that say where matches are played."""
    for name, value in PLAYED_AT_HOME.items():
        batch.columns[name] = [value] * len(records)
    for place, record in enumerate(records):
        if (found := ground_columns(record, competitions[record.competition])) is not PLAYED_AT_HOME:
            for name, value in found.items():
                batch.columns[name][place] = value


def _decided_by(record: RawMatch) -> str | None:
    """How the match was decided; ``unknown`` where it is over and the feed does not tell its 90 minutes.

    A match with extra time is not taken for a draw after 90 minutes: two legs go there on aggregate.
    """
    if after := record.after_90:
        return after.decided_by
    if record.status is not _FINISHED:
        return "awarded" if record.status is _AWARDED else None
    return "unknown" if record.home_goals is None or record.away_goals is None else "regular"


def _contradiction(record: RawMatch) -> str | None:
    """The mark of a match that is reported with several scores; None of any other."""
    if record.other_scores is msgspec.UNSET or record.home_goals is None or record.away_goals is None:
        return None
    return contradiction([(record.home_goals, record.away_goals), *record.other_scores])
