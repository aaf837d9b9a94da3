"""CPU time per tick of each sensor, and growth of memory over thousands of ticks.

Usage: ``python -m benchmarks.daemon_soak [--ticks 2000] [--settled 20000] [--home FOLDER]``. Builds a home of
simulated clubs with that many settled predictions of champion and previous champion (or takes a stopped home
of `soccer up`), then evaluates every sensor in turn, tick after tick, in this process on the home's own
instance: the work that daemon and code server share. Prints one line of JSON per sensor with its CPU time per
tick, and one for memory: its size after each tenth of the ticks, which distinguishes a step from a slope, and
the slope over the second half, in MB per 1,000 ticks.
"""

import argparse
import datetime as dt
import gc
import itertools
import json
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import psutil
import sqlalchemy as sa

from soccer_assets.contract.release import CANDIDATE, CHAMPION, OUTCOMES, PREVIOUS
from soccer_assets.football.matches import KickoffPrecision
from soccer_assets.graph.automation_conditions import follow_upstream_sensor
from soccer_assets.graph.build import SENSORS, build_definitions, plain_resources
from soccer_assets.modelling.ledger_rules import SCORED, Entry
from soccer_assets.operations.local_instance import INSTANCE, open_instance
from soccer_assets.operations.run_job import run_job
from soccer_assets.settings import Settings
from soccer_assets.stores.ledger.record import record_and_score
from soccer_assets.stores.ledger.running_sums import Score, update_sums
from soccer_assets.stores.ledger.shadows import record_shadows
from soccer_assets.tables import ledger_entry, ledger_score
from tests.homes import make_home

_LOOK_EVERY = 20


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--ticks", type=int, default=2_000)
    parser.add_argument("--settled", type=int, default=20_000)
    parser.add_argument("--home", type=Path)
    asked = parser.parse_args()
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as folder:
        settings = _settings(asked.home or Path(folder) / "home", is_new=asked.home is None)
        with open_instance(settings.home / "dagster") as instance:
            if asked.home is None:
                outcome = run_job(settings, instance, "build_everything", lambda _line: None)
                if outcome.failure:
                    raise SystemExit(outcome.failure)
            definitions = build_definitions(settings)
            if asked.home is None:
                _settle(plain_resources(definitions), asked.settled)
            _soak(_sensors(definitions, instance), asked.ticks)


def _settings(home: Path, *, is_new: bool) -> Settings:
    if not is_new:
        return Settings.from_env(os.environ | {"SOCCER_HOME": str(home)})
    settings = make_home(home)
    (home / "dagster").mkdir()
    (home / "dagster" / "dagster.yaml").write_text(json.dumps(INSTANCE))
    return settings


def _settle(resources: Mapping[str, Any], matches: int) -> None:
    """So many matches that champion and previous predicted, and that are over."""
    registry, database = resources["model_registry"], resources["database"]
    registry.set_alias(PREVIOUS, registry.get(CANDIDATE).version)
    models = [registry.get(alias).facts.content_sha256 for alias in (CHAMPION, PREVIOUS)]
    rng, now = np.random.default_rng(0), dt.datetime.now(dt.UTC)
    official, shadows = (
        [
            Entry(
                match_id=f"settled-{number}",
                kickoff=now + dt.timedelta(hours=1),
                kickoff_precision=KickoffPrecision.MINUTE,
                model_sha256=model,
                p_home=probabilities[0],
                p_draw=probabilities[1],
                p_away=probabilities[2],
                recorded_at=now,
            )
            for number, probabilities in enumerate(rng.dirichlet([4.5, 2.7, 2.8], matches).tolist())
        ]
        for model in models
    )
    earlier = record_and_score(database, [], now).entries
    record_and_score(database, [("SIM-1", entry) for entry in official], now)
    record_shadows(database, shadows)
    happened = rng.choice(OUTCOMES, matches).tolist()
    with database.reading() as connection:
        query = sa.select(ledger_entry.c.match_id, ledger_entry.c.sequence)
        rows = connection.execute(query.where(ledger_entry.c.sequence > earlier)).all()
    scores = [
        Score(row.match_id, row.sequence, outcome, 1.0) for row, outcome in zip(rows, happened, strict=True)
    ]
    facts = {"revision": 1, "verdict": SCORED, "rps": 0.2, "brier_score": 0.6, "scored_at": now}
    with database.writing() as connection:
        connection.execute(sa.insert(ledger_score), [score._asdict() | facts for score in scores])
        update_sums(connection, scores, [])


def _sensors(definitions: dg.Definitions, instance: dg.DagsterInstance) -> dict[str, Callable[[], object]]:
    """By sensor, what evaluates it once."""
    resources = plain_resources(definitions)
    cursor: Any = None

    def follow() -> None:
        nonlocal cursor
        result = dg.evaluate_automation_conditions(
            definitions, instance, asset_selection=follow_upstream_sensor.asset_selection, cursor=cursor
        )
        cursor = result.cursor

    def ticking(sensor: dg.SensorDefinition) -> Callable[[], object]:
        wanted = {name: resources[name] for name in sensor.required_resource_keys}

        def tick() -> object:
            with dg.build_sensor_context(
                instance=instance, definitions=definitions, resources=wanted, sensor_name=sensor.name
            ) as context:
                return sensor.evaluate_tick(context)

        return tick

    plain = {sensor.name: ticking(sensor) for sensor in SENSORS if sensor is not follow_upstream_sensor}
    return plain | {follow_upstream_sensor.name: follow}


def _soak(sensors: dict[str, Callable[[], object]], ticks: int) -> None:
    process = psutil.Process()
    work: dict[str, list[float]] = {name: [] for name in sensors}
    memory: list[tuple[int, float]] = []
    for number in range(ticks):
        for name, tick in sensors.items():
            begin = time.process_time()
            tick()
            work[name].append(time.process_time() - begin)
        if number % _LOOK_EVERY == 0:
            gc.collect()
            memory.append((number, process.memory_info().rss / 1e6))
    for name, seconds in work.items():
        later = sorted(seconds[len(seconds) // 10 :])  # the first ones import
        print(
            json.dumps(
                {
                    "sensor": name,
                    "median_ms": round(1e3 * statistics.median(later), 1),
                    "p95_ms": round(1e3 * later[int(0.95 * (len(later) - 1))], 1),
                }
            )
        )
    half = np.array(memory[len(memory) // 2 :])
    slope = float(np.polyfit(half[:, 0], half[:, 1], 1)[0]) if len(half) > 1 else 0.0
    print(
        json.dumps(
            {
                "ticks": ticks,
                "rss_mb": [round(part[-1][1]) for part in _tenths(memory)],
                "mb_per_1000_ticks": round(1e3 * slope, 2),
            }
        )
    )


def _tenths(memory: list[tuple[int, float]]) -> list[list[tuple[int, float]]]:
    edges = np.linspace(0, len(memory), min(10, len(memory)) + 1).astype(int).tolist()
    return [memory[start:end] for start, end in itertools.pairwise(edges)]


if __name__ == "__main__":
    main()
