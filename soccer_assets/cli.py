"""The command line: `soccer up`, `serve`, ... Heavy imports wait inside the commands, so help is instant."""

import click


@click.group()
def main() -> None:
    """Football match prediction: one asset graph, one sidecar."""
