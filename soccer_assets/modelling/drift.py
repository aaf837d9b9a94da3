"""Drift: whether the distribution of recent matches differs from that of the training matches.

A column has drifted where its distribution moved both by a relevant amount (population stability index) and
significantly (Kolmogorov-Smirnov, corrected for the number of columns). The reference is the training matches
of the same weeks of earlier seasons, so that the rhythm of a season does not count as drift.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.contract.reports import ColumnDrift
from soccer_assets.football.match_table import SECONDS_A_DAY

FEATURE, PREDICTION = "feature", "prediction"

_BINS = 10
# 52 weeks keep the day of the week.
_SEASON_SECONDS = 364 * SECONDS_A_DAY


class DriftPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds.

    Attributes:
        current_days: length of the current window.
        seasons: earlier seasons in the reference; older ones differ in ways that a retrain does not cure.
        least_current: fewest current matches for a comparison.
        least_reference: fewest reference matches for a comparison.
        psi: smallest relevant index; .1 counts as moderate and .25 as large (Siddiqi 2006).
        false_discovery_rate: bound on the corrected p-values.
        share: share of drifted columns that asks for a retrain. On 837,000 matches of 1998 to 2025, every
            other month from 2016, it was at most .06 in ordinary times, .15 to .17 around the winter World
            Cup, and .21 to .25 in the pandemic. These shares count the two numbers of known results, which
            always grow; reports leave them out.
    """

    current_days: int = 28
    seasons: int = 3
    least_current: int = 100
    least_reference: int = 200
    psi: float = 0.2
    false_discovery_rate: float = 0.01
    share: float = 0.2


DEFAULT_POLICY = DriftPolicy()


def windows(
    kickoff: NDArray[np.int64], now: int, train_end: int, policy: DriftPolicy = DEFAULT_POLICY
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks (n,) of the reference and of the current matches.

    Args:
        kickoff: (n,) epoch seconds of finished matches.
        now: epoch seconds.
        train_end: kickoff of the newest training match.
        policy: the bounds.
    """
    start = now - policy.current_days * SECONDS_A_DAY
    current = (kickoff >= start) & (kickoff < now)
    reference = np.zeros(len(kickoff), np.bool_)
    for season in range(1, policy.seasons + 1):
        back = season * _SEASON_SECONDS
        reference |= (kickoff >= start - back) & (kickoff < now - back) & (kickoff <= train_end)
    return reference, current & ~reference


def compare(
    reference: NDArray[np.float64],
    current: NDArray[np.float64],
    reference_group: NDArray[np.int64],
    current_group: NDArray[np.int64],
    names: Sequence[str],
    kinds: Sequence[str],
    policy: DriftPolicy = DEFAULT_POLICY,
) -> tuple[ColumnDrift, ...]:
    """Drift of each column, the largest index first.

    Args:
        reference: (n, k) values of training matches.
        current: (m, k) values of the current matches.
        reference_group: (n,) number of each match's competition and season; matches of a group correlate.
        current_group: (m,) the same.
        names: the k columns.
        kinds: `FEATURE` or `PREDICTION`, (k,).
        policy: the bounds.
    """
    from scipy import stats  # noqa: PLC0415 - needed once a day

    gaps = [
        float(stats.ks_2samp(before, now, method="asymp").statistic)
        for before, now in zip(reference.T, current.T, strict=True)
    ]
    sizes = [
        (effective_size(before, reference_group), effective_size(now, current_group))
        for before, now in zip(reference.T, current.T, strict=True)
    ]
    p_values = [
        float(stats.kstwobign.sf(gap * np.sqrt(n * m / (n + m))))
        for gap, (n, m) in zip(gaps, sizes, strict=True)
    ]
    corrected = stats.false_discovery_control(p_values, method="bh")
    columns = []
    for index, name in enumerate(names):
        before, now = reference[:, index], current[:, index]
        psi = population_stability_index(before, now)
        deviation = float(before.std())
        columns.append(
            ColumnDrift(
                name=name,
                kind=kinds[index],
                psi=psi,
                ks=gaps[index],
                shift=float(now.mean() - before.mean()) / deviation if deviation > 0 else 0.0,
                p_value=p_values[index],
                p_corrected=float(corrected[index]),
                has_drifted=bool(psi >= policy.psi and corrected[index] <= policy.false_discovery_rate),
            )
        )
    return tuple(sorted(columns, key=lambda column: (-column.psi, column.name)))


def share_drifted(columns: Sequence[ColumnDrift]) -> float:
    """Drifted columns among all, 0 to 1; 0 where there are none."""
    return sum(column.has_drifted for column in columns) / len(columns) if columns else 0.0


def population_stability_index(reference: NDArray[np.float64], current: NDArray[np.float64]) -> float:
    """Sum over bins of (q - p) ln(q / p), where p and q are the shares of reference and current.

    Bins are the deciles of the reference, fewer where values repeat. Half a match is added to each bin, so
    that an empty one stays finite.
    """
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, _BINS + 1)[1:-1]))
    # An edge belongs to the bin on its left, so a repeated value and the values above it are in two bins.
    shares = []
    for values in (reference, current):
        counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1) + 0.5
        shares.append(counts / counts.sum())
    p, q = shares
    return float(((q - p) * np.log(q / p)).sum())


def effective_size(values: NDArray[np.float64], group: NDArray[np.int64]) -> float:
    """Effective sample size n / (1 + (b - 1) rho), with Kish's design effect (1965).

    Matches of a group are correlated; a league's draw rate is the same for all its matches, which count as
    one. rho is the share of variance between groups (one-way analysis of variance), b the mean group size
    weighted by size.
    """
    _, number = np.unique(group, return_inverse=True)
    sizes = np.bincount(number).astype(np.float64)
    groups, rows = len(sizes), len(values)
    if groups < 2 or groups == rows:  # noqa: PLR2004 - no variance between or within groups
        return float(rows)
    means = np.bincount(number, values) / sizes
    between = float((sizes * (means - values.mean()) ** 2).sum()) / (groups - 1)
    within = float(((values - means[number]) ** 2).sum()) / (rows - groups)
    typical = (rows - (sizes**2).sum() / rows) / (groups - 1)
    spread = between + (typical - 1) * within
    rho = min(max((between - within) / spread, 0.0), 1.0) if spread > 0 else 0.0
    mean_size = float((sizes**2).sum() / rows)
    return rows / (1 + (mean_size - 1) * rho)
