"""The command line: `soccer up`, ... Heavy imports wait inside the commands, so that help is instant."""

import sys
from typing import NoReturn

import click

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
