"""The command line: `soccer up`, ... Heavy imports wait inside the commands, so that help is instant."""

import datetime as dt
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
import msgspec

from soccer_assets.settings import SettingError, Settings

if TYPE_CHECKING:  # help must not wait for the store's libraries
    from soccer_assets.resources.object_store import ObjectStore


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUTPUT = click.Path(dir_okay=False, writable=True, path_type=Path)
_DAY = click.DateTime(["%Y-%m-%d"])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="soccer-assets")
def main() -> None:
    """Football match prediction: one asset graph, one sidecar."""


@main.command()
@click.option("--once", is_flag=True, help="Stop after one answered prediction, printed as JSON.")
@click.option("--mlflow-ui", is_flag=True, help="Serve MLflow's pages too.")
def up(once: bool, mlflow_ui: bool) -> None:
    """Start everything on this machine, build what is missing, and keep it running."""
    settings = _settings()
    from rich.console import Console  # noqa: PLC0415 - help must not wait for it

    from soccer_assets.feeds.protocol import FeedError  # noqa: PLC0415
    from soccer_assets.processes import StartError  # noqa: PLC0415
    from soccer_assets.up import up as start  # noqa: PLC0415

    try:
        start(settings, once=once, with_mlflow=mlflow_ui, console=Console(highlight=False))
    except (StartError, SettingError, FeedError) as error:
        _fail(str(error))


@main.command()
@click.option(
    "--release", "url", required=True, help="The store of the releases: a folder, file:// or s3://."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=None, type=click.IntRange(1, 65535), help="SOCCER_SERVING_PORT without.")
@click.option("--workers", default=None, type=click.IntRange(1, 64), help="SOCCER_SERVING_WORKERS without.")
@click.option("--tasks/--no-tasks", default=True, show_default=True, help="Whether to score tasks here too.")
def serve(url: str, host: str, port: int | None, workers: int | None, tasks: bool) -> None:
    """Start the sidecar alone: it answers from the store's current release, and waits where there is none.

    Where SOCCER_REDIS_URL names a Redis, the tasks of POST /predict/async/ are scored by a worker beside it;
    without Redis they are answered 503.
    """
    settings = _settings()
    settings = msgspec.structs.replace(
        settings,
        store_url=_store_url(url),
        serving_port=port or settings.serving_port,
        serving_workers=workers or settings.serving_workers,
    )
    from soccer_assets.sidecar import (  # noqa: PLC0415
        serve_with_task_worker,
        shared_metrics,
        sidecar_command,
    )

    command = sidecar_command(settings, host)
    os.environ |= {
        "SOCCER_STORE_URL": settings.store_url,
        "SOCCER_SERVING_PORT": str(settings.serving_port),
        "SOCCER_SERVING_WORKERS": str(settings.serving_workers),
        **shared_metrics(settings),
    }
    click.echo(f"serving releases of {settings.store_url} on http://{host}:{settings.serving_port}")
    if tasks and settings.redis_url:
        sys.exit(serve_with_task_worker(command))
    os.execv(command[0], command)  # noqa: S606 - our own interpreter, without a shell


@main.group()
def release() -> None:
    """Releases: what the sidecar answers from."""


@release.command()
@click.option("--predictions", default=100_000, show_default=True, type=click.IntRange(1, 10_000_000))
@click.option("--to", "url", required=True, help="The store to publish to: a folder, file:// or s3://.")
@click.option("--version", default=1, show_default=True, help="Another one is another release.")
def synthetic(predictions: int, url: str, version: int) -> None:
    """Publish a release of simulated clubs of any size, for benchmarks and trials, and print a key for it."""
    settings = msgspec.structs.replace(_settings(), store_url=_store_url(url))
    from soccer_assets.resources.api_keys import SCOPES, create_key  # noqa: PLC0415
    from soccer_assets.resources.event_bus import EventBus  # noqa: PLC0415
    from soccer_assets.resources.releases import Releases  # noqa: PLC0415
    from soccer_assets.synthetic_release import FEED, publish  # noqa: PLC0415

    store, now = _store(settings), settings.clock.now()
    releases = Releases(store, EventBus(settings.redis_url))
    current = releases.feed()
    if current not in {None, FEED}:
        _fail(f"{settings.store_url} serves releases of {current}; synthetic ones go to a store of their own")
    manifest = publish(releases, predictions, now, version).manifest
    click.echo(f"release {manifest.release_id}: {manifest.prediction_rows} predictions")
    click.echo(create_key(store, SCOPES, now, note="made with a synthetic release"))


@main.command()
@click.argument("job")
def run(job: str) -> None:
    """Run one JOB of the graph in this process, with progress (what `up` does for the first build)."""
    settings = _settings()
    import dagster as dg  # noqa: PLC0415

    from soccer_assets.run import run_job  # noqa: PLC0415

    _use_instance_of(settings)
    with dg.DagsterInstance.get() as instance:
        outcome = run_job(settings, instance, job, click.echo)
    if outcome.failure:
        _fail(outcome.failure)
    click.echo(f"  {job} finished in {outcome.seconds:.0f} s")


@main.command()
def migrate() -> None:
    """Bring the match tables to this version's schema and open the home, before a deployment starts."""
    settings = _settings()
    from soccer_assets.feeds.registry import open_feeds  # noqa: PLC0415
    from soccer_assets.home import open_home  # noqa: PLC0415
    from soccer_assets.resources.database import Database, NewerSchema  # noqa: PLC0415

    feed = open_feeds(settings)
    open_home(settings, is_simulated=feed.is_simulated, first_month=feed.first_month())
    try:
        copy = Database(settings.database_url).migrate()
    except NewerSchema as error:
        _fail(str(error))
    click.echo("the match tables have this version's schema" + (f"; as they were: {copy}" if copy else ""))


@main.command()
def doctor() -> None:
    """Look at everything the system stands on; say what to do where something is wrong, and exit with 1."""
    settings = _settings()
    from soccer_assets.doctor import examine  # noqa: PLC0415

    is_well = True
    for one in examine(settings):
        is_well &= not one.remedy
        mark = "✗" if one.remedy else "✓"
        click.echo(f"{mark} {one.subject:<9} {one.said}" + (f"; {one.remedy}" if one.remedy else ""))
    if not is_well:
        sys.exit(1)


@main.command()
def prune() -> None:
    """Remove old exports, features, releases and runs; never matches or the ledger."""
    settings = _settings()
    import dagster as dg  # noqa: PLC0415

    from soccer_assets.clock import SystemClock  # noqa: PLC0415
    from soccer_assets.resources.pruning import prune as remove_what_is_old  # noqa: PLC0415

    _use_instance_of(settings)
    with dg.DagsterInstance.get() as instance:
        counts = remove_what_is_old(_store(settings), instance, SystemClock().now())
    click.echo(", ".join(f"{count} {name}" for name, count in msgspec.structs.asdict(counts).items()))


@main.group()
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
    settings = msgspec.structs.replace(_settings(), feed_url=url)
    from soccer_assets.feeds.audit import audit as read_all  # noqa: PLC0415
    from soccer_assets.feeds.protocol import FeedError  # noqa: PLC0415
    from soccer_assets.feeds.registry import open_feed  # noqa: PLC0415

    try:
        found = read_all(open_feed(name, settings), settings.clock)
    except FeedError as error:
        _fail(str(error))
    # The sums come first; which row tells which match again stands behind them.
    told = msgspec.to_builtins(found)
    sums = told | {"duplicates": len(found.duplicates), "twins": told["duplicates"]}
    click.echo(msgspec.json.encode(sums).decode())


@main.group()
def teams() -> None:
    """Teams of the match tables."""


@teams.command("list")
@click.option("--competition", default="", help="Only those that played in it, such as ENG-1.")
@click.option("--country", default="", help="Only those of a country.")
@click.option("--search", default="", help="Only names that hold this, without regard to case and accents.")
def list_the_teams(competition: str, country: str, search: str) -> None:
    """Print id, country, matches and name of every team, and what it was merged into."""
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.resources.teams import list_teams  # noqa: PLC0415

    database = Database(_settings().database_url)
    for row in list_teams(database, competition=competition, country=country, search=search):
        merged = f"  -> {row.merged_into}" if row.merged_into else ""
        pool = "" if (row.sex, row.age_group) == ("men", "senior") else f" ({row.sex}, {row.age_group})"
        click.echo(f"{row.team_id}  {row.country:<20} {row.matches:>6}  {row.name}{pool}{merged}")


@teams.command()
@click.argument("keep")
@click.argument("gone")
def merge(keep: str, gone: str) -> None:
    """Make the id GONE another name of the team KEEP; the next refresh carries its matches over."""
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.resources.teams import TeamError, merge_teams  # noqa: PLC0415

    settings = _settings()
    try:
        count = merge_teams(Database(settings.database_url), keep, gone, settings.clock.now())
    except TeamError as error:
        _fail(str(error))
    click.echo(f"{gone} leads to {keep}; the next refresh carries {count} matches over")


@teams.command()
@click.argument("gone")
def split(gone: str) -> None:
    """Undo a merge: GONE is a team of its own again; the next refresh gives its matches back."""
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.resources.teams import TeamError, split_team  # noqa: PLC0415

    settings = _settings()
    try:
        count = split_team(Database(settings.database_url), gone, settings.clock.now())
    except TeamError as error:
        _fail(str(error))
    click.echo(f"{gone} is a team of its own; the next refresh looks at {count} matches again")


@main.command()
@click.option(
    "--archive", "archives", multiple=True, required=True, type=_FILE, help="Matches; may be repeated."
)
@click.option("--stats", type=_FILE, help="Match statistics, by match_id.")
@click.option("--train-until", required=True, type=_DAY, help="First day of the test.")
@click.option("--test-until", required=True, type=_DAY, help="The day after the test.")
@click.option(
    "--validate-months", default=12, show_default=True, help="Last months before the test: validation."
)
@click.option("--json", "json_file", type=_OUTPUT, help="Write the scores here.")
@click.option("--predictions", type=_OUTPUT, help="Write every scored row's probabilities here, as CSV.")
def backtest(
    archives: tuple[Path, ...],
    stats: Path | None,
    train_until: dt.datetime,
    test_until: dt.datetime,
    validate_months: int,
    json_file: Path | None,
    predictions: Path | None,
) -> None:
    """Fit as the graph does on a match archive, score what came after, and print the scorecard."""
    from soccer_assets.assets.scorecard_view import scorecard_markdown  # noqa: PLC0415
    from soccer_assets.backtest import BadArchive, run_backtest  # noqa: PLC0415

    days = (train_until.date(), test_until.date())
    try:
        report = run_backtest(archives, stats, *days, validate_months, predictions)
    except BadArchive as error:
        _fail(str(error))
    if json_file is not None:
        json_file.write_bytes(report.to_json())
    click.echo(scorecard_markdown(report.scorecard))


@main.command()
@click.option("--from", "first", required=True, type=_DAY, help="The first day, such as 2024-08-01.")
@click.option("--to", "last", required=True, type=_DAY, help="The last day.")
@click.option("--step", default="1d", show_default=True, help="From one look to the next: 1h to 3d.")
@click.option(
    "--history-months",
    default=36,
    show_default=True,
    type=click.IntRange(1, 1200),
    help="Results before the first day that the first model learns from.",
)
@click.option(
    "--competition", "competitions", multiple=True, help="Only this one, such as ENG-1; repeatable."
)
@click.option(
    "--home", type=click.Path(path_type=Path), help="An empty folder to keep; a passing one without."
)
@click.option("--json", "json_file", type=_OUTPUT, help="Write all of it here.")
@click.option(
    "--plot", default="soccer-replay.png", show_default=True, type=_OUTPUT, help="Where the picture goes."
)
def replay(
    first: dt.datetime,
    last: dt.datetime,
    step: str,
    history_months: int,
    competitions: tuple[str, ...],
    home: Path | None,
    json_file: Path | None,
    plot: Path,
) -> None:
    """Walk the whole loop through past days of SOCCER_FEED, in a home of its own, and print how it did."""
    settings = _settings()
    from soccer_assets.feeds.protocol import FeedError  # noqa: PLC0415
    from soccer_assets.replay.terminal import read_step, replay_in  # noqa: PLC0415
    from soccer_assets.replay.walk import Plan, ReplayError  # noqa: PLC0415

    try:
        plan = Plan(
            first=first.date(),
            last=last.date(),
            step=read_step(step),
            history_months=history_months,
            competitions=competitions,
        )
        replay_in(home, settings, plan, json_file, plot)
    except (ReplayError, FeedError, SettingError) as error:
        _fail(str(error))


@main.group()
def keys() -> None:
    """Keys of the sidecar's clients."""


@keys.command("create")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice(["read", "predict", "admin"])
)
@click.option("--note", default="", help="Whose it is.")
def create(scopes: tuple[str, ...], note: str) -> None:
    """Make a key and print its token, this once."""
    from soccer_assets.resources.api_keys import create_key  # noqa: PLC0415

    settings = _settings()
    click.echo(create_key(_store(settings), scopes, settings.clock.now(), note))


@keys.command("list")
def show() -> None:
    """Print id, scopes, day of making and note of every key."""
    from soccer_assets.resources.api_keys import list_keys  # noqa: PLC0415

    for key in list_keys(_store(_settings())):
        click.echo(f"{key.id}  {','.join(key.scopes):<13} {key.created_at}  {key.note}".rstrip())


@keys.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Remove the key with this id; running sidecars refuse it within seconds."""
    from soccer_assets.resources.api_keys import revoke_key  # noqa: PLC0415

    try:
        revoke_key(_store(_settings()), key_id)
    except ValueError as error:
        _fail(str(error))


@main.group()
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
        one = Subscribers(_settings().alerts_file).subscribe(
            url, kinds=kinds, subjects=subjects, note=note, remind_hours=remind_hours
        )
    except SubscriberError as error:
        _fail(str(error))
    click.echo(f"{one.id}  {one.redacted}  subscribed; `soccer alerts test {one.id}` sends a first message")


@alerts.command("list")
def list_subscribers() -> None:
    """Print id, kind of address, filters and what waits for every subscriber."""
    from soccer_assets.alerting.desk import AlertDesk  # noqa: PLC0415
    from soccer_assets.alerting.subscribers import SubscriberError  # noqa: PLC0415

    desk = AlertDesk.of(_settings())
    try:
        subscribers = desk.subscribers.all()
    except SubscriberError as error:
        _fail(str(error))
    waiting = desk.book.waiting() if subscribers else {}
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
    from soccer_assets.alerting.desk import AlertDesk  # noqa: PLC0415
    from soccer_assets.alerting.subscribers import SubscriberError  # noqa: PLC0415

    desk = AlertDesk.of(_settings())
    try:
        error = desk.test(desk.subscribers.get(subscriber_id))
    except SubscriberError as refused:
        _fail(str(refused))
    if error:
        _fail(f"not delivered: {error}")
    click.echo("delivered")


@alerts.command()
@click.argument("subscriber_id")
@click.option("--until", required=True, help="An instant such as 2025-04-25T09:00:00Z.")
def mute(subscriber_id: str, until: str) -> None:
    """Send a subscriber nothing until an instant; what is still bad then is told."""
    from soccer_assets.alerting.subscribers import SubscriberError, Subscribers  # noqa: PLC0415
    from soccer_assets.clock import parse_instant  # noqa: PLC0415

    try:
        Subscribers(_settings().alerts_file).mute(subscriber_id, parse_instant(until))
    except SubscriberError as error:
        _fail(str(error))
    except ValueError:
        _fail(f"--until {until!r} is no instant; write it as 2025-04-25T09:00:00Z")


@alerts.command()
@click.argument("subscriber_id")
def unsubscribe(subscriber_id: str) -> None:
    """Remove a subscriber and what waits for it."""
    from soccer_assets.alerting.desk import AlertDesk  # noqa: PLC0415
    from soccer_assets.alerting.subscribers import SubscriberError  # noqa: PLC0415

    desk = AlertDesk.of(_settings())
    try:
        desk.subscribers.unsubscribe(subscriber_id)
    except SubscriberError as error:
        _fail(str(error))
    desk.book.forget(subscriber_id)


@main.group()
def ledger() -> None:
    """What was predicted before each kickoff."""


@ledger.command()
def verify() -> None:
    """Make the chain of hashes anew and hold it against every kept release."""
    settings = _settings()
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.resources.ledger_audit import audit  # noqa: PLC0415

    found = audit(Database(settings.database_url), _store(settings))
    if found.first_broken is not None:
        _fail(f"entry {found.first_broken} of the ledger is not what was recorded")
    if found.betrayed_by:
        _fail(
            f"the ledger was rewritten: it lacks the head that release {found.betrayed_by[0]} names, and "
            f"{len(found.betrayed_by) - 1} more do not agree; restore the database"
        )
    click.echo(f"{found.entries} entries are whole and agree with {found.releases} releases")


@ledger.command()
def voids() -> None:
    """List the predicted matches that are not scored, with the reason."""
    settings = _settings()
    from soccer_assets.resources.database import Database  # noqa: PLC0415
    from soccer_assets.resources.ledger_audit import void_matches  # noqa: PLC0415

    for one in void_matches(Database(settings.database_url)):
        click.echo(f"{one.match_id}  {one.competition}  {one.kickoff}  {one.reason}")


@main.command()
@click.option("--once", is_flag=True, help="Look once and say what is missing.")
def watchdog(once: bool) -> None:
    """Watch the daemon and the sidecars, which cannot report their own death, and tell the subscribers."""
    settings = _settings()
    _use_instance_of(settings)
    from soccer_assets.watchdog import watch  # noqa: PLC0415

    watch(settings, once=once, say=click.echo)


def _use_instance_of(settings: Settings) -> None:
    """Name the home's Dagster instance, unless the environment names another."""
    folder = settings.home / "dagster"
    if "DAGSTER_HOME" not in os.environ and not (folder / "dagster.yaml").is_file():
        _fail(f"{settings.home} was never started; run `soccer up` first")
    os.environ.setdefault("DAGSTER_HOME", str(folder))


def _store(settings: Settings) -> "ObjectStore":
    from soccer_assets.resources.object_store import ObjectStore  # noqa: PLC0415

    return ObjectStore(settings.store_url, settings.s3_endpoint_url)


def _store_url(folder_or_url: str) -> str:
    return folder_or_url.rstrip("/") if "://" in folder_or_url else Path(folder_or_url).absolute().as_uri()


def _settings() -> Settings:
    try:
        return Settings.from_env()
    except SettingError as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    click.echo(f"soccer: {message}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
