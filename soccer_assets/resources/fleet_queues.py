"""The queues of runs on Valkey, by which run workers on any machine get them: a Celery app without results.

A message names a run and nothing secret. Celery's own state says nothing about the end of a run, Dagster's
database does, and `fleet_leases` says who executes it: there is no result backend.
"""

import ssl
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import kombu
from celery import Celery

from soccer_assets.resources.dagster_runs import BACKFILL, QUEUES
from soccer_assets.settings import SettingError

# What dagster-celery's launcher calls the message of a run.
EXECUTE = "execute_job"

_SOCKET_SECONDS = 15.0
_CERTIFICATES = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


def celery_app(redis_url: str, prefix: str) -> Celery:
    """The app of launchers and workers.

    Args:
        redis_url: of the Valkey or Redis, with its password; see `broker_of`.
        prefix: of all its keys, so that two installations may share a server.

    Raises:
        SettingError: the address cannot be used.
    """
    broker, certificates = broker_of(redis_url)
    app = Celery("soccer", broker=broker, set_as_current=False)
    # A topic: the launcher's routing key has the name of the message behind that of the queue.
    untyped: Any = kombu
    runs = untyped.Exchange("runs", type="topic")
    app.conf.update(
        broker_use_ssl=certificates,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "global_keyprefix": prefix,
            "queue_order_strategy": "priority",
            "socket_timeout": _SOCKET_SECONDS,
            "socket_connect_timeout": _SOCKET_SECONDS,
            "socket_keepalive": True,
            "health_check_interval": 10,
        },
        task_queues=[untyped.Queue(name, runs, routing_key=f"{name}.#") for name in QUEUES],
        task_default_queue=BACKFILL,
        task_ignore_result=True,
        # Half a minute: a broker that starts again loses no run.
        task_publish_retry_policy={
            "max_retries": 10,
            "interval_start": 0.5,
            "interval_step": 0.5,
            "interval_max": 5,
        },
        # A worker that is busy holds no run that another could take.
        worker_disable_prefetch=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
    )
    return app


def broker_of(redis_url: str) -> tuple[str, dict[str, Any] | None]:
    """The broker's address without options, and how its certificate is checked; None without TLS.

    Raises:
        SettingError: there is no address, or it is a socket of this machine.
    """
    if not redis_url:
        raise SettingError("a fleet needs SOCCER_REDIS_URL: its runs wait there for a worker")
    parts = urlsplit(redis_url)
    if parts.scheme == "unix":
        raise SettingError("SOCCER_REDIS_URL is a socket of one machine; a fleet needs redis:// or rediss://")
    if parts.scheme == "redis":
        return parts._replace(query="").geturl(), None
    options: dict[str, Any] = {
        name: value for name, value in parse_qsl(parts.query) if name.startswith("ssl_")
    }
    checked = options.pop("ssl_cert_reqs", "required")
    options["ssl_cert_reqs"] = _CERTIFICATES.get(checked, ssl.CERT_REQUIRED)
    options["ssl_check_hostname"] = (
        options["ssl_cert_reqs"] is not ssl.CERT_NONE
        and options.get("ssl_check_hostname", "true").lower() != "false"
    )
    return parts._replace(query="").geturl(), options
