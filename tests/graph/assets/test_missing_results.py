"""Missing results in check, alert and coverage: how many, where, since when, who is late, what mends it."""

import datetime as dt
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from soccer_assets.alerting.detection import graph_conditions
from soccer_assets.alerting.faults import NEW, Notification
from soccer_assets.alerting.rendering import render
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.matches import MatchStatus
from soccer_assets.football.records import RawMatch
from soccer_assets.stores.matches.due import missing_results
from soccer_assets.tables import match
from tests.alerting.builders import ORIGIN
from tests.builders import NOW, finished, raw_match
from tests.graph.assets.conftest import Graph, history_of
from tests.stores.matches import test_names

RECENT, MATCH = dg.AssetKey(["livescores", "recent"]), dg.AssetKey(["matches", "match"])


def fixtures(days: range, competition: str = "TST-1") -> list[RawMatch]:
    """One fixture a day, so many days after `NOW`."""
    return [
        raw_match(
            source_match_id=f"{competition} {day}",
            payload={"id": f"{competition} {day}"},
            competition=competition,
            kickoff=NOW + dt.timedelta(days=day, hours=6),
        )
        for day in days
    ]


def played(match: RawMatch) -> RawMatch:
    """The same match with a result."""
    return finished("1-0", match.kickoff.isoformat(), **_kept(match))


def _kept(match: RawMatch) -> dict[str, Any]:
    return {name: getattr(match, name) for name in ("source_match_id", "payload", "competition")}


def alert_of(graph: Graph, key: dg.AssetKey, check: str) -> str:
    """The message that a subscriber gets about a check; empty where it passes."""
    found = graph_conditions(graph.instance, {}, [dg.AssetCheckKey(key, check)], graph.clock.now())
    notifications = [Notification(transition=NEW, condition=each) for each in found if each.kind != "run"]
    if not notifications:
        return ""
    return render(notifications, origin=ORIGIN, now=graph.clock.now()).body


def results_due(result: dg.ExecuteInProcessResult) -> Any:
    """The check of that name in a run."""
    (check,) = [each for each in result.get_asset_check_evaluations() if each.check_name == "results_due"]
    return check


def slept(graph: Graph, days: int) -> list[RawMatch]:
    """A home that knew a fixture of each of so many days, and then slept through them."""
    known = [*fixtures(range(1, days)), *fixtures(range(1, 3), "TST-2")]
    graph.feed.items = known
    assert graph.run("livescores/window", run_config=_days(days), tags={}).success
    graph.run("livescores/recent", "matches/match", "matches/odds")
    graph.at(NOW + dt.timedelta(days=days))
    return known


def _days(days: int) -> dict[str, Any]:
    end = NOW.date() + dt.timedelta(days=days)
    return {"ops": {"livescores__window": {"config": {"start": str(NOW.date()), "end": str(end)}}}}


def test_a_home_that_slept_says_so_and_one_look_mends_it(graph: Graph) -> None:
    """Before the look 12 results are missing of days nobody has read; the named command finds them all."""
    known = slept(graph, 11)
    missing = missing_results(graph.database, ["fake"], graph.feed.result_lag, graph.clock.now())

    assert missing.text == (
        "12 results are missing since 2025-04-26 (TST-1 10, TST-2 2): nobody has read these days since"
    )
    assert missing.remedy == "run `soccer run refresh_hourly`"
    assert missing.months == ("2025-04-01", "2025-05-01")

    graph.feed.items = [played(match) for match in known]
    result = graph.run("livescores/recent", "matches/match", "matches/odds")
    assert results_due(result).passed
    assert results_due(result).description == "no result is missing"
    assert alert_of(graph, RECENT, "results_due") == ""


def test_the_provider_is_blamed_only_for_what_was_read(graph: Graph) -> None:
    """The look after the sleep finds one of two leagues: the alert says that the other's results are late."""
    known = slept(graph, 11)
    graph.feed.items = [played(match) if match.competition == "TST-1" else match for match in known]
    result = graph.run("livescores/recent", "matches/match", "matches/odds")

    check = results_due(result)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert check.metadata["matches_without_result"].value == 2
    assert check.metadata["matches_of_unread_days"].value == 0
    alert = alert_of(graph, RECENT, "results_due")
    assert (
        "Cause:    2 results are missing since 2025-04-26 (TST-2 2): the feed was read since and does not "
        "have them" in alert
    )
    assert "Action:   check the provider's status page; " in alert
    assert "`soccer run refresh_hourly` reads these days again" in alert


def test_what_no_look_reaches_is_the_homes_own_hole_and_the_alert_names_the_command(graph: Graph) -> None:
    """After 200 days the hourly run reads 120: the provider has the rest, and its months are read again."""
    known = slept(graph, 200)
    graph.feed.items = [played(match) for match in known]
    result = graph.run("livescores/recent", "matches/match", "matches/odds")

    check = results_due(result)
    count = check.metadata["matches_without_result"].value
    # What lies before the 120 days, and both fixtures of the second league.
    assert count == check.metadata["matches_of_unread_days"].value == 199 - 120 + 2
    alert = alert_of(graph, RECENT, "results_due")
    assert f"Cause:    {count} results are missing since 2025-04-26 (TST-1 {count - 2}, TST-2 2): " in alert
    assert "nobody has read these days since" in alert
    assert "Action:   run `soccer run reload_history --months 2025-04 2025-07`" in alert
    assert "provider" not in alert

    graph.run(
        *("livescores/history", "matches/match", "matches/odds"), tags=history_of("2025-04-01", "2025-07-01")
    )
    assert missing_results(graph.database, ["fake"], graph.feed.result_lag, graph.clock.now()).due == ()


@pytest.mark.parametrize(
    ("status", "days"), [(MatchStatus.SCHEDULED, 100), (MatchStatus.TBD, 100), (MatchStatus.LIVE, 6)]
)
def test_a_match_that_never_ends_is_listed(graph: Graph, status: MatchStatus, days: int) -> None:
    """Whatever the provider leaves it as, it is due until it is settled, withdrawn or abandoned.

    After 30 days it is listed, but no sign of a quiet feed.
    """
    kickoff = NOW - dt.timedelta(days=days)
    graph.feed.items = [raw_match(kickoff=kickoff, status=status)]
    graph.run(
        *("livescores/history", "matches/match", "matches/odds"), tags=history_of("2025-01-01", "2025-04-01")
    )
    check = results_due(graph.run("livescores/recent", "matches/match", "matches/odds"))

    assert check.passed == (days > 30)
    assert f"1 result is missing since {kickoff:%Y-%m-%d} (TST-1 1)" in check.description
    with graph.database.reading() as connection:
        assert connection.execute(sa.select(match.c.status)).scalars().all() == [status.value]


def test_nothing_stays_in_play_for_months(graph: Graph) -> None:
    """After a week a match in play counts as abandoned, and its result is no longer due."""
    graph.feed.items = [raw_match(kickoff=NOW - dt.timedelta(days=8), status=MatchStatus.LIVE)]
    graph.run(
        *("livescores/history", "matches/match", "matches/odds"), tags=history_of("2025-04-01", "2025-04-01")
    )

    assert results_due(graph.run("livescores/recent", "matches/match", "matches/odds")).passed
    with graph.database.reading() as connection:
        assert connection.execute(sa.select(match.c.status)).scalars().all() == ["abandoned"]


def test_an_open_name_is_told_with_its_guess_and_command(graph: Graph) -> None:
    """A match that waits for a name is in the alert: which name, the best guess, what decides it."""
    competitions = load_competitions()
    graph.feed.competitions = lambda: competitions  # type: ignore[method-assign]
    test_names.store(graph.database, test_names.played(8))
    later = test_names.FIRST + dt.timedelta(days=365)
    test_names.store(graph.database, [test_names._match("Ogreton Marsh", "Amber", later)])
    result = graph.run("matches/match", "matches/odds")

    checks = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert not checks["names_are_decided"].passed
    alert = alert_of(graph, MATCH, "names_are_decided")
    assert (
        "Cause:    1 match waits for 1 name: Ogreton Marsh (ENG-1, best guess Ogreton); the earliest is of "
        "2025-08-10" in alert
    )
    assert "Action:   decide each with the command that `soccer teams unresolved` prints" in alert
