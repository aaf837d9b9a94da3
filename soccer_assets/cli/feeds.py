"""`soccer feeds`: list the installed feeds, audit one, hold a home's feeds against each other."""

import datetime as dt
import re
from typing import TYPE_CHECKING

import click
import msgspec

from soccer_assets.cli.common import fail, settings_of_environment

if TYPE_CHECKING:  # help must not import the store's libraries
    from soccer_assets.stores.matches.feed_agreement import FeedAgreement, FeedOffset

_MATCHES_SHOWN = 5


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
    """Read all rows of a feed without storing them, and print the sums as one JSON object.

    Beside the rows: names without history, seasons with more clubs than the league, meetings told twice,
    contradictions, files passed over, and competitions that the catalogue does not know.
    """
    settings = msgspec.structs.replace(settings_of_environment(), feed_url=url)
    from soccer_assets.feeds.audit import audit as read_all  # noqa: PLC0415
    from soccer_assets.feeds.protocol import FeedError  # noqa: PLC0415
    from soccer_assets.feeds.registry import open_feed  # noqa: PLC0415

    try:
        found = read_all(open_feed(name, settings), settings.clock)
    except FeedError as error:
        fail(str(error))
    # The sums come first, then the rows behind them.
    report = msgspec.to_builtins(found)
    lists = {name: value for name, value in report.items() if isinstance(value, list | tuple)}
    sums = report | {name: len(value) for name, value in lists.items()}
    click.echo(msgspec.json.encode(sums | {"twins": lists.pop("duplicates"), "details": lists}).decode())


@feeds.command()
@click.option("--competition", default="", help="Only this one, such as ENG-1.")
def agreement(competition: str) -> None:
    """Print where two feeds report other scores or kickoffs, and what was decided.

    One line a competition; then the months in which neither feed is believed and the systematic differences
    of kickoffs, as long as nobody has decided, and the decisions, each with the command.
    """
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.stores.matches import feed_agreement, feed_trust  # noqa: PLC0415

    database = Database(settings_of_environment().database_url)
    found = [
        month
        for month in feed_agreement.agreements(database)
        if month.competition == (competition or month.competition)
    ]
    if not found:
        click.echo("two feeds of this home have no match in common")
    by_feeds: dict[tuple[str, str, str], list[int]] = {}
    for month in found:
        sums = by_feeds.setdefault((month.competition, month.first, month.second), [0, 0])
        sums[0] += month.found.compared
        sums[1] += len(month.found.contradictions)
    for (code, first, second), (compared, different) in by_feeds.items():
        share = f"{1 - different / compared:7.2%}" if compared else "      -"
        click.echo(f"{code:<10} {share} of {compared:>5} results are equal: {first}, {second}")
    for month in feed_agreement.undecided(database):
        if month in found:
            _show_undecided(month)
    for offset in feed_agreement.undecided_offsets(database):
        if offset.competition == (competition or offset.competition):
            _show_offset(offset)
    for made in feed_trust.decisions(database):
        if made.competition == (competition or made.competition):
            scope = f"{made.competition} --month {made.month}" if made.month else made.competition
            trusted = made.feed or "neither feed"
            click.echo(f"decided on {made.decided_at:%Y-%m-%d}: {scope}: {trusted}")
            click.echo(f"    soccer feeds trust {scope} --withdraw")


def _show_offset(offset: "FeedOffset") -> None:
    """Print a systematic difference of kickoffs, and the commands that decide it."""
    from soccer_assets.stores.matches.feed_agreement import offset_described  # noqa: PLC0415

    click.echo(f"clock: {offset_described(offset)}")
    for choice in (offset.first, offset.second):
        click.echo(f"    soccer feeds trust {offset.competition} {choice}")


def _show_undecided(month: "FeedAgreement") -> None:
    """Print a disputed month, the first matches with other scores, and the commands that decide it."""
    from soccer_assets.stores.matches.feed_agreement import described  # noqa: PLC0415

    click.echo(f"undecided: {described(month)}")
    for match in month.found.contradictions[:_MATCHES_SHOWN]:
        click.echo(f"    {match.day} {match.home} - {match.away}: {', '.join(match.scores)}")
    for choice in (month.first, month.second, "--neither"):
        click.echo(f"    soccer feeds trust {month.competition} {choice} --month {month.found.month}")


@feeds.command()
@click.argument("competition")
@click.argument("feed", default="")
@click.option("--neither", is_flag=True, help="No feed's results are used.")
@click.option("--withdraw", is_flag=True, help="Withdraw the decision.")
@click.option("--month", default="", help="Only matches of a month, such as 2025-04.")
def trust(competition: str, feed: str, neither: bool, withdraw: bool, month: str) -> None:
    """Decide whose results of COMPETITION are used: those of FEED, or of --neither."""
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.stores.matches import feed_trust  # noqa: PLC0415

    if bool(feed) + neither + withdraw != 1:
        fail("name one FEED, or say --neither or --withdraw")
    if month and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        fail(f"--month {month!r} is no month such as 2025-04")
    settings = settings_of_environment()
    database, now = Database(settings.database_url), settings.clock.now()
    try:
        if withdraw:
            count = feed_trust.withdraw(database, competition=competition, month=month, now=now)
        else:
            count = feed_trust.decide(database, competition=competition, feed=feed, month=month, now=now)
    except feed_trust.TrustError as error:
        fail(str(error))
    meaning = "the decision is withdrawn" if withdraw else f"{feed or 'no feed'} is trusted"
    where = f"{competition} in {month}" if month else competition
    click.echo(f"{where}: {meaning}; the next refresh reads {count} rows again")
