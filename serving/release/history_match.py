"""A stored row of the history as a page shows it: numbers become instants, teams and goals."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from serving.release.history_rows import PastForecast, PastMatch, PastStrength, StandingRow
from serving.release.history_tables import PartFacts
from soccer_assets.contract.history_parts import (
    AWAY_IS_HOST,
    NEUTRAL,
    HistoryMatch,
    SeasonTable,
    SideStrength,
)
from soccer_assets.contract.release import Team

_GOALS_A_UNIT = 0.01


class MatchRow(NamedTuple):
    """A row of the table `match` with what it refers to."""

    id: int
    kickoff: int
    log_loss: float | None
    row: bytes
    part: int
    competition: str
    season: str
    home_id: str
    home_name: str
    away_id: str
    away_name: str
    facts: bytes


def past_match(stored: MatchRow, known: dict[int, PartFacts]) -> PastMatch:
    """The match of a row.

    Args:
        stored: the row.
        known: decoded facts by part, added to.
    """
    one = msgspec.json.decode(stored.row, type=HistoryMatch)
    return PastMatch(
        id=one.id,
        competition=stored.competition,
        season=stored.season,
        round=one.round,
        kickoff=dt.datetime.fromtimestamp(one.kickoff, dt.UTC),
        precision=one.precision,
        home=Team(stored.home_id, stored.home_name),
        away=Team(stored.away_id, stored.away_name),
        status=one.status,
        neutral=one.ground == NEUTRAL,
        away_is_host=one.ground == AWAY_IS_HOST,
        goals=one.goals,
        half_time=one.half_time,
        decided_by=one.decided_by,
        extra_time=one.extra_time,
        penalties=one.penalties,
        is_doubtful=one.is_doubtful,
        prices=one.prices,
        forecast=_forecast(one, stored, known),
        verdict=one.verdict,
        entries=one.entries,
        strengths=None
        if one.strengths is None
        else (strength_of(one.strengths[0]), strength_of(one.strengths[1])),
    )


def strength_of(stored: SideStrength) -> PastStrength:
    """A strength in goals."""
    return PastStrength(
        stored.attack * _GOALS_A_UNIT,
        stored.defence * _GOALS_A_UNIT,
        stored.attack_sd * _GOALS_A_UNIT,
        stored.defence_sd * _GOALS_A_UNIT,
    )


def standing_rows(table: SeasonTable, teams: Sequence[Team]) -> tuple[StandingRow, ...]:
    """The lines of a table; ``teams`` in their order."""
    return tuple(
        StandingRow(
            team=team,
            place=line.place,
            played=line.played,
            wins=line.wins,
            draws=line.draws,
            losses=line.losses,
            goals=line.goals,
            goals_against=line.goals_against,
            points=line.points,
            points_off=line.points_off,
            is_drawn=line.is_drawn,
        )
        for line, team in zip(table.lines, teams, strict=True)
    )


def _forecast(one: HistoryMatch, stored: MatchRow, known: dict[int, PartFacts]) -> PastForecast | None:
    """The official forecast; the last one of a match without a verdict."""
    if not one.said or (one.official is None and one.verdict is not None):
        return None
    facts = known.get(stored.part)
    if facts is None:
        facts = known[stored.part] = msgspec.json.decode(stored.facts, type=PartFacts)
    said = one.said[-1 if one.official is None else one.official]
    return PastForecast(
        at=dt.datetime.fromtimestamp(said.at, dt.UTC),
        home=said.home,
        draw=said.draw,
        away=said.away,
        model=facts.models[said.model],
        log_loss=stored.log_loss,
    )
