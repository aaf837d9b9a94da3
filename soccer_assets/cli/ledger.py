"""`soccer ledger`: verify the ledger, list matches without a score, and scores of season projections."""

import click

from soccer_assets.cli.common import fail, settings_of_environment, store_of


@click.group()
def ledger() -> None:
    """The ledger of predictions made before kickoff."""


@ledger.command()
def verify() -> None:
    """Recompute the hash chain, and compare it with every kept release and the parquet copy."""
    settings = settings_of_environment()
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.stores.ledger.audit import audit  # noqa: PLC0415

    found = audit(Database(settings.database_url), store_of(settings))
    if found.first_broken is not None:
        fail(f"entry {found.first_broken} of the ledger was changed: its hash does not match")
    if found.contradicted_by:
        fail(
            f"the ledger was rewritten: it lacks the head of release {found.contradicted_by[0]}, and "
            f"{len(found.contradicted_by) - 1} more releases disagree; restore the database"
        )
    if found.copy_fault:
        fail(found.copy_fault)
    verified = f"{found.entries} entries verified; they agree with {found.releases} releases"
    click.echo(f"{verified}; {found.copied} of them are in the copy")


@ledger.command()
def voids() -> None:
    """List the predicted matches without a score, with the reason."""
    settings = settings_of_environment()
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.stores.ledger.audit import void_matches  # noqa: PLC0415

    for void in void_matches(Database(settings.database_url)):
        click.echo(f"{void.match_id}  {void.competition}  {void.kickoff}  {void.reason}")


@ledger.command()
def seasons() -> None:
    """List the scores of season projections whose season is over, and their mean by share played."""
    settings = settings_of_environment()
    from soccer_assets.stores.projections.season_ledger import mean_scores, settled_seasons  # noqa: PLC0415

    found = settled_seasons(store_of(settings))
    for season in found:
        for score in season.cuts:
            briers = "  ".join(f"{band} {brier:.4f}" for band, brier in score.briers.items())
            place = f"{season.competition}  {season.season}  {score.cut:.0%} played"
            click.echo(f"{place}  RPS {score.rps:.4f}  Brier: {briers}")
    for cut, (count, rps) in mean_scores(found).items():
        click.echo(f"{cut:.0%} played: {count} seasons, mean RPS {rps:.4f}")
    if not found:
        click.echo("no projected season is over yet")
