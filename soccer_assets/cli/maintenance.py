"""Maintenance of a home: run a job, migrate, check its health, prune."""

import sys

import click
import msgspec

from soccer_assets.cli.common import (
    fail,
    keep_libraries_quiet,
    settings_of_environment,
    store_of,
    use_instance_of,
)


@click.command()
@click.argument("job")
@click.option("--months", nargs=2, help="First and last month of reload_history, e.g. 2025-01 2025-03.")
def run(job: str, months: tuple[str, str] | None) -> None:
    """Run one JOB of the graph in this process and print its progress."""
    settings = settings_of_environment()
    keep_libraries_quiet()
    import dagster as dg  # noqa: PLC0415

    from soccer_assets.operations.home_health import home_faults  # noqa: PLC0415
    from soccer_assets.operations.operation_error import OperationError  # noqa: PLC0415
    from soccer_assets.operations.run_job import run_job  # noqa: PLC0415

    use_instance_of(settings)
    for fault in home_faults(settings):
        fail(fault.sentence)
    with dg.DagsterInstance.get() as instance:
        try:
            outcome = run_job(settings, instance, job, click.echo, months)
        except OperationError as error:
            fail(str(error))
    if outcome.failure:
        faults = [fault.sentence for fault in home_faults(settings, is_thorough=True)]
        fail("; ".join([outcome.failure, *faults[:1]]))
    click.echo(f"  {job} finished in {outcome.seconds:.0f} s")


@click.command()
def migrate() -> None:
    """Upgrade the schema of the match tables and create the home, before a deployment starts."""
    settings = settings_of_environment()
    from soccer_assets.feeds.registry import open_feeds  # noqa: PLC0415
    from soccer_assets.home import open_home  # noqa: PLC0415
    from soccer_assets.resources.database import Database, NewerSchemaError  # noqa: PLC0415
    from soccer_assets.stores.releases.origin import establish  # noqa: PLC0415

    feed, database = open_feeds(settings), Database(settings.database_url)
    open_home(settings, is_simulated=feed.is_simulated, first_month=feed.first_month())
    try:
        copy = database.migrate()
        establish(database, store_of(settings), is_simulated=feed.is_simulated)
    except NewerSchemaError as error:
        fail(str(error))
    click.echo("the match tables have this version's schema" + (f"; backup: {copy}" if copy else ""))


@click.command()
def doctor() -> None:
    """Check every part of the system, and say what to do about each fault; exit with 1 if there is one."""
    settings = settings_of_environment()
    from soccer_assets.operations.doctor import examine  # noqa: PLC0415

    is_healthy = True
    for finding in examine(settings):
        is_healthy &= not finding.remedy
        mark = "✗" if finding.remedy else "✓"
        remedy = f"; {finding.remedy}" if finding.remedy else ""
        click.echo(f"{mark} {finding.subject:<9} {finding.text}{remedy}")
    if not is_healthy:
        sys.exit(1)


@click.command()
def prune() -> None:
    """Remove old exports, features, releases and runs; never matches or the ledger."""
    settings = settings_of_environment()
    import dagster as dg  # noqa: PLC0415

    from soccer_assets.clock import SystemClock  # noqa: PLC0415
    from soccer_assets.stores.retention import prune as prune_old  # noqa: PLC0415

    use_instance_of(settings)
    with dg.DagsterInstance.get() as instance:
        counts = prune_old(store_of(settings), instance, SystemClock().now())
    click.echo(", ".join(f"{count} {name}" for name, count in msgspec.structs.asdict(counts).items()))
