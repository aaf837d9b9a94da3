"""The commands of a fleet: runs on more than one machine."""

import socket
import sys

import click

from soccer_assets.cli.common import fail, keep_libraries_quiet, settings_of_environment, use_instance_of
from soccer_assets.settings import SettingError, Settings

# As in resources.dagster_runs: help imports no Dagster. A test compares them.
_QUEUES = ("publish", "train", "backfill")


@click.group()
def fleet() -> None:
    """Execute Dagster's runs on any number of machines."""


@fleet.command()
@click.option(
    "--queues",
    default=",".join(_QUEUES),
    show_default=True,
    help="The queues to serve, the most urgent first; a worker of `publish` alone is always free for a "
    "release.",
)
@click.option(
    "--grace",
    default=20.0,
    show_default=True,
    type=click.FloatRange(0, 86_400),
    help="Seconds that a run may go on after SIGTERM; then another worker repeats it.",
)
def worker(queues: str, grace: float) -> None:
    """Take runs from the queues, one at a time, until SIGTERM."""
    named = [name for part in queues.split(",") if (name := part.strip())]
    if unknown := [name for name in named if name not in _QUEUES]:
        raise click.BadParameter(f"{unknown[0]!r} is not one of {', '.join(_QUEUES)}", param_hint="--queues")
    if not named:
        raise click.BadParameter("name at least one queue", param_hint="--queues")
    settings = _fleet_settings()
    from soccer_assets.operations.fleet_worker import work  # noqa: PLC0415 - help is instant

    try:
        sys.exit(work(settings, named, grace_seconds=grace, say=click.echo))
    except SettingError as error:
        fail(str(error))


@fleet.command()
@click.option("--here", is_flag=True, help="Fail unless a worker of this host answers.")
def workers(here: bool) -> None:
    """List the workers that answer, with their queues."""
    settings = _fleet_settings()
    from soccer_assets.operations.fleet_worker import host_of, workers_that_answer  # noqa: PLC0415

    try:
        found = workers_that_answer(settings)
    except SettingError as error:
        fail(str(error))
    for name in found:
        click.echo(name)
    if here and not any(host_of(name) == socket.gethostname() for name in found):
        fail("no run worker of this host answers")


def _fleet_settings() -> Settings:
    settings = settings_of_environment()
    use_instance_of(settings)
    keep_libraries_quiet()
    try:
        import dagster_celery  # noqa: F401, PLC0415 - whether it is installed
    except ImportError:
        fail("a fleet needs the packages of requirements-fleet.lock: pip install 'soccer-assets[fleet]'")
    return settings
