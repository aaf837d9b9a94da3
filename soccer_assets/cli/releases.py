"""`soccer release`: publish a synthetic release."""

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
    releases = Releases(store, EventBus(settings.redis_url))
    current = releases.feed()
    if current not in {None, FEED}:
        fail(f"{settings.store_url} has releases of {current}; publish synthetic ones to another store")
    manifest = publish(releases, predictions, now, version).manifest
    click.echo(f"release {manifest.release_id}: {manifest.prediction_rows} predictions")
    click.echo(create_key(store, SCOPES, now, note="made with a synthetic release"))
