"""An installation whose runs execute on other hosts: PostgreSQL, S3, Valkey, and no disk in common."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml

from benchmarks.serving_quota import quotas
from soccer_assets.operations.local_instance import open_instance
from soccer_assets.resources.database import Database
from soccer_assets.tables import match, match_raw, odds
from tests.databases import execute
from tests.fleet.hosts import ADDRESS, Host
from tests.homes import share_caches
from tests.live import LiveHome
from tests.services import S3_KEY, S3_SECRET, postgres_files, s3_client, seaweedfs, valkey

ROOT = Path(__file__).parents[2]
PASSWORD = "a-password-of-tests"
CORES = 0.4
# The queues of a worker that publishes nothing.
RUNNER = ("train", "backfill")
# Seconds after which a run of a lost worker is no longer open.
ORPHANED_AFTER = 60.0


class Services:
    """The servers of all installations of a trial."""

    def __init__(self, postgres: str, valkey_url: str, s3: str) -> None:
        self.postgres = postgres
        self.valkey_url = valkey_url
        self.s3 = s3

    def new_home(self, folder: Path, **environ: str) -> LiveHome:
        """An installation of its own on these servers."""
        name = folder.name.replace("-", "_")
        for kind in ("soccer", "dagster"):
            execute(self.postgres, f"CREATE DATABASE {kind}_{name}")
        server = self.postgres.rpartition("/")[0]
        s3_client(self.s3).create_bucket(Bucket=folder.name)
        home = LiveHome(
            folder,
            dagster_url=f"{server}/dagster_{name}",
            SOCCER_DATABASE_URL=f"{server}/soccer_{name}",
            SOCCER_STORE_URL=f"s3://{folder.name}/store",
            SOCCER_S3_ENDPOINT_URL=self.s3,
            SOCCER_REDIS_URL=self.valkey_url,
            SOCCER_REDIS_PASSWORD=PASSWORD,
            SOCCER_RUNS="fleet",
            AWS_ACCESS_KEY_ID=S3_KEY,
            AWS_SECRET_ACCESS_KEY=S3_SECRET,
            AWS_DEFAULT_REGION="us-east-1",
            **environ,
        )
        config = yaml.safe_load((ROOT / "deploy" / "fleet" / "dagster.yaml").read_text())
        config["storage"] = {"postgres": {"postgres_url": f"{server}/dagster_{name}"}}
        (folder / "dagster" / "dagster.yaml").write_text(json.dumps(config))
        with open_instance(folder / "dagster"):
            pass
        return home


@contextmanager
def services(folder: Path) -> Iterator[Services]:
    """The servers, on the address that other hosts know."""
    with ExitStack() as stack:
        start = stack.enter_context(postgres_files(ADDRESS))
        postgres = stack.enter_context(start(signal.SIGINT)).replace("127.0.0.1", ADDRESS)
        (folder / "valkey").mkdir()
        (folder / "s3").mkdir()
        broker = stack.enter_context(valkey(folder / "valkey", password=PASSWORD, host=ADDRESS))
        s3 = stack.enter_context(seaweedfs(folder / "s3", host=ADDRESS))
        yield Services(postgres, broker.replace("127.0.0.1", ADDRESS), s3)


class Worker:
    """A run worker on a host, with its own disk and a share of a core."""

    def __init__(self, home: LiveHome, host: Host, queues: Sequence[str], folder: Path, grace: float) -> None:
        share_caches(folder)
        (folder / "dagster").mkdir()
        (folder / "tmp").mkdir()
        shared = home.settings.home / "dagster" / "dagster.yaml"
        (folder / "dagster" / "dagster.yaml").write_text(shared.read_text())
        env = home.env | {
            "SOCCER_HOME": str(folder),
            "DAGSTER_HOME": str(folder / "dagster"),
            "TMPDIR": str(folder / "tmp"),
            "PYTHONUNBUFFERED": "1",
        }
        self.host = host
        self.log = folder / "worker.log"
        options = ["--queues", ",".join(queues), "--grace", str(grace)]
        command = host.command(sys.executable, "-m", "soccer_assets.cli", "fleet", "worker", *options)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                env=os.environ | env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def is_ready(self) -> bool:
        """Whether it takes runs."""
        assert self.process.poll() is None, self.log.read_text()
        return "takes runs of" in self.log.read_text()

    def runs(self) -> list[psutil.Process]:
        """The processes of its runs."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def kill_run(self) -> None:
        """As the kernel does that has no memory left."""
        self.runs()[0].kill()

    def kill(self) -> None:
        """As a power cut does; the processes of its runs go with it."""
        runs = self.runs()
        self.process.kill()
        self.process.wait()
        psutil.wait_procs(runs, 60)


@contextmanager
def workers(
    home: LiveHome, placed: Sequence[tuple[Host, Sequence[str]]], folder: Path
) -> Iterator[list[Worker]]:
    """Run workers that are ready, each held to its share of a core from then on."""
    folder.mkdir()
    found: list[Worker] = []
    try:
        for number, (host, queues) in enumerate(placed):
            found.append(Worker(home, host, queues, folder / str(number), grace=5))
        for one in found:
            home.wait_until(lambda one=one: one.is_ready)  # type: ignore[misc]  # bound now
        with quotas([psutil.Process(one.process.pid) for one in found], CORES) as is_held:
            assert is_held, "no CPU quotas on this machine"
            try:
                yield found
            finally:  # while their shares are there: a share of the living cannot be removed
                _end(found)
    finally:
        _end(found)


def _end(found: Sequence[Worker]) -> None:
    """Kill workers, and wait until the processes of their runs are gone too."""
    for one in found:
        if one.process.poll() is None:
            one.kill()


def tables_of(home: LiveHome) -> dict[str, list[tuple[Any, ...]]]:
    """What the match tables hold, without the clock and the order in which runs wrote."""
    database = Database(home.settings.database_url)
    own = {"change_no", "first_seen_at", "last_seen_at", "checked_at", "updated_at", "created_at", "seen_at"}
    found = {}
    with database.reading() as connection:
        for table in (match_raw, match, odds):
            columns = [column for column in table.columns if column.name not in own]
            rows = connection.execute(table.select().with_only_columns(*columns)).all()
            found[table.name] = sorted((tuple(row) for row in rows), key=repr)
    database.engine.dispose()
    return found
