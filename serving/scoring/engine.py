"""The scoring engine: names to teams, teams to features, features to probabilities and reasons.

Only the scoring child and the task worker import this module: it loads numpy, and at the first row numba and
xgboost.
"""

import datetime as dt
import functools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving.release.scoring_files import ScoringFiles
from serving.scoring.schemas import (
    Answer,
    FeatureRow,
    MatchState,
    Pairing,
    Row,
    RowProblem,
    ScoredFeatures,
    ScoredPairing,
    parse_kickoff,
)
from soccer_assets.clock import isoformat, parse_instant
from soccer_assets.contract.prediction import Meeting, forecast, probabilities, render
from soccer_assets.contract.release import CompetitionEntry, Directory, Team, TeamEntry
from soccer_assets.football import hypothetical_match as football
from soccer_assets.football.competitions import NATIONAL, Competition, entrant_name, season_of
from soccer_assets.football.features import FEATURE_NAMES
from soccer_assets.football.first_half import USUAL_FIRST_HALF_SHARE
from soccer_assets.football.in_play import Clock, ExtraTimeError, State, clock_at
from soccer_assets.football.knock_out import Tie, p_home_advances
from soccer_assets.football.markets import markets_of
from soccer_assets.football.match_scores import grid_of
from soccer_assets.football.match_table import SECONDS_A_DAY
from soccer_assets.football.name_lookup import Names, UnclearNameError
from soccer_assets.football.neutral_grounds import FLAG, Ground, ground_of, stage_of
from soccer_assets.football.ratings.state import TeamState
from soccer_assets.football.under_way import forecast_under_way
from soccer_assets.football.validity import FURTHEST_AHEAD
from soccer_assets.modelling import neutral_ground
from soccer_assets.modelling.fixtures import forecast_fixtures
from soccer_assets.modelling.information import information_of_row, reads_prices
from soccer_assets.modelling.outcome_model import OutcomeModel

# With fewer results, the estimates of a competition's level, home advantage and teams are mostly the prior.
MIN_RESULTS = 30

_MAX_LISTED_NAMES = 10
# Unclear names of one call for which the nearest ones are looked up: milliseconds each, and 1,000 rows may
# have 3,000 of them.
_MOST_HINTS = 20
# Instead of `FLAG`, which names the feed's.
_STATED = "the request says so"


class _ResolvedPairing(msgspec.Struct, frozen=True):
    """A pairing whose names are resolved."""

    row: Pairing
    meeting: Meeting
    ground: Ground
    first_half_share: float
    clock: Clock | None  # of a match under way
    tie: Tie | None  # of a match that decides who goes on
    pairing: football.Pairing  # with the side first that is at home


class Engine:
    """Scores rows with one release."""

    def __init__(self, files: ScoringFiles) -> None:
        """Load model, team state and names.

        Raises:
            ValueError: a file has an unknown format version.
        """
        self._provenance = files.provenance
        self._information = files.information
        self._model = OutcomeModel.from_bytes(Path(files.model).read_bytes())
        self._state = TeamState.from_bytes(Path(files.team_state).read_bytes())
        directory = msgspec.json.decode(Path(files.directory).read_bytes(), type=Directory)
        self._names = Names(directory)
        self._leagues = {name: row for row, name in enumerate(self._state.competition_names)}

    def answer(
        self, rows: Sequence[Row], predicted_at: str, *, with_reasons: bool, with_markets: bool = False
    ) -> list[Answer]:
        """The JSON body or the problems of each row, in order."""
        answers: list[Answer] = [()] * len(rows)
        now = parse_instant(predicted_at)
        pairings: dict[int, _ResolvedPairing] = {}
        features: dict[int, FeatureRow] = {}
        hints = _MOST_HINTS
        for number, row in enumerate(rows):
            resolved: _ResolvedPairing | FeatureRow | tuple[RowProblem, ...]
            if isinstance(row, Pairing):
                resolved = self._resolve(row, now, with_hint=hints > 0)
                hints -= isinstance(resolved, tuple)
            else:
                resolved = self._validate(row)
            if isinstance(resolved, _ResolvedPairing):
                pairings[number] = resolved
            elif isinstance(resolved, FeatureRow):
                features[number] = resolved
            else:
                answers[number] = resolved
        for scored in (
            self._score_pairings(
                pairings, predicted_at, with_reasons=with_reasons, with_markets=with_markets
            ),
            self._score_features(features, predicted_at),
        ):
            for number, body in scored.items():
                answers[number] = body
        return answers

    def _resolve(
        self, row: Pairing, now: dt.datetime, *, with_hint: bool
    ) -> _ResolvedPairing | tuple[RowProblem, ...]:
        try:
            competition = self._names.competition(row.competition, with_hint=with_hint)
        except UnclearNameError as error:
            return (RowProblem("competition", str(error)),)
        problems, teams = [], []
        for field, text in (("home_team", row.home_team), ("away_team", row.away_team)):
            try:
                teams.append(self._names.team(text, competition, with_hint=with_hint))
            except UnclearNameError as error:
                problems.append(RowProblem(field, str(error)))
        try:
            kickoff, is_day = parse_kickoff(row.kickoff)
        except (ValueError, OverflowError):
            problems.append(
                RowProblem(
                    "kickoff",
                    f"{row.kickoff!r} is not an instant; use the format 2026-12-05T15:00:00Z or 2026-12-05",
                )
            )
        if problems:
            return tuple(problems)
        if teams[0].id == teams[1].id:
            return (RowProblem("away_team", f"{teams[0].name} cannot play itself; name two teams"),)
        seconds = int(kickoff.timestamp())
        fault = self._kickoff_fault(seconds, now)
        share = competition.first_half_share or USUAL_FIRST_HALF_SHARE
        clock, tie = _clock(row.state, share), _tie(row, is_cup=competition.tier == 0)
        problem = RowProblem("kickoff", fault) if fault else self._unmodelled(competition.code)
        if problem is not None or isinstance(clock, RowProblem) or isinstance(tie, RowProblem):
            return tuple(each for each in (problem, clock, tie) if isinstance(each, RowProblem))
        place = self._place(competition)
        ground = _ground(row, place, kickoff.date(), teams)
        first, second = reversed(teams) if ground.away_is_host else teams
        pairing = football.Pairing(
            home_team=first.id,
            away_team=second.id,
            kickoff=seconds,
            competition=competition.code,
            season=self._season(place, kickoff.date()),
            tier=competition.tier,
            is_neutral=ground.is_neutral,
            is_international=competition.squad == NATIONAL,
            is_day_precision=is_day,
        )
        meeting = Meeting(
            competition=pairing.competition,
            season=pairing.season,
            home_team=Team(teams[0].id, teams[0].name),
            away_team=Team(teams[1].id, teams[1].name),
            kickoff=isoformat(kickoff),
            kickoff_precision="day" if is_day else "minute",
            neutral=ground.is_neutral,
            away_is_host=ground.away_is_host,
        )
        return _ResolvedPairing(row, meeting, ground, share, clock, tie, pairing)

    def _unmodelled(self, code: str) -> RowProblem | None:
        """Why a competition is not scored; None where it is."""
        known = self._leagues.get(code)
        results = 0 if known is None else int(self._state.leagues["matches"][known])
        if results >= MIN_RESULTS:
            return None
        message = f"{code} is not modelled: {results} results are known, {MIN_RESULTS} are needed"
        return RowProblem("competition", message)

    def _kickoff_fault(self, seconds: int, now: dt.datetime) -> str:
        """Why a match then is not scored; empty where it is."""
        if self._state.as_of is not None and seconds < self._state.as_of - SECONDS_A_DAY:
            return "is before the newest known result; use a future kickoff"
        if seconds > (now + FURTHEST_AHEAD).timestamp():
            return f"lies more than {FURTHEST_AHEAD.days // 365} years ahead; use an earlier kickoff"
        return ""

    def _place(self, competition: CompetitionEntry) -> Competition:
        """The competition as `football` knows it, with seasons in the format of its results."""
        return Competition(
            code=competition.code,
            name=competition.name,
            country=competition.country,
            tier=competition.tier,
            time_zone="UTC",
            calendar="year" if self._newest_season(competition.code).isdigit() else "autumn",
            squad="national" if competition.squad == NATIONAL else "first",
        )

    def _season(self, place: Competition, day: dt.date) -> str:
        """The season of a day; it lasts at least until its newest result: Brazil's 2020 ran to 2021."""
        return max(season_of(place, day), self._newest_season(place.code))

    def _newest_season(self, code: str) -> str:
        number = int(self._state.leagues["season"][self._leagues[code]])
        return self._state.season_names[number] if number >= 0 else ""

    def _validate(self, row: FeatureRow) -> FeatureRow | tuple[RowProblem, ...]:
        expected, given = set(self._model.feature_names), row.features.keys()
        problems = [
            RowProblem("features", f"{what}: {', '.join(sorted(names)[:_MAX_LISTED_NAMES])}")
            for what, names in (("missing", expected - given), ("unknown", given - expected))
            if names
        ]
        problems += [
            RowProblem(f"features.{name}", "must be a finite number")
            for name, value in sorted(row.features.items())
            if name in expected and (value is None or not math.isfinite(value))
        ][:_MAX_LISTED_NAMES]
        return tuple(problems) or row

    def _score_pairings(
        self,
        pairings: dict[int, _ResolvedPairing],
        predicted_at: str,
        *,
        with_reasons: bool,
        with_markets: bool,
    ) -> dict[int, bytes]:
        if not pairings:
            return {}
        pairs = [resolved.pairing for resolved in pairings.values()]
        forecasts = forecast_fixtures(
            self._model,
            football.pairing_features(self._state, pairs),
            FEATURE_NAMES,
            np.array([pair.is_neutral for pair in pairs]),
            with_reasons=with_reasons,
            is_turned=np.array([resolved.ground.away_is_host for resolved in pairings.values()]),
            first_half_shares=[resolved.first_half_share for resolved in pairings.values()],
        )
        return {
            number: self._pairing_answer(resolved, scored, predicted_at, with_markets=with_markets)
            for (number, resolved), *scored in zip(
                pairings.items(),
                forecasts.probabilities.tolist(),
                forecasts.goals,
                forecasts.reasons,
                forecasts.reads_prices.tolist(),
                strict=True,
            )
        }

    def _pairing_answer(
        self, resolved: _ResolvedPairing, scored: Sequence[Any], predicted_at: str, *, with_markets: bool
    ) -> bytes:
        """The body of a pairing, from its forecast before kickoff and whether prices were read."""
        chances, goals, reasons, has_price = scored
        rest, markets, advance = None, None, None
        if resolved.clock is not None and resolved.row.state is not None:
            under_way = forecast_under_way(
                goals.goal_model, chances, _state(resolved.row.state), resolved.clock
            )
            if resolved.tie is not None:
                so_far = (resolved.row.state.home_goals, resolved.row.state.away_goals)
                advance = p_home_advances(under_way.grid, goals.goal_model, resolved.tie, so_far)
            chances, goals, rest, reasons = under_way.probabilities, under_way.goals, under_way.rest, ()
            markets = under_way.markets if with_markets else None
        else:
            markets = markets_of(goals.goal_model, chances) if with_markets else None
            if resolved.tie is not None:
                grid = grid_of(goals.goal_model, chances)
                advance = p_home_advances(grid, goals.goal_model, resolved.tie)
        return msgspec.json.encode(
            render(
                ScoredPairing,
                self._provenance,
                resolved.meeting,
                forecast(chances, goals, reasons, advance),
                ground_rule=resolved.ground.rule,
                leg=resolved.row.leg,
                information=information_of_row(self._information, has_price=has_price),
                state=resolved.row.state,
                rest_goals=rest,
                markets=markets,
                predicted_at=predicted_at,
            )
        )

    def _score_features(self, rows: dict[int, FeatureRow], predicted_at: str) -> dict[int, bytes]:
        if not rows:
            return {}
        names = self._model.feature_names
        values: NDArray[np.float64] = np.array(
            [[row.features[name] for name in names] for row in rows.values()], np.float64
        )
        # The textbook model has no feature for neutral ground; then no row is treated as neutral.
        column = names.index("is_neutral") if "is_neutral" in names else None
        is_neutral = np.zeros(len(values), np.bool_) if column is None else values[:, column] == 1.0
        return {
            number: msgspec.json.encode(
                render(
                    ScoredFeatures,
                    self._provenance,
                    probabilities(*row_probabilities),
                    match_id=row.match_id,
                    information=information_of_row(self._information, has_price=has_price),
                    predicted_at=predicted_at,
                )
            )
            for (number, row), row_probabilities, has_price in zip(
                rows.items(),
                neutral_ground.forecast(self._model, values, is_neutral).tolist(),
                reads_prices(names, values).tolist(),
                strict=True,
            )
        }

    def warm_up(self) -> None:
        """Score one pairing with reasons: compiles and loads what the first request would wait for."""
        teams = self._state.team_names[:2]
        if len(teams) < 2 or not self._state.competition_names:  # noqa: PLR2004 - two sides
            return
        pairing = football.Pairing(
            home_team=teams[0],
            away_team=teams[1],
            kickoff=(self._state.as_of or 0) + SECONDS_A_DAY,
            competition=self._state.competition_names[0],
            season=self._state.season_names[-1] if self._state.season_names else "",
            tier=1,
            is_neutral=True,
        )
        values = football.pairing_features(self._state, [pairing])
        forecast_fixtures(self._model, values, FEATURE_NAMES, np.ones(1, np.bool_), with_reasons=True)


def _ground(row: Pairing, place: Competition, day: dt.date, teams: Sequence[TeamEntry]) -> Ground:
    """Which side of a pairing is at home: as the request says, otherwise by the rules that batches follow."""
    home, away = (entrant_name(team.name, team.country, place) for team in teams)
    titles = () if row.stage is None else (row.stage if row.leg is None else f"{row.stage}, leg {row.leg}",)
    ground = ground_of(place, day, home, away, stage=stage_of(*titles), flag=row.neutral)
    return Ground(is_neutral=True, rule=_STATED) if ground.rule == FLAG else ground


def _clock(state: MatchState | None, first_half_share: float) -> Clock | RowProblem | None:
    """How much of a match has been played; None before kickoff."""
    if state is None:
        return None
    try:
        return clock_at(state.minute, first_half_share)
    except ValueError as error:
        return RowProblem("state.minute", str(error), is_extra_time=isinstance(error, ExtraTimeError))


def _tie(row: Pairing, *, is_cup: bool) -> Tie | RowProblem | None:
    """What decides beside the match who goes on; None where nothing says that it decides."""
    is_second = row.leg == 2 or row.first_leg is not None  # noqa: PLR2004  of two legs
    if row.knock_out and (row.leg is not None or is_second):
        return RowProblem("knock_out", "a match of two legs does not decide alone; leave `knock_out` out")
    if row.leg == 1 and row.first_leg is not None:
        return RowProblem("first_leg", "the match is leg 1 itself; leave `first_leg` out, or ask for leg 2")
    if row.leg == 1:
        return Tie(is_first_leg=True, counts_away_goals=row.away_goals)
    if row.first_leg is not None:
        goals = (row.first_leg.home_team, row.first_leg.away_team)
        return Tie(first_leg=goals, counts_away_goals=row.away_goals)
    if is_second:
        return None
    is_final = is_cup and row.stage is not None and stage_of(row.stage) == "final"
    return Tie() if row.knock_out or (is_final and row.knock_out is None) else None


def _state(state: MatchState) -> State:
    return State(
        home_goals=state.home_goals,
        away_goals=state.away_goals,
        home_reds=state.home_reds,
        away_reds=state.away_reds,
    )


@functools.lru_cache(maxsize=2)  # the release that answers, and the next one while it is checked
def engine(files: ScoringFiles) -> Engine:
    """The engine of a release, loaded once."""
    return Engine(files)


class _Outcome(msgspec.Struct):
    p_home: float
    p_draw: float
    p_away: float
    predicted_label: str


def top_outcomes(answers: Sequence[Answer]) -> list[tuple[str, float]]:
    """The likeliest outcome of each scored row, and its probability."""
    outcomes = [msgspec.json.decode(body, type=_Outcome) for body in answers if isinstance(body, bytes)]
    return [(scored.predicted_label, max(scored.p_home, scored.p_draw, scored.p_away)) for scored in outcomes]
