"""Small match tables for tests."""

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np

from soccer_assets.football.match_table import MatchTable


def epoch(text: str) -> int:
    """Epoch seconds of an ISO 8601 time in UTC."""
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp())


def match(
    match_id: str, kickoff: str | int, home_team: str, away_team: str, score: str = "", **columns: Any
) -> dict[str, Any]:
    """One match; ``score`` such as ``2-1``, empty for a fixture."""
    goals = [int(part) for part in score.split("-")] if score else [-1, -1]
    return {
        "match_id": match_id,
        "kickoff": epoch(kickoff) if isinstance(kickoff, str) else kickoff,
        "is_day_precision": False,
        "competition": "TST-1",
        "season": "2024-25",
        "tier": 1,
        "home_team": home_team,
        "away_team": away_team,
        "home_goals": goals[0],
        "away_goals": goals[1],
        "is_neutral": False,
        "moves_ratings": bool(score),
        "trains": bool(score),
    } | columns


def table(*matches: dict[str, Any]) -> MatchTable:
    """A table of such matches."""
    if not matches:
        return MatchTable.empty()
    return MatchTable.from_columns(**{name: [row[name] for row in matches] for name in matches[0]})


def random_table(seed: int, count: int, teams: int = 8, *, priced: bool = True) -> MatchTable:
    """Matches of two leagues, a cup and three seasons, some on one instant, some known by the day only."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        home, away = rng.choice(teams, 2, replace=False)
        # Few distinct instants, half an hour apart on some days: ties and matches that overlap.
        kickoff = (
            epoch("2024-01-01T12:00") + int(rng.integers(0, 60)) * 86_400 + int(rng.integers(0, 8)) * 1_800
        )
        tier = int(rng.integers(0, 3))
        shots = rng.integers(0, 8, 2) if rng.random() < 0.5 else np.array([-1, -1])
        rows.append(
            match(
                f"m{rng.integers(0, 10**6):06d}-{number}",
                kickoff,
                f"team {home}",
                f"team {away}",
                f"{rng.integers(0, 4)}-{rng.integers(0, 4)}",
                is_day_precision=bool(rng.random() < 0.3),
                competition=f"TST-{tier}",
                tier=tier,
                season=["2022-23", "2023-24", "2024-25"][(kickoff - epoch("2024-01-01")) // (21 * 86_400)],
                is_neutral=bool(rng.random() < 0.1),
                moves_ratings=bool(rng.random() < 0.9),
                is_international=tier == 0 and home % 2 == 0,
                home_shots_on_target=int(shots[0]),
                away_shots_on_target=int(shots[1]),
                home_shots=int(shots[0]) + int(rng.integers(0, 9)),
                away_shots=int(shots[1]) + int(rng.integers(0, 9)),
                home_corners=int(rng.integers(-1, 9)),
                away_corners=int(rng.integers(-1, 9)),
            )
        )
    return with_random_prices(table(*rows), seed) if priced else table(*rows)


def with_random_prices(matches: MatchTable, seed: int) -> MatchTable:
    """Prices of every kind beside about half of the matches."""
    rng = np.random.default_rng([seed, 1])
    chances = rng.dirichlet([4.0, 2.5, 3.0], len(matches))
    prices = 0.95 / np.clip(chances, 0.03, 0.9)
    kinds = rng.integers(0, 2, len(matches)) * rng.integers(1, 5, len(matches))
    prices[kinds == 0] = np.nan
    return priced_with(matches, prices, kinds)


def priced_with(matches: MatchTable, prices: np.ndarray, kinds: np.ndarray) -> MatchTable:
    """The matches with these prices (n, 3) and kinds (n,) in place of their own."""
    home, draw, away = np.asarray(prices, float).T
    columns = {"home_price": home, "draw_price": draw, "away_price": away}
    return replace(matches, price_kind=np.asarray(kinds, np.int8), **columns)
