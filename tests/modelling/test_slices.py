"""The parts of a scorecard."""

import numpy as np

from soccer_assets.modelling.slices import slices_of
from tests.modelling.helpers import played

NAMES = ("season_progress", "elo_textbook_gap")


def test_each_match_has_one_part_a_dimension():
    """Tier, country, third of the season and width of the Elo gap; its sign does not matter."""
    matches = played(np.arange(4) * 3_600, np.zeros(4, np.int8))
    values = np.array([[0.0, 49.0], [0.34, -51.0], [0.99, 149.0], [1.0, -151.0]])

    parts = {name: part.tolist() for name, part in slices_of(matches, values, NAMES).items()}

    assert parts == {
        "tier": ["1"] * 4,
        "region": ["TST"] * 4,
        "phase": ["first third", "second third", "last third", "last third"],
        "elo_gap": ["level", "tilted", "tilted", "lopsided"],
    }
