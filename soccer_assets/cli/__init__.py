"""The command line `soccer`, one module per command group.

Here: options, output and exit codes. Heavy imports are inside the commands, so that help is instant. Not
here: what a command does (``operations``, ``backtesting``, ``stores``).
"""

import click

from soccer_assets.cli import (
    alerts,
    backtesting,
    doubtful_matches,
    feeds,
    keys,
    ledger,
    maintenance,
    releases,
    serve,
    teams,
    webserver,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="soccer-assets")
def main() -> None:
    """Football match prediction: an asset graph and a serving sidecar."""


for _command in (
    *(serve.up, serve.serve, serve.watchdog, webserver.webserver),
    *(maintenance.run, maintenance.migrate, maintenance.doctor, maintenance.prune),
    *(backtesting.backtest, backtesting.replay),
    *(
        alerts.alerts,
        feeds.feeds,
        keys.keys,
        ledger.ledger,
        doubtful_matches.matches,
        releases.release,
        teams.teams,
    ),
):
    main.add_command(_command)
