"""The replay loop: at each step the jobs that the schedules would have started, then what the sensors decide.

Decisions are the pure functions that Dagster's sensors call, on facts from the replay's own home. A feed
yields only what was known at the clock's now, so no step can see a later one.
"""

import datetime as dt
from collections.abc import Callable, Iterator

import dagster as dg
import msgspec

from soccer_assets.backtesting.direct_jobs import DirectJobs
from soccer_assets.backtesting.errors import JobFailedError, ReplayError
from soccer_assets.backtesting.report import (
    Failure,
    Report,
    Rollback,
    Training,
    summarise,
    summarise_ledger,
    summarise_months,
)
from soccer_assets.backtesting.settled_rows import count_entries, read_settled
from soccer_assets.clock import ReplayClock, isoformat, midnight
from soccer_assets.feeds.feed_set import filter_competitions
from soccer_assets.feeds.protocol import Feed
from soccer_assets.feeds.registry import open_feeds
from soccer_assets.graph.assets.model import REASON_TAG, TEXT_TAG
from soccer_assets.graph.build import build_definitions, plain_resources
from soccer_assets.graph.jobs import (
    build_everything,
    monitor_daily,
    refresh_daily,
    refresh_hourly,
    retrain_model,
    rollback_champion,
)
from soccer_assets.graph.schedules import DAILY_AT
from soccer_assets.graph.sensors.retrain import TRAINING_JOBS
from soccer_assets.graph.sensors.rollback import CHAMPION_JOBS, WORSE_THAN_PREVIOUS
from soccer_assets.home import apply_home, open_home
from soccer_assets.modelling import retraining, rollback
from soccer_assets.resources.database import Database
from soccer_assets.resources.model_registry import ModelRegistry
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.settings import Settings
from soccer_assets.stores.ledger.record import ledger_head
from soccer_assets.stores.matches.due import due_matches
from soccer_assets.stores.models.evaluations import Scorecards
from soccer_assets.stores.models.retraining_facts import read_facts
from soccer_assets.stores.models.rollback_facts import read_rollback_facts
from soccer_assets.stores.models.training_data import load_training_data

# The refresh looks back three days: a longer step would miss matches.
LONGEST_STEP = dt.timedelta(days=3)
SHORTEST_STEP = dt.timedelta(hours=1)

OnStep = Callable[[dt.datetime, str], None]


class ReplayPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The days to replay.

    Attributes:
        first: the first day.
        last: the last day; the clock stops at its end.
        step: time between two steps.
        history_months: months before ``first`` that the first model is trained on.
        competitions: codes; empty for all of the feed.
    """

    first: dt.date
    last: dt.date
    step: dt.timedelta = dt.timedelta(days=1)
    history_months: int = 36
    competitions: tuple[str, ...] = ()

    def check(self, now: dt.datetime) -> None:
        """Check the plan.

        Raises:
            ReplayError: the days or the step are invalid.
        """
        if self.first > self.last:
            raise ReplayError(f"--from {self.first} lies after --to {self.last}; swap them")
        if self.end > now:
            raise ReplayError(f"--to {self.last} is not over yet; a replay needs past days")
        if not SHORTEST_STEP <= self.step <= LONGEST_STEP:
            raise ReplayError(
                f"--step must be from {SHORTEST_STEP} to {LONGEST_STEP.days}d: "
                "the refresh looks back three days"
            )

    @property
    def start(self) -> dt.datetime:
        """When the home is built: one step before the first day, so that its first match is predicted too."""
        return midnight(self.first) - self.step

    @property
    def end(self) -> dt.datetime:
        """The last instant of the clock."""
        return midnight(self.last + dt.timedelta(days=1))

    def instants(self) -> Iterator[dt.datetime]:
        """The instants of the steps after the start; the last is the end."""
        instant = self.start
        while (instant := instant + self.step) < self.end:
            yield instant
        yield self.end

    @property
    def steps(self) -> int:
        """Number of instants, the start included."""
        return 1 + sum(1 for _ in self.instants())


class Replay:
    """One replay in one home.

    Args:
        plan: the days to replay.
        settings: settings of the replay's own home, an empty folder.
    """

    def __init__(self, plan: ReplayPlan, settings: Settings) -> None:
        """Make the home and its graph.

        Raises:
            FeedError: the feed's name or address is wrong, or it has no such competition.
        """
        self._plan = plan
        self._clock = ReplayClock(plan.start)
        self._feed: Feed = filter_competitions(open_feeds(settings), plan.competitions)
        home = open_home(settings, is_simulated=self._feed.is_simulated, first_month=self._feed.first_month())
        settings = apply_home(settings, home)
        definitions = build_definitions(settings, self._clock, self._feed)
        resources = plain_resources(definitions)
        self._database: Database = resources["database"]
        self._database.migrate()
        self._exports = resources["exports"]
        self._features = resources["feature_store"]
        self._registry: ModelRegistry = resources["model_registry"]
        self._scorecards: Scorecards = resources["scorecards"]
        self._store: ObjectStore = resources["object_store"]
        # Records when each job ran, by the replay's clock; the facts of the decisions are read from it.
        self._instance = dg.DagsterInstance.ephemeral()
        self._jobs = DirectJobs(definitions, self._instance)
        self._retrains: list[Training] = []
        self._rollbacks: list[Rollback] = []
        self._failures: list[Failure] = []

    def run(self, on_step: OnStep) -> Report:
        """Replay from the first day to the last.

        Args:
            on_step: called after each step with the instant and a text of what happened.

        Raises:
            ReplayError: the home could not be built.
        """
        try:
            self._build()
        except JobFailedError as failure:
            raise ReplayError(
                f"the first build failed at {isoformat(self._clock.now())}: {failure}"
            ) from None
        on_step(self._clock.now(), "built")
        before = self._clock.now()
        for instant in self._plan.instants():
            self._clock.advance(instant)
            is_daily = _daily_ticks_between(before, instant)
            self._attempt(refresh_daily.name if is_daily else refresh_hourly.name)
            if is_daily:
                self._attempt(monitor_daily.name)
            on_step(instant, self._decide())
            before = instant
        return self._report()

    def _build(self) -> None:
        first = _months_before(self._clock.now(), self._plan.history_months)
        now = self._clock.now()
        months = dg.TimeWindow(first, now + dt.timedelta(days=1))
        self._jobs.run(build_everything.name, now, months=months)
        self._record_training("first build", "the home was empty")

    def _attempt(self, job: str, reason: str = "", text: str = "") -> bool:
        """Run a job; a failure is recorded and the next step goes on, as after a failed Dagster run."""
        now = self._clock.now()
        try:
            self._jobs.run(job, now, {REASON_TAG: reason, TEXT_TAG: text} if reason else {})
        except JobFailedError as failure:
            self._failures.append(Failure(at=isoformat(now), job=job, text=str(failure)))
            return False
        return True

    def _decide(self) -> str:
        """Run what the sensors would start now, and say what it was."""
        database, registry, instance = self._database, self._registry, self._instance
        worse = rollback.decide_rollback(read_rollback_facts(database, registry, instance, CHAMPION_JOBS))
        if worse.roll_back and self._attempt(rollback_champion.name, WORSE_THAN_PREVIOUS, worse.text):
            self._rollbacks.append(Rollback(at=isoformat(self._clock.now()), text=worse.text))
            return f"rolled back: {worse.text}"
        now = self._clock.now()
        facts = read_facts(database, registry, instance, TRAINING_JOBS, now, self._store)
        decision = retraining.decide_retrain(facts, now)
        if decision.reason is None:
            return decision.text
        if not self._attempt(retrain_model.name, decision.reason, decision.text):
            return "a training failed"
        self._record_training(decision.reason, decision.text)
        return f"trained: {decision.text}"

    def _due_in_scope(self) -> int:
        """Matches of the replayed days whose result is due at their end."""
        due = due_matches(
            self._database, self._feed.result_lag, self._plan.end, since=midnight(self._plan.first)
        )
        return sum(found.matches for found in due)

    def _record_training(self, reason: str, text: str) -> None:
        verdict = self._scorecards.current().decision
        self._retrains.append(
            Training(
                at=isoformat(self._clock.now()),
                reason=reason,
                text=text,
                promoted=verdict.promote,
                verdict=verdict.reason,
            )
        )

    def _report(self) -> Report:
        plan, database = self._plan, self._database
        data = load_training_data(self._exports, self._features, database, plan.end)
        settled = read_settled(database, data, midnight(plan.first), plan.end)
        moved = (self._retrains, self._rollbacks)
        return Report(
            feed=self._feed.name,
            competitions=tuple(sorted(self._feed.competitions())),
            first_day=str(plan.first),
            last_day=str(plan.last),
            step_seconds=int(plan.step.total_seconds()),
            ledger=summarise_ledger(
                count_entries(database), ledger_head(database) or "", settled, self._due_in_scope()
            ),
            months=summarise_months(settled, *moved),
            total=summarise("total", settled, *moved),
            retrains=tuple(self._retrains),
            rollbacks=tuple(self._rollbacks),
            failures=tuple(self._failures),
            settled=settled,
        )


def _months_before(instant: dt.datetime, months: int) -> dt.datetime:
    """The first midnight of the month so many months before."""
    number = instant.year * 12 + instant.month - 1 - months
    return dt.datetime(number // 12, number % 12 + 1, 1, tzinfo=dt.UTC)


def _daily_ticks_between(before: dt.datetime, now: dt.datetime) -> bool:
    """Whether the daily schedule ticked after ``before``, up to ``now``."""
    tick = dt.datetime.combine(now.date(), DAILY_AT)
    return before < (tick if tick <= now else tick - dt.timedelta(days=1))
