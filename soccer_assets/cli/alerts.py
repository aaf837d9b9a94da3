"""`soccer alerts`: subscribers of alerts."""

import click

from soccer_assets.cli.common import fail, settings_of_environment


@click.group()
def alerts() -> None:
    """Subscribers that are notified when a fault begins and when it ends."""


@alerts.command()
@click.argument("url")
@click.option("--kind", "kinds", multiple=True, help="Only this kind of alert; repeatable.")
@click.option(
    "--asset", "subjects", multiple=True, help="Only this asset, job or address, such as 'features/*'."
)
@click.option(
    "--remind-hours", default=24.0, show_default=True, help="Hours between two reminders of a lasting fault."
)
@click.option("--note", default="", help="A note, such as the owner's name.")
def subscribe(
    url: str, kinds: tuple[str, ...], subjects: tuple[str, ...], remind_hours: float, note: str
) -> None:
    """Subscribe URL, an Apprise address such as slack://; ${VARIABLES} keep secrets out of it."""
    from soccer_assets.alerting.subscribers import SubscriberError, Subscribers  # noqa: PLC0415

    try:
        subscriber = Subscribers(settings_of_environment().alerts_file).subscribe(
            url, kinds=kinds, subjects=subjects, note=note, remind_hours=remind_hours
        )
    except SubscriberError as error:
        fail(str(error))
    click.echo(
        f"{subscriber.id}  {subscriber.redacted}  subscribed; try `soccer alerts test {subscriber.id}`"
    )
    if names := ", ".join(subscriber.variables):
        click.echo(
            f"a `soccer up` that runs does not know {names}: start it again with it in its environment"
        )


@alerts.command()
@click.argument("url")
@click.option("--team", "teams", multiple=True, help="Id or name of a team; repeatable.")
@click.option("--match", "matches", multiple=True, help="Id of a match; repeatable.")
@click.option("--quiet", default="", help="Hours without messages, such as '22:00-07:00 Europe/Berlin'.")
def follow(url: str, teams: tuple[str, ...], matches: tuple[str, ...], quiet: str) -> None:
    """Send URL the forecasts of teams or matches: when one moves by 5 points, and when it is settled."""
    from soccer_assets.alerting.subscribers import SubscriberError, Subscribers  # noqa: PLC0415
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.stores.matches.teams import TeamError, team_id_of  # noqa: PLC0415

    settings = settings_of_environment()
    if not teams and not matches:
        fail("name what to follow: --team NAME or --match ID")
    try:
        database = Database(settings.database_url)
        topics = [f"team:{team_id_of(database, text)}" for text in teams]
        topics += [f"match:{match_id}" for match_id in matches]
        follower = Subscribers(settings.alerts_file).follow(
            url, tuple(topics), settings.clock.now(), quiet=quiet
        )
    except (SubscriberError, TeamError) as error:
        fail(str(error))
    click.echo(f"{follower.id}  {follower.redacted}  follows {', '.join(topics)}")


@alerts.command("list")
def list_subscribers() -> None:
    """Print id, kind of address, filters and number of waiting messages of every subscriber."""
    from soccer_assets.alerting.notifier import AlertNotifier  # noqa: PLC0415
    from soccer_assets.alerting.subscribers import SubscriberError  # noqa: PLC0415

    notifier = AlertNotifier.of(settings_of_environment())
    try:
        subscribers = notifier.subscribers.all()
    except SubscriberError as error:
        fail(str(error))
    waiting = notifier.outbox.pending() if subscribers else {}
    for subscriber in subscribers:
        count, reason = waiting.get(subscriber.id, (0, ""))
        muted_until = subscriber.muted_until
        parts = [subscriber.id, subscriber.redacted]
        if subscriber.follows:
            parts += [f"follows {','.join(subscriber.follows)}", *filter(None, [subscriber.quiet])]
        else:
            parts += [",".join(subscriber.kinds) or "all kinds", ",".join(subscriber.subjects) or "all"]
        parts += [f"muted until {muted_until:%Y-%m-%d %H:%M} UTC"] if muted_until else []
        parts += [f"{count} waiting: {reason}"] if count else []
        click.echo("  ".join([*parts, subscriber.note]).rstrip())


@alerts.command("test")
@click.argument("subscriber_id")
def test_alert(subscriber_id: str) -> None:
    """Send a subscriber a test message."""
    from soccer_assets.alerting.notifier import AlertNotifier  # noqa: PLC0415
    from soccer_assets.alerting.subscribers import SubscriberError  # noqa: PLC0415

    notifier = AlertNotifier.of(settings_of_environment())
    try:
        error = notifier.test(notifier.subscribers.get(subscriber_id))
    except SubscriberError as refused:
        fail(str(refused))
    if error:
        fail(f"not delivered: {error}")
    click.echo("delivered")


@alerts.command()
@click.argument("subscriber_id")
@click.option("--until", required=True, help="An instant such as 2025-04-25T09:00:00Z.")
def mute(subscriber_id: str, until: str) -> None:
    """Pause a subscriber's messages until an instant; faults that last until then are sent afterwards."""
    from soccer_assets.alerting.subscribers import SubscriberError, Subscribers  # noqa: PLC0415
    from soccer_assets.clock import parse_instant  # noqa: PLC0415

    try:
        Subscribers(settings_of_environment().alerts_file).mute(subscriber_id, parse_instant(until))
    except SubscriberError as error:
        fail(str(error))
    except ValueError:
        fail(f"--until {until!r} is not an instant; write it as 2025-04-25T09:00:00Z")


@alerts.command()
@click.argument("subscriber_id")
def unsubscribe(subscriber_id: str) -> None:
    """Remove a subscriber and its waiting messages."""
    from soccer_assets.alerting.notifier import AlertNotifier  # noqa: PLC0415
    from soccer_assets.alerting.subscribers import SubscriberError  # noqa: PLC0415

    notifier = AlertNotifier.of(settings_of_environment())
    try:
        notifier.subscribers.unsubscribe(subscriber_id)
    except SubscriberError as error:
        fail(str(error))
    notifier.outbox.delete_subscriber(subscriber_id)
