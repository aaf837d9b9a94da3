"""Health checks of what others wrote: ``python -P -m soccer_assets.operations.health code`` or ``daemon``.

They ask what Dagster's own commands ask, without importing Dagster, which takes seconds of CPU at each
check of each container. Both exit with 0, or print what is wrong and exit with 1.
"""

import os
import sys
from collections.abc import Mapping, Sequence

# The daemons that our instances need, as Dagster calls them: a test compares them with both.
DAEMONS = (
    "ASSET",
    "BACKFILL",
    "EVENT_LOG_CONSUMER",
    "FRESHNESS_DAEMON",
    "MONITORING",
    "QUEUED_RUN_COORDINATOR",
    "SCHEDULER",
    "SENSOR",
)

# Each writes a heartbeat every 30 s, between two of its steps; where none does, the process hangs, as the
# watchdog has it.
_NEWEST_SECONDS = 120
# As `dagster-daemon liveness-check`: a single tick may take its time.
_OLDEST_SECONDS = 1830
_PATIENCE_SECONDS = 10

_AGES = """
SELECT daemon_type, extract(epoch FROM (now() AT TIME ZONE 'UTC') - timestamp) FROM daemon_heartbeats
"""


def code_fault(address: str) -> str:
    """What is wrong with Dagster's code server at an address, ``host:port``; empty for nothing."""
    import grpc  # noqa: PLC0415 - each check imports its own library
    from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: PLC0415

    # A proxy is of the outer world, and asks nobody in this container.
    with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(service="DagsterApi"), timeout=_PATIENCE_SECONDS
            )
        except grpc.RpcError as error:
            return f"{address} does not answer: {error.code().name}"
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        return f"{address} answers {health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)}"
    return ""


def daemon_fault(ages: Mapping[str, float]) -> str:
    """What is wrong with Dagster's daemon; empty for nothing.

    Args:
        ages: of the heartbeats, in seconds by the kind of daemon.
    """
    if missing := sorted(set(DAEMONS) - set(ages)):
        return f"no heartbeat of {missing[0]}"
    newest = min(ages[name] for name in DAEMONS)
    if newest > _NEWEST_SECONDS:
        return f"no heartbeat for {newest:.0f} s"
    oldest, name = max((ages[name], name) for name in DAEMONS)
    return f"no heartbeat of {name} for {oldest:.0f} s" if oldest > _OLDEST_SECONDS else ""


def heartbeat_ages(url: str) -> dict[str, float]:
    """The ages of the daemon's heartbeats in seconds, by the server's clock.

    Args:
        url: of Dagster's database, as SQLAlchemy writes it; the password may be in PGPASSWORD.

    Raises:
        psycopg2.Error: the database does not answer.
    """
    import psycopg2  # noqa: PLC0415

    address = url.replace("postgresql+psycopg2://", "postgresql://", 1)
    options = f"-c statement_timeout={_PATIENCE_SECONDS * 1000}"
    connection = psycopg2.connect(address, connect_timeout=_PATIENCE_SECONDS, options=options)
    try:
        with connection.cursor() as cursor:
            cursor.execute(_AGES)
            return {name: float(age) for name, age in cursor.fetchall()}
    finally:
        connection.close()


def _stored_daemon_fault() -> str:
    import psycopg2  # noqa: PLC0415

    try:
        return daemon_fault(heartbeat_ages(os.environ["DAGSTER_POSTGRES_URL"]))
    except psycopg2.Error as error:
        return f"Dagster's database does not answer: {type(error).__name__}"


def main(arguments: Sequence[str]) -> str:
    """What is wrong with ``code [ADDRESS]`` or ``daemon``; empty for nothing."""
    match list(arguments):
        case ["code", *rest]:
            return code_fault(rest[0] if rest else "127.0.0.1:4000")
        case ["daemon"]:
            return _stored_daemon_fault()
        case _:
            return "usage: python -P -m soccer_assets.operations.health code [HOST:PORT] | daemon"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) or 0)
