"""Cost of the history: the first build, an hourly run, the sidecar's load, and the queries of pages.

Usage: ``python -m benchmarks.history ARCHIVE [--keep FOLDER]``. Writes an archive in the schema of the feed
`archive` into the tables of a new home, without a feed's rules, and four forecasts of each of the last
100,000 matches. An hourly run is 300 matches of the last days with another score, and another forecast of the
newest ones. The strengths are drawn at random, so that they take the bytes of real ones.

Prints one line each: seconds, bytes, parts, the memory that the process takes more; for queries p50 and p99
of the processor time.
"""

import argparse
import datetime as dt
import hashlib
import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from serving.release.history import History, HistoryView
from serving.release.history_loader import StoreAddress, find_file, load_history
from serving.release.history_rows import SettledFilter
from soccer_assets.contract.history_parts import SideStrength
from soccer_assets.football.text_folding import fold
from soccer_assets.modelling.ledger_rules import GENESIS, SCORED
from soccer_assets.resources.bulk_rows import batches, insert
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.watermarks import next_change_no, set_watermark
from soccer_assets.settings import Settings
from soccer_assets.stores.history.parts import (
    STATE_KEY,
    HistorySource,
    HistoryState,
    HistoryUpdate,
    update_history,
)
from soccer_assets.stores.history.season_draft import Strengths
from soccer_assets.stores.ledger.record import SCORED_SO_FAR
from soccer_assets.stores.stored_json import decoded
from soccer_assets.tables import ledger_entry, ledger_score, match, team
from tests.homes import make_home

_CHANGED = 300
_FORECAST, _TURNS = 100_000, 4
_ASKED = 300


def main() -> None:
    """Measure one archive."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--keep", type=Path, help="a folder for home and file, used again by the next call")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        folder = asked.keep or Path(passing)
        is_new = not (folder / "home").exists()
        settings = make_home(folder / "home")
        if is_new:
            _print("filling", _in_process(_fill, settings, asked.archive))
        _print("first build", _in_process(_build, settings))
        _change(Database(settings.database_url))
        _print("hourly run, results and forecasts", _in_process(_update, settings))
        _print("hourly run, nothing new", _in_process(_update, settings))
        _print("sidecar, first load", _in_process(_load, settings, folder / "sidecar"))
        _change(Database(settings.database_url))
        _in_process(_update, settings)
        _print("sidecar, after an hourly run", _in_process(_load, settings, folder / "sidecar"))
        _queries(folder / "sidecar")


def _fill(settings: Settings, archive: Path) -> dict[str, Any]:
    matches = pd.read_parquet(archive).sort_values("date", kind="stable").drop_duplicates("match_id")
    matches["code"] = matches["country"].fillna(matches["region"]) + " " + matches["competition"].fillna("")
    kickoff = pd.to_datetime(matches["date"]).dt.tz_localize("UTC")
    kickoff = [at.to_pydatetime() for at in matches["kickoff_utc"].fillna(kickoff)]
    rows, teams = [], dict[str, dict[str, Any]]()
    for at, row in zip(kickoff, matches.itertuples(), strict=True):
        sides = [_team(teams, row.code.split(" ")[0], name, at) for name in (row.home_team, row.away_team)]
        goals = [None if pd.isna(value) else int(value) for value in (row.home_goals, row.away_goals)]
        rows.append(_match_row(row, at, sides, goals))
    database = Database(settings.database_url)
    with database.writing() as connection:
        insert(connection, team, list(teams.values()))
        for some in batches(rows, 50_000):
            insert(connection, match, some)
        insert(connection, ledger_entry, list(_forecasts(rows[-_FORECAST:])))
        insert(
            connection, ledger_score, [_score(number, row) for number, row in enumerate(rows[-_FORECAST:])]
        )
        set_watermark(connection, "change_no", 1)
        set_watermark(connection, SCORED_SO_FAR, 1)
    return {"matches": len(rows), "teams": len(teams)}


def _team(teams: dict[str, dict[str, Any]], country: str, name: str, at: dt.datetime) -> str:
    id_ = hashlib.sha256(f"{country}|{name}".encode()).hexdigest()[:16]
    if id_ not in teams:
        pool = {"country": country, "sex": "men", "age_group": "senior", "squad": "first"}
        teams[id_] = {"team_id": id_, "name": name, "folded_name": fold(name), "first_seen_at": at, **pool}
    return id_


def _match_row(row: Any, at: dt.datetime, sides: list[str], goals: list[int | None]) -> dict[str, Any]:
    is_over = None not in goals
    return {
        "match_id": row.match_id,
        "kickoff": at,
        "kickoff_precision": "day" if pd.isna(row.kickoff_utc) else "minute",
        "competition": row.code,
        "season": row.season or "",
        "round": row.round,
        "tier": 0 if pd.isna(row.tier) else int(row.tier),
        "sex": "men",
        "age_group": "senior",
        "squad": "first",
        "home_team_id": sides[0],
        "away_team_id": sides[1],
        "home_goals": goals[0],
        "away_goals": goals[1],
        "home_price": None if pd.isna(row.odds_home) else float(row.odds_home),
        "draw_price": None if pd.isna(row.odds_draw) else float(row.odds_draw),
        "away_price": None if pd.isna(row.odds_away) else float(row.odds_away),
        "status": "finished" if is_over else "cancelled",
        "neutral": False,
        "away_is_host": False,
        "source": "archive",
        "source_match_id": row.match_id,
        "version": 1,
        "updated_at": at,
        "change_no": 1,
    }


def _forecasts(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    draw = random.Random(2)  # noqa: S311 - probabilities
    for number, row in enumerate(rows):
        home, tie = draw.uniform(0.2, 0.6), draw.uniform(0.2, 0.3)
        for turn in range(_TURNS):
            moved = home + draw.uniform(-0.02, 0.02)
            sequence = number * _TURNS + turn + 1
            yield {
                "sequence": sequence,
                "match_id": row["match_id"],
                "kickoff": row["kickoff"],
                "kickoff_precision": row["kickoff_precision"],
                "competition": row["competition"],
                "model_sha256": hashlib.sha256(str(number // 5_000).encode()).hexdigest(),
                "p_home": moved,
                "p_draw": tie,
                "p_away": 1.0 - moved - tie,
                "recorded_at": row["kickoff"] - dt.timedelta(days=_TURNS - turn),
                "previous_hash": GENESIS,
                "hash": f"{sequence:064}",
            }


def _score(number: int, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "match_id": row["match_id"],
        "revision": 1,
        "sequence": (number + 1) * _TURNS if row["status"] == "finished" else -1,
        "verdict": SCORED if row["status"] == "finished" else row["status"],
        "scored_at": row["kickoff"] + dt.timedelta(hours=3),
    }


def _drawn_strengths(rows: Sequence[Any]) -> dict[str, Strengths]:
    draw = random.Random(3)  # noqa: S311 - goals
    return {row.match_id: (_drawn_side(draw), _drawn_side(draw)) for row in rows}


def _drawn_side(draw: random.Random) -> SideStrength:
    return SideStrength(
        *(int(draw.gauss(mean, 25)) for mean in (135, 135)), *(draw.randrange(15, 30) for _ in "12")
    )


def _source(settings: Settings) -> HistorySource:
    return HistorySource(
        database=Database(settings.database_url),
        strengths_of=_drawn_strengths,
        feed="archive",
        is_simulated=False,
        now=dt.datetime.now(dt.UTC),
    )


def _build(settings: Settings) -> dict[str, Any]:
    ObjectStore(settings.store_url).delete(STATE_KEY)
    return _update(settings)


def _update(settings: Settings) -> dict[str, Any]:
    store, source = ObjectStore(settings.store_url), _source(settings)
    source.database.reading().__enter__()  # as in a run, the connection is there
    began = time.perf_counter()
    update: HistoryUpdate = update_history(store, source)
    return {
        "seconds": round(time.perf_counter() - began, 2),
        "parts": update.written,
        "megabytes_written": round(update.bytes_written / 1e6, 2),
        "megabytes": round(sum(one.bytes for one in update.index.seasons) / 1e6, 1),
        "index_kilobytes": round(update.entry.bytes / 1e3),
        "seasons": len(update.index.seasons),
        "matches": sum(one.matches for one in update.index.seasons),
    }


def _load(settings: Settings, folder: Path) -> dict[str, Any]:
    state = decoded(STATE_KEY, ObjectStore(settings.store_url).read(STATE_KEY) or b"", HistoryState)
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    parts = load_history(StoreAddress(settings.store_url, str(folder), ""), folder, state.index.sha256)
    file = find_file(folder)
    return {
        "seconds": round(time.perf_counter() - began, 2),
        "parts": parts,
        "file_megabytes": round(file.stat().st_size / 1e6, 1) if file else None,
    }


def _change(database: Database) -> None:
    """Another score for the newest matches, and another forecast for each match of their days."""
    with database.writing() as connection:
        change_no = next_change_no(connection)
        newest = (
            connection.execute(
                sa.select(match.c.match_id)
                .where(match.c.status == "finished")
                .order_by(match.c.kickoff.desc())
                .limit(_CHANGED)
            )
            .scalars()
            .all()
        )
        connection.execute(
            sa.update(match)
            .where(match.c.match_id.in_(newest), match.c.home_goals.isnot(None))
            .values(home_goals=(match.c.home_goals + 1) % 5, change_no=change_no)
        )
        set_watermark(connection, SCORED_SO_FAR, change_no)
        said = connection.execute(
            sa.select(ledger_entry).order_by(ledger_entry.c.sequence.desc()).limit(2_000)
        ).all()
        last = max((row.sequence for row in said), default=0)
        again = {row.match_id: row for row in said}
        rows = [
            row._asdict()
            | {
                "sequence": last + number,
                "p_home": row.p_home * 0.99,
                "hash": f"{number:064}",
                "previous_hash": GENESIS,
            }
            for number, row in enumerate(again.values(), 1)
        ]
        if rows:
            connection.execute(sa.insert(ledger_entry), rows)


def _queries(folder: Path) -> None:
    file = find_file(folder)
    if file is None:
        raise SystemExit("no history was loaded")
    history, draw = History(file), random.Random(1)  # noqa: S311 - which pages are asked for
    with history.reading() as view:
        rows = view._connection.execute(  # noqa: SLF001 - ids to ask for
            "SELECT match.match, home.team, away.team, match.competition, part.season, match.kickoff"
            " FROM match JOIN team AS home ON home.id = match.home JOIN team AS away ON away.id = match.away"
            " JOIN part ON part.id = match.part WHERE match.id % 997 = 0"
        ).fetchall()
        names = [row[0] for row in view._connection.execute("SELECT name FROM team")]  # noqa: SLF001
    questions: dict[str, Callable[[HistoryView, Any], object]] = {
        "match": lambda view, row: (view.match(row[0]), view.forecast_history(row[0])),
        "season": lambda view, row: view.season(row[3], row[4]),
        "team": lambda view, row: view.team(row[1]),
        "team_matches": lambda view, row: view.team_matches(row[1]),
        "team_strength": lambda view, row: view.team_strength(row[1]),
        "meetings": lambda view, row: view.meetings(row[1], row[2]),
        "day": lambda view, row: view.day(_day(row[5]), _day(row[5])),
        "settled": lambda view, row: view.settled(SettledFilter(competition=row[3])),
        "record": lambda view, _: (view.record_by_month(), view.record_by_competition(), view.reliability()),
        "search_teams": lambda view, _: view.search_teams(_misspelt(draw, draw.choice(names))),
    }
    for name, ask in questions.items():
        times = []
        for _ in range(_ASKED):
            row = draw.choice(rows)
            began = time.thread_time()
            with history.reading() as view:
                ask(view, row)
            times.append((time.thread_time() - began) * 1e3)
        times.sort()
        p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
        _print(f"query {name}", {"p50_ms": round(p50, 2), "p99_ms": round(p99, 2)})


def _day(kickoff: int) -> dt.date:
    return dt.datetime.fromtimestamp(kickoff, dt.UTC).date()


def _misspelt(draw: random.Random, name: str) -> str:
    place = draw.randrange(len(name))
    return name[:place] + name[place + 1 :]


def _in_process(function: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """In a process of its own, whose largest memory counts."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (function, arguments))


def _measured(function: Callable[..., dict[str, Any]], arguments: tuple[Any, ...]) -> dict[str, Any]:
    before = resource.getrusage(resource.RUSAGE_SELF)
    found = function(*arguments)  # what it imports is loaded already
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return found | {
        "cpu_seconds": round(cpu, 2),
        "memory_megabytes": round((after.ru_maxrss - before.ru_maxrss) / 1e3),
    }


def _print(what: str, found: dict[str, Any]) -> None:
    print(json.dumps({"what": what} | found), flush=True)


if __name__ == "__main__":
    main()
