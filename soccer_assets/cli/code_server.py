"""The command that serves the graph's code to Dagster."""

import os
import sys

import click

from soccer_assets.cli.common import settings_of_environment, use_instance_of


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="The port, unless --socket is given.")
@click.option("--socket", help="The path of a unix socket.")
def code(host: str, port: int | None, socket: str | None) -> None:
    """Serve the graph's code to Dagster, after closing runs that a killed code server left."""
    if (port is None) == (socket is None):
        raise click.UsageError("give --port or --socket")
    settings = settings_of_environment()
    use_instance_of(settings)
    import dagster as dg  # noqa: PLC0415 - seconds that no other command pays

    from soccer_assets.resources.run_workers import close_lost_runs  # noqa: PLC0415

    try:
        with dg.DagsterInstance.get() as instance:
            for run_id in close_lost_runs(instance):
                click.echo(f"closed run {run_id}: its process is gone")
    except Exception as error:  # noqa: BLE001 - run monitoring closes them too, and the graph must be served
        click.echo(f"cannot look for runs without a process: {error}", err=True)
    address = ["--socket", socket] if socket else ["--host", host, "--port", str(port)]
    python = [sys.executable, "-P", "-m", "soccer_assets.garbage"]
    server = ["dagster", "api", "grpc", "-m", "soccer_assets.definitions", "--empty-working-directory"]
    os.execv(sys.executable, [*python, *server, *address])  # noqa: S606 - no shell
