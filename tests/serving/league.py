"""A release that scores: a league that was played, its teams' names, and a model that reads all features."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from soccer_assets.contract.release import CompetitionEntry, Directory, GoldenRow, Prediction, TeamEntry
from soccer_assets.football.features import FEATURE_NAMES, compute_features
from soccer_assets.football.match_table import MatchTable
from soccer_assets.football.ratings.state import TeamState
from soccer_assets.modelling.outcome_model import XGBOOST_ON_LOGIT, OutcomeModel
from tests.serving.builders import NOW, make_prediction, make_release

TEAMS = ("Leeds", "Derby", "Köln", "Brighton & Hove Albion", "Ajax", "Porto", "Hull", "Everton")
COMPETITION = "ENG-2"


CUP = ("INT-CUP", "Cup of Nations", "World")


def directory(names: tuple[str, ...] = TEAMS, cup: tuple[str, str, str] = CUP) -> Directory:
    """Eight teams of the league, two further Everton, a women's side, and two leagues without results."""
    entry = {"sex": "men", "age_group": "senior"}
    teams = [
        TeamEntry(id=f"t{number}", name=name, country="England", **entry) for number, name in enumerate(names)
    ]
    teams[1] = msgspec.structs.replace(teams[1], aliases=("derby county",))
    teams += [
        TeamEntry(id="chile", name="Everton", country="Chile", **entry),
        TeamEntry(id="uruguay", name="Everton", country="Uruguay", **entry),
        TeamEntry(id="women", name="Leeds", country="England", sex="women", age_group="senior"),
    ]
    competitions = [
        CompetitionEntry(code=code, name=name, country=country, tier=tier, **entry)
        for code, name, country, tier in (
            (COMPETITION, "Championship", "England", 2),
            ("ENG-1", "Premier League", "England", 1),
            ("RUS-1", "Premier League", "Russia", 1),
            (*cup, 0),
        )
    ]
    return Directory(teams=tuple(teams), competitions=tuple(competitions), redirects={"t0-old": "t0"})


def team_state(cup: str = CUP[0]) -> TeamState:
    """After 240 matches of the league and 40 of the cup, the last a week before the tests' now."""
    rng = np.random.default_rng(3)
    rows, last = 280, int(NOW.timestamp()) - 7 * 86_400
    home = rng.integers(0, len(TEAMS), rows)
    away = (home + rng.integers(1, len(TEAMS), rows)) % len(TEAMS)
    is_cup = np.arange(rows) % 7 == 0
    table = MatchTable.from_columns(
        match_id=[f"m{number}" for number in range(rows)],
        kickoff=last - 86_400 * np.arange(rows)[::-1],
        is_day_precision=np.zeros(rows, bool),
        competition=np.where(is_cup, cup, COMPETITION),
        season=["2024/2025"] * rows,
        tier=np.where(is_cup, 0, 2),
        home_team=[f"t{number}" for number in home],
        away_team=[f"t{number}" for number in away],
        home_goals=rng.poisson(1.0 + 0.2 * home),
        away_goals=rng.poisson(0.8 + 0.2 * away),
        is_neutral=np.zeros(rows, bool),
        moves_ratings=np.ones(rows, bool),
        trains=np.ones(rows, bool),
    )
    return compute_features(table)[1]


def model(home_lean: float = 0.3) -> OutcomeModel:
    """A logit on all features that leans to the home side."""
    weights = np.zeros((len(FEATURE_NAMES) + 1, 3))
    weights[0] = (home_lean, 0.0, -home_lean)
    weights[1 + FEATURE_NAMES.index("elo_gap")] = (0.4, 0.0, -0.4)
    return OutcomeModel(
        recipe=XGBOOST_ON_LOGIT,
        feature_names=FEATURE_NAMES,
        center=np.zeros(len(FEATURE_NAMES)),
        scale=np.full(len(FEATURE_NAMES), 100.0),
        weights=weights,
    )


def make_scoring_release(store: Path, predictions: Sequence[Prediction] = (), **changes: Any) -> OutcomeModel:
    """Release r1 with one prediction, or those given, and all it takes to score; returns its model."""
    scored = model()
    values = np.zeros((2, len(FEATURE_NAMES)))
    values[1, FEATURE_NAMES.index("elo_gap")] = 80.0
    golden = [
        GoldenRow(features=tuple(row), probabilities=tuple(probabilities))
        for row, probabilities in zip(values.tolist(), scored.predict_proba(values).tolist(), strict=True)
    ]
    make_release(
        store,
        predictions or [make_prediction("m1")],
        model=scored.to_bytes(),
        golden_rows=golden,
        feature_names=FEATURE_NAMES,
        team_state=team_state().to_bytes(),
        directory=msgspec.json.encode(directory()),
        **changes,
    )
    return scored
