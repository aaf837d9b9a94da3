"""Months of history with missing results: the run that finds them fails them, and makes the others."""

import datetime as dt

import dagster as dg
import msgspec
import pytest
from dagster._core.storage.partition_status_cache import (
    AssetPartitionStatus,
    get_and_update_asset_status_cache_value,
)

from soccer_assets.feeds.feed_set import FeedSet
from soccer_assets.football.matches import MatchStatus
from soccer_assets.football.records import RawMatch
from soccer_assets.graph.assets.livescores import HISTORY
from soccer_assets.graph.partitions import match_months
from tests.builders import NOW, FakeFeed, finished, raw_match, two_leagues
from tests.graph.assets.conftest import Graph, history_of
from tests.graph.assets.test_livescores import attempts, failure_of, stored

ALL = ("2025-01-01", "2025-02-01", "2025-03-01", "2025-04-01")


def stuck(kickoff: dt.datetime, **changes: object) -> RawMatch:
    """A match of which its provider never told the result."""
    given = {"source_match_id": f"stuck {kickoff}", "kickoff": kickoff} | changes
    return raw_match(**given)


MARCH = dt.datetime(2025, 3, 9, 14, tzinfo=dt.UTC)


def selected(graph: Graph, *statuses: AssetPartitionStatus | None) -> set[str]:
    """The months in one of these states; None is missing. What *Failed and missing* on the page chooses."""
    months = match_months(dt.date(2025, 1, 1), graph.clock)
    found = graph.instance.get_status_by_partition(HISTORY, months.get_partition_keys(), months) or {}
    return {month for month, status in found.items() if status in statuses}


def failed_and_missing(graph: Graph) -> set[str]:
    """The choice of the page's button of that name."""
    return selected(graph, AssetPartitionStatus.FAILED, None)


def test_the_month_with_a_hole_fails_alone_and_is_chosen_alone(graph: Graph) -> None:
    """Four months in one run, no result of a match of March: three months made, one failed."""
    graph.feed.items = [*two_leagues(), stuck(MARCH)]
    result = graph.run("livescores/history", tags=history_of(ALL[0], ALL[-1]))

    assert not result.success
    assert attempts(result) == 1  # nothing changes within five minutes
    assert failed_and_missing(graph) == {"2025-03-01"}
    assert graph.instance.get_materialized_partitions(HISTORY) == {*ALL} - {"2025-03-01"}
    assert len(stored(graph)) == 121
    assert failure_of(result).startswith("2025-03-01: 1 result is missing since 2025-03-09 (TST-1 1)")
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert (checks["batch_is_sound"].passed, checks["files_are_readable"].passed) == (True, True)
    months = checks["months_are_complete"]
    assert (months.passed, months.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert months.description is not None
    assert months.description.startswith("2025-03-01: ")

    # The page reads the cached status, which is brought up to date by ranges.
    definition = match_months(dt.date(2025, 1, 1), graph.clock)
    cached = get_and_update_asset_status_cache_value(graph.instance, HISTORY, definition)
    assert cached is not None
    failed = cached.deserialize_failed_partition_subsets(definition)
    assert set(failed.get_partition_keys()) == {"2025-03-01"}


def test_the_failed_month_is_made_once_the_provider_has_the_result(graph: Graph) -> None:
    """What was chosen is read again, and nothing is left to choose."""
    graph.feed.items = [stuck(MARCH)]
    graph.run("livescores/history", tags=history_of(ALL[0], ALL[-1]))
    (month,) = failed_and_missing(graph)
    graph.feed.items = [finished("2-1", MARCH.isoformat(), source_match_id=f"stuck {MARCH}")]
    result = graph.run("livescores/history", tags=history_of(month, month))

    assert result.success
    assert failed_and_missing(graph) == set()
    assert all(check.passed for check in result.get_asset_check_evaluations())


def test_a_month_that_was_made_before_its_results_were_due_fails_later(graph: Graph) -> None:
    """A fixture of tomorrow is no hole; two weeks later the same month, made before, is a failed one."""
    kickoff = NOW + dt.timedelta(days=1)
    graph.feed.items = [stuck(kickoff)]
    assert graph.run("livescores/history", tags=history_of(ALL[0], ALL[-1])).success

    graph.at(NOW + dt.timedelta(days=14))
    assert not graph.run("livescores/history", tags=history_of("2025-03-01", "2025-05-01")).success
    assert failed_and_missing(graph) == {"2025-04-01"}


@pytest.mark.parametrize(("hours", "is_hole"), [(36.5, False), (37.5, True)])
def test_a_result_is_given_36_hours_and_the_lag(graph: Graph, hours: float, is_hole: bool) -> None:
    """The fake feed's lag is one hour."""
    graph.feed.items = [stuck(NOW - dt.timedelta(hours=hours))]
    result = graph.run("livescores/history", tags=history_of("2025-04-01", "2025-04-01"))

    assert result.success is not is_hole
    assert failed_and_missing(graph) == ({*ALL} if is_hole else {*ALL} - {"2025-04-01"})


def test_what_is_over_without_a_result_is_no_hole(graph: Graph) -> None:
    """A match in play for a week was abandoned; one that the feed has not listed for a week is withdrawn."""
    graph.feed.items = [*two_leagues(), stuck(MARCH), stuck(MARCH, source_match_id="m2", away_team="Hull")]
    graph.feed.items[-2] = stuck(MARCH, status=MatchStatus.LIVE)
    month = history_of("2025-03-01", "2025-03-01")
    assert not graph.run("livescores/history", tags=month).success
    graph.feed.items.pop()
    assert not graph.run("livescores/history", tags=month).success

    graph.at(NOW + dt.timedelta(days=8))
    assert graph.run("livescores/history", tags=month).success


def test_a_hole_stops_no_stage_behind_history(graph: Graph) -> None:
    """A first build over months with a hole goes on: the check warns."""
    graph.feed.items = [*two_leagues(), stuck(MARCH)]
    result = graph.run(
        "livescores/history", "matches/match", "matches/odds", tags=history_of(ALL[0], ALL[-1])
    )

    assert result.success
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert not checks["months_are_complete"].passed
    assert "missing since 2025-03-09" in (checks["months_are_complete"].description or "")


def test_a_match_of_another_feeds_competition_is_no_hole(graph: Graph) -> None:
    """TST-1 belongs to the first feed: what the second leaves open there is stored and not used."""
    first, second = FakeFeed([finished("1-0", MARCH.isoformat())]), FakeFeed()
    first.name, second.name = "first", "second"
    first.items = [msgspec.structs.replace(row, source="first") for row in first.items]
    second.items = [stuck(MARCH, source="second")]
    graph.feed = FeedSet([first, second])  # type: ignore[assignment]
    result = graph.run("livescores/history", tags=history_of(ALL[0], ALL[-1]))

    assert result.success
    assert len(stored(graph)) == 2
