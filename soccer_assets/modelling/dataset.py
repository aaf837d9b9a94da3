"""Labels, and the split by kickoff into train, calibration and test.

Time runs one way: a model is fitted on the oldest rows, stopped and calibrated on the next, and judged once
on the newest.
"""

import functools
import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.match_table import SECONDS_A_DAY, MatchTable
from soccer_assets.modelling.information import columns_read

TEST_DAYS = 120
CALIBRATION_DAYS = 180
# Ratings start equal; the first features are unlike those of a later season.
WARM_UP_DAYS = 90
# Shares of a short history that the three windows may take: 36 months reach the full windows.
FULL_HISTORY_DAYS = 1080
# Club competitions that were not played for so long do not train. With them, forecasts for the 38 active
# leagues were overconfident (2020/21-2023/24, rows with prices: log loss minus textbook Elo's -.0068 with all
# rows, -.0077 with active competitions only).
DEAD_AFTER_DAYS = 400
# Half-lives of 4, 8 and 50 years give -.0075, -.0077 and -.0076 on the same rows.
HALF_LIFE_DAYS = 8 * 365.25


@dataclass(frozen=True, eq=False)
class Split:
    """Three disjoint masks over the same rows, each (n,).

    Attributes:
        train: rows to fit on.
        calibration: rows that stop the trees and set the temperature.
        test: rows to judge on.
        weight: (n,) training weight of each row, 0 or more; None is 1 for each.
    """

    train: NDArray[np.bool_]
    calibration: NDArray[np.bool_]
    test: NDArray[np.bool_]
    weight: NDArray[np.float64] | None = None

    def weights(self, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Weights (n,) of the rows of a mask, 0 outside it; equal weights where all would be 0."""
        weights = rows.astype(np.float64) if self.weight is None else np.where(rows, self.weight, 0.0)
        return weights if weights.any() else rows.astype(np.float64)


@dataclass(frozen=True)
class Boundaries:
    """Where the split cuts, epoch seconds; each window includes its start and excludes its end."""

    train_from: int
    train_until: int
    calibrate_until: int
    test_until: int


def outcomes(matches: MatchTable) -> NDArray[np.int8]:
    """The label of each match, (n,): 0 home, 1 draw, 2 away, after 90 minutes.

    Raises:
        ValueError: a match has no 90-minute score.
    """
    if ((matches.home_goals < 0) | (matches.away_goals < 0)).any():
        raise ValueError("a match without a 90-minute score has no label; take the rows that train first")
    labels: NDArray[np.int8] = (1 - np.sign(matches.home_goals - matches.away_goals)).astype(np.int8)
    return labels


def split_by_kickoff(kickoff: NDArray[np.int64], boundaries: Boundaries) -> Split:
    """The rows of each window.

    Raises:
        ValueError: the boundaries are not in order of time.
    """
    edges = np.array(astuple(boundaries))
    if (np.diff(edges) < 0).any():
        raise ValueError(f"the split must go forward in time: {boundaries}")
    train, calibration, test = (
        (kickoff >= start) & (kickoff < end) for start, end in itertools.pairwise(edges)
    )
    return Split(train, calibration, test)


def weighted(split: Split, matches: MatchTable) -> Split:
    """The split with the weight of each match for a model that forecasts what comes after its last row.

    A row of 8 years ago has half the weight of one of today. Club competitions that are no longer played have
    weight 0; national teams, which meet in cycles of four years, keep theirs.
    """
    known = split.train | split.calibration
    until = int(matches.kickoff[known].max()) if known.any() else 0
    is_recent = known & (matches.kickoff > until - DEAD_AFTER_DAYS * SECONDS_A_DAY)
    is_alive = np.isin(matches.competition, np.unique(matches.competition[is_recent].astype(np.str_)))
    age_days = np.maximum(until - matches.kickoff, 0) / SECONDS_A_DAY
    weight = np.where(is_alive | matches.is_international, 0.5 ** (age_days / HALF_LIFE_DAYS), 0.0)
    return replace(split, weight=weight)


def default_boundaries(kickoff: NDArray[np.int64], now: int) -> Boundaries:
    """Test on the newest 120 days, calibrate on the 180 before, and leave out the first 90 (warm-up).

    A history shorter than three years gives each window the same share of what there is. The end is the
    newest match, not ``now``, so that a summer without football does not empty the test.

    Args:
        kickoff: epoch seconds of the matches that train, in any order.
        now: epoch seconds; later matches do not count.

    Raises:
        ValueError: no match has been played by ``now``.
    """
    played = kickoff[kickoff <= now]
    if not len(played):
        raise ValueError("no finished match to learn from; load some history first")
    start, end = int(played.min()), int(played.max()) + 1
    share = min((end - start) / (FULL_HISTORY_DAYS * SECONDS_A_DAY), 1.0)
    calibrate_until = end - round(TEST_DAYS * SECONDS_A_DAY * share)
    return Boundaries(
        train_from=start + round(WARM_UP_DAYS * SECONDS_A_DAY * share),
        train_until=calibrate_until - round(CALIBRATION_DAYS * SECONDS_A_DAY * share),
        calibrate_until=calibrate_until,
        test_until=end,
    )


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Matches that train, in the order of time, with what was known before each.

    Attributes:
        matches: n finished matches.
        values: (n, k) features.
        outcomes: (n,) 0 home, 1 draw, 2 away.
        odds: (n, 3) closing prices of the market, NaN where there are none; for scoring only.
        split: masks of training, calibration and test rows, and the training weights.
        boundaries: where the split cuts.
        feature_names: the k columns of ``values``.
        snapshot_id: the export they come from.
        use_prices: whether a model may read the prices of past matches.
    """

    matches: MatchTable
    values: NDArray[np.float64]
    outcomes: NDArray[np.int8]
    odds: NDArray[np.float64]
    split: Split
    boundaries: Boundaries
    feature_names: tuple[str, ...]
    snapshot_id: str
    use_prices: bool = True

    @functools.cached_property
    def read(self) -> tuple[str, ...]:
        """The columns that a candidate is trained with: see `information.columns_read`."""
        learnt = self.values[self.split.train | self.split.calibration]
        return columns_read(learnt, self.feature_names, use_prices=self.use_prices)

    def inputs(self, names: Sequence[str]) -> NDArray[np.float64]:
        """The columns (n, len(names)) that a model reads, in its order."""
        if tuple(names) == self.feature_names:
            return self.values
        return self.values[:, [self.feature_names.index(name) for name in names]]

    @property
    def everything(self) -> Split:
        """All rows train, none calibrate or test: for the refit of a winner."""
        every = np.ones(len(self.matches), np.bool_)
        return weighted(Split(every, ~every, ~every), self.matches)

    @property
    def content_sha256(self) -> str:
        """SHA-256 in hex over ids, features and outcomes: equal data, equal hash, whatever the snapshot."""
        digest = hashlib.sha256("\n".join(self.matches.match_id.tolist()).encode())
        digest.update(np.ascontiguousarray(self.values).data)
        digest.update(np.ascontiguousarray(self.outcomes).data)
        return digest.hexdigest()
