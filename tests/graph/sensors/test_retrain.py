"""The retrain sensor on real tables and runs: what it reads, and what it asks for."""

import datetime as dt
import math
from collections.abc import Callable

import dagster as dg
import msgspec
import pytest
import sqlalchemy as sa

from soccer_assets.clock import FixedClock, isoformat
from soccer_assets.contract.release import CANDIDATE, CHAMPION, OUTCOMES
from soccer_assets.contract.reports import (
    DRIFT_KEY,
    QUALITY_KEY,
    Comparison,
    DriftReport,
    QualityReport,
    QualityScore,
    QualitySlice,
)
from soccer_assets.football.matches import KickoffPrecision, Window
from soccer_assets.graph.assets.model import REASON_TAG, TEXT_TAG
from soccer_assets.graph.jobs import BY_HAND, retrain_model, rollback_champion
from soccer_assets.graph.sensors.retrain import retrain_sensor
from soccer_assets.modelling.ledger_rules import Entry
from soccer_assets.modelling.retraining import AGE, DRIFT, METRIC, VOLUME
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.ledger.record import record_and_score
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.stores.models.retraining_facts import read_facts
from soccer_assets.tables import ledger_score
from tests.builders import COMPETITIONS, NOW, finished
from tests.graph.assets.conftest import FakeRegistry
from tests.models import elo_model

JOBS = ("retrain_model",)
Tick = Callable[..., dg.RunRequest | dg.SkipReason]


@pytest.fixture
def registry() -> FakeRegistry:
    """A registry with a candidate trained at `NOW`."""
    made = FakeRegistry()
    one = made.add(elo_model(), CANDIDATE, CHAMPION)
    facts = msgspec.structs.replace(one.facts, trained_at=isoformat(NOW))
    made.registered[one.version] = msgspec.structs.replace(one, facts=facts)
    return made


def play(database: Database, matches: int, first_day: dt.datetime) -> None:
    """Finished matches, one an hour."""
    rows = [
        finished(
            "2-1",
            isoformat(first_day + dt.timedelta(hours=number)),
            source_match_id=f"{first_day:%d}-{number}",
            home_team=f"home {first_day:%d} {number}",
            away_team=f"away {first_day:%d} {number}",
        )
        for number in range(matches)
    ]
    window = Window(dt.date(2025, 1, 1), dt.date(2026, 1, 1))
    store_raw(database, rows, asset="livescores/recent", source="fake", window=window, now=NOW)
    update_matches(database, COMPETITIONS, NOW)


@pytest.fixture
def tick(sqlite_database: Database, registry: FakeRegistry, folder_store: ObjectStore) -> Tick:
    """The sensor's answer on an instance, some days after `NOW`."""

    def answer(instance: dg.DagsterInstance, days: float) -> dg.RunRequest | dg.SkipReason:
        return _tick(sqlite_database, registry, instance, days, folder_store)

    return answer


def _tick(
    database: Database,
    registry: FakeRegistry,
    instance: dg.DagsterInstance,
    days: float,
    store: ObjectStore,
) -> dg.RunRequest | dg.SkipReason:
    context = dg.build_sensor_context(
        instance=instance,
        resources={
            "database": database,
            "model_registry": registry,
            "object_store": store,
            "clock": FixedClock(NOW + dt.timedelta(days=days)),
        },
    )
    return retrain_sensor(context)


def test_or_05_the_sensor_asks_for_a_training_after_enough_matches_and_only_then(
    sqlite_database: Database, tick: Tick
) -> None:
    """Matches before the training do not count; 499 after it are too few, 500 are a reason."""
    with dg.DagsterInstance.ephemeral() as instance:
        play(sqlite_database, 300, NOW - dt.timedelta(days=20))
        play(sqlite_database, 499, NOW + dt.timedelta(hours=1))
        too_few = tick(instance, days=5)
        assert isinstance(too_few, dg.SkipReason)
        assert too_few.skip_message == (
            "no trigger holds: 499 of 500 new matches since the training, 5 of 28 days of age, no drift "
            "report "
            "on this champion, log loss on 0 settled matches (at least 200) +0.0 standard errors from "
            "expected "
            "(bound 4.0), e-value against textbook Elo 1 (bound 50)"
        )
        play(sqlite_database, 1, NOW + dt.timedelta(days=4, hours=5))
        asked = tick(instance, days=5)
        assert isinstance(asked, dg.RunRequest)
        assert asked.tags[REASON_TAG] == VOLUME
        assert asked.run_key == tick(instance, days=5).run_key


def test_an_old_model_is_a_reason_and_a_training_under_way_or_just_over_is_none(
    tick: Tick,
) -> None:
    """Age fires on the home's clock; runs count on the real one."""
    with dg.DagsterInstance.ephemeral() as instance:
        assert isinstance(tick(instance, days=27.9), dg.SkipReason)
        asked = tick(instance, days=28)
        assert isinstance(asked, dg.RunRequest)
        assert asked.tags[REASON_TAG] == AGE
        for status, text in (
            (dg.DagsterRunStatus.STARTED, "a training is queued or running"),
            (dg.DagsterRunStatus.FAILURE, "the last training began less than 20 hours ago"),
        ):
            with dg.DagsterInstance.ephemeral() as busy:
                busy.add_run(
                    dg.DagsterRun(job_name=retrain_model.name, status=status, run_id=f"{status.value:0<36}")
                )
                skipped = tick(busy, days=28)
                assert isinstance(skipped, dg.SkipReason)
                assert str(skipped.skip_message).startswith(f"{text}: ")
                assert "28 of 28 days of age" in str(skipped.skip_message)


@pytest.mark.parametrize(
    ("home_draw_away", "reason"),
    [((150, 63, 37), None), ((130, 68, 52), None), ((37, 63, 150), METRIC)],
    ids=["as it said", "a little worse", "the other way round"],
)
def test_or_05_a_settled_loss_beyond_the_models_own_expectation_is_a_reason(
    sqlite_database: Database,
    registry: FakeRegistry,
    tick: Tick,
    home_draw_away: tuple[int, int, int],
    reason: str | None,
) -> None:
    """It said 60 % home, 25 % draw, 15 % away of each of 250 matches."""
    forecast = dict(zip(OUTCOMES, (0.6, 0.25, 0.15), strict=True))
    happened = [one for one, times in zip(OUTCOMES, home_draw_away, strict=True) for _ in range(times)]
    model = registry.get(CHAMPION).facts.content_sha256
    kickoff = NOW + dt.timedelta(days=1)
    entries = [
        Entry(
            match_id=f"m{number}",
            kickoff=kickoff,
            kickoff_precision=KickoffPrecision.MINUTE,
            model_sha256=model,
            p_home=forecast["home"],
            p_draw=forecast["draw"],
            p_away=forecast["away"],
            recorded_at=NOW,
        )
        for number in range(len(happened))
    ]
    # Recorded in the order of their ids, which is their order here.
    entries.sort(key=lambda one: one.match_id)
    record_and_score(sqlite_database, [("TST-1", each) for each in entries], NOW)
    scores = [
        {
            "match_id": entry.match_id,
            "revision": 1,
            "sequence": number,
            "verdict": "scored",
            "outcome": outcome,
            "log_loss": -math.log(forecast[outcome]),
            "scored_at": kickoff,
        }
        for number, (entry, outcome) in enumerate(zip(entries, happened, strict=True), start=1)
    ]
    with sqlite_database.writing() as connection:
        connection.execute(sa.insert(ledger_score), scores)
    with dg.DagsterInstance.ephemeral() as instance:
        asked = tick(instance, days=5)

    if reason is None:
        assert isinstance(asked, dg.SkipReason)
    else:
        assert isinstance(asked, dg.RunRequest)
        assert asked.tags[REASON_TAG] == reason
        assert "log loss on 250 settled matches is" in str(asked.tags[TEXT_TAG])


def test_or_05_drift_and_a_loss_to_elo_are_reasons_where_the_reports_speak_of_this_champion(
    tick: Tick, registry: FakeRegistry, folder_store: ObjectStore
) -> None:
    """The reports of `monitor_daily` decide; one on another model, or within bounds, does not."""
    own = registry.get(CHAMPION).facts.content_sha256
    cases = [
        (drift_report(own, is_within=True), None, None),
        (drift_report("another", is_within=False), None, None),
        (drift_report(own, is_within=False), DRIFT, "30 of 52 columns drifted"),
        (drift_report(own, is_within=False, since_days=-1), None, None),  # the last training saw it
        (quality_report(own, evidence=49.0), None, None),
        (quality_report("another", evidence=60.0), None, None),
        (quality_report(own, evidence=60.0), METRIC, "higher than textbook Elo's"),
    ]
    with dg.DagsterInstance.ephemeral() as instance:
        for (key, report), reason, text in cases:
            folder_store.delete(DRIFT_KEY)
            folder_store.write(key, msgspec.json.encode(report))
            asked = tick(instance, days=5)
            if reason is None:
                assert isinstance(asked, dg.SkipReason)
                is_drift_of_own = isinstance(report, DriftReport) and report.model_sha256 == own
                share = "58% of the columns drifted (bound 20%)"
                assert (share in str(asked.skip_message)) is is_drift_of_own
            else:
                assert isinstance(asked, dg.RunRequest)
                assert asked.tags[REASON_TAG] == reason
                assert text in str(asked.tags[TEXT_TAG])


def drift_report(model: str, *, is_within: bool, since_days: float = 4) -> tuple[str, DriftReport]:
    """Where it lies, and what it says of a model."""
    report = DriftReport(
        schema_version=1,
        feed="fake",
        checked_at=isoformat(NOW),
        model_version="1",
        model_sha256=model,
        reference=None,
        current=None,
        columns=(),
        share_drifted=30 / 52,
        bound=0.2,
        is_within_bounds=is_within,
        text="30 of 52 columns drifted",
        out_of_bounds_since=None if is_within else isoformat(NOW + dt.timedelta(days=since_days)),
    )
    return DRIFT_KEY, report


def quality_report(model: str, *, evidence: float) -> tuple[str, QualityReport]:
    against = Comparison(
        rows=300,
        coverage=1.0,
        log_loss=1.1,
        other_log_loss=1.0,
        difference=0.1,
        low=0.05,
        high=0.15,
        evidence=evidence,
    )
    score = QualityScore(
        finished=300,
        scored=300,
        void=0,
        coverage=1.0,
        log_loss=1.1,
        expected_log_loss=1.0,
        rps=0.2,
        brier_score=0.6,
        ece_15=0.05,
        hit_rate=0.5,
        against={"elo_textbook": against},
    )
    report = QualityReport(
        schema_version=1,
        feed="fake",
        checked_at=isoformat(NOW),
        model_version="1",
        ledger_head=None,
        overall=score,
        weeks=(),
        slices=(QualitySlice(dimension="model", value=model, score=score),),
    )
    return QUALITY_KEY, report


def test_a_run_that_nobody_gave_a_reason_was_started_by_hand() -> None:
    """The job says so, and a sensor's reason stands in its place."""
    for job in (retrain_model, rollback_champion):
        assert (job.tags or {})[REASON_TAG] == BY_HAND[REASON_TAG] == "by hand"


def test_without_a_model_nothing_is_asked_for(sqlite_database: Database, folder_store: ObjectStore) -> None:
    """The first build trains the first model."""
    with dg.DagsterInstance.ephemeral() as instance:
        skipped = _tick(sqlite_database, FakeRegistry(), instance, 10, folder_store)
        assert isinstance(skipped, dg.SkipReason)
        assert "first build" in str(skipped.skip_message)


def test_the_settled_loss_is_that_of_the_champions_official_predictions(
    database: Database, registry: FakeRegistry
) -> None:
    """Void matches, older scores and other models' entries do not count; on both engines."""
    champion = registry.get(CHAMPION).facts.content_sha256
    entries = [("m1", 1, champion), ("m2", 2, champion), ("m3", 3, "another"), ("m4", 4, champion)]
    scores = [("m1", 1, 1, 9.0), ("m1", 2, 1, 0.5), ("m2", 1, 2, 1.5), ("m3", 1, 3, 9.0), ("m4", 1, -1, None)]
    with database.writing() as connection:
        for match_id, sequence, model in entries:
            connection.execute(
                sa.text(
                    "INSERT INTO ledger_entry "
                    "VALUES (:s, :m, :k, 'minute', 'TST-1', :h, .5, .3, .2, :k, '', '')"
                ),
                {"s": sequence, "m": match_id, "k": NOW.replace(tzinfo=None), "h": model},
            )
        for match_id, revision, sequence, loss in scores:
            connection.execute(
                sa.text("INSERT INTO ledger_score VALUES (:m, :r, :s, 'scored', NULL, :l, NULL, NULL, :k)"),
                {"m": match_id, "r": revision, "s": sequence, "l": loss, "k": NOW.replace(tzinfo=None)},
            )
    with dg.DagsterInstance.ephemeral() as instance:
        facts = read_facts(database, registry, instance, JOBS, dt.datetime.now(dt.UTC))
    assert facts.settled == 2
    expected, variance = 2 * 1.0297, 2 * 0.1273
    assert facts.spiegelhalter_z == pytest.approx((0.5 + 1.5 - expected) / variance**0.5, abs=0.01)
