"""Roles on Dagster's pages, and what each may ask for."""

import enum
from contextvars import ContextVar

from soccer_assets.webserver.operations import Operation


class Role(enum.IntEnum):
    """What a caller may do; a greater role may do all that a smaller one may."""

    VIEWER = 1
    LAUNCHER = 2
    ADMIN = 3


# The role of the request in work. The guard sets it; what is asked outside a request only reads.
CURRENT_ROLE: ContextVar[Role] = ContextVar("CURRENT_ROLE", default=Role.VIEWER)

# Every mutation that is not listed needs ADMIN, those of later versions of Dagster too. Dry runs of sensors
# and schedules run their code in the code server: they send alerts.
LAUNCHER_MUTATIONS = frozenset(
    {
        "launchRun",
        "launchPipelineExecution",
        "launchMultipleRuns",
        "launchRunReexecution",
        "launchPipelineReexecution",
        "launchPartitionBackfill",
        "resumePartitionBackfill",
        "reexecutePartitionBackfill",
        "cancelPartitionBackfill",
        "terminateRun",
        "terminateRuns",
        "terminatePipelineExecution",
    }
)

VIEWER_SUBSCRIPTIONS = frozenset({"pipelineRunLogs", "capturedLogs", "locationStateChangeEvents"})


def required_role(operation: Operation) -> Role:
    """The smallest role that may run the operation."""
    if operation.kind == "query":
        return Role.VIEWER
    if operation.kind == "subscription":
        return Role.VIEWER if operation.fields <= VIEWER_SUBSCRIPTIONS else Role.ADMIN
    return Role.LAUNCHER if operation.fields <= LAUNCHER_MUTATIONS else Role.ADMIN


def role_named(text: str) -> Role | None:
    """The role with this name, such as ``viewer``; None if there is none."""
    return next((role for role in Role if role.name.lower() == text.strip().lower()), None)
