"""A home with two feeds that contradict each other: the checks, the alert, and the end of both."""

import datetime as dt
from typing import Any

import dagster as dg

from soccer_assets.alerting.detection import graph_conditions
from soccer_assets.feeds.feed_set import FeedSet, owners_of
from soccer_assets.football.records import RawMatch
from soccer_assets.stores.matches.feed_trust import decide
from soccer_assets.stores.matches.normalise import update_matches
from tests.builders import COMPETITIONS, NOW, FakeFeed
from tests.graph.assets.conftest import Graph, history_of
from tests.stores.matches.test_feed_agreement import known_rows, month_of_rows

MATCH = dg.AssetKey(["matches", "match"])
CHECKS = [dg.AssetCheckKey(MATCH, name) for name in ("feeds_agree", "feed_clocks_agree")]


class NamedFeed(FakeFeed):
    """A feed of that name."""

    def __init__(self, name: str, items: list[RawMatch]) -> None:
        super().__init__(items)
        self.name = name


def refresh(graph: Graph) -> None:
    """Read the months of both feeds, and update the matches."""
    assert graph.run("livescores/history", tags=history_of("2025-01-01", "2025-04-01")).success
    assert graph.run("matches/match", "matches/odds").success


def checked(graph: Graph) -> dict[str, dict[str, Any]]:
    """What the newest run of each check shows; empty of one that passed."""
    latest = graph.instance.event_log_storage.get_latest_asset_check_execution_by_key(CHECKS)
    found = {}
    for key, record in latest.items():
        assert record.event is not None
        assert record.event.dagster_event is not None
        evaluation = record.event.dagster_event.asset_check_evaluation_data
        shown = {name: entry.value for name, entry in evaluation.metadata.items()}
        found[key.name] = {} if evaluation.passed else shown | {"description": evaluation.description}
    return found


def alerts(graph: Graph) -> dict[str, str]:
    """What subscribers hear of the checks."""
    found = graph_conditions(graph.instance, {}, CHECKS, dt.datetime.now(dt.UTC))
    return {condition.key: condition.cause for condition in found}


def test_a_dispute_fails_a_check_and_alerts_until_a_person_decides(graph: Graph) -> None:
    """The tables show the month and its matches; the decision ends the fault in the next run."""
    first = NamedFeed("first", [*known_rows("first"), *month_of_rows("first")])
    second = NamedFeed("second", [*known_rows("second"), *month_of_rows("second", score="0-3")])
    graph.feed = FeedSet([first, second])  # type: ignore[assignment]
    refresh(graph)

    shown = checked(graph)["feeds_agree"]
    assert shown["undecided_months"] == 1
    assert shown["months"].records[0].data == {
        "competition": "TST-1",
        "month": "2025-03",
        "feeds": "first, second",
        "results_in_both": 15,
        "same_score": 0,
        "agreement": "0.0%",
        "is_disputed": "yes",
    }
    sentence = "first and second report the same score in 0% of 15 results of TST-1 in 2025-03"
    assert alerts(graph)["check:matches/match:feeds_agree"].startswith(sentence)

    decide(graph.database, competition="TST-1", feed="second", month="2025-03", now=NOW)
    refresh(graph)

    assert checked(graph) == {"feeds_agree": {}, "feed_clocks_agree": {}}
    assert alerts(graph) == {}


def test_a_run_that_was_killed_before_the_comparison_is_made_good_by_the_next(graph: Graph) -> None:
    """The next run reads no new row and compares all the same."""
    first = NamedFeed("first", [*known_rows("first"), *month_of_rows("first")])
    second = NamedFeed("second", [*known_rows("second"), *month_of_rows("second", score="0-3")])
    graph.feed = FeedSet([first, second])  # type: ignore[assignment]
    assert graph.run("livescores/history", tags=history_of("2025-01-01", "2025-04-01")).success
    update_matches(graph.database, COMPETITIONS, NOW, owners_of(graph.feed))

    assert graph.run("matches/match", "matches/odds").success

    assert checked(graph)["feeds_agree"]["undecided_months"] == 1


def test_a_wrong_clock_fails_a_check_of_its_own(graph: Graph) -> None:
    """Scores that agree do not hide kickoffs that do not."""
    late = dt.timedelta(hours=2)
    first = NamedFeed("first", [*known_rows("first"), *month_of_rows("first")])
    second = NamedFeed("second", [*known_rows("second"), *month_of_rows("second", shift=late)])
    graph.feed = FeedSet([first, second])  # type: ignore[assignment]
    refresh(graph)

    shown = checked(graph)
    assert shown["feeds_agree"] == {}
    assert shown["feed_clocks_agree"]["systematic_offsets"] == 1
    assert alerts(graph)["check:matches/match:feed_clocks_agree"] == (
        "kickoffs of second are 2 h late against first in 15 of 15 matches of TST-1, 2025-03"
    )
