"""The command that serves Dagster's pages behind the guard."""

from pathlib import Path

import click
import msgspec

from soccer_assets.cli.common import fail, settings_of_environment, use_instance_of


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=None, type=click.IntRange(1, 65535), help="Default: SOCCER_DAGSTER_PORT.")
@click.option(
    "--workspace",
    default=None,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The file that names the code servers; default: the home's.",
)
@click.option("--path-prefix", default="", help="The path below which the pages stand, such as /dagster.")
def webserver(host: str, port: int | None, workspace: Path | None, path_prefix: str) -> None:
    """Serve Dagster's pages: dagster-webserver, closed to foreign pages, with roles."""
    settings = settings_of_environment()
    settings = msgspec.structs.replace(settings, dagster_port=port or settings.dagster_port)
    use_instance_of(settings)
    from soccer_assets.webserver.server import SocketError, serve_pages  # noqa: PLC0415 - Dagster: seconds that no other command pays

    try:
        serve_pages(
            settings,
            host=host,
            workspace=workspace or settings.home / "dagster" / "workspace.yaml",
            path_prefix=path_prefix,
        )
    except SocketError as error:
        fail(str(error))
