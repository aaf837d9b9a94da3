"""The sidecar with all that may stand beside it: match table, Valkey, task worker; its release scores."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from soccer_assets.clock import parse_instant
from soccer_assets.football.matches import Window
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from tests.builders import COMPETITIONS, finished, raw_match
from tests.builders import NOW as STORED_AT
from tests.services import valkey
from tests.serving.builders import TOKENS, write_keys, write_status
from tests.serving.league import make_scoring_release
from tests.serving.processes import ready_release, sidecar, wait_until

PAIRING = {
    "home_team": "Leeds",
    "away_team": "Derby",
    "kickoff": "2025-04-27T14:00:00Z",
    "competition": "ENG-2",
}


class Backed(NamedTuple):
    """A running sidecar, its home and its Redis."""

    address: str
    home: Path
    redis_url: str


def store_matches(database: Database) -> None:
    """Five matches of April and May 2025, the last one still ahead."""
    rows = [
        finished(f"{number}-0", f"2025-04-{number:02}T23:30:00Z", source_match_id=str(number))
        for number in (1, 2, 3, 30)
    ]
    rows.append(raw_match(kickoff=parse_instant("2025-05-01T15:00:00Z"), source_match_id="ahead"))
    window = Window(dt.date(2025, 1, 1), dt.date(2026, 1, 1))
    store_raw(database, rows, asset="livescores/recent", source="fake", window=window, now=STORED_AT)
    update_matches(database, COMPETITIONS, STORED_AT)


@contextmanager
def backed_sidecar(home: Path, database: Database, **environ: str) -> Iterator[Backed]:
    """Two sidecar workers and a task worker, ready to answer, to score and to take tasks."""
    store_matches(database)
    make_scoring_release(home / "store")
    write_status(home / "store")
    write_keys(home / "store")
    url = database.engine.url.render_as_string(hide_password=False)
    with (
        valkey(home) as redis_url,
        sidecar(
            home,
            2,
            tasks=True,
            database_url=url,
            redis_url=redis_url,
            rate_limit_per_minute="0",
            failed_keys_per_minute="0",
            **environ,
        ) as (address, _),
    ):
        wait_until(lambda: ready_release(address) == "r1", 120)
        with httpx.Client(base_url=address, headers={"X-API-Key": TOKENS["admin"]}, timeout=30) as client:
            # Each worker has a scoring child of its own, and both must be warm.
            asked = [lambda: client.post("/predict/", json=PAIRING).status_code] * 20
            wait_until(lambda: all(ask() == httpx.codes.OK for ask in asked), 120)
            wait_until(lambda: client.get("/monitoring/workers").json().get("workers"), 120)
        yield Backed(address, home, redis_url)
