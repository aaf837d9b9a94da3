"""What a client sends never makes an endpoint unavailable to others: only a lost connection does."""

import asyncio
import base64
import json

import pytest
import redis as redis_library
import sqlalchemy as sa

from serving.backends.match_table import DatabaseUnavailableError, LiveMatches, LiveQuery
from serving.backends.redis import OwnNames, RedisUnavailableError, translate_redis_errors
from serving.tasks.queue import TaskQueue
from serving.tasks.store import QueueUnavailableError
from soccer_assets.tables import match, metadata
from tests.services import free_ports
from tests.serving.builders import TOKENS

ADMIN = {"X-API-Key": TOKENS["admin"]}
LISTS = ("/predict/matches/", "/predict/predictions/", "/livescores/")
GOOD = "2025-04-25T09:00:00Z"


def cursor(*position):
    """A cursor as the sidecar writes it, of a position that it never writes."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


BAD_CURSORS = [
    cursor("9999-12-31T23:59:59-14:00", "m"),
    cursor("0001-01-01T00:00:00+14:00", "m"),
    cursor("2025-04-25T09:00:00+23:59:59.999999", "m"),
    cursor("2025-04-25", "m"),
    cursor("20250425T090000Z", "m"),
    cursor("infinity", "m"),
    cursor("x\0", "m"),
    cursor(GOOD, "\0"),
    cursor(GOOD, "m\0"),
    cursor(GOOD, "m\n"),
    cursor(GOOD, "\ud800"),
    cursor(GOOD, "é"),
    cursor(GOOD, ""),
    cursor(GOOD, "m" * 101),
    cursor(GOOD),
    cursor(GOOD, "m", "m"),
    cursor(GOOD, 1),
    "\0",
    "=",
    "",
]


@pytest.fixture
def both(database, store, serve, valkey_url):
    """A sidecar with a database of either kind and a Redis."""
    url = database.engine.url.render_as_string(hide_password=False)
    redis_url = valkey_url.replace("/0", "/9")
    return serve(database_url=url, redis_url=redis_url, rate_limit_per_minute=0)


def test_hostile_positions_are_400_and_the_next_client_is_served(both):
    """Every cursor that no page ever had, on every list."""
    for path in LISTS:
        for text in BAD_CURSORS:
            refused = both.get(path, params={"cursor": text}, headers=ADMIN)
            assert (refused.status_code, "cursor" in refused.text) == (400, True), (path, text)
        assert both.get(path, params={"cursor": cursor(GOOD, "m")}, headers=ADMIN).status_code == 200


PARAMETERS = ("competition", "team", "status", "tz", "from", "year", "limit")
BAD_VALUES = ("\0", "a\0", "\ud800", "'", "%", "ENG-1;--", "\N{SNOWMAN}" * 100, " " * 100)
BAD_TASKS = (
    *("a:b", "saq:job:scoring:a", "%00", "%ff", "%ed%a0%80", "*", "%0d%0a", "%c3%a9"),
    *("a" * 900, "A" * 32),
)
BAD_EVENTS = (
    *("x", "1", "1-", "-1-0", "1-0-0"),
    *("18446744073709551616-0", "0-18446744073709551616", "99999999999999999999-0"),
)


def test_hostile_values_are_400_and_the_next_client_is_served(both):
    """Every parameter that could reach a backend."""
    for path in LISTS[::2]:
        for name in PARAMETERS:
            for value in BAD_VALUES:
                quoted = "".join(f"%{byte:02x}" for byte in value.encode("utf-8", "surrogatepass"))
                refused = both.get(f"{path}?{name}={quoted}", headers=ADMIN)
                assert refused.status_code == 400, (path, name, value)
        assert both.get(path, headers=ADMIN).status_code == 200


def test_ids_that_nothing_has_are_refused_and_the_next_client_is_served(both):
    """Tasks are 404, events 400 before Redis is asked, also for numbers that it cannot hold."""
    for task_id in BAD_TASKS:
        assert both.get(f"/monitoring/task_status/{task_id}", headers=ADMIN).status_code == 404, task_id
    for event_id in BAD_EVENTS:
        refused = both.get("/events/", headers=ADMIN | {"Last-Event-ID": event_id})
        assert refused.status_code == 400, event_id
    assert both.get(f"/monitoring/task_status/{'0' * 32}", headers=ADMIN).status_code == 404
    assert both.get("/monitoring/queues", headers=ADMIN).status_code == 200


def test_a_statement_that_is_refused_is_not_held_against_the_next(database):
    """Without its table a query fails; when the table is there the next one is answered at once."""
    url = database.engine.url.render_as_string(hide_password=False)
    matches = LiveMatches(url)

    async def ask_around(change):
        with pytest.raises(DatabaseUnavailableError):
            await matches.page(LiveQuery(limit=1))
        change()
        return await matches.page(LiveQuery(limit=1))

    with database.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE match RENAME TO match_aside"))

    def bring_back():
        with database.engine.begin() as connection:
            connection.execute(sa.text("ALTER TABLE match_aside RENAME TO match"))

    try:
        assert match in metadata.sorted_tables
        assert asyncio.run(ask_around(bring_back)) == ([], None)
    finally:
        matches.close()


def test_a_command_that_is_refused_is_not_held_against_the_next(valkey_url):
    """A value of another type fails one task; another task is asked for."""
    url = valkey_url.replace("/0", "/9")
    name = "f" * 32
    server = redis_library.Redis.from_url(url)
    names = OwnNames("breakers")
    queue = TaskQueue(url, names, 60)

    async def ask():
        with pytest.raises(QueueUnavailableError):
            await queue.state(name, "key", is_admin=True)
        found = await queue.state("0" * 32, "key", is_admin=True)
        await queue.close()
        return found

    server.set(names.get().task(name), "no hash")
    try:
        assert asyncio.run(ask()) is None
    finally:
        server.delete(names.get().task(name))
        server.close()


def test_a_lost_connection_is_told_from_a_refusal():
    """Only the first is held against the next caller."""
    nobody = redis_library.Redis(port=free_ports(1)[0])
    with pytest.raises(RedisUnavailableError) as lost, translate_redis_errors():
        nobody.ping()
    with pytest.raises(RedisUnavailableError) as refused, translate_redis_errors():
        raise redis_library.exceptions.OutOfMemoryError("used memory > 'maxmemory'")

    assert (lost.value.is_connection_lost, lost.value.is_full) == (True, False)
    assert (refused.value.is_connection_lost, refused.value.is_full) == (False, True)


def test_the_library_is_loaded_outside_the_time_limits(tmp_path, monkeypatch):
    """On a busy machine its import takes longer than an answer may: the first request would be a 503."""
    limited, wait = [], asyncio.wait

    async def recording(tasks, **limits):
        limited.append("_engine" in matches.__dict__)
        return await wait(tasks, **limits)

    monkeypatch.setattr("serving.backends.match_table.asyncio.wait", recording)
    metadata.create_all(sa.create_engine(f"sqlite:///{tmp_path}/soccer.db"))
    matches = LiveMatches(f"sqlite:///{tmp_path}/soccer.db")

    assert asyncio.run(matches.page(LiveQuery(limit=1))) == ([], None)
    matches.close()
    assert limited == [True]
