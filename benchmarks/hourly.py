"""Cost of the hourly run on a long history, and on one twice as long.

Usage: ``python -m benchmarks.hourly ARCHIVE [--now INSTANT] [--keep FOLDER]``. Fills a home with every match
of an archive in the schema of the feed `archive`, publishes with textbook Elo, moves the clock by a day and
runs `refresh_hourly` in a fresh process, which finds 300 matches new or changed: that day's results, and
corrections for the rest. Then the same on a history twice as long: every match repeated between teams of
other names, before the first match.

Prints one line per run: wall-clock and CPU time including the start of the process, the run's own work, the
slowest steps, and the number of changed matches.
"""

import argparse
import datetime as dt
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd

from soccer_assets.backtesting.direct_jobs import DirectJobs
from soccer_assets.clock import FixedClock, isoformat, parse_instant
from soccer_assets.contract.release import CHAMPION
from soccer_assets.feeds.registry import open_feeds
from soccer_assets.football.matches import Window
from soccer_assets.football.records import RawMatch
from soccer_assets.graph.build import build_definitions, plain_resources
from soccer_assets.modelling.training import fit_elo_textbook
from soccer_assets.operations.local_instance import INSTANCE, home_environment
from soccer_assets.resources.mlflow_run import tracked_run
from soccer_assets.resources.model_registry import TrainingFacts
from soccer_assets.settings import Settings
from soccer_assets.stores.matches.look_windows import LEAST_LOOK_BACK
from soccer_assets.stores.models.training_data import load_training_data
from tests.homes import make_home

_STEP = re.compile(r"✓ (\S+)\s+([\d.]+) s")
_SLOWEST = 6
_CHANGED = 300


def main() -> None:
    """Measure both histories."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--now", default="2025-04-27T09:00:00Z", help="when the measured run happens")
    parser.add_argument("--keep", type=Path, help="a folder for the homes, used again by the next call")
    parser.add_argument("--once", action="store_true", help="leave out the doubled history")
    asked = parser.parse_args()
    now = parse_instant(asked.now)
    matches = pd.read_parquet(asked.archive)
    with tempfile.TemporaryDirectory() as passing:
        folder = asked.keep or Path(passing)
        print(json.dumps({"history": "as it is"} | _measure(folder / "once", matches, now)), flush=True)
        if not asked.once:
            twice = pd.concat([_before(matches), matches], ignore_index=True)
            print(json.dumps({"history": "doubled"} | _measure(folder / "twice", twice, now)), flush=True)


def _before(matches: pd.DataFrame) -> pd.DataFrame:
    """The same matches between other teams, all of them before the first one."""
    days = pd.to_datetime(matches["date"])
    years = int(days.dt.year.max() - days.dt.year.min()) + 1
    earlier = matches.copy()
    shifted = days - pd.Timedelta(days=round(years * 365.25))
    is_text = isinstance(matches["date"].iloc[0], str)
    earlier["date"] = shifted.dt.strftime("%Y-%m-%d") if is_text else shifted.dt.date
    if "kickoff_utc" in earlier:
        earlier["kickoff_utc"] = None
    for name in ("match_id", "home_team", "away_team"):
        earlier[name] = earlier[name].astype(str) + " II"
    return earlier


def _measure(home: Path, matches: pd.DataFrame, now: dt.datetime) -> dict[str, object]:
    home.mkdir(parents=True, exist_ok=True)
    archive, recent = home / "archive.parquet", home / "recent.parquet"
    began = time.perf_counter()
    filled_home = home / "filled"
    if not filled_home.exists():
        matches.to_parquet(archive, index=False)
        # What a provider would answer: an hourly run does not ask for thirty years.
        days = pd.to_datetime(matches["date"]).dt.tz_localize("UTC")
        near = (days > now - pd.Timedelta(days=40)) & (days < now + pd.Timedelta(days=40))
        matches[near].to_parquet(recent, index=False)
        _fill(home, archive, now - dt.timedelta(days=2))
        # The first release, and what later runs find: modules, and kernels that a day's results compile.
        _refresh(home, recent, now - dt.timedelta(days=1))
        _correct(home, recent, now)
        shutil.copytree(home / "home", filled_home)
    shutil.rmtree(home / "home")  # as it was filled, also where an earlier call has kept it
    shutil.copytree(filled_home, home / "home")
    filled = time.perf_counter() - began
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    output = _refresh(home, recent, now)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    steps = {name: float(seconds) for name, seconds in _STEP.findall(output)}
    slowest = sorted(steps, key=lambda name: -steps[name])[:_SLOWEST]
    return {
        "matches": len(matches),
        "changed": _changed(_settings(home, recent, now), now),
        "wall_seconds": round(wall, 1),
        "cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "own_seconds": round(sum(steps.values()), 1),
        "slowest": {name: steps[name] for name in slowest},
        "filling_seconds": round(filled),
    }


def _refresh(home: Path, archive: Path, now: dt.datetime) -> str:
    """Run the hourly job as the daemon does, in a process of its own; returns what it printed."""
    env = home_environment(_settings(home, archive, now), os.environ) | {
        "SOCCER_FEED": "archive",
        "SOCCER_FEED_URL": archive.as_uri(),
        "SOCCER_NOW": isoformat(now),
    }
    command = [sys.executable, "-m", "soccer_assets.cli", "run", "refresh_hourly"]
    done = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout


def _settings(home: Path, archive: Path, now: dt.datetime) -> Settings:
    return make_home(
        home / "home", SOCCER_FEED="archive", SOCCER_FEED_URL=archive.as_uri(), SOCCER_NOW=isoformat(now)
    )


def _fill(home: Path, archive: Path, now: dt.datetime) -> None:
    """Every match, its features, and textbook Elo as the champion."""
    settings = _settings(home, archive, now)
    (settings.home / "dagster").mkdir(exist_ok=True)
    (settings.home / "dagster" / "dagster.yaml").write_text(json.dumps(INSTANCE))
    definitions = build_definitions(settings)
    resources = plain_resources(definitions)
    history = dg.define_asset_job(
        "fill",
        dg.AssetSelection.assets(*(["livescores", name] for name in ("history", "recent", "upcoming")))
        | dg.AssetSelection.groups("matches", "exports", "features"),
    )
    jobs = DirectJobs(
        dg.Definitions.merge(definitions, dg.Definitions(jobs=[history])), dg.DagsterInstance.ephemeral()
    )
    first = dt.datetime.combine(resources["feed"].first_month(), dt.time(), dt.UTC)
    jobs.run("fill", now, months=dg.TimeWindow(first, now + dt.timedelta(days=1)))
    data = load_training_data(
        resources["exports"], resources["feature_store"], resources["database"], settings.clock.now()
    )
    everything = np.ones(len(data.matches), np.bool_)
    elo = fit_elo_textbook(data.values, data.outcomes, everything, data.feature_names)
    registry = resources["model_registry"]
    facts = TrainingFacts(
        recipe=elo.recipe,
        content_sha256=elo.sha256,
        snapshot_id=data.snapshot_id,
        trained_at=isoformat(now),
        train_end=isoformat(now),
        trained_rows=len(data.matches),
    )
    with tracked_run(registry, "textbook"):
        registry.set_alias(CHAMPION, registry.register(elo, facts).version)


def _correct(home: Path, recent: Path, now: dt.datetime) -> None:
    """Give as many matches as are missing from 300 changes another score and another round."""
    feed = open_feeds(_settings(home, recent, now))
    today = now.date()
    window = Window(today - LEAST_LOOK_BACK, today + dt.timedelta(days=1))
    before, after = (
        {row.source_match_id: row for row in feed.fetch(window, FixedClock(at)) if isinstance(row, RawMatch)}
        for at in (now - dt.timedelta(days=1), now)
    )
    same = sorted(id_ for id_, row in after.items() if id_ and before.get(id_) == row)
    chosen = same[: max(_CHANGED - (len(after) - len(same)), 0)]
    matches = pd.read_parquet(recent)
    rows = matches["match_id"].isin(chosen)
    matches.loc[rows, "home_goals"] = matches.loc[rows, "home_goals"] + 1
    matches.loc[rows, "round"] = "moved"
    matches.to_parquet(recent, index=False)


def _changed(settings: Settings, now: dt.datetime) -> int:
    import sqlalchemy as sa  # noqa: PLC0415

    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.tables import match  # noqa: PLC0415

    with Database(settings.database_url).reading() as connection:
        return connection.execute(
            sa.select(sa.func.count()).select_from(match).where(match.c.updated_at == now)
        ).scalar_one()


if __name__ == "__main__":
    main()
