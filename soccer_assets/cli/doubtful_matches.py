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
    """Print matches that their feed withdrew, that may be one match reported twice, or that are filled in.

    Filled in are the results of a matchday that are all one score; the command that uses them is printed too.
    """
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.stores.matches.doubtful import (  # noqa: PLC0415
        possible_duplicates,
        repeated_rows,
        withdrawn_matches,
    )
    from soccer_assets.stores.matches.filled_matchdays import filled_matchdays  # noqa: PLC0415

    settings = settings_of_environment()
    database, since = Database(settings.database_url), settings.clock.now() - dt.timedelta(days=days)
    for found, what in (
        (withdrawn_matches(database, since), "matches are withdrawn"),
        (possible_duplicates(database, since), "matches may be one with another"),
        (repeated_rows(database, since), "rows repeat a match"),
    ):
        click.echo(f"{len(found)} {what}")
        for doubtful_match in found:
            click.echo(f"    {doubtful_match}")
    filled = filled_matchdays(database)
    click.echo(f"{len(filled)} matchdays have one score throughout and are in quarantine")
    for day in filled:
        click.echo(f"    {day}")
        click.echo(f"        {day.command}")
