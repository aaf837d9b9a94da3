"""Synthetic releases of any size, for benchmarks and trials of the sidecar.

The simulated feed plays a season; features, ratings, model, goals and reasons come from the graph's own code,
so that team state, golden rows and bodies have the form of a real release. Every pairing of the leagues is
forecast once, and the matches repeat these forecasts in turn.
"""

import datetime as dt
from collections.abc import Collection, Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.clock import isoformat
from soccer_assets.contract.prediction import Meeting, Provenance, forecast, render
from soccer_assets.contract.release import (
    CHAMPION,
    MODEL_NAME,
    OUTCOMES,
    SCHEMA_VERSION,
    CompetitionEntry,
    Directory,
    ModelCard,
    Prediction,
    Result,
    Team,
    TeamEntry,
)
from soccer_assets.contract.status import Status
from soccer_assets.feeds.providers.simulated.season import play_season
from soccer_assets.feeds.providers.simulated.world import clubs_of, competition_of, league_of
from soccer_assets.football.features import FEATURE_NAMES, compute_features
from soccer_assets.football.identity import mint_match_id, mint_team_id
from soccer_assets.football.match_table import UNKNOWN_GOALS, MatchTable
from soccer_assets.modelling.dataset import Split, outcomes
from soccer_assets.modelling.fixtures import forecast_fixtures
from soccer_assets.modelling.information import columns_read
from soccer_assets.modelling.outcome_model import OutcomeModel
from soccer_assets.modelling.training import fit_candidate
from soccer_assets.stores.releases.draft import GOLDEN_ROWS, golden_rows
from soccer_assets.stores.releases.publish import Draft, Published, ReleaseRow, Releases

FEED = "synthetic"
LEAGUES = 10
WORLD = 20  # its seed
# As in a real release: matches of the last 90 days, and those of the next 15.
PLAYED = dt.timedelta(days=90)
AHEAD = dt.timedelta(days=15)
_CALIBRATION_SHARE = 0.3

Floats = NDArray[np.float64]


def publish(releases: Releases, count: int, now: dt.datetime, version: int = 1) -> Published:
    """Publish a release of ``count`` predictions as the graph does: files, status, pointer, event.

    Another ``version`` gives another release of the same matches. Bodies are generated lazily: memory holds
    one season and ``count`` ids.
    """
    matches, directory = _season(now)
    features, state = compute_features(matches)
    played = matches.moves_ratings
    model = _fit(features.values[played], outcomes(matches.take(played)), version)
    columns = [FEATURE_NAMES.index(name) for name in model.feature_names]
    golden = features.values[played][-GOLDEN_ROWS:, columns]
    teams = {team.id: Team(team.id, team.name) for team in directory.teams}
    pairings = _forecasts(matches.take(~played), teams, features.values[~played], model, version, now)
    draft = Draft(
        feed=FEED,
        is_simulated=True,
        data_as_of=isoformat(now),
        snapshot_id=f"{FEED}-{version}",
        models={CHAMPION: _card(model, version, int(played.sum()), now)},
        feature_names=model.feature_names,
        golden_rows=golden_rows(model, golden),
        ledger_head=None,
        directory=directory,
        rows=_Rows(count, pairings, now),
    )
    status = Status(
        schema_version=SCHEMA_VERSION,
        feed=FEED,
        checked_at=isoformat(now),
        data_as_of=isoformat(now),
        next_expected_at=None,
    )
    releases.write_status(lambda: status, now)
    return releases.publish(draft, model.to_bytes(), state.to_bytes(), now)


class _Rows(Collection[ReleaseRow]):
    """The rows ordered by match id, generated at each iteration."""

    def __init__(self, count: int, pairings: list[Prediction], now: dt.datetime) -> None:
        self._ids = sorted((mint_match_id(FEED, str(number)), number) for number in range(count))
        self._pairings = pairings
        self._now = now

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, row: object) -> bool:
        return any(row == other for other in self)

    def __iter__(self) -> Iterator[ReleaseRow]:
        first, last = self._now - PLAYED, self._now + AHEAD
        minutes = int((last - first).total_seconds()) // 60
        kickoffs = [isoformat(first + dt.timedelta(minutes=minute)) for minute in range(minutes)]
        now = isoformat(self._now)
        for match_id, number in self._ids:
            pairing = self._pairings[number % len(self._pairings)]
            kickoff = kickoffs[number * minutes // len(self._ids)]
            is_upcoming = kickoff > now
            played = {} if is_upcoming else {"status": "finished", "result": _result(pairing)}
            yield ReleaseRow(
                prediction=msgspec.structs.replace(pairing, match_id=match_id, kickoff=kickoff, **played),
                source_match_id=str(number),
                is_upcoming=is_upcoming,
            )


def _result(prediction: Prediction) -> Result:
    """The likeliest score as the result."""
    score = prediction.likely_scores[0]
    outcome = OUTCOMES[1 - int(np.sign(score.home - score.away))]
    return Result(home_goals=score.home, away_goals=score.away, outcome=outcome)


def _season(now: dt.datetime) -> tuple[MatchTable, Directory]:
    """A played season, the same pairings as fixtures of tomorrow, and the directory of their teams."""
    tables, competitions, teams = [], list[CompetitionEntry](), dict[str, TeamEntry]()
    tomorrow = int((now + dt.timedelta(days=1)).timestamp())
    for number in range(1, LEAGUES + 1):
        league = league_of(WORLD, number)
        competition, season = competition_of(league), play_season(WORLD, league, now.year - 2)
        country, sex, age_group = competition.country, competition.sex, competition.age_group
        competitions.append(
            CompetitionEntry(
                code=league.code,
                name=competition.name,
                tier=league.tier,
                country=country,
                sex=sex,
                age_group=age_group,
            )
        )
        clubs = [
            TeamEntry(
                id=mint_team_id(country, sex, age_group, name),
                name=name,
                country=country,
                sex=sex,
                age_group=age_group,
            )
            for name in clubs_of(WORLD, league.country).names
        ]
        teams |= {club.id: club for club in clubs}
        count = len(season.home)
        for is_played in (True, False):
            goals = season.goals if is_played else np.full_like(season.goals, UNKNOWN_GOALS)
            table = MatchTable.from_columns(
                match_id=[f"{league.code}|{row}|{is_played}" for row in range(count)],
                kickoff=season.kickoff if is_played else np.full(count, tomorrow),
                is_day_precision=np.zeros(count, np.bool_),
                competition=[league.code] * count,
                season=[season.label if is_played else f"{now.year}/{now.year + 1}"] * count,
                tier=[league.tier] * count,
                home_team=[clubs[club].id for club in season.home.tolist()],
                away_team=[clubs[club].id for club in season.away.tolist()],
                home_goals=goals[:, 0],
                away_goals=goals[:, 1],
                is_neutral=np.zeros(count, np.bool_),
                moves_ratings=np.full(count, is_played),
                trains=np.full(count, is_played),
            )
            tables.append(table)
    directory = Directory(
        teams=tuple(teams[club] for club in sorted(teams)),
        competitions=tuple(sorted(competitions, key=lambda entry: entry.code)),
    )
    return MatchTable.concat(tables), directory


def _fit(values: Floats, happened: NDArray[np.int8], seed: int) -> OutcomeModel:
    """A candidate of the graph's recipe."""
    calibration = np.arange(len(values)) >= (1.0 - _CALIBRATION_SHARE) * len(values)
    split = Split(train=~calibration, calibration=calibration, test=np.zeros_like(calibration))
    read = columns_read(values, FEATURE_NAMES)
    columns = [FEATURE_NAMES.index(name) for name in read]
    return fit_candidate(values[:, columns], happened, split, read, seed=seed)


def _forecasts(
    ahead: MatchTable,
    teams: dict[str, Team],
    values: Floats,
    model: OutcomeModel,
    version: int,
    now: dt.datetime,
) -> list[Prediction]:
    """The forecast of every pairing, as a body without its own match id and kickoff."""
    forecasts = forecast_fixtures(
        model, values, FEATURE_NAMES, np.zeros(len(values), np.bool_), with_reasons=True
    )
    provenance = Provenance(
        model=CHAMPION,
        model_version=str(version),
        model_run_id=f"{FEED}-{version}",
        release_id="",
        feed=FEED,
    )
    return [
        render(
            Prediction,
            Meeting(
                competition=ahead.competition[row],
                season=ahead.season[row],
                home_team=teams[ahead.home_team[row]],
                away_team=teams[ahead.away_team[row]],
                kickoff="",
                kickoff_precision="minute",
                neutral=False,
            ),
            forecast(probabilities, forecasts.goals[row], forecasts.reasons[row]),
            provenance,
            match_id="",
            round=None,
            status="scheduled",
            predicted_at=isoformat(now),
        )
        for row, probabilities in enumerate(forecasts.probabilities.tolist())
    ]


def _card(model: OutcomeModel, version: int, trained_rows: int, now: dt.datetime) -> ModelCard:
    return ModelCard(
        name=MODEL_NAME,
        version=str(version),
        run_id=f"{FEED}-{version}",
        alias=CHAMPION,
        recipe=model.recipe,
        content_sha256=model.sha256,
        trained_at=isoformat(now),
        train_end=isoformat(now),
        trained_rows=trained_rows,
        scorecard={},
    )
