"""`soccer alerts`: who is told what."""

import click

from soccer_assets.cli.common import fail, settings_of_environment


@click.group()
def alerts() -> None:
    """Who is told when something turns bad, and when it is over."""


@alerts.command()
@click.argument("url")
@click.option("--kind", "kinds", multiple=True, help="Only this kind of news; may be repeated.")
@click.option(
    "--asset", "subjects", multiple=True, help="Only this asset, job or address, such as 'features/*'."
)
@click.option("--remind-hours", default=24.0, show_default=True, help="Remind of what stays bad after these.")
@click.option("--note", default="", help="Whose it is.")
def subscribe(
    url: str, kinds: tuple[str, ...], subjects: tuple[str, ...], remind_hours: float, note: str
) -> None:
    """Tell URL, an Apprise address (mailtos://, slack://, jsons://); ${VARIABLES} keep secrets out of it."""
    from soccer_assets.alerting.subscribers import SubscriberError, Subscribers  # noqa: PLC0415

    try:
        one = Subscribers(settings_of_environment().alerts_file).subscribe(
            url, kinds=kinds, subjects=subjects, note=note, remind_hours=remind_hours
        )
    except SubscriberError as error:
        fail(str(error))
    click.echo(f"{one.id}  {one.redacted}  subscribed; `soccer alerts test {one.id}` sends a first message")


@alerts.command("list")
def list_subscribers() -> None:
    """Print id, kind of address, filters and what waits for every subscriber."""
    from soccer_assets.alerting.notifier import AlertNotifier  # noqa: PLC0415
    from soccer_assets.alerting.subscribers import SubscriberError  # noqa: PLC0415

    notifier = AlertNotifier.of(settings_of_environment())
    try:
        subscribers = notifier.subscribers.all()
    except SubscriberError as error:
        fail(str(error))
    waiting = notifier.outbox.pending() if subscribers else {}
    for one in subscribers:
        count, reason = waiting.get(one.id, (0, ""))
        parts = [one.id, one.redacted, ",".join(one.kinds) or "all kinds", ",".join(one.subjects) or "all"]
        parts += [f"muted until {one.muted_until:%Y-%m-%d %H:%M} UTC"] if one.muted_until else []
        parts += [f"{count} waiting: {reason}"] if count else []
        click.echo("  ".join([*parts, one.note]).rstrip())


@alerts.command("test")
@click.argument("subscriber_id")
def test_alert(subscriber_id: str) -> None:
    """Send a subscriber a message that says that it is a test."""
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
    """Send a subscriber nothing until an instant; what is still bad then is told."""
    from soccer_assets.alerting.subscribers import SubscriberError, Subscribers  # noqa: PLC0415
    from soccer_assets.clock import parse_instant  # noqa: PLC0415

    try:
        Subscribers(settings_of_environment().alerts_file).mute(subscriber_id, parse_instant(until))
    except SubscriberError as error:
        fail(str(error))
    except ValueError:
        fail(f"--until {until!r} is no instant; write it as 2025-04-25T09:00:00Z")


@alerts.command()
@click.argument("subscriber_id")
def unsubscribe(subscriber_id: str) -> None:
    """Remove a subscriber and what waits for it."""
    from soccer_assets.alerting.notifier import AlertNotifier  # noqa: PLC0415
    from soccer_assets.alerting.subscribers import SubscriberError  # noqa: PLC0415

    notifier = AlertNotifier.of(settings_of_environment())
    try:
        notifier.subscribers.unsubscribe(subscriber_id)
    except SubscriberError as error:
        fail(str(error))
    notifier.outbox.delete_subscriber(subscriber_id)
