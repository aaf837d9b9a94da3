"""Drift in real seasons: the share of features that `monitoring/drift` reports as drifted.

``python -m benchmarks.drift ARCHIVE`` computes the daily report five times a year, from 2016 on.
"""

import argparse
import datetime as dt
from pathlib import Path

import numpy as np

from soccer_assets.backtesting.archive_matches import read_matches
from soccer_assets.football.features import FEATURE_NAMES, compute_features
from soccer_assets.modelling.drift import compare, share_drifted, windows
from soccer_assets.modelling.monitoring_reports import GROWS_BY_CONSTRUCTION

FIRST_YEAR = 2016
# Five years before the first look: what the reference window and the ratings need.
FIRST_DAY = dt.datetime(2011, 7, 1, tzinfo=dt.UTC)
MONTHS = (1, 3, 5, 9, 11)


def main() -> None:
    """Print a line a look: matches compared, share of drifted features, and which they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    matches = read_matches([parser.parse_args().archive], None).matches
    matches = matches.take(matches.kickoff >= int(FIRST_DAY.timestamp()))
    features, _ = compute_features(matches)
    seasons = [f"{code} {season}" for code, season in zip(matches.competition, matches.season, strict=True)]
    _, group = np.unique(seasons, return_inverse=True)
    names = [name for name in FEATURE_NAMES if name not in GROWS_BY_CONSTRUCTION]
    values = features.values[:, [FEATURE_NAMES.index(name) for name in names]]
    last_year = dt.datetime.fromtimestamp(int(matches.kickoff.max()), dt.UTC).year
    for year in range(FIRST_YEAR, last_year + 1):
        for month in MONTHS:
            now = int(dt.datetime(year, month, 15, tzinfo=dt.UTC).timestamp())
            reference, current = (window & matches.trains for window in windows(matches.kickoff, now, now))
            if not current.any():
                continue
            found = compare(
                values[reference],
                values[current],
                group[reference],
                group[current],
                names,
                ["feature"] * len(names),
            )
            drifted = ", ".join(column.name for column in found if column.has_drifted)
            print(
                f"{year}-{month:02} {current.sum():6} beside {reference.sum():7}: "
                f"{share_drifted(found):4.0%} {drifted}"
            )


if __name__ == "__main__":
    main()
