"""`soccer release`: publish a synthetic release, accept a database that lost what a release rests on."""

import click
import msgspec

from soccer_assets.cli.common import fail, settings_of_environment, store_of, store_url


@click.group()
def release() -> None:
    """Releases that the sidecar serves."""


@release.command()
@click.option("--predictions", default=100_000, show_default=True, type=click.IntRange(1, 10_000_000))
@click.option("--to", "url", required=True, help="The store to publish to: a folder, file:// or s3://.")
@click.option("--version", default=1, show_default=True, help="Another version gives another release.")
def synthetic(predictions: int, url: str, version: int) -> None:
    """Publish a release of simulated clubs of any size, for benchmarks and trials, and print an API key."""
    settings = msgspec.structs.replace(settings_of_environment(), store_url=store_url(url))
    from soccer_assets.resources.event_bus import EventBus  # noqa: PLC0415
    from soccer_assets.stores.releases.key_store import SCOPES, create_key  # noqa: PLC0415
    from soccer_assets.stores.releases.publish import Releases  # noqa: PLC0415
    from soccer_assets.stores.releases.synthetic import FEED, publish  # noqa: PLC0415

    store, now = store_of(settings), settings.clock.now()
    releases = Releases(store, EventBus(settings.redis_url, store))
    current = releases.feed()
    if current not in {None, FEED}:
        fail(f"{settings.store_url} has releases of {current}; publish synthetic ones to another store")
    manifest = publish(releases, predictions, now, version).manifest
    click.echo(f"release {manifest.release_id}: {manifest.prediction_rows} predictions")
    click.echo(create_key(store, SCOPES, now, note="made with a synthetic release"))


@release.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def accept(yes: bool) -> None:
    """Publish from this database from now on, although it lost what the current release rests on.

    Prints what differs and asks. Restore a backup instead where there is one: what is accepted is lost.
    """
    settings = settings_of_environment()
    from soccer_assets.feeds.registry import open_feeds  # noqa: PLC0415
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.stores.releases.origin import (  # noqa: PLC0415
        OriginRefusedError,
        inspect,
    )
    from soccer_assets.stores.releases.origin import (  # noqa: PLC0415
        accept as accept_database,
    )

    database, store, is_simulated = (
        Database(settings.database_url),
        store_of(settings),
        open_feeds(settings).is_simulated,
    )
    found = inspect(database, store, is_simulated=is_simulated)
    if not found.text:
        click.echo("nothing differs: this database is the one of the current release")
        return
    for sentence in (*found.faults, *found.differences):
        click.echo(sentence)
    if not found.faults and not yes:
        click.confirm("publish from this database from now on?", abort=True)
    try:
        accept_database(database, store, is_simulated=is_simulated, now=settings.clock.now())
    except OriginRefusedError as error:
        fail(str(error))
    if found.is_most_there:
        click.echo("accepted; the next run publishes: `soccer run refresh_daily`")
    else:  # a refresh reads the newest days only
        click.echo("accepted; most matches are gone: `soccer run build_everything` loads them and publishes")
