"""`soccer ledger`: whether it is whole, and what it does not score."""

import click

from soccer_assets.cli.common import fail, settings_of_environment, store_of


@click.group()
def ledger() -> None:
    """What was predicted before each kickoff."""


@ledger.command()
def verify() -> None:
    """Make the chain of hashes anew and hold it against every kept release and its copy in parquet."""
    settings = settings_of_environment()
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.stores.ledger.audit import audit  # noqa: PLC0415

    found = audit(Database(settings.database_url), store_of(settings))
    if found.first_broken is not None:
        fail(f"entry {found.first_broken} of the ledger is not what was recorded")
    if found.contradicted_by:
        fail(
            f"the ledger was rewritten: it lacks the head that release {found.contradicted_by[0]} names, and "
            f"{len(found.contradicted_by) - 1} more do not agree; restore the database"
        )
    if found.copy_fault:
        fail(found.copy_fault)
    whole = f"{found.entries} entries are whole and agree with {found.releases} releases"
    click.echo(f"{whole}; {found.copied} of them are copied")


@ledger.command()
def voids() -> None:
    """List the predicted matches that are not scored, with the reason."""
    settings = settings_of_environment()
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.stores.ledger.audit import void_matches  # noqa: PLC0415

    for one in void_matches(Database(settings.database_url)):
        click.echo(f"{one.match_id}  {one.competition}  {one.kickoff}  {one.reason}")
