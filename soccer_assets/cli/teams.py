"""`soccer teams`: list teams, merge duplicates, split what was merged, decide names that are open."""

import click

from soccer_assets.cli.common import fail, settings_of_environment


@click.group()
def teams() -> None:
    """Teams of the match tables."""


@teams.command("list")
@click.option("--competition", default="", help="Only teams that played in it, such as ENG-1.")
@click.option("--country", default="", help="Only teams of a country.")
@click.option("--search", default="", help="Only names that contain this, ignoring case and accents.")
def show(competition: str, country: str, search: str) -> None:
    """Print id, country, number of matches and name of every team, and the team it was merged into."""
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.stores.matches.teams import list_teams  # noqa: PLC0415

    database = Database(settings_of_environment().database_url)
    for row in list_teams(database, competition=competition, country=country, search=search):
        merged = f"  -> {row.merged_into}" if row.merged_into else ""
        side = f" ({row.side})" if row.side != "men, senior" else ""
        click.echo(f"{row.team_id}  {row.country:<20} {row.matches:>6}  {row.name}{side}{merged}")


@teams.command()
@click.argument("keep")
@click.argument("duplicate")
def merge(keep: str, duplicate: str) -> None:
    """Merge the team DUPLICATE into the team KEEP; the next refresh moves its matches."""
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.stores.matches.teams import TeamError, merge_teams  # noqa: PLC0415

    settings = settings_of_environment()
    try:
        count = merge_teams(Database(settings.database_url), keep, duplicate, settings.clock.now())
    except TeamError as error:
        fail(str(error))
    click.echo(f"{duplicate} is merged into {keep}; the next refresh moves {count} matches")


@teams.command()
@click.argument("merged")
def split(merged: str) -> None:
    """Undo the merge of the team MERGED; the next refresh moves its matches back."""
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.stores.matches.teams import TeamError, split_team  # noqa: PLC0415

    settings = settings_of_environment()
    try:
        count = split_team(Database(settings.database_url), merged, settings.clock.now())
    except TeamError as error:
        fail(str(error))
    click.echo(f"{merged} is a separate team again; the next refresh reads {count} matches again")


@teams.command()
def unresolved() -> None:
    """Print the names whose matches are held back, each with the best guess and the command."""
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.stores.matches.held_rows import unresolved_names  # noqa: PLC0415

    found = unresolved_names(Database(settings_of_environment().database_url))
    if not found:
        click.echo("every name is decided")
    for held in found:
        click.echo(
            f"{held.name}  {held.competition} {held.season}, {held.source}: "
            f"{held.matches} {'match waits' if held.matches == 1 else 'matches wait'}"
        )
        click.echo(f"    {held.reason}")
        pool = f' --pool "{held.pool}"'
        if held.guess:
            click.echo(f'    soccer teams resolve "{held.name}" --as "{held.guess}"{pool}')
        click.echo(f'    soccer teams resolve "{held.name}" --new{pool}')


@teams.command()
@click.argument("name")
@click.option("--as", "club", default="", help="The club that is meant, by a name the feed knows.")
@click.option("--new", is_flag=True, help="It is a club of its own.")
@click.option("--pool", default="", help="Country, sex and age group, where a name is open in several.")
def resolve(name: str, club: str, new: bool, pool: str) -> None:
    """Decide the held-back NAME; the next refresh stores its matches."""
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.stores.matches.names import UnknownNameError, decide_by_hand  # noqa: PLC0415

    if bool(club) == new:
        fail('say either --as "CLUB" or --new')
    settings = settings_of_environment()
    try:
        count = decide_by_hand(
            Database(settings.database_url), name=name, club=club or None, pool=pool, now=settings.clock.now()
        )
    except UnknownNameError as error:
        fail(str(error))
    meaning = f"is {club}" if club else "is a club of its own"
    click.echo(f"{name} {meaning}; the next refresh stores {count} {'match' if count == 1 else 'matches'}")


@teams.command()
@click.option("--trial", "is_trial", is_flag=True, help="Show what would be healed, and change nothing.")
@click.option("--undo", "is_undo", is_flag=True, help="Give back the clubs that were healed.")
def heal(is_trial: bool, is_undo: bool) -> None:
    """Merge clubs that stand under two names, and have matches stored twice and lost results read again.

    For a home that an older version made. The next refresh moves the matches.
    """
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.stores.matches.heal import heal as heal_home  # noqa: PLC0415
    from soccer_assets.stores.matches.heal import undo  # noqa: PLC0415

    if is_trial and is_undo:
        fail("say either --trial or --undo")
    settings = settings_of_environment()
    database, now = Database(settings.database_url), settings.clock.now()
    report = undo(database, now) if is_undo else heal_home(database, now, is_trial=is_trial)
    for one in report.merged:
        verb = "is a club of its own again, apart from" if is_undo else "is"
        click.echo(f"{one.pool.country}: {one.name} {verb} {one.club} ({one.source}): {one.why}")
    for one, reason in report.refused:
        click.echo(f"{one.pool.country}: {one.name} stays apart from {one.club} ({one.source}): {reason}")
    click.echo(
        f"{len(report.merged)} clubs, {report.matches} matches, {report.lost} lost results; "
        + ("nothing was changed" if is_trial else "the next `soccer run refresh_hourly` moves them")
    )
