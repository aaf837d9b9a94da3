"""`soccer teams`: who is who, and two names made one."""

import click

from soccer_assets.cli.common import fail, settings_of_environment


@click.group()
def teams() -> None:
    """Teams of the match tables."""


@teams.command("list")
@click.option("--competition", default="", help="Only those that played in it, such as ENG-1.")
@click.option("--country", default="", help="Only those of a country.")
@click.option("--search", default="", help="Only names that hold this, without regard to case and accents.")
def list_the_teams(competition: str, country: str, search: str) -> None:
    """Print id, country, matches and name of every team, and what it was merged into."""
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.stores.matches.teams import list_teams  # noqa: PLC0415

    database = Database(settings_of_environment().database_url)
    for row in list_teams(database, competition=competition, country=country, search=search):
        merged = f"  -> {row.merged_into}" if row.merged_into else ""
        pool = "" if (row.sex, row.age_group) == ("men", "senior") else f" ({row.sex}, {row.age_group})"
        click.echo(f"{row.team_id}  {row.country:<20} {row.matches:>6}  {row.name}{pool}{merged}")


@teams.command()
@click.argument("keep")
@click.argument("gone")
def merge(keep: str, gone: str) -> None:
    """Make the id GONE another name of the team KEEP; the next refresh carries its matches over."""
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.stores.matches.teams import TeamError, merge_teams  # noqa: PLC0415

    settings = settings_of_environment()
    try:
        count = merge_teams(Database(settings.database_url), keep, gone, settings.clock.now())
    except TeamError as error:
        fail(str(error))
    click.echo(f"{gone} leads to {keep}; the next refresh carries {count} matches over")


@teams.command()
@click.argument("gone")
def split(gone: str) -> None:
    """Undo a merge: GONE is a team of its own again; the next refresh gives its matches back."""
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.stores.matches.teams import TeamError, split_team  # noqa: PLC0415

    settings = settings_of_environment()
    try:
        count = split_team(Database(settings.database_url), gone, settings.clock.now())
    except TeamError as error:
        fail(str(error))
    click.echo(f"{gone} is a team of its own; the next refresh looks at {count} matches again")
