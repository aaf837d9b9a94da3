"""Livescores: the feed's rows, stored unchanged. Four windows on one table, `match_raw`."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import dagster as dg
from pydantic import Field, ValidationError

from soccer_assets.clock import Clock
from soccer_assets.feeds.feed_set import members_of, owners_of
from soccer_assets.feeds.protocol import (
    Feed,
    FeedError,
    FeedUnavailableError,
    assumes_postponed,
    days_a_request,
    is_cheap_to_read_again,
)
from soccer_assets.feeds.validation import validate_rows
from soccer_assets.football.matches import Window
from soccer_assets.graph import freshness
from soccer_assets.graph.checked_config import CheckedShape
from soccer_assets.graph.ingest_checks import (
    BATCH,
    BATCH_DESCRIPTION,
    FILES,
    FILES_DESCRIPTION,
    MONTHS,
    MONTHS_DESCRIPTION,
    batch_result,
    files_result,
    months_result,
)
from soccer_assets.graph.pages.columns import column_schema
from soccer_assets.graph.pages.lineage import table_metadata
from soccer_assets.graph.pages.values import timestamp
from soccer_assets.graph.partitions import match_months
from soccer_assets.graph.retries import INTERACTIVE_TAG, refused, retried
from soccer_assets.resources.database import Database
from soccer_assets.stores.installation import FeedClassError, claim_feed_class
from soccer_assets.stores.matches.due import missing_in_history
from soccer_assets.stores.matches.look_windows import windows_to_read
from soccer_assets.stores.matches.month_rows import rows_by_month
from soccer_assets.stores.matches.raw import IngestCounts, store_raw
from soccer_assets.tables import match_raw

HISTORY = dg.AssetKey(["livescores", "history"])
UPCOMING_DAYS = 15
# A run of a backfill takes 48 months: a launched run costs 10 s before its first step.
MONTHS_A_RUN = 48
# Fewer from a provider's server: a failed run then repeats less. And in a fleet: its workers share them.
SHORT_RUN_MONTHS = 12

# No provider lists fixtures further ahead; a mistyped century would ask for them month by month.
FURTHEST_AHEAD = dt.timedelta(days=400)

_GROUP = "livescores"


class WindowConfig(dg.Config):
    """A window of UTC days for a run by hand."""

    start: str | None = Field(
        None,
        description="First day, e.g. 2025-04-01, in the home's history; default: `days` before `end`.",
    )
    end: str | None = Field(None, description="The day after the last one; default: tomorrow.")
    days: int = Field(90, ge=1, description="Length of the window where `start` is not given.")

    def window(self, today: dt.date, history_start: dt.date) -> Window:
        """The window of these fields.

        Args:
            today: the default end is the day after it.
            history_start: the home's first day; a window without `start` begins no earlier.

        Raises:
            Failure: a day is not valid, the window is empty, or it leaves the home's history.
        """
        try:
            end = dt.date.fromisoformat(self.end) if self.end else today + dt.timedelta(days=1)
            if self.start:
                start = dt.date.fromisoformat(self.start)
            else:
                start = end - dt.timedelta(days=min(self.days, max((end - history_start).days, 0)))
        except ValueError as error:
            raise dg.Failure(f"{error}; write days as 2025-04-01", allow_retries=False) from error
        if start >= end:
            raise dg.Failure(f"the window from {start} to {end} is empty", allow_retries=False)
        if start < history_start:
            raise dg.Failure(
                f"the window from {start} to {end} begins before {history_start}, the first day of this "
                "home; write a later start (SOCCER_HISTORY_START sets the first month of a new home)",
                allow_retries=False,
            )
        latest = today + FURTHEST_AHEAD
        if end > latest:
            raise dg.Failure(
                f"the window from {start} to {end} ends after {latest}, {FURTHEST_AHEAD.days} days from now; "
                "write an earlier end",
                allow_retries=False,
            )
        return Window(start, end)


def _window_config(config: Mapping[str, Any]) -> WindowConfig:
    """The fields of a run's config.

    Raises:
        Failure: a field is out of its bounds.
    """
    try:
        return WindowConfig(**config)
    except ValidationError as error:
        found = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())
        raise dg.Failure(found, allow_retries=False) from error


def livescore_assets(
    history_start: dt.date,
    clock: Clock,
    months_a_run: int = MONTHS_A_RUN,
    *,
    is_history_parallel: bool = False,
) -> list[dg.AssetsDefinition]:
    """The livescores stage of a home.

    Args:
        history_start: its first day.
        clock: its clock.
        months_a_run: the most that one run of a backfill takes.
        is_history_parallel: whether runs of a backfill read the feed side by side, and beside the hourly
            run; else they share one place with it, so that no provider is asked by two at a time.
    """
    asset = partial(
        dg.asset,
        metadata=table_metadata("livescores/recent", column_schema(match_raw)),
        group_name=_GROUP,
        kinds={"python", "table"},
        owners=["team:data"],
    )
    # One that reads the feed at a time.
    alone = partial(asset, pool=_GROUP)

    @alone(key=["livescores", "recent"], freshness_policy=freshness.LIVESCORES_RECENT)
    def recent(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[Database],
        feed: dg.ResourceParam[Feed],
        clock: dg.ResourceParam[Clock],
    ) -> dg.MaterializeResult:
        """Matches of today and the last three days: scores, corrections, new kickoffs.

        It reads further back, at most 120 days, where a result is missing or nobody has looked, and once a
        day 30 days for corrections where that is cheap for the provider.
        """
        now = clock.now()
        with retried(context):
            return _ingest(context, database, feed, clock, recent_windows(database, feed, now))

    @alone(key=["livescores", "upcoming"], freshness_policy=freshness.LIVESCORES_UPCOMING)
    def upcoming(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[Database],
        feed: dg.ResourceParam[Feed],
        clock: dg.ResourceParam[Clock],
    ) -> dg.MaterializeResult:
        """Fixtures of today and the next fifteen days: the matches to predict."""
        today = clock.now().date()
        window = Window(today, today + dt.timedelta(days=UPCOMING_DAYS + 1))
        with retried(context):
            return _ingest(context, database, feed, clock, _one_window(feed, window))

    @asset(
        key=HISTORY,
        pool=None if is_history_parallel else _GROUP,
        check_specs=[
            dg.AssetCheckSpec(name, asset=HISTORY, description=description)
            for name, description in (
                (BATCH, BATCH_DESCRIPTION),
                (FILES, FILES_DESCRIPTION),
                (MONTHS, MONTHS_DESCRIPTION),
            )
        ],
        partitions_def=match_months(history_start, clock),
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=months_a_run),
    )
    def history(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[Database],
        feed: dg.ResourceParam[Feed],
        clock: dg.ResourceParam[Clock],
    ) -> Iterator[Any]:
        """Matches of past months, one partition a month; backfill any range from this page.

        A run of this asset alone fails the months whose results are missing, and makes the others.
        """
        months = context.partition_time_window
        window = Window(months.start.date(), months.end.date())
        with retried(context):
            made = _ingest(context, database, feed, clock, _one_window(feed, window))
            lags = {member.name: member.result_lag for member in members_of(feed)}
            missing = missing_in_history(database, lags, owners_of(feed), window, clock.now())
            checks = [
                batch_result(database, "history", blocking=False),
                files_result(database, "history"),
                months_result(missing),
            ]
            pages = _month_pages(database, feed, context.partition_keys)
        yield from checks
        if not missing.due or len(set(context.job_def.asset_layer.executable_asset_keys)) > 1:
            # Stages behind this one go on: of a first build over 24 months one hole would leave nothing.
            for month, page in pages.items():
                context.add_asset_metadata(page, HISTORY, partition_key=month)
            yield dg.MaterializeResult(metadata={"whole_run": _whole_run(made)})
            return
        # A run that ends as a failure fails the partitions that it has not made, and no others.
        for month in context.partition_keys:
            if month not in missing.months:
                metadata = {"whole_run": _whole_run(made), **pages[month]}
                yield dg.AssetMaterialization(HISTORY, partition=month, metadata=metadata)
        raise dg.Failure(
            f"{', '.join(missing.months)}: {missing.text}; the rows are stored and the other months are "
            f"made; {missing.remedy}",
            allow_retries=False,
        )

    # The check depends on the first day and on a clock that stands.
    whose = f"{history_start} {clock.now() if clock.is_fixed else 'now'}"

    def asked_window(config: Mapping[str, Any]) -> Window:
        return _window_config(config).window(clock.now().date(), history_start.replace(day=1))

    @alone(
        key=["livescores", "window"],
        config_schema=CheckedShape(WindowConfig.to_fields_dict(), asked_window, whose),
    )
    def window(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[Database],
        feed: dg.ResourceParam[Feed],
        clock: dg.ResourceParam[Clock],
    ) -> dg.MaterializeResult:
        """Matches of a window from the run's config; default: the last 90 days.

        A window that begins before the home's first month, or ends over a year from now, is refused.
        """
        asked = asked_window(context.op_execution_context.op_config)
        with retried(context):
            return _ingest(context, database, feed, clock, _one_window(feed, asked))

    return [recent, upcoming, history, window]


def recent_windows(database: Database, feed: Feed, now: dt.datetime) -> dict[str, list[Window]]:
    """What an hourly look reads of each feed, by the feed's name."""
    return {
        member.name: windows_to_read(
            database,
            member.name,
            now,
            result_lag=member.result_lag,
            is_cheap_to_read_again=is_cheap_to_read_again(member),
            days_a_request=days_a_request(member),
        )
        for member in members_of(feed)
    }


def _month_pages(database: Database, feed: Feed, months: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The page of each month: its own rows, not those of the run that read several months."""
    found = rows_by_month(database, [member.name for member in members_of(feed)], months)
    return {
        month: {
            "dagster/partition_row_count": rows.rows,
            "dagster/row_count": rows.rows,
            "with_result": rows.with_result,
            "without_result": rows.rows - rows.with_result,
            "competitions": rows.competitions,
            "last_change": timestamp(rows.last_change, "no match in this month"),
        }
        for month, rows in found.items()
    }


def _whole_run(made: dg.MaterializeResult) -> dg.JsonMetadataValue:
    """The counts of a run over several months, apart from those of each month."""
    counts = {
        name.removeprefix("dagster/"): value
        for name, value in (made.metadata or {}).items()
        if isinstance(value, int | str)
    }
    return dg.MetadataValue.json(counts)


def _one_window(feed: Feed, window: Window) -> dict[str, list[Window]]:
    """The same window of each feed."""
    return {member.name: [window] for member in members_of(feed)}


def _ingest(
    context: dg.AssetExecutionContext,
    database: Database,
    feed: Feed,
    clock: Clock,
    windows: Mapping[str, Sequence[Window]],
) -> dg.MaterializeResult:
    """Store what each feed reports of its windows, by the feed's name; the metadata shows their span."""
    now, counts, faults = clock.now(), IngestCounts(), []
    asset = context.asset_key.to_user_string()
    with refused(FeedClassError):
        claim_feed_class(database, is_simulated=feed.is_simulated)
    for member in members_of(feed):
        try:
            for window in windows[member.name]:
                rows = validate_rows(member.fetch(window, clock), now)
                counts += store_raw(
                    database,
                    rows,
                    asset=asset,
                    source=member.name,
                    window=window,
                    now=now,
                    assumes_postponed=assumes_postponed(member),
                )
        except FeedError as fault:  # the other feeds go on
            faults.append(fault)
    if faults:
        may_help = any(isinstance(fault, FeedUnavailableError) for fault in faults)
        if may_help and INTERACTIVE_TAG not in context.run.tags:
            raise next(fault for fault in faults if isinstance(fault, FeedUnavailableError))
        raise dg.Failure(description="; ".join(map(str, faults)), allow_retries=False) from faults[0]
    read = [window for each in windows.values() for window in each]
    span = Window(min(window.start for window in read), max(window.end for window in read))
    return dg.MaterializeResult(metadata=_metadata(counts, span, feed, now))


def _metadata(counts: IngestCounts, window: Window, feed: Feed, now: dt.datetime) -> dict[str, Any]:
    return {
        "dagster/row_count": counts.seen,
        "window": f"{window.start} (included) to {window.end} (not included), UTC days",
        "feed": feed.name,
        "added": counts.added,
        "changed": counts.changed,
        "unchanged": counts.unchanged,
        "rejected": counts.rejected,
        "files_passed_over": counts.files_passed_over,
        "teams_not_known_yet": counts.undrawn,
        "contradicted": counts.contradicted,
        "duplicates": counts.doubles,
        "held_back": counts.held,
        "second_results_on_a_day": counts.twice_a_day,
        "newest_result": timestamp(counts.newest_result, "none in this window"),
        "checked_at": timestamp(now, "never"),
    }
