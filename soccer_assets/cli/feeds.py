"""`soccer feeds`: list the installed feeds, and audit one."""

import datetime as dt

import click
import msgspec

from soccer_assets.cli.common import fail, settings_of_environment


@click.group()
def feeds() -> None:
    """Providers of matches."""


@feeds.command("list")
def list_feeds() -> None:
    """List the installed feeds with the time from the final whistle to their results."""
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
        click.echo(f"{name:<20} results within {shown}; the hourly run reads them at most 1 h 2 min later")


@feeds.command()
@click.option("--feed", "name", required=True, help="Name of an installed feed.")
@click.option("--url", default="", help="Its address; the provider's own by default.")
def audit(name: str, url: str) -> None:
    """Read all rows of a feed without storing them, and print the sums as one JSON object."""
    settings = msgspec.structs.replace(settings_of_environment(), feed_url=url)
    from soccer_assets.feeds.audit import audit as read_all  # noqa: PLC0415
    from soccer_assets.feeds.protocol import FeedError  # noqa: PLC0415
    from soccer_assets.feeds.registry import open_feed  # noqa: PLC0415

    try:
        found = read_all(open_feed(name, settings), settings.clock)
    except FeedError as error:
        fail(str(error))
    # The sums come first, then the list of rows that repeat a match.
    report = msgspec.to_builtins(found)
    sums = report | {"duplicates": len(found.duplicates), "twins": report["duplicates"]}
    click.echo(msgspec.json.encode(sums).decode())
