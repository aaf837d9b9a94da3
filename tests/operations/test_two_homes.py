"""Whole homes on one Valkey: two of their own, then a copy beside its original. None reaches another.

`pytest -m trial tests/operations/test_two_homes.py` runs it.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import redis

from soccer_assets.contract.installation import INSTALLATION_KEY
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.releases.key_store import SCOPES, create_key
from tests.builders import NOW
from tests.homes import share_caches
from tests.operations.kills import Client, wait_until
from tests.operations.test_up import Stack
from tests.services import valkey

pytestmark = pytest.mark.trial

RUNNING = "running; Ctrl-C stops everything"
SAME = {"Idempotency-Key": "same"}


class Home:
    """A `soccer up` on a shared Valkey, asked with one key of all scopes."""

    def __init__(self, folder: Path, redis_url: str, key: str = "") -> None:
        self.folder, self._redis_url = folder, redis_url
        self.stack = Stack(folder, SOCCER_REDIS_URL=redis_url)
        self.key = key

    def wait(self) -> None:
        """Until it runs; then it has a key."""
        self.stack.wait_for(RUNNING)
        self.key = self.key or create_key(self.store, SCOPES, NOW)

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stack.stop()
        self.stack = Stack(self.folder, SOCCER_REDIS_URL=self._redis_url)
        self.stack.wait_for(RUNNING)

    @property
    def store(self) -> ObjectStore:
        """Its objects."""
        return ObjectStore(f"file://{self.folder}/store")

    @property
    def id(self) -> str:
        """Of the installation."""
        found: str = msgspec.json.decode(self.store.read(INSTALLATION_KEY) or b"")["id"]
        return found

    @property
    def url(self) -> str:
        """Of its sidecar."""
        return f"http://127.0.0.1:{self.stack.serving_port}"

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """An answer of its sidecar; a new key is known within seconds."""
        headers = {"X-API-Key": self.key} | request.pop("headers", {})
        answers: list[httpx.Response] = []

        def is_answered() -> bool:
            answers.append(
                httpx.request(
                    method, f"{self.url}{path}", headers=headers, timeout=60, trust_env=False, **request
                )
            )
            return answers[-1].status_code not in {401, 503}

        wait_until(is_answered)
        return answers[-1]

    def matches(self) -> list[dict[str, Any]]:
        """The first upcoming matches."""
        found: list[dict[str, Any]] = self.ask("GET", "/predict/matches/?limit=5").json()["items"]
        return found

    def submit(self, count: int) -> str:
        """The id of a task of so many rows, always under the same idempotency key."""
        match = self.matches()[0]
        row = {side: match[side]["name"] for side in ("home_team", "away_team")}
        row |= {name: match[name] for name in ("kickoff", "competition")}
        answer = self.ask("POST", "/predict/async/", headers=SAME, json=[row] * count)
        assert answer.status_code == 202, answer.text
        found: str = answer.json()["task_id"]
        return found

    def task(self, task_id: str) -> httpx.Response:
        """Where a task stands."""
        return self.ask("GET", f"/monitoring/task_status/{task_id}")

    def result(self, task_id: str) -> list[dict[str, Any]]:
        """The rows of a task's result, once it has one."""
        wait_until(lambda: self.task(task_id).json()["status"] == "success")
        items: list[dict[str, Any]] = self.task(task_id).json()["result"]["items"]
        return items

    def soccer(self, *arguments: str) -> None:
        """A command of `soccer` on this home."""
        run(self.folder, self._redis_url, *arguments)

    def events(self) -> list[str]:
        """The ids of the releases that its stream has told of, by the stream's end."""
        told: list[str] = []
        newest = self.matches()[0]["release_id"]
        with httpx.stream(
            "GET",
            f"{self.url}/events",
            headers={"X-API-Key": self.key, "Last-Event-ID": "0-0"},
            timeout=300,
            trust_env=False,
        ) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    told.append(msgspec.json.decode(line.removeprefix("data:")).get("release_id", ""))
                if newest in told:
                    break
        return [release for release in told if release]


def run(home: Path, redis_url: str, *arguments: str) -> None:
    """A command of `soccer`."""
    env = os.environ | {"SOCCER_HOME": str(home), "SOCCER_REDIS_URL": redis_url}
    env |= {"SOCCER_LEAGUES": "2", "SOCCER_FIRST_BUILD_MONTHS": "12"}
    command = [sys.executable, "-m", "soccer_assets.cli", *arguments]
    done = subprocess.run(command, env=env, cwd=home.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def up(*homes: Home) -> Iterator[None]:
    """All run, until the context ends."""
    try:
        for home in homes:
            home.wait()
        yield
    finally:
        for home in homes:
            home.stack.stop()


def require_apart(client: "redis.Redis[bytes]", *homes: Home) -> None:
    """Every name in Redis carries the id of one of the homes, and each home has some."""
    ids = {home.id for home in homes}
    names = client.keys()
    owners = [{id_ for id_ in ids if id_ in name.decode()} for name in names]
    assert len(ids) == len(homes)
    assert all(len(owner) == 1 for owner in owners), names
    assert set().union(*owners) == ids


def test_two_homes_and_a_copy_share_a_redis_and_nothing_else(tmp_path: Path) -> None:
    """Keys, tasks, results, events and restarts of one, seen from the other; then of a copy of it."""
    for name in ("one", "other"):
        share_caches(tmp_path / name)
    with valkey(tmp_path) as redis_url, redis.Redis.from_url(redis_url) as client:
        one, other = (Home(tmp_path / name, redis_url) for name in ("one", "other"))
        with up(one, other):
            tasks = {home: home.submit(count) for home, count in ((one, 2), (other, 3))}
            assert [len(home.result(task)) for home, task in tasks.items()] == [2, 3]
            for home, foreign in ((one, other), (other, one)):
                assert home.task(tasks[foreign]).status_code == 404
                headers = {"X-API-Key": foreign.key}
                refused = httpx.get(f"{home.url}/predict/matches/", headers=headers, trust_env=False)
                assert refused.status_code == 401
            told = [set(home.events()) for home in (one, other)]
            assert told[0].isdisjoint(told[1])
            require_apart(client, one, other)

            before = other.matches()[0]["release_id"]
            one.soccer("run", "refresh_hourly")
            assert other.matches()[0]["release_id"] == before

            with Client(f"{one.url}/predict/{one.matches()[0]['match_id']}", one.key) as asking:
                wait_until(lambda: asking.answered > 5)
                other.restart()
                answered = asking.answered
                wait_until(lambda: asking.answered > answered + 5)
            assert asking.failed == []
            assert [len(home.result(task)) for home, task in tasks.items()] == [2, 3]
            other.stack.stop()

            one.soccer("backup", str(tmp_path / "backup"))
            run(tmp_path / "copy", redis_url, "restore", str(tmp_path / "backup"), "--copy")
            copy = Home(tmp_path / "copy", redis_url, one.key)
            with up(copy):
                assert copy.task(tasks[one]).status_code == 404
                task = copy.submit(4)  # of the same key and idempotency key: the same id, another task
                assert task == tasks[one]
                assert [len(home.result(task)) for home in (copy, one)] == [4, 2]
                require_apart(client, one, other, copy)
            assert len(one.result(task)) == 2
