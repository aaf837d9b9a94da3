"""Bulk scoring: a real worker process on a real Valkey, killed in the middle."""

import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec
import numpy as np
import psutil
import pytest
import redis
from backports import zstd

from serving.child_process import ChildProcess
from serving.http.schemas import TaskStatus
from serving.tasks.queue import MAX_ATTEMPTS
from soccer_assets.clock import isoformat
from soccer_assets.contract.installation import RedisNames
from soccer_assets.signs_of_life import TASK_WORKER, SignOfLife
from tests.builders import INSTALLATION
from tests.health_checks import age, check_of, passes
from tests.services import free_ports, valkey
from tests.serving.builders import NOW, READER, TOKENS, StubScorer, write_keys, write_status
from tests.serving.conftest import serving_from
from tests.serving.league import TEAMS, make_scoring_release, model
from tests.serving.processes import ready_release, sidecar, wait_until

NAMES = RedisNames(INSTALLATION)
ROOT = Path(__file__).parents[3]
PREDICTOR = {"X-API-Key": TOKENS["predictor"]}
ADMIN = {"X-API-Key": TOKENS["admin"]}
PAIRING = {
    "home_team": "Leeds",
    "away_team": "Derby",
    "kickoff": "2025-04-27T14:00:00Z",
    "competition": "ENG-2",
}


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory):
    """A Valkey of this module."""
    with valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


class InProcess(ChildProcess):
    """Runs in this process what the child would."""

    async def run(self, function, *args):
        """The function's return value."""
        return function(*args)


class ScorerInProcess(StubScorer):
    """Scores the golden rows in this process."""

    def __init__(self):
        super().__init__()
        self.child = InProcess()

    def is_warm(self, _files):
        """Always: workers score. To warm up here would search all tests for garbage, which takes 2 s."""
        return True

    async def score(self, _model_file, rows):
        """The golden rows' own probabilities: this model is not in question."""
        return model().predict_proba(np.array(rows)).tolist()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The folder whose store has the release that scores."""
    folder = tmp_path_factory.mktemp("home")
    make_scoring_release(folder / "store")
    write_status(folder / "store")
    write_keys(folder / "store")
    return folder


@pytest.fixture(scope="module")
def taker(home, redis_url):
    """A sidecar without limits that takes tasks in."""
    with serving_from(home) as start:
        client = start(
            scorer=ScorerInProcess(), redis_url=redis_url, rate_limit_per_minute=0, failed_keys_per_minute=0
        )
        # The first connection, which takes its second on busy cores.
        wait_until(lambda: client.get("/monitoring/queues", headers=ADMIN).status_code == 200)
        yield client


@pytest.fixture
def tasks(taker, redis_url):
    """The sidecar on an empty queue."""
    redis.Redis.from_url(redis_url).flushdb()
    return taker


@contextmanager
def worker(home, redis_url):
    """A worker process on the release of the test."""
    log = (home / "worker.log").open("a")
    process = subprocess.Popen(
        [sys.executable, "-m", "serving.worker"],
        cwd=ROOT,
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "SOCCER_HOME": str(home), "SOCCER_NOW": isoformat(NOW)}
        | {"SOCCER_REDIS_URL": redis_url},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        log.close()


def send_once(client, rows, **headers):
    """A task sent."""
    return client.post("/predict/async/", json=rows, headers=PREDICTOR | headers)


def send(client, rows, **headers):
    """A task sent, again after a 503: on busy cores a first connection takes its second."""
    deadline = time.monotonic() + 60
    while (answer := send_once(client, rows, **headers)).status_code == 503:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.5)
    return answer


def status(client, accepted, headers=PREDICTOR):
    """Where it stands."""
    return client.get(accepted.json()["status_url"], headers=headers)


def wait_for(client, accepted, wanted, headers=PREDICTOR, seconds=300):
    """Ask until a task has a status; returns its body."""
    deadline = time.monotonic() + seconds
    while (body := status(client, accepted, headers).json())["status"] != wanted:
        assert time.monotonic() < deadline, body
        time.sleep(0.05)
    return body


def test_task_is_taken_scored_and_kept(tasks, home, redis_url):
    """202, pending without a worker, then success with each row's answer or what is wrong with it."""
    rows = [PAIRING | {"home_team": name} for name in TEAMS if name != "Derby"]
    rows[2:2] = [PAIRING | {"away_team": "Nobody"}, {"nonsense": 1}]
    accepted = send(tasks, rows)
    assert accepted.status_code == 202
    assert accepted.headers["location"] == accepted.json()["status_url"]
    assert status(tasks, accepted).json()["status"] == "pending"
    queue = tasks.get("/monitoring/queues", headers=ADMIN).json()["queues"][0]
    assert (queue["queued"], queue["active"]) == (1, 0)

    with worker(home, redis_url) as process:
        wait_for(tasks, accepted, "success")
        threads = [thread.id for thread in psutil.Process(process.pid).threads()]
        priorities = {thread: os.getpriority(os.PRIO_PROCESS, thread) for thread in threads}
        alive = tasks.get("/monitoring/workers", headers=ADMIN).json()["workers"]
        check = [sys.executable, "-m", "serving.worker", "--check"]
        env = os.environ | {"SOCCER_REDIS_URL": redis_url, "SOCCER_HOME": str(home)}
        assert subprocess.run(check, cwd=ROOT, env=env, check=False).returncode == 0
        process.send_signal(signal.SIGSTOP)
        age(SignOfLife(home, TASK_WORKER).path)
        assert not passes(check_of("worker"), home)
        process.send_signal(signal.SIGCONT)
        wait_until(lambda: passes(check_of("worker"), home))
    body = msgspec.json.decode(status(tasks, accepted).content, type=TaskStatus, strict=True)

    for coding, unpack in (("gzip", gzip.decompress), ("zstd", zstd.decompress)):
        wish = PREDICTOR | {"Accept-Encoding": coding}
        with tasks.stream("GET", accepted.headers["location"], headers=wish) as response:
            assert response.headers["content-encoding"] == coding
            assert msgspec.json.decode(unpack(b"".join(response.iter_raw())), type=TaskStatus) == body
    assert (body.rows, body.progress) == (len(rows), 1.0)
    kinds = [type(item).__name__ for item in body.result.items]
    assert kinds == ["ScoredPairing"] * 2 + ["RefusedRow"] * 2 + ["ScoredPairing"] * 5
    assert [item.row for item in body.result.items[2:4]] == [2, 3]
    assert "Nobody" in body.result.items[2].errors[0].message
    assert body.result.items[0].release_id == "r1"
    assert [worker["pid"] for worker in alive] == [process.pid]
    assert priorities.pop(process.pid) == 0, "heartbeats must not starve on busy cores"
    assert 10 in priorities.values(), "scoring must give way to look-ups"


def test_srv_05_one_idempotency_key_is_one_task_and_one_result(tasks, home, redis_url):
    """Sent again it is the same task, also when it is done; with another body it is refused."""
    key = {"Idempotency-Key": "order-7"}
    first, again = (send(tasks, [PAIRING], **key) for _ in range(2))
    other_body = send(tasks, [PAIRING] * 2, **key)
    other_client = send(tasks, [PAIRING], **ADMIN, **key)

    assert first.json() == again.json()
    assert other_body.status_code == 422
    assert other_client.json()["task_id"] != first.json()["task_id"]
    with worker(home, redis_url) as process:
        done = wait_for(tasks, first, "success")
        assert send(tasks, [PAIRING], **key).json()["task_id"] == first.json()["task_id"]
        assert wait_for(tasks, first, "success") == done
        wait_for(tasks, other_client, "success", headers=ADMIN)
        assert tasks.get("/monitoring/queues", headers=ADMIN).json()["queues"][0]["queued"] == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 0


def test_srv_05_a_task_outlives_its_worker_and_no_part_is_scored_twice(tasks, home, redis_url, monkeypatch):
    """Killed in the middle, another worker goes on after the last part; the result is whole and in order."""
    monkeypatch.setattr("serving.tasks.queue.HEARTBEAT_TIMEOUT_SECONDS", 9)
    names = [name for name in TEAMS if name != "Derby"]
    rows = [PAIRING | {"home_team": names[number % 7]} for number in range(8_000)]
    accepted = send(tasks, rows)
    task_id = accepted.json()["task_id"]
    server = redis.Redis.from_url(redis_url)
    with worker(home, redis_url) as process:
        wait_for(tasks, accepted, "running")
        deadline = time.monotonic() + 300
        while not server.exists(f"{NAMES.task(task_id)}:part:1"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
        process.wait()
    first = server.get(f"{NAMES.task(task_id)}:part:0")
    assert status(tasks, accepted).json()["status"] == "running"

    with worker(home, redis_url):
        body = wait_for(tasks, accepted, "success")

    assert [item["home_team"]["name"] for item in body["result"]["items"]] == [
        row["home_team"] for row in rows
    ]
    assert server.get(f"{NAMES.task(task_id)}:part:0") == first
    assert not server.exists(f"{NAMES.task(task_id)}:rows")


def test_a_task_in_no_list_is_scored(tasks, home, redis_url):
    """A worker took its own late tasks from the list and died before they were queued again."""
    lost = {state: send(tasks, [PAIRING]) for state in ("active", "aborting")}
    for state, accepted in lost.items():
        rewrite_job(redis_url, accepted, status=state, started=1, touched=1, attempts=1)
        assert status(tasks, accepted).json()["status"] == "running"

    with worker(home, redis_url):
        for accepted in lost.values():
            assert len(wait_for(tasks, accepted, "success")["result"]["items"]) == 1


def test_a_task_aborted_for_a_late_heartbeat_is_not_failed_while_it_is_tried_again(tasks, redis_url):
    """Between the abort and the next attempt it runs; after the last attempt it has failed."""
    accepted = send(tasks, [PAIRING])
    rewrite_job(redis_url, accepted, status="aborted", attempts=1, error="swept")
    assert status(tasks, accepted).json()["status"] == "running"
    rewrite_job(redis_url, accepted, attempts=MAX_ATTEMPTS)
    assert status(tasks, accepted).json()["status"] == "failed"


def rewrite_job(redis_url, accepted, **changes):
    """The task's job with other fields, in none of the queue's lists."""
    server = redis.Redis.from_url(redis_url)
    name = f"saq:job:{NAMES.queue}:{accepted.json()['task_id']}"
    server.set(name, json.dumps(json.loads(server.get(name)) | changes))
    server.lrem(f"saq:{NAMES.queue}:queued", 0, name)
    server.zrem(f"saq:{NAMES.queue}:incomplete", name)


def test_tasks_belong_to_their_key(tasks):
    """Another client's task is unknown, an admin sees it; so is one that never was."""
    write_keys_of_two = send(tasks, [PAIRING], **ADMIN)

    assert status(tasks, write_keys_of_two).status_code == 404
    mine = send(tasks, [PAIRING])
    assert status(tasks, mine, ADMIN).status_code == 200
    assert tasks.get("/monitoring/task_status/never", headers=PREDICTOR).status_code == 404
    assert status(tasks, mine, READER).status_code == 403


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", 400), (b"[", 400), (b"3", 400), (b"[" + b"1," * 100_000 + b"1]", 413), (b"{}", 202), (b"[]", 202)],
)
def test_bodies_are_looked_at_before_they_are_taken(tasks, content, code):
    """No JSON is 400, more than 100,000 rows 413; what is wrong with single rows is in the result."""
    assert tasks.post("/predict/async/", content=content, headers=PREDICTOR).status_code == code


def test_predecessors_names_of_queue_and_workers_are_deprecated(tasks):
    """The old paths answer the same, with a Deprecation header; both are for admins."""
    for name in ("queues", "workers"):
        old, new = (tasks.get(f"/monitoring/{part}{name}", headers=ADMIN) for part in ("celery/", ""))
        assert (old.status_code, old.json()) == (200, new.json())
        assert old.headers["deprecation"].startswith("@")
        assert "deprecation" not in new.headers
        assert tasks.get(f"/monitoring/{name}", headers=PREDICTOR).status_code == 403


@pytest.mark.parametrize("url", ["", "redis://127.0.0.1:{port}/0"])
def test_srv_06_without_redis_tasks_are_503_at_once_and_lookups_go_on(home, url):
    """No server or a dead one: 503 with Retry-After for what needs it, predictions as ever."""
    with serving_from(home) as start:
        client = start(scorer=ScorerInProcess(), redis_url=url.format(port=free_ports(1)[0]))
        answer_without_redis(client)


def answer_without_redis(client):
    """Twice 503 for what needs Redis, and a prediction."""
    for _ in range(2):
        answers = [
            send_once(client, [PAIRING]),
            client.get(f"/monitoring/task_status/{'0' * 32}", headers=PREDICTOR),
            client.get("/monitoring/queues", headers=ADMIN),
            client.get("/events/", headers=READER),
        ]
        assert [answer.status_code for answer in answers] == [503] * 4
        assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)
        assert client.get("/predict/m1", headers=READER).status_code == 200


def task_workers(process):
    """The task workers that `soccer serve` has started."""
    found = []
    for child in psutil.Process(process.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if child.cmdline()[-1:] == ["serving.worker"]:
                found.append(child)
    return found


@pytest.mark.slow
def test_soccer_serve_alone_scores_tasks_and_starts_a_killed_worker_again(home, redis_url):
    """One command on a release and a Redis is all that tasks need; it ends with nothing left behind."""
    redis.Redis.from_url(redis_url).flushdb()
    with sidecar(home, tasks=True, redis_url=redis_url) as (address, process):
        wait_until(lambda: ready_release(address) == "r1")
        wait_until(lambda: task_workers(process))  # started beside the sidecar
        workers = task_workers(process)
        with httpx.Client(base_url=address, timeout=120) as client:
            workers[0].kill()

            done = wait_for(client, send(client, [PAIRING, PAIRING]), "success")

        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 0
    assert len(workers) == 1
    assert len(done["result"]["items"]) == 2
    assert psutil.wait_procs(children, 300)[1] == []
