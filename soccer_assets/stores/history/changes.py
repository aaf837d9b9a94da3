"""Reads what the history is made of: all of a competition, or what changed since the last index.

Changes are found by the change numbers of the match table and the sequence of the ledger, never by a scan.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from soccer_assets.modelling.ledger_rules import SCORED
from soccer_assets.resources.bulk_rows import IDS_PER_QUERY, batches, in_list
from soccer_assets.resources.watermarks import read_watermark
from soccer_assets.stores.history.season_draft import Forecast, Verdict
from soccer_assets.stores.ledger.record import SCORED_SO_FAR
from soccer_assets.stores.ledger.scores import is_newest_score
from soccer_assets.tables import ledger_entry, ledger_score, match, match_history, team

Season = tuple[str, str]

_COLUMNS = (
    *("match_id", "competition", "season", "tier", "kickoff", "kickoff_precision", "round", "status"),
    *("home_team_id", "away_team_id", "home_goals", "away_goals", "neutral", "away_is_host", "quarantine"),
    *("home_goals_half_time", "away_goals_half_time", "decided_by", "home_goals_et", "away_goals_et"),
    *("home_pens", "away_pens", "home_price", "draw_price", "away_price"),
)
_MATCH = sa.select(*(match.c[name] for name in _COLUMNS))


class Position(NamedTuple):
    """How far the match table and the ledger were read."""

    change_no: int
    sequence: int


class SeasonChanges(NamedTuple):
    """What is new of a season.

    Attributes:
        rows: of the table `match`.
        gone: matches that are no longer of this season, or no match at all.
        forecasts: by match id, in the order of the ledger.
        verdicts: by match id.
    """

    rows: list[Any]
    gone: set[str]
    forecasts: dict[str, list[Forecast]]
    verdicts: dict[str, Verdict]


def read_position(connection: sa.Connection) -> Position:
    """Up to where a reader of this state has read.

    What the ledger has not scored yet is read again.
    """
    change_no = min(read_watermark(connection, "change_no"), read_watermark(connection, SCORED_SO_FAR))
    newest = connection.execute(sa.select(sa.func.max(ledger_entry.c.sequence))).scalar()
    return Position(change_no, int(newest or 0))


def changes_since(connection: sa.Connection, since: Position) -> dict[Season, SeasonChanges]:
    """What changed after a position, by season."""
    rows = connection.execute(_MATCH.where(match.c.change_no > since.change_no)).all()
    now_of = {row.match_id: (row.competition, row.season) for row in rows}
    found = defaultdict[Season, SeasonChanges](no_changes)
    for row in rows:
        found[now_of[row.match_id]].rows.append(row)
    replaced = sa.select(match_history.c.match_id, match_history.c.competition, match_history.c.season)
    replaced = replaced.where(match_history.c.replaced_by_change_no > since.change_no)
    for row in connection.execute(replaced):
        season = (row.competition, row.season)
        if now_of.get(row.match_id) != season:
            found[season].gone.add(row.match_id)
    said = (
        sa.select(ledger_entry, match.c.season, match.c.competition.label("of"))
        .join(match, match.c.match_id == ledger_entry.c.match_id)
        .where(ledger_entry.c.sequence > since.sequence)
        .order_by(ledger_entry.c.sequence)
    )
    for row in connection.execute(said):
        found[row.of, row.season].forecasts.setdefault(row.match_id, []).append(_forecast(row))
    for match_id, verdict in _verdicts(connection, list(now_of)):
        found[now_of[match_id]].verdicts[match_id] = verdict
    return dict(found)


def all_of(connection: sa.Connection, code: str) -> dict[Season, SeasonChanges]:
    """Every season of a competition."""
    found = defaultdict[Season, SeasonChanges](no_changes)
    season_of: dict[str, Season] = {}
    for row in connection.execute(_MATCH.where(match.c.competition == code)):
        season_of[row.match_id] = (row.competition, row.season)
        found[row.competition, row.season].rows.append(row)
    for match_id, forecasts in forecasts_of(connection, list(season_of)).items():
        found[season_of[match_id]].forecasts[match_id] = forecasts
    said = [match_id for season in found.values() for match_id in season.forecasts]
    for match_id, verdict in _verdicts(connection, said):
        found[season_of[match_id]].verdicts[match_id] = verdict
    return dict(found)


def competitions_with_matches(connection: sa.Connection) -> Iterator[str]:
    """Codes in order, one look-up in the index each."""
    code: str | None = ""
    while True:
        following = sa.select(sa.func.min(match.c.competition)).where(match.c.competition > code)
        code = connection.execute(following).scalar()
        if code is None:
            return
        yield code


def forecasts_of(connection: sa.Connection, match_ids: Sequence[str]) -> dict[str, list[Forecast]]:
    """Every forecast of these matches by match id, in the order of the ledger."""
    found: dict[str, list[Forecast]] = {}
    for ids in batches(match_ids, IDS_PER_QUERY):
        said = sa.select(ledger_entry).where(in_list(connection, ledger_entry.c.match_id, ids))
        for row in connection.execute(said.order_by(ledger_entry.c.sequence)):
            found.setdefault(row.match_id, []).append(_forecast(row))
    return found


def team_names(connection: sa.Connection, rows: Sequence[Any]) -> dict[str, str]:
    """Name by id of both sides of the rows."""
    ids = {row.home_team_id for row in rows} | {row.away_team_id for row in rows}
    found: dict[str, str] = {}
    for some in batches(sorted(ids), IDS_PER_QUERY):
        query = sa.select(team.c.team_id, team.c.name).where(in_list(connection, team.c.team_id, some))
        found |= {row.team_id: row.name for row in connection.execute(query)}
    return found


def no_changes() -> SeasonChanges:
    """Of a season that is only read again."""
    return SeasonChanges([], set(), {}, {})


def _forecast(row: Any) -> Forecast:
    return Forecast(int(row.recorded_at.timestamp()), row.model_sha256, row.p_home, row.p_draw)


def _verdicts(connection: sa.Connection, match_ids: Sequence[str]) -> Iterator[tuple[str, Verdict]]:
    """The newest score of each match that has one, with the forecast that counts."""
    for ids in batches(match_ids, IDS_PER_QUERY):
        query = (
            sa.select(
                ledger_score.c.match_id,
                ledger_score.c.verdict,
                ledger_entry.c.recorded_at,
                ledger_entry.c.model_sha256,
                ledger_entry.c.p_home,
                ledger_entry.c.p_draw,
            )
            .join(ledger_entry, ledger_entry.c.sequence == ledger_score.c.sequence, isouter=True)
            .where(in_list(connection, ledger_score.c.match_id, ids), is_newest_score())
        )
        for row in connection.execute(query):
            counts = row.verdict == SCORED and row.recorded_at is not None
            yield row.match_id, Verdict(row.verdict, _forecast(row) if counts else None)
