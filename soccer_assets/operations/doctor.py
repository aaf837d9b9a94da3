"""`soccer doctor`: checks each part of the system, and says what to do about each fault."""

import datetime as dt
import os
from collections.abc import Callable, Iterator

import dagster as dg
import msgspec
import sqlalchemy as sa

from soccer_assets.alerting.publish_queue import read_queue, remedy_of
from soccer_assets.alerting.subscribers import Subscribers
from soccer_assets.alerting.watchdog import Watchdog
from soccer_assets.clock import SystemClock
from soccer_assets.contract.release import CHAMPION
from soccer_assets.feeds.feed_set import names_of
from soccer_assets.feeds.registry import open_feeds
from soccer_assets.football.matches import Window
from soccer_assets.home import Home, apply_home, read_home
from soccer_assets.masking import mask
from soccer_assets.operations.home_health import home_faults
from soccer_assets.operations.operation_error import OperationError
from soccer_assets.resources.database import Database
from soccer_assets.resources.model_registry import ModelRegistry
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.run_workers import lost_runs
from soccer_assets.settings import SettingError, Settings
from soccer_assets.stores.matches.due import missing_results
from soccer_assets.stores.matches.exchanged_sides import EXCHANGED_REMEDY, exchanged_seasons
from soccer_assets.stores.matches.feed_agreement import (
    described,
    offset_described,
    undecided,
    undecided_offsets,
)
from soccer_assets.stores.matches.filled_matchdays import FILLED_REMEDY, filled_matchdays
from soccer_assets.stores.matches.held_rows import DECIDE_NAMES, held_back_text, unresolved_names
from soccer_assets.stores.matches.quiet_feed import QUIET_REMEDY, quiet_now, results_text
from soccer_assets.stores.matches.unreadable_files import files_passed_over
from soccer_assets.stores.release_manifests import read_pointer
from soccer_assets.stores.releases.origin import inspect
from soccer_assets.webserver.access import describe_access

_SHOWN = 5

_FIRST = "mend {} first, as said there"
# By check, those without which it says nothing of its own.
_NEEDS = {
    "results": ("database",),
    "files": ("database",),
    "names": ("database",),
    "agreement": ("database",),
    "origin": ("database", "store"),
}
_HEARTBEAT_WITHIN = dt.timedelta(minutes=2)


class Finding(msgspec.Struct, frozen=True):
    """The result of one check; ``remedy`` says what to do about a fault, and is empty without one."""

    subject: str
    text: str
    remedy: str = ""


class _UnhealthyError(OperationError):
    """A part of the system answers but is not in order; ``remedy`` where the general one does not fit."""

    def __init__(self, text: str, remedy: str = "") -> None:
        super().__init__(text)
        self.remedy = remedy


def examine(settings: Settings) -> Iterator[Finding]:
    """Check each part of the system; a fault does not prevent the next check."""
    checks: tuple[tuple[str, Callable[[Settings], str], str], ...] = (
        ("home", _folder, ""),
        ("settings", _home, "run `soccer up` to create the home, or set SOCCER_HOME to an existing one"),
        ("feed", _feed, "check SOCCER_FEED, SOCCER_FEED_URL and the provider's key"),
        ("database", _database, "check SOCCER_DATABASE_URL, and run `soccer migrate`"),
        ("results", _results, "run `soccer run refresh_hourly`"),
        (
            "files",
            _files,
            "mend them at their source; the next hourly run reads them",
        ),
        ("names", _names, DECIDE_NAMES),
        (
            "agreement",
            _agreement,
            "list them with `soccer feeds agreement`; decide with `soccer feeds trust`",
        ),
        ("store", _store, "check SOCCER_STORE_URL; the first build publishes a release"),
        ("origin", _origin, "restore the database, or run `soccer release accept`"),
        ("redis", _redis, "check SOCCER_REDIS_URL; until then sidecars find releases by polling"),
        ("dagster", describe_access, ""),
        ("alerts", _alerts, "mend that file, or move it aside and run `soccer alerts subscribe`"),
        ("mlflow", _mlflow, "check SOCCER_MLFLOW_URL; `soccer run retrain_model` trains a model"),
    )
    faults = {fault.subject: fault for fault in home_faults(settings, is_thorough=True)}
    failed: list[str] = []
    for subject, check, remedy in checks:
        if (fault := faults.get(subject)) is not None:
            failed.append(subject)
            yield Finding(subject, fault.text, fault.remedy)
            continue
        try:
            yield Finding(subject, check(settings))
        except Exception as error:  # noqa: BLE001 - the operator wants to see any fault
            own = error.remedy if isinstance(error, _UnhealthyError) else ""
            broken = [*faults, *(need for need in _NEEDS.get(subject, ()) if need in failed)]
            first = _FIRST.format(broken[0]) if broken and not own else ""
            failed.append(subject)
            yield Finding(subject, _first_line(error), own or first or remedy)
    try:
        yield from _processes(settings)
    except Exception as error:  # noqa: BLE001 - as above
        yield Finding("daemon", _first_line(error), _FIRST.format(next(iter(faults), "the fault")))


def _first_line(error: Exception) -> str:
    lines = str(getattr(error, "orig", error)).strip().splitlines() or [type(error).__name__]
    return mask(lines[0], os.environ)


def _folder(settings: Settings) -> str:
    return f"{settings.home} can be written"


def _home(settings: Settings) -> str:
    home = _made(settings)
    return f"{settings.home}, feed {', '.join(home.feeds)} since {home.history_start}"


def _made(settings: Settings) -> Home:
    home = read_home(settings)
    if home is None:
        raise _UnhealthyError(f"{settings.home} was never started")
    return home


def _feed(settings: Settings) -> str:
    feed = open_feeds(apply_home(settings, read_home(settings)))
    home = read_home(settings)
    if home is not None and home.is_simulated != feed.is_simulated:
        raise SettingError(f"the home contains other clubs than SOCCER_FEED={feed.name} provides")
    today = settings.clock.now().date()
    rows = feed.fetch(Window(today - dt.timedelta(days=1), today + dt.timedelta(days=1)), settings.clock)
    return f"{feed.name} answers: {sum(1 for _ in rows)} rows of yesterday and today"


def _database(settings: Settings) -> str:
    database = Database(settings.database_url)
    try:
        with database.engine.connect() as connection:
            revision = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    except sa.exc.SQLAlchemyError as error:
        raise _UnhealthyError(f"cannot be read: {getattr(error, 'orig', error)}") from error
    finally:
        database.engine.dispose()
    newest = database.newest_schema()
    if revision != newest:
        raise _UnhealthyError(f"has the schema {revision}; this version needs {newest}")
    return f"answers, schema {revision}"


def _results(settings: Settings) -> str:
    feed = open_feeds(apply_home(settings, _made(settings)))
    database, now = Database(settings.database_url), settings.clock.now()
    missing = missing_results(database, names_of(feed), feed.result_lag, now)
    if missing.is_complete:
        if quiet := quiet_now(database, feed, now):
            raise _UnhealthyError(results_text(missing, quiet), QUIET_REMEDY)
        return missing.text
    months = ", ".join(month[:7] for month in missing.months)  # as `reload_history` takes them
    raise _UnhealthyError(f"{missing.text}; months: {months}", missing.remedy)


def _files(settings: Settings) -> str:
    _made(settings)
    with Database(settings.database_url).reading() as connection:
        files = files_passed_over(connection, "livescores/recent", "livescores/upcoming")
    if not files:
        return "every file of the feeds was read"
    shown = "; ".join(
        f"{file.competition or file.file} since {file.missing_since:%Y-%m-%d}, {file.reason}"
        for file in files[:_SHOWN]
    )
    raise _UnhealthyError(f"{len(files)} of the feeds cannot be read to their end: {shown}")


def _names(settings: Settings) -> str:
    _made(settings)
    held = unresolved_names(Database(settings.database_url))
    if not held:
        return held_back_text(held)
    raise _UnhealthyError(held_back_text(held))


def _agreement(settings: Settings) -> str:
    _made(settings)
    database = Database(settings.database_url)
    if filled := filled_matchdays(database):
        shown = "; ".join(map(str, filled[:_SHOWN]))
        raise _UnhealthyError(f"matchdays that a feed filled in: {len(filled)}; {shown}", FILLED_REMEDY)
    if exchanged := exchanged_seasons(database, settings.clock.now()):
        raise _UnhealthyError("; ".join(map(str, exchanged[:_SHOWN])), EXCHANGED_REMEDY)
    disputed, offsets = undecided(database), undecided_offsets(database)
    if faults := [*map(described, disputed[:_SHOWN]), *map(offset_described, offsets[:_SHOWN])]:
        count = (
            f"months with other scores: {len(disputed)}, wrong clocks: {len(offsets)}; " if faults[1:] else ""
        )
        raise _UnhealthyError(f"{count}{'; '.join(faults)}")
    return "no feed contradicts another"


def _store(settings: Settings) -> str:
    pointer = read_pointer(ObjectStore(settings.store_url, settings.s3_endpoint_url))
    if pointer is None:
        raise _UnhealthyError(f"{settings.store_url} contains no release")
    return f"release {pointer.release_id}, published {pointer.published_at}"


def _origin(settings: Settings) -> str:
    feed = open_feeds(apply_home(settings, _made(settings)))
    store = ObjectStore(settings.store_url, settings.s3_endpoint_url)
    found = inspect(Database(settings.database_url), store, is_simulated=feed.is_simulated)
    if found.faults:
        raise _UnhealthyError("; ".join(found.faults), "restore the database")
    if found.differences:
        raise _UnhealthyError("; ".join(found.differences))
    return f"installation {found.origin.installation}, {found.origin.settled} matches got their result"


def _redis(settings: Settings) -> str:
    if not settings.redis_url:
        return "not set: `soccer up` starts its own"
    import redis  # noqa: PLC0415 - only where one is set

    redis.Redis.from_url(settings.redis_url, socket_timeout=2, socket_connect_timeout=2).ping()
    return "answers"


def _mlflow(settings: Settings) -> str:
    # One attempt: MLflow retries for minutes by default.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
    file = settings.mlflow_url.removeprefix("sqlite:///")
    if file != settings.mlflow_url and not os.path.isfile(file):  # noqa: PTH113 - opening would create it
        raise _UnhealthyError(f"{file} does not exist")
    champion = ModelRegistry(settings.mlflow_url).find(CHAMPION)
    if champion is None:
        raise _UnhealthyError("answers, but has no champion")
    return f"champion {champion.facts.recipe}, version {champion.version}"


def _alerts(settings: Settings) -> str:
    count = len(Subscribers(settings.alerts_file).all())
    return f"{count} subscribers" if count else "nobody subscribes: `soccer alerts subscribe ADDRESS`"


def _processes(settings: Settings) -> Iterator[Finding]:
    """Daemon, sidecars and disk, checked by the watchdog."""
    now = SystemClock().now()
    remedies = {
        "daemon": ("running", "start `soccer up`, or the service `daemon` of the deployment"),
        "sidecar": (
            "answers",
            "start `soccer up`, or `soccer serve --release STORE`; its log shows why it ended",
        ),
        "process": ("none stays down", "read its log, remove the cause, stop `soccer up` and start it again"),
        "disk": ("has free space", "free space, or run `soccer prune`"),
    }
    folder = settings.home / "dagster"
    if "DAGSTER_HOME" not in os.environ and not (folder / "dagster.yaml").is_file():
        yield Finding("daemon", "no Dagster instance", remedies["daemon"][1])
        return
    os.environ.setdefault("DAGSTER_HOME", str(folder))
    watchdog = Watchdog(
        settings, now - 2 * _HEARTBEAT_WITHIN, daemon_grace=_HEARTBEAT_WITHIN, sidecar_grace=dt.timedelta(0)
    )
    with dg.DagsterInstance.get() as instance:
        missing = watchdog.check(instance, now)
        yield _queue(instance, now)
    for kind, (ok, remedy) in remedies.items():
        faults = [fault for fault in missing if fault.kind == kind]
        for fault in faults:
            cause = f" ({fault.cause})" if fault.cause else ""
            yield Finding(kind, f"{fault.subject} {fault.what}{cause}", fault.action or remedy)
        if not faults:
            yield Finding(kind, ok)


def _queue(instance: dg.DagsterInstance, now: dt.datetime) -> Finding:
    """The runs that publish, and runs whose process is gone, which would hold them."""
    lost = [f"{run.job_name} ({run.run_id[:8]})" for run in lost_runs(instance)]
    if lost:
        return Finding(
            "queue",
            f"without a process: {', '.join(lost)}",
            "wait half a minute: the daemon closes them; a start of `soccer up` does too",
        )
    queue = read_queue(instance)
    return Finding("queue", queue.text(now), remedy_of(queue) if queue.is_standing(now) else "")
