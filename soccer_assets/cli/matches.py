"""`soccer matches`: matches that a person should look at."""

import datetime as dt

import click

from soccer_assets.cli.common import settings_of_environment


@click.group()
def matches() -> None:
    """Matches of the match tables."""


@matches.command()
@click.option("--days", default=400, show_default=True, help="How far back kickoffs are looked at.")
def doubtful(days: int) -> None:
    """Print matches that their feed withdrew, and those that may be one match reported twice."""
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.stores.matches.doubtful import possible_duplicates, withdrawn_matches  # noqa: PLC0415

    settings = settings_of_environment()
    database, since = Database(settings.database_url), settings.clock.now() - dt.timedelta(days=days)
    gone, doubled = withdrawn_matches(database, since), possible_duplicates(database, since)
    click.echo(f"{len(gone)} matches are withdrawn")
    for found in gone:
        click.echo(f"    {found}")
    click.echo(f"{len(doubled)} matches may be one with another")
    for found in doubled:
        click.echo(f"    {found}")
