"""`soccer feeds`: which providers there are, and what one of them offers."""

import datetime as dt

import click
import msgspec

from soccer_assets.cli.common import fail, settings_of_environment


@click.group()
def feeds() -> None:
    """Providers of matches."""


@feeds.command("list")
def list_feeds() -> None:
    """Name the installed feeds, and how long after the final whistle each is answered with a result."""
    from soccer_assets.feeds.protocol import FeedError  # noqa: PLC0415
    from soccer_assets.feeds.registry import feed_names, result_lag_of  # noqa: PLC0415

    for name in feed_names():
        try:
            lag = result_lag_of(name)
        except FeedError as error:
            click.echo(f"{name:<20} {error}")
            continue
        hours = round(lag / dt.timedelta(hours=1))
        shown = f"{hours} h" if hours < 2 * 24 else f"{hours // 24} days"
        click.echo(f"{name:<20} tells results within {shown}; the hourly run asks, 1 h 2 min later at most")


@feeds.command()
@click.option("--feed", "name", required=True, help="Name of an installed feed.")
@click.option("--url", default="", help="Where it lies; the provider's own address without.")
def audit(name: str, url: str) -> None:
    """Read everything a feed offers, store nothing, and print the sums as one JSON object."""
    settings = msgspec.structs.replace(settings_of_environment(), feed_url=url)
    from soccer_assets.feeds.audit import audit as read_all  # noqa: PLC0415
    from soccer_assets.feeds.protocol import FeedError  # noqa: PLC0415
    from soccer_assets.feeds.registry import open_feed  # noqa: PLC0415

    try:
        found = read_all(open_feed(name, settings), settings.clock)
    except FeedError as error:
        fail(str(error))
    # The sums come first; which row tells which match again stands behind them.
    told = msgspec.to_builtins(found)
    sums = told | {"duplicates": len(found.duplicates), "twins": told["duplicates"]}
    click.echo(msgspec.json.encode(sums).decode())
