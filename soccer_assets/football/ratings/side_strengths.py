"""Writes both sides' strengths before a match, in goals: pages draw them, and no model reads them."""

# mypy: disable-error-code="no-any-return"
# Records are typed by numba when it compiles, not by annotations.

import math
from typing import Any

from soccer_assets.football.ratings.compile_cache import compiled
from soccer_assets.football.ratings.goal_model import propagate
from soccer_assets.football.ratings.parameters import ATTACK, DEFENCE, PRICED, USUAL_GOALS

# Goals a match against a side of strength 0 on neutral ground, and their standard deviations. The priced
# model says what the joint one says where no price was seen.
STRENGTH_NAMES = tuple(
    f"{side}_{name}"
    for side in ("home", "away")
    for name in ("attack_goals", "defence_goals", "attack_goals_sd", "defence_goals_sd")
)


@compiled
def write_strengths(out: Any, match: Any, home: Any, away: Any, league: Any) -> None:
    """Fill ``out`` (8,), columns as in `STRENGTH_NAMES`; teams and league are only read."""
    _write_side(out, 0, match, home, league)
    _write_side(out, 4, match, away, league)


@compiled
def _write_side(out: Any, start: int, match: Any, team: Any, league: Any) -> None:
    strength, known = propagate(PRICED, team, league, match)
    out[start] = USUAL_GOALS * math.exp(strength[ATTACK])
    out[start + 1] = USUAL_GOALS * math.exp(-strength[DEFENCE])
    out[start + 2] = out[start] * math.sqrt(known[0])
    out[start + 3] = out[start + 1] * math.sqrt(known[3])
