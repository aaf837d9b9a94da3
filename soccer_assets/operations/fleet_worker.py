"""A run worker: takes runs from queues on Valkey, one at a time, each executed in a process of its own."""

import os
import secrets
import socket
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import Any

import dagster as dg
from celery import Celery, bootsteps, signals
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import unpack_value

from soccer_assets.operations.fleet_run import FleetRun
from soccer_assets.operations.lost_messages import send_lost_messages
from soccer_assets.resources.dagster_runs import PUBLISH
from soccer_assets.resources.fleet_launcher import prefix_of
from soccer_assets.resources.fleet_leases import RunLeases
from soccer_assets.resources.fleet_queues import EXECUTE, celery_app
from soccer_assets.settings import Settings
from soccer_assets.signs_of_life import RUN_WORKER, SignOfLife

_PING_SECONDS = 5.0
_SIGN_SECONDS = 5.0


def work(
    settings: Settings, queues: Sequence[str], *, grace_seconds: float, say: Callable[[str], object]
) -> int:
    """Take and execute runs until SIGTERM or SIGINT; returns the exit code.

    Args:
        settings: name the broker.
        queues: the first that has a run is served first.
        grace_seconds: a run that goes on for longer after the signal is failed, so that another worker
            repeats it.
        say: prints a line.

    Raises:
        SettingError: there is no broker that a fleet can use.
    """
    with dg.DagsterInstance.get() as instance:
        prefix = prefix_of(instance)
        app = celery_app(settings.redis_url, prefix)
        # A second worker on this host, or a restarted one, is another: leases must not be mistaken.
        name = f"{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(4)}"
        is_stopping = Event()
        run = FleetRun(instance, RunLeases(settings.redis_url, prefix), name, say, is_stopping, grace_seconds)

        @app.task(name=EXECUTE, bind=True)  # type: ignore[untyped-decorator]
        def execute_job(task: Any, execute_job_args_packed: Any) -> None:
            arguments = unpack_value(execute_job_args_packed, as_type=ExecuteRunArgs)
            queue = str(task.request.delivery_info.get("routing_key", "")).partition(".")[0]
            run.execute(arguments, in_background=queue != PUBLISH)

        def stop(**_: object) -> None:
            is_stopping.set()

        def is_ready(**_: object) -> None:
            say(f"takes runs of {', '.join(queues)}")

        again = Thread(
            target=send_lost_messages, args=(instance, say, is_stopping), name="lost-messages", daemon=True
        )
        again.start()
        app.steps["consumer"].add(sign_of(SignOfLife(settings.home, RUN_WORKER)))
        signals.worker_shutting_down.connect(stop)
        signals.worker_ready.connect(is_ready)
        worker = app.Worker(
            hostname=f"{'-'.join(queues)}@{name}",
            queues=list(queues),
            pool="threads",
            concurrency=1,
            loglevel="WARNING",
            quiet=True,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        worker.start()
        return int(worker.exitcode or 0)


def sign_of(sign: SignOfLife) -> type[bootsteps.StartStopStep]:
    """A step of a worker that gives a sign of life while its event loop has a broker that answers.

    Celery stops its steps when the broker is lost, and starts them again with the next connection.
    """
    sign.take_back()

    class Sign(bootsteps.StartStopStep):  # type: ignore[misc]
        requires = ("celery.worker.consumer.tasks:Tasks",)
        _timer: Any = None

        def start(self, consumer: Any) -> None:
            sign.give()
            self._timer = consumer.timer.call_repeatedly(_SIGN_SECONDS, sign.give)

        def stop(self, consumer: Any) -> None:
            del consumer
            if self._timer is not None:
                self._timer.cancel()

    return Sign


def workers_that_answer(settings: Settings) -> list[str]:
    """The names of the workers that answer within seconds."""
    with dg.DagsterInstance.get() as instance:
        app: Celery = celery_app(settings.redis_url, prefix_of(instance))
    return sorted(name for answer in app.control.ping(timeout=_PING_SECONDS) for name in answer)


def host_of(worker: str) -> str:
    """The host in the name of a worker."""
    return worker.partition("@")[2].rsplit(".", 2)[0]
