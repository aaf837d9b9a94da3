"""A season's part while it is changed: rows put in or removed, forecasts added, then the part made anew.

The same rows and forecasts give the same part, whether they came at once or a run at a time.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from soccer_assets.contract.history_parts import (
    AT_HOME,
    AWAY_IS_HOST,
    HISTORY_SCHEMA_VERSION,
    NEUTRAL,
    HistoryMatch,
    Said,
    SeasonPart,
    SeasonTable,
    SideStrength,
    TableLine,
)
from soccer_assets.football.matches import COUNTED_STATUSES
from soccer_assets.football.projections.season_standings import SeasonMatch, season_standings

# A forecast is kept where a probability moved so far from the last one that is kept.
LEAST_MOVE = 0.005

Strengths = tuple[SideStrength, SideStrength]


class Forecast(NamedTuple):
    """An entry of the ledger: seconds since 1970, the model's SHA-256, probabilities of home and draw."""

    at: int
    model: str
    home: float
    draw: float


class Verdict(NamedTuple):
    """The newest score of a match: ``official`` is the forecast that counts, None where the match is void."""

    verdict: str
    official: Forecast | None


def empty_part(competition: str, season: str, tier: int) -> SeasonPart:
    """A season without matches."""
    return SeasonPart(
        schema_version=HISTORY_SCHEMA_VERSION,
        competition=competition,
        season=season,
        tier=tier,
        teams=(),
        models=(),
        matches=(),
    )


def thinned(said: Sequence[Said], official: Said | None) -> tuple[Said, ...]:
    """The forecasts that moved by `LEAST_MOVE`, the official one and the last one, oldest first.

    Thinning what is thinned already, with later ones behind it, keeps what thinning all would keep.
    """
    kept: list[Said] = []
    last: Said | None = None
    for one in said:
        moved = last is None or any(
            abs(now - before) >= LEAST_MOVE
            for now, before in ((one.home, last.home), (one.draw, last.draw), (one.away, last.away))
        )
        if moved:
            last = one
        if moved or one == official or one is said[-1]:
            kept.append(one)
    return tuple(kept)


class SeasonDraft:
    """The matches of a season by id.

    Args:
        part: as it was.
    """

    def __init__(self, part: SeasonPart) -> None:
        self._part = part
        self._teams = [team for team, _ in part.teams]
        self._names = dict(part.teams)
        self._models = list(part.models)
        self._team_rows = {team: row for row, team in enumerate(self._teams)}
        self._model_rows = {model: row for row, model in enumerate(self._models)}
        self._matches = {one.id: one for one in part.matches}

    def put(self, row: Any, names: dict[str, str], strengths: Strengths | None) -> None:
        """Add or replace a match; its forecasts stay.

        Args:
            row: of the table `match`.
            names: of both sides by id.
            strengths: of both sides before the match, kept once it has a result: until then they change with
                every other result; None keeps those that are known.
        """
        before = self._matches.get(row.match_id)
        # The goals of a match under way, or broken off, are no result.
        has_result = row.status in COUNTED_STATUSES and row.home_goals is not None
        made = HistoryMatch(
            id=row.match_id,
            kickoff=int(row.kickoff.timestamp()),
            precision=row.kickoff_precision,
            round=row.round,
            home=self._team(row.home_team_id, names),
            away=self._team(row.away_team_id, names),
            status=row.status,
            ground=AWAY_IS_HOST if row.away_is_host else (NEUTRAL if row.neutral else AT_HOME),
            goals=_pair(row.home_goals, row.away_goals) if has_result else None,
            half_time=_pair(row.home_goals_half_time, row.away_goals_half_time) if has_result else None,
            decided_by=row.decided_by if has_result else None,
            extra_time=_pair(row.home_goals_et, row.away_goals_et) if has_result else None,
            penalties=_pair(row.home_pens, row.away_pens) if has_result else None,
            is_doubtful=row.quarantine is not None,
            prices=_prices(row),
            strengths=strengths if has_result else None,
        )
        if before is not None:
            made = msgspec.structs.replace(
                made,
                entries=before.entries,
                said=before.said,
                official=before.official,
                verdict=before.verdict,
                strengths=made.strengths or before.strengths,
            )
        self._matches[row.match_id] = made

    def remove(self, match_id: str) -> None:
        """Remove a match, if it is there."""
        self._matches.pop(match_id, None)

    def say(self, match_id: str, forecasts: Iterable[Forecast]) -> None:
        """Add forecasts that were recorded after those that are known."""
        one = self._matches.get(match_id)
        if one is None:
            return
        new = [self._said(forecast) for forecast in forecasts]
        official = one.said[one.official] if one.official is not None else None
        self._keep(one, [*one.said, *new], official, one.entries + len(new))

    def settle(self, match_id: str, verdict: Verdict) -> None:
        """Set the verdict on a match and its official forecast."""
        one = self._matches.get(match_id)
        if one is None:
            return
        one = msgspec.structs.replace(one, verdict=verdict.verdict)
        official = None if verdict.official is None else self._said(verdict.official)
        said = list(one.said)
        if official is not None and official not in said:
            said.insert(sum(other.at <= official.at for other in said), official)
        self._keep(one, said, official, one.entries)

    def part(self, today: dt.date, *, is_simulated: bool) -> SeasonPart | None:
        """The part; None where no match is left."""
        if not self._matches:
            return None
        matches = sorted(self._matches.values(), key=lambda one: (one.kickoff, one.id))
        teams = sorted(
            {self._teams[one.home] for one in matches} | {self._teams[one.away] for one in matches}
        )
        models = sorted({self._models[said.model] for one in matches for said in one.said})
        if teams != self._teams or models != self._models:
            matches = self._renumbered(matches, teams, models)
        names = {team: self._names[team] for team in teams}
        return msgspec.structs.replace(
            self._part,
            teams=tuple(names.items()),
            models=tuple(models),
            matches=tuple(matches),
            table=self._table(matches, names, today, is_simulated=is_simulated) if self._part.tier else None,
        )

    def _table(
        self, matches: Sequence[HistoryMatch], names: dict[str, str], today: dt.date, *, is_simulated: bool
    ) -> SeasonTable:
        teams = list(names)
        rows = [
            SeasonMatch(
                day=dt.datetime.fromtimestamp(one.kickoff, dt.UTC).date(),
                home=teams[one.home],
                away=teams[one.away],
                status=one.status,
                goals=one.goals,
                is_doubtful=one.is_doubtful,
            )
            for one in matches
        ]
        part = self._part
        found = season_standings(
            part.competition, part.season, part.tier, rows, names, today, is_simulated=is_simulated
        )
        row_of = {team: row for row, team in enumerate(teams)}
        return SeasonTable(
            lines=tuple(TableLine(row_of[line.club], *line[1:]) for line in found.lines),
            source=found.source,
            stages=found.stages,
        )

    def _keep(self, one: HistoryMatch, said: list[Said], official: Said | None, entries: int) -> None:
        kept = thinned(said, official)
        place = None if official is None else len(kept) - 1 - kept[::-1].index(official)
        self._matches[one.id] = msgspec.structs.replace(one, said=kept, official=place, entries=entries)

    def _said(self, forecast: Forecast) -> Said:
        row = self._model_rows.get(forecast.model)
        if row is None:
            row = self._model_rows[forecast.model] = len(self._models)
            self._models.append(forecast.model)
        return Said(forecast.at, round(forecast.home, 6), round(forecast.draw, 6), row)

    def _team(self, team: str, names: dict[str, str]) -> int:
        self._names[team] = names[team]
        row = self._team_rows.get(team)
        if row is None:
            row = self._team_rows[team] = len(self._teams)
            self._teams.append(team)
        return row

    def _renumbered(
        self, matches: Sequence[HistoryMatch], teams: Sequence[str], models: Sequence[str]
    ) -> list[HistoryMatch]:
        team_rows = {team: row for row, team in enumerate(teams)}
        model_rows = {model: row for row, model in enumerate(models)}
        return [
            msgspec.structs.replace(
                one,
                home=team_rows[self._teams[one.home]],
                away=team_rows[self._teams[one.away]],
                said=tuple(
                    Said(said.at, said.home, said.draw, model_rows[self._models[said.model]])
                    for said in one.said
                ),
            )
            for one in matches
        ]


def _pair(one: int | None, other: int | None) -> tuple[int, int] | None:
    return None if one is None or other is None else (one, other)


def _prices(row: Any) -> tuple[float, float, float] | None:
    if row.home_price is None or row.draw_price is None or row.away_price is None:
        return None
    return row.home_price, row.draw_price, row.away_price
