"""The command line `soccer`, a module a group. Heavy imports wait inside the commands: help is instant."""

import click

from soccer_assets.cli import alerts, backtesting, feeds, keys, ledger, maintenance, releases, serve, teams


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="soccer-assets")
def main() -> None:
    """Football match prediction: one asset graph, one sidecar."""


for _command in (
    *(serve.up, serve.serve, serve.watchdog),
    *(maintenance.run, maintenance.migrate, maintenance.doctor, maintenance.prune),
    *(backtesting.backtest, backtesting.replay),
    *(alerts.alerts, feeds.feeds, keys.keys, ledger.ledger, releases.release, teams.teams),
):
    main.add_command(_command)
