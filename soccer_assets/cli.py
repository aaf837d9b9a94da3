"""The command line: `soccer up`, ... Heavy imports wait inside the commands, so that help is instant."""

import sys
from typing import NoReturn

import click
import msgspec

from soccer_assets.settings import SettingError, Settings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="soccer-assets")
def main() -> None:
    """Football match prediction: one asset graph, one sidecar."""


@main.command()
@click.option("--once", is_flag=True, help="Stop after one answered prediction, printed as JSON.")
@click.option("--mlflow-ui", is_flag=True, help="Serve MLflow's pages too.")
def up(once: bool, mlflow_ui: bool) -> None:
    """Start everything on this machine, build what is missing, and keep it running."""
    settings = _settings()
    from rich.console import Console  # noqa: PLC0415 - help must not wait for it

    from soccer_assets.feeds.protocol import FeedError  # noqa: PLC0415
    from soccer_assets.processes import StartError  # noqa: PLC0415
    from soccer_assets.up import up as start  # noqa: PLC0415

    try:
        start(settings, once=once, with_mlflow=mlflow_ui, console=Console(highlight=False))
    except (StartError, SettingError, FeedError) as error:
        _fail(str(error))


@main.command()
@click.argument("job")
def run(job: str) -> None:
    """Run one JOB of the graph in this process, with progress (what `up` does for the first build)."""
    settings = _settings()
    import dagster as dg  # noqa: PLC0415

    from soccer_assets.run import run_job  # noqa: PLC0415

    with dg.DagsterInstance.get() as instance:
        outcome = run_job(settings, instance, job, click.echo)
    if outcome.failure:
        _fail(outcome.failure)
    click.echo(f"  {job} finished in {outcome.seconds:.0f} s")


@main.command()
def migrate() -> None:
    """Bring the match tables to this version's schema and open the home; deployments run it before a start."""
    settings = _settings()
    from soccer_assets.feeds.registry import open_feed  # noqa: PLC0415
    from soccer_assets.home import open_home  # noqa: PLC0415
    from soccer_assets.resources.database import Database  # noqa: PLC0415

    feed = open_feed(settings.feeds[0], settings)
    open_home(settings, is_simulated=feed.is_simulated, first_month=feed.first_month())
    Database(settings.database_url).migrate()
    click.echo("the match tables have this version's schema")


@main.group()
def feeds() -> None:
    """Providers of matches."""


@feeds.command("list")
def list_feeds() -> None:
    """Name the installed feeds."""
    from soccer_assets.feeds.registry import feed_names  # noqa: PLC0415

    for name in feed_names():
        click.echo(name)


@feeds.command()
@click.option("--feed", "name", required=True, help="Name of an installed feed.")
@click.option("--url", default="", help="Where it lies; the provider's own address without.")
def audit(name: str, url: str) -> None:
    """Read everything a feed offers, store nothing, and print the sums as one JSON object."""
    settings = msgspec.structs.replace(_settings(), feed_url=url)
    from soccer_assets.feeds.audit import audit as read_all  # noqa: PLC0415
    from soccer_assets.feeds.protocol import FeedError  # noqa: PLC0415
    from soccer_assets.feeds.registry import open_feed  # noqa: PLC0415

    try:
        found = read_all(open_feed(name, settings), settings.clock)
    except FeedError as error:
        _fail(str(error))
    sums = msgspec.to_builtins(found) | {"duplicates": len(found.duplicates)}
    click.echo(msgspec.json.encode(sums).decode())


def _settings() -> Settings:
    try:
        return Settings.from_env()
    except SettingError as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    click.echo(f"soccer: {message}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
