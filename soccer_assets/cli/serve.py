"""Commands that keep running: everything, the sidecar alone, the watchdog."""

import contextlib
import os
import sys

import click
import msgspec

from soccer_assets.cli.common import fail, settings_of_environment, store_url, use_instance_of
from soccer_assets.masking import mask
from soccer_assets.settings import SettingError


@click.command()
@click.option("--once", is_flag=True, help="Stop after one answered prediction, printed as JSON.")
@click.option("--mlflow-ui", is_flag=True, help="Also start MLflow's pages.")
def up(once: bool, mlflow_ui: bool) -> None:
    """Start everything on this machine, run the first build if needed, and keep running."""
    settings = settings_of_environment()
    from rich.console import Console  # noqa: PLC0415 - help must not import it

    from soccer_assets.feeds.protocol import FeedError  # noqa: PLC0415
    from soccer_assets.operations.processes import StartError  # noqa: PLC0415
    from soccer_assets.operations.up import up as start_all  # noqa: PLC0415

    try:
        start_all(settings, once=once, with_mlflow=mlflow_ui, console=Console(highlight=False))
    except (StartError, SettingError, FeedError) as error:
        fail(str(error))


@click.command()
@click.option(
    "--release", "url", required=True, help="The store of the releases: a folder, file:// or s3://."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=None, type=click.IntRange(1, 65535), help="Default: SOCCER_SERVING_PORT.")
@click.option("--workers", default=None, type=click.IntRange(1, 64), help="Default: SOCCER_SERVING_WORKERS.")
@click.option(
    "--tasks/--no-tasks", default=True, show_default=True, help="Whether to start the task worker too."
)
def serve(url: str, host: str, port: int | None, workers: int | None, tasks: bool) -> None:
    """Start the sidecar alone: it serves the store's current release, and waits if there is none.

    With SOCCER_REDIS_URL, a worker beside it scores the tasks of POST /predict/async/; without Redis that
    route answers 503.
    """
    settings = settings_of_environment()
    settings = msgspec.structs.replace(
        settings,
        store_url=store_url(url),
        serving_port=port or settings.serving_port,
        serving_workers=workers or settings.serving_workers,
    )
    from soccer_assets.operations.processes import port_fault  # noqa: PLC0415
    from soccer_assets.operations.server_command import (  # noqa: PLC0415
        serve_with_task_worker,
        shared_metrics,
        sidecar_command,
    )

    if fault := port_fault(settings.serving_port, host):
        fail(f"{fault}, or give another --host or --port")
    command = sidecar_command(settings, host)
    os.environ |= {
        "SOCCER_STORE_URL": settings.store_url,
        "SOCCER_SERVING_PORT": str(settings.serving_port),
        "SOCCER_SERVING_WORKERS": str(settings.serving_workers),
        **shared_metrics(settings),
    }
    store = mask(settings.store_url, os.environ)
    click.echo(f"serving releases of {store} on http://{host}:{settings.serving_port}")
    if tasks and settings.redis_url:
        sys.exit(serve_with_task_worker(command))
    os.execv(command[0], command)  # noqa: S606 - our own interpreter, without a shell


@click.command()
@click.option("--once", is_flag=True, help="Check once and print what is missing.")
@click.option("--with-up", is_flag=True, hidden=True, help="Standard input is a pipe that `soccer up` holds.")
def watchdog(once: bool, with_up: bool) -> None:
    """Check the daemon, the sidecars and the disk, and notify the subscribers of faults."""
    settings = settings_of_environment()
    use_instance_of(settings)
    from soccer_assets.alerting.watchdog import WatchdogRunningError, watch  # noqa: PLC0415

    try:
        watch(settings, once=once, say=_say, up=sys.stdin.buffer if with_up else None)
    except WatchdogRunningError as error:
        fail(str(error))


def _say(text: str) -> None:
    """Print a line, also where its log is on a full disk: what the watchdog tells matters more."""
    with contextlib.suppress(OSError):
        click.echo(text)
