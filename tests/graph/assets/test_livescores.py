"""The livescores stage: four windows on one table, and a feed that does not answer."""

import datetime as dt
from typing import Any

import dagster as dg
import msgspec
import pytest
import sqlalchemy as sa

from soccer_assets.clock import FixedClock, SystemClock, parse_instant
from soccer_assets.feeds.feed_set import FeedSet
from soccer_assets.feeds.protocol import FeedRefusedError, FeedUnavailableError
from soccer_assets.feeds.unreadable import cut_file
from soccer_assets.football.matches import Window
from soccer_assets.football.records import RawMatch, UnreadableFile
from soccer_assets.graph import retries
from soccer_assets.graph.partitions import match_months
from soccer_assets.graph.retries import INTERACTIVE_TAG
from soccer_assets.tables import ingest, match, match_raw
from tests.builders import COMPETITIONS, NOW, FakeFeed, finished, raw_match, rejection, two_leagues
from tests.graph.assets.conftest import Graph, history_of


def stored(graph: Graph) -> list[str]:
    """Kickoff days of the stored rows."""
    with graph.database.reading() as connection:
        return [
            str(kickoff.date()) for kickoff in connection.execute(sa.select(match_raw.c.kickoff)).scalars()
        ]


def test_each_asset_asks_for_its_window(graph):
    """On 25 April: the last three days and today, then today and the next fifteen."""
    graph.run("livescores/recent")
    graph.run("livescores/upcoming")

    assert graph.feed.windows == [
        Window(dt.date(2025, 4, 22), dt.date(2025, 4, 26)),
        Window(dt.date(2025, 4, 25), dt.date(2025, 5, 11)),
    ]


def test_a_home_that_slept_eleven_days_leaves_no_hole(graph):
    """Fixtures were known, nobody looked for eleven days, then one look: every result is there."""
    asleep = [
        raw_match(source_match_id=f"m{day}", home_team=f"home {day}", kickoff=NOW + dt.timedelta(days=day))
        for day in range(1, 12)
    ]
    graph.feed.items = asleep
    graph.run("livescores/recent")
    graph.run("livescores/upcoming")
    graph.at(NOW + dt.timedelta(days=11, hours=12))
    graph.feed.items = [
        finished(
            "1-0",
            match.kickoff.isoformat(),
            source_match_id=match.source_match_id,
            home_team=match.home_team,
        )
        for match in asleep
    ]
    graph.run("livescores/recent", "matches/match", "matches/odds")

    with graph.database.reading() as connection:
        statuses = connection.execute(sa.select(match.c.status)).scalars().all()
    assert statuses == ["finished"] * 11
    # The next look is short again: nothing is missing any more.
    graph.run("livescores/recent")
    assert graph.feed.windows[-1].start == (NOW + dt.timedelta(days=8)).date()


def test_the_page_says_what_was_found(graph):
    """Rows, changes, rejections and the newest result stand in the metadata of the run."""
    graph.feed.items = [*two_leagues(), rejection()]
    first = graph.metadata(graph.run("livescores/recent"), "livescores/recent")
    second = graph.metadata(graph.run("livescores/recent"), "livescores/recent")

    assert (first["dagster/row_count"], first["added"], first["rejected"]) == (9, 8, 1)
    assert first["newest_result"] == parse_instant("2025-04-24T18:00:00Z").timestamp()
    assert (first["checked_at"], first["feed"]) == (parse_instant("2025-04-25T09:00:00Z").timestamp(), "fake")
    assert (second["added"], second["unchanged"]) == (0, 8)


def test_a_range_of_months_is_one_run_and_each_month_is_made(graph):
    """Two months of a backfill: one window of the feed, two partitions green."""
    graph.feed.items = two_leagues()
    result = graph.run("livescores/history", tags=history_of("2025-03-01", "2025-04-01"))

    assert result.success
    assert graph.feed.windows == [Window(dt.date(2025, 3, 1), dt.date(2025, 5, 1))]
    key = dg.AssetKey(["livescores", "history"])
    assert graph.instance.get_materialized_partitions(key) == {"2025-03-01", "2025-04-01"}
    assert len(stored(graph)) == 120
    pages = {
        event.partition: {name: value.value for name, value in event.materialization.metadata.items()}
        for event in result.get_asset_materialization_events()
    }
    # Each month shows its own rows; those of the run stand apart.
    assert {month: page["dagster/partition_row_count"] for month, page in pages.items()} == {
        "2025-03-01": 62,
        "2025-04-01": 58,
    }
    assert [pages[month]["without_result"] for month in sorted(pages)] == [0, 10]
    assert {page["whole_run"]["row_count"] for page in pages.values()} == {120}


def test_windows_in_any_order_store_each_match_once(graph):
    """Backfill, last days and next days overlap without doubling a match."""
    graph.feed.items = two_leagues()
    for key in ("livescores/upcoming", "livescores/recent"):
        graph.run(key)
    graph.run("livescores/history", tags=history_of("2025-03-01", "2025-04-01"))

    assert len(stored(graph)) == 120


def asked_for(**config: object) -> dict[str, Any]:
    """The run configuration of a window by hand."""
    return {"ops": {"livescores__window": {"config": config}}}


@pytest.mark.parametrize(
    ("config", "window"),
    [
        ({}, Window(dt.date(2025, 1, 26), dt.date(2025, 4, 26))),
        ({"start": "2025-01-01", "end": "2025-02-01"}, Window(dt.date(2025, 1, 1), dt.date(2025, 2, 1))),
        ({"days": 10**9}, Window(dt.date(2025, 1, 1), dt.date(2025, 4, 26))),
        ({"end": "2025-01-11"}, Window(dt.date(2025, 1, 1), dt.date(2025, 1, 11))),
        ({"start": "2025-04-01", "end": "2026-05-30"}, Window(dt.date(2025, 4, 1), dt.date(2026, 5, 30))),
    ],
)
def test_a_window_by_hand_stays_within_the_homes_history(graph, config, window):
    """Without a start it begins at most `days` before its end, and not before the home's first day."""
    result = graph.run("livescores/window", run_config=asked_for(**config))

    assert result.success
    assert graph.feed.windows == [window]


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"start": "0870-02-20"}, "begins before 2025-01-01, the first day of this home"),
        ({"start": "2024-12-31", "end": "2025-02-01"}, "begins before 2025-01-01"),
        ({"start": "0001-01-01", "end": "9999-12-31"}, "begins before 2025-01-01"),
        ({"start": "2025-04-01", "end": "9999-12-31"}, "ends after 2026-05-30, 400 days from now"),
        ({"end": "2205-04-01", "days": 30}, "ends after 2026-05-30"),
        ({"end": "2024-12-01"}, "is empty"),
        ({"end": "0001-01-01"}, "is empty"),
        ({"start": "2025-04-31"}, "write days as 2025-04-01"),
        ({"start": "20 April"}, "write days as 2025-04-01"),
    ],
)
def test_a_mistyped_window_is_refused_before_the_feed_is_asked(graph, config, reason):
    """A wrong century would keep the pool of livescores for hours, month by month."""
    with pytest.raises(dg.DagsterInvalidConfigError, match=reason):
        graph.run("livescores/window", run_config=asked_for(**config))

    assert graph.feed.windows == []


def test_or_06_backfill_bounds_follow_the_clock():
    """Months run from the home's first to the clock's own, which is included; nobody writes an end down."""
    replay = match_months(dt.date(2025, 1, 1), FixedClock(parse_instant("2025-04-25T09:00:00Z")))
    new_year = match_months(dt.date(2024, 11, 1), FixedClock(parse_instant("2024-12-31T23:59:59Z")))
    real = match_months(dt.date(2025, 1, 1), SystemClock())
    now = dt.datetime.now(dt.UTC)
    standing = match_months(dt.date(2025, 1, 1), FixedClock(now))

    assert replay.get_partition_keys() == ["2025-01-01", "2025-02-01", "2025-03-01", "2025-04-01"]
    assert new_year.get_partition_keys() == ["2024-11-01", "2024-12-01"]
    at = [parse_instant(f"{day}T12:00:00Z") for day in ("2031-07-31", "2031-08-01")]
    assert [real.get_partition_keys(current_time=now)[-1] for now in at] == ["2031-07-01", "2031-08-01"]
    assert real.get_partition_keys()[-1] == now.strftime("%Y-%m-01")
    assert standing.get_partition_keys()[-1] == now.strftime("%Y-%m-01")


def retried_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the five minutes between attempts."""
    monkeypatch.setattr(retries, "SECONDS_TO_WAIT", 0)


def attempts(result: dg.ExecuteInProcessResult) -> int:
    """How often the step was tried."""
    restarts = [event for event in result.all_events if event.event_type_value == "STEP_RESTARTED"]
    return 1 + len(restarts)


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """The sentence of the step that failed."""
    (event,) = result.get_step_failure_events()
    data: Any = event.step_failure_data
    return data.user_failure_data.description if data.user_failure_data else str(data.error)


def test_a_feed_that_does_not_answer_is_asked_again(graph, monkeypatch):
    """A scheduled run tries four times; the third answer is as good as the first."""
    retried_at_once(monkeypatch)
    graph.feed.error = FeedUnavailableError("the provider answers 503")
    result = graph.run("livescores/recent")

    assert not result.success
    assert (attempts(result), len(graph.feed.windows)) == (4, 4)


def test_an_answer_after_a_retry_is_a_success(graph, monkeypatch):
    """The run is green when a later attempt finds the provider, and the rows are there."""
    retried_at_once(monkeypatch)
    graph.feed.items = two_leagues()
    answer, calls = graph.feed.fetch, []

    def second_time(window: Window, clock: Any) -> Any:
        calls.append(window)
        if len(calls) == 1:
            raise FeedUnavailableError("the provider answers 503")
        return answer(window, clock)

    monkeypatch.setattr(graph.feed, "fetch", second_time)
    result = graph.run("livescores/recent")

    assert result.success
    assert (attempts(result), len(stored(graph))) == (2, 8)


def test_who_waits_at_a_terminal_is_told_at_once(graph, monkeypatch):
    """An interactive run fails with the feed's own sentence, without a second attempt."""
    retried_at_once(monkeypatch)
    graph.feed.error = FeedUnavailableError("the provider answers 503")
    result = graph.run("livescores/recent", tags={INTERACTIVE_TAG: "true"})

    assert attempts(result) == 1
    assert failure_of(result) == "the provider answers 503"


def test_what_will_not_get_better_is_not_tried_again(graph, monkeypatch):
    """A wrong key fails once, with what to do."""
    retried_at_once(monkeypatch)
    graph.feed.error = FeedRefusedError("SOCCER_FEED_KEY is wrong; get one at example.org")
    result = graph.run("livescores/recent")

    assert attempts(result) == 1
    assert failure_of(result) == "SOCCER_FEED_KEY is wrong; get one at example.org"


def test_nobody_looked_where_the_feed_failed(graph, monkeypatch):
    """A failed run leaves no record of a look: the data must not seem fresh."""
    retried_at_once(monkeypatch)
    graph.feed.error = FeedUnavailableError("the provider answers 503")
    graph.run("livescores/recent")

    with graph.database.reading() as connection:
        assert connection.execute(sa.select(ingest)).all() == []


@pytest.mark.parametrize(("faults", "is_rotten"), [(5, False), (6, True)])
def test_a_rotten_batch_stops_what_follows(graph, faults, is_rotten):
    """Five rejected rows of a hundred pass, six block: matches are not made of a batch nobody can read."""
    good = [
        raw_match(
            source_match_id=f"m{number}",
            home_team=f"team {number}",
            kickoff=parse_instant("2025-04-24T18:00:00Z"),
        )
        for number in range(100 - faults)
    ]
    graph.feed.items = [*good, *(rejection(payload={"row": number}) for number in range(faults))]
    result = graph.run("livescores/recent", "matches/match", "matches/odds")

    assert result.success is not is_rotten
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert made == {"livescores/recent"} | (set() if is_rotten else {"matches/match", "matches/odds"})


def test_a_file_that_was_passed_over_is_told_and_stops_nothing(graph):
    """One bad file beside one good row: the check names it, and the row becomes a match."""
    bad = UnreadableFile(
        source="fake",
        reason="file passed over: http://there/E1.csv: the file is empty",
        payload={"file": "http://there/E1.csv", "competition": "TST-2", "found": "''"},
    )
    graph.feed.items = [raw_match(kickoff=parse_instant("2025-04-24T18:00:00Z")), bad]
    result = graph.run("livescores/recent", "matches/match", "matches/odds")

    checks = {one.check_name: one for one in result.get_asset_check_evaluations()}
    files = checks["files_are_readable"]
    assert result.success
    assert checks["batch_is_sound"].passed
    assert (files.passed, files.metadata["competitions"].value) == (False, "TST-2")
    assert files.metadata["files"].value[0]["file"] == "http://there/E1.csv"
    assert "the file is empty" in files.description


def test_a_file_that_ends_early_is_told(graph):
    """Its rows are used, and the check names its competition."""
    now = parse_instant("2025-04-24T18:00:00Z")
    cut = cut_file("fake", "http://there/E1.csv", "TST-2", "E1,24/04/20")
    graph.feed.items = [raw_match(kickoff=now), cut]
    result = graph.run("livescores/recent", "matches/match", "matches/odds")

    checks = {one.check_name: one for one in result.get_asset_check_evaluations()}
    files = checks["files_are_readable"]
    assert result.success
    assert (files.passed, files.metadata["competitions"].value) == (False, "TST-2")
    assert "its last row is cut" in files.description


def evening_matches(count: int) -> list[RawMatch]:
    """Results of as many pairs on one evening."""
    return [
        finished(
            "1-0",
            "2025-04-24T18:00:00Z",
            source_match_id=f"m{number}",
            home_team=f"home {number}",
            away_team=f"away {number}",
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("rows", "bad", "blocks"),
    [(13, 6, False), (49, 20, False), (50, 3, True), (50, 2, False), (100, 6, True), (100, 5, False)],
)
def test_a_small_batch_warns_and_blocks_nothing(graph, rows, bad, blocks):
    """Half of 13 rows rejected is no change of a format: from 50 rows and 3 bad ones on the check blocks."""
    graph.feed.items = [
        *evening_matches(rows - bad),
        *(rejection(payload={"row": number}) for number in range(bad)),
    ]
    result = graph.run("livescores/recent", "matches/match", "matches/odds")

    (check,) = [each for each in result.get_asset_check_evaluations() if each.check_name == "batch_is_sound"]
    assert check.passed is (bad / rows <= 0.05)
    assert (check.severity is dg.AssetCheckSeverity.ERROR) is blocks
    assert result.success is not blocks


@pytest.mark.parametrize(("repeated", "blocks"), [(1, False), (2, False), (3, True)])
def test_a_batch_full_of_duplicates_fails(graph, repeated, blocks):
    """Three rows of a hundred that are listed twice block; two warn, one may be."""
    matches = evening_matches(100 - repeated)
    graph.feed.items = [*matches, *matches[:repeated]]
    result = graph.run("livescores/recent", "matches/match", "matches/odds")

    (check,) = [each for each in result.get_asset_check_evaluations() if each.check_name == "batch_is_sound"]
    assert (check.passed, check.metadata["duplicates"].value) == (repeated == 1, repeated)
    assert result.success is not blocks


def test_two_results_of_a_team_on_a_day_make_a_batch_rotten(graph):
    """A date that was typed wrongly puts a team on the pitch twice: three such rows of 60 block."""
    evening = evening_matches(57)
    wrong = [
        msgspec.structs.replace(match, source_match_id=f"again {number}", away_team=f"other {number}")
        for number, match in enumerate(evening[:3])
    ]
    graph.feed.items = [*evening, *wrong]
    result = graph.run("livescores/recent", "matches/match", "matches/odds")

    (check,) = [each for each in result.get_asset_check_evaluations() if each.check_name == "batch_is_sound"]
    assert (check.passed, check.metadata["duplicates"].value) == (False, 3)
    assert check.description == "0 of 60 rows are rejected and 3 are duplicates"
    assert not result.success


def test_a_bad_month_of_history_is_told_and_stops_nothing(graph):
    """Old archives are full of duplicates: the check warns and the rows are kept."""
    graph.feed.items = [rejection(), finished("1-0", "2025-03-24T18:00:00Z")]
    result = graph.run("livescores/history", tags=history_of("2025-03-01", "2025-03-01"))

    assert result.success
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    check = checks["batch_is_sound"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert stored(graph) == ["2025-03-24"]


def _fed_by_two(graph: Graph, first: FakeFeed, second: FakeFeed) -> None:
    """Both leagues by ``first``, and a third by ``second``, which tells of TST-1 too."""
    first.name, second.name = "first", "second"
    first.items = [msgspec.structs.replace(row, source="first") for row in two_leagues()]
    third = {"TST-3": msgspec.structs.replace(COMPETITIONS["TST-1"], code="TST-3")}
    second.competitions = lambda: COMPETITIONS | third  # type: ignore[method-assign]
    shared = two_leagues()[:30]
    second.items = [
        *(msgspec.structs.replace(row, source="second") for row in shared),
        *(
            msgspec.structs.replace(
                row, source="second", competition="TST-3", source_match_id=f"3-{row.source_match_id}"
            )
            for row in shared
        ),
    ]
    graph.feed = FeedSet([first, second])  # type: ignore[assignment]


def test_of_two_feeds_a_competition_is_the_firsts(graph):
    """TST-1 is reported by both and counted once; TST-3 comes from the second; both are stored unchanged."""
    _fed_by_two(graph, FakeFeed(), FakeFeed())
    result = graph.run(
        "livescores/history", "matches/match", "matches/odds", tags=history_of("2025-03-01", "2025-04-01")
    )

    assert result.success
    assert len(stored(graph)) == 120 + 60
    metadata = graph.metadata(result, "matches/match")
    assert (metadata["added"], metadata["owned_by_another_feed"]) == (150, 30)
    with graph.database.reading() as connection:
        sources = connection.execute(
            sa.select(match.c.competition, match.c.source, sa.func.count())
            .group_by(match.c.competition, match.c.source)
            .order_by(match.c.competition)
        ).all()
    assert [tuple(row) for row in sources] == [
        ("TST-1", "first", 60),
        ("TST-2", "first", 60),
        ("TST-3", "second", 30),
    ]


def test_a_feed_that_does_not_answer_keeps_no_other_waiting(graph):
    """The rows of the second are stored, and the run fails with the first one's sentence."""
    _fed_by_two(graph, FakeFeed(error=FeedRefusedError("the key is wrong")), FakeFeed())
    graph.feed.members[0].error = FeedRefusedError("the key is wrong")
    result = graph.run("livescores/history", tags=history_of("2025-03-01", "2025-04-01"))

    assert not result.success
    (event,) = result.get_step_failure_events()
    assert event.step_failure_data.user_failure_data.description == "the key is wrong"
    assert len(stored(graph)) == 60


def test_the_batch_check_counts_all_feeds_of_the_newest_look(graph):
    """One rejection in nine rows of one feed and none in the other: the shares are those of both."""
    _fed_by_two(graph, FakeFeed(), FakeFeed())
    graph.feed.members[1].items = [rejection(source="second")]
    result = graph.run("livescores/recent")

    (check,) = [each for each in result.get_asset_check_evaluations() if each.check_name == "batch_is_sound"]
    assert (check.metadata["rows"].value, check.metadata["rejected"].value) == (9, 1)
    assert check.metadata["rejected_by_reason"].value == {"the date is missing": 1}
