"""The command line `soccer`, one module per command group.

Here: options, output and exit codes. Heavy imports are inside the commands, so that help is instant. Not
here: what a command does (``operations``, ``backtesting``, ``stores``).
"""

import os
from typing import Any

import click

from soccer_assets.cli import (
    alerts,
    backtesting,
    backup,
    code_server,
    doubtful_matches,
    feeds,
    fleet,
    keys,
    ledger,
    maintenance,
    pages,
    releases,
    serve,
    teams,
    webserver,
)
from soccer_assets.cli.common import fail, settings_of_environment, use_compiled_files
from soccer_assets.garbage import collect_rarely
from soccer_assets.loopback import ask_loopback_directly


class _Commands(click.Group):
    """Ends with one sentence where the home, its disk, a database, the store or MLflow is the cause."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error with another cause is raised."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            from soccer_assets.operations.home_health import explain  # noqa: PLC0415 - help is instant

            if text := explain(error, settings_of_environment()):
                fail(text)
            raise


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="soccer-assets")
def main() -> None:
    """Football match prediction: an asset graph and a serving sidecar."""
    collect_rarely()
    use_compiled_files()
    # For the clients of MLflow, S3 and the feeds, which read the environment themselves.
    ask_loopback_directly(os.environ)
    # Of every child: a `socket.py` in the working folder would be imported by it.
    os.environ["PYTHONSAFEPATH"] = "1"


for _command in (
    *(serve.up, serve.serve, serve.watchdog, webserver.webserver, code_server.code),
    *(maintenance.run, maintenance.migrate, maintenance.doctor, maintenance.prune),
    *(backup.backup, backup.restore),
    *(backtesting.backtest, backtesting.replay),
    *(
        alerts.alerts,
        feeds.feeds,
        fleet.fleet,
        keys.keys,
        ledger.ledger,
        doubtful_matches.matches,
        pages.pages,
        releases.release,
        teams.teams,
    ),
):
    main.add_command(_command)
