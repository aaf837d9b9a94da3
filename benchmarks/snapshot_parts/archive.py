"""The archive: features of every match, and the part of it that a home reads."""

from pathlib import Path
from typing import Any

from benchmarks.snapshot_parts.tree import door, sha

# Leagues with and without a kickoff time, national teams, and teams that play twice a day.
_COUNTRIES = ("England", "Germany", "Brazil", "DR Congo", "International")
_DAYS = ("2016-05-01", "2018-06-01")


def archive_features(archive: Path, stats: Path | None) -> dict[str, Any]:
    """Hashes of the features of all matches, computed by the product from columns that are read here.

    Read here, and not by one of the tree's readers: then a difference is one of the features.
    """
    import numpy as np

    matches = door("match table").from_columns(**columns_of(archive, stats))
    names = list(door("feature names"))
    features, state = door("features of all")(matches)
    order = np.lexsort((features.match_id.astype(str), features.kickoff))
    values = np.ascontiguousarray(features.values[order].astype("<f8"))
    ids, months = (
        features.match_id[order],
        features.kickoff[order].astype("datetime64[s]").astype("datetime64[M]"),
    )
    starts = np.flatnonzero(np.r_[True, months[1:] != months[:-1]])
    ends = np.r_[starts[1:], len(months)]
    return {
        "matches": len(matches),
        "features": names,
        "all": sha("\0".join(ids).encode(), values.tobytes()),
        "state": sha(state.to_bytes()),
        "columns": {name: sha(values[:, place].tobytes()) for place, name in enumerate(names)},
        "months": {
            str(months[start]): sha("\0".join(ids[start:end]).encode(), values[start:end].tobytes())
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        },
    }


def columns_of(archive: Path, stats: Path | None) -> dict[str, Any]:
    """Columns of a `MatchTable`, as every tree takes them."""
    import numpy as np
    import pandas as pd

    counts = [
        f"{side}_{what}" for what in ("shots_on_target", "shots", "corners") for side in ("home", "away")
    ]
    rows = pd.read_parquet(archive).drop_duplicates("match_id", keep="last")
    rows = rows[rows["home_team"] != rows["away_team"]]
    if stats is not None:
        known = pd.read_parquet(stats).drop_duplicates("match_id", keep="last")
        rows = rows.merge(known[["match_id", *counts]], on="match_id", how="left")
    day = pd.to_datetime(rows["date"]).to_numpy().astype("datetime64[s]").astype(np.int64)
    has_time = rows["kickoff_utc"].notna().to_numpy()
    instant = rows["kickoff_utc"].dt.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)
    is_national = rows["neutral"].notna().to_numpy()
    pool = np.where(is_national, "national", rows["country"])
    goals = rows[["home_goals", "away_goals"]].astype("Int16").fillna(-1).to_numpy(np.int16)
    is_played = ((rows["status"] == "FT") & rows["home_goals"].notna() & rows["away_goals"].notna()).to_numpy(
        bool
    )
    return {
        "match_id": rows["match_id"].to_numpy(object),
        "kickoff": np.where(has_time, instant, day + 43_200),
        "is_day_precision": ~has_time,
        "competition": (rows["country"] + "|" + rows["competition"]).to_numpy(object),
        "season": rows["season"].astype(str).to_numpy(object),
        "tier": rows["tier"].fillna(0).to_numpy(np.int8),
        "home_team": (pool + "|" + rows["home_team"]).to_numpy(object),
        "away_team": (pool + "|" + rows["away_team"]).to_numpy(object),
        "home_goals": np.where(is_played, goals[:, 0], -1),
        "away_goals": np.where(is_played, goals[:, 1], -1),
        "is_neutral": rows["neutral"].fillna(False).to_numpy(bool),
        "moves_ratings": is_played,
        "trains": is_played,
        "is_international": is_national,
        **({name: rows[name].fillna(-1).to_numpy(np.int16) for name in counts} if stats is not None else {}),
    }


def part_of(archive: Path, part: Path) -> Path:
    """Write the part that a home reads; returns its file."""
    import pandas as pd

    rows = pd.read_parquet(archive)
    days = rows["date"].astype(str)
    chosen = rows["country"].isin(_COUNTRIES) & (days >= _DAYS[0]) & (days < _DAYS[1])
    rows[chosen].to_parquet(part, index=False)
    return part
