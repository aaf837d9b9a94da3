"""The slices of a scorecard: tier, country, phase of the season, Elo gap."""

import re

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.match_table import MatchTable

_PHASES = ("first third", "second third", "last third")
_GAPS = (50.0, 150.0)  # rating points, home advantage included
_GAP_NAMES = ("level", "tilted", "lopsided")
# A competition's code begins with its country: ``ENG-1``, or ``England|Premier League`` in an archive.
_COUNTRY = re.compile(r"[^|\-]+")


def slices_of(
    matches: MatchTable, values: NDArray[np.float64], feature_names: tuple[str, ...]
) -> dict[str, NDArray[np.str_]]:
    """The slice (n,) of each match by ``tier``, ``region``, ``phase`` and ``elo_gap``.

    Args:
        matches: n matches.
        values: (n, k) their features.
        feature_names: the k columns; they hold ``season_progress`` and ``elo_textbook_gap``.
    """
    progress = values[:, feature_names.index("season_progress")]
    gap = np.abs(values[:, feature_names.index("elo_textbook_gap")])
    is_league = matches.tier > 0
    phase = np.array(_PHASES)[np.minimum((progress * len(_PHASES)).astype(int), len(_PHASES) - 1)]
    cup = np.where(matches.is_international, "national teams", "cups")
    return {
        "tier": np.where(is_league & ~matches.is_international, matches.tier.astype(np.str_), cup),
        "region": np.array([_country(code) for code in matches.competition], np.str_),
        "phase": np.where(is_league, phase, "cups"),
        "elo_gap": np.array(_GAP_NAMES)[np.searchsorted(_GAPS, gap, side="right")],
    }


def _country(competition: str) -> str:
    found = _COUNTRY.match(competition)
    return found.group() if found else competition
