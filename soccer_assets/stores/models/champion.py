"""The champion: how it is bootstrapped, promoted and rolled back. Every change of its alias is here.

Each change may be repeated by a retried run without doing harm: a promotion compares content, a rollback
stores its plan first.
"""

import datetime as dt
from collections.abc import Callable

import msgspec

from soccer_assets.contract.release import CHAMPION, PREVIOUS
from soccer_assets.modelling.dataset import TrainingData
from soccer_assets.modelling.evaluation import Evaluation
from soccer_assets.modelling.scorecard import CANDIDATE, ELO
from soccer_assets.modelling.training import DEFAULTS, SEED, fit_elo_textbook, refit
from soccer_assets.resources.model_registry import MissingModelError, ModelRegistry, RegisteredModel
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.models.champion_change import ChampionChange, Kind
from soccer_assets.stores.models.evaluations import Scorecards
from soccer_assets.stores.models.training_data import training_facts

_KEY = "model/rollback.json"


class Rollback(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of a run and of its retries.

    Attributes:
        run_id: the first run; retries share it.
        back_from: version of the champion that is replaced.
        back_to: version of the previous champion.
    """

    run_id: str
    back_from: str
    back_to: str


def update_champion(
    registry: ModelRegistry, scorecards: Scorecards, load: Callable[[], TrainingData], now: dt.datetime
) -> ChampionChange:
    """Bootstrap the champion where there is none, and promote the candidate where its evaluation says so.

    Args:
        registry: versions and aliases.
        scorecards: holds the newest evaluation; gets the scores of a new champion.
        load: the training data as of ``now``; called only where a model is fitted.
        now: instant of training.

    Raises:
        MissingEvaluationError: no candidate was evaluated yet.
    """
    evaluation = scorecards.current()
    decision = evaluation.decision
    champion = registry.find(CHAMPION)
    kind: Kind = "kept"
    data: TrainingData | None = None
    if champion is None:
        data, kind = load(), "bootstrapped"
        champion = bootstrap(registry, scorecards, data, evaluation, now)
    if not decision.promote:
        return ChampionChange(kind=kind, version=champion.version, reason=decision.reason)
    # The candidate was compared with one champion; it replaces no other.
    if evaluation.champion_version not in (None, champion.version):
        reason = (
            f"not promoted: compared with version {evaluation.champion_version}, but version "
            f"{champion.version} is the champion now"
        )
        return ChampionChange(kind=kind, version=champion.version, reason=reason)
    champion = promote(registry, scorecards, data or load(), evaluation, now)
    return ChampionChange(kind="promoted", version=champion.version, reason=decision.reason)


def bootstrap(
    registry: ModelRegistry,
    scorecards: Scorecards,
    data: TrainingData,
    evaluation: Evaluation,
    now: dt.datetime,
) -> RegisteredModel:
    """The first champion: textbook Elo, fitted on all rows."""
    rows = data.everything.train
    elo = fit_elo_textbook(data.values, data.outcomes, rows, data.feature_names)
    facts = training_facts(elo, data, rows, now, DEFAULTS)
    # The active run describes the candidate: its parameters and scores are not those of textbook Elo.
    champion = registry.register(elo, facts, run_name="first champion: textbook Elo")
    registry.set_alias(CHAMPION, champion.version)
    registry.annotate(champion, "The first champion.", {"promoted": "true"})
    scorecards.describe(champion.version, ELO, evaluation)
    return champion


def promote(
    registry: ModelRegistry,
    scorecards: Scorecards,
    data: TrainingData,
    evaluation: Evaluation,
    now: dt.datetime,
) -> RegisteredModel:
    """The evaluated candidate's recipe, refitted on all rows, as champion; the replaced model as previous.

    A run that was killed after moving the aliases and restarted does not replace the winner by itself.
    """
    champion = registry.get(CHAMPION)
    candidate = registry.version(evaluation.candidate_version)
    parameters, fitted = candidate.facts.parameters, registry.load(candidate)
    winner = refit(fitted, data.values, data.outcomes, data.everything, parameters=parameters, seed=SEED)
    if winner.sha256 != champion.facts.content_sha256:
        facts = training_facts(winner, data, data.everything.train, now, parameters)
        name = f"champion: version {candidate.version} refitted on all matches"
        replaced, champion = champion, registry.register(winner, facts, run_name=name)
        registry.set_alias(PREVIOUS, replaced.version)
        registry.set_alias(CHAMPION, champion.version)
    scorecards.describe(champion.version, CANDIDATE, evaluation)
    note = f"The recipe of version {candidate.version}, refitted on all matches. {evaluation.decision.reason}"
    registry.annotate(champion, note, {"promoted": "true", "refit_of": candidate.version})
    return champion


def roll_back(store: ObjectStore, registry: ModelRegistry, run_id: str) -> Rollback:
    """Swap champion and previous champion, once a run.

    Args:
        store: holds the plan.
        registry: whose aliases move.
        run_id: of the first run, where this one is its retry.

    Raises:
        MissingModelError: there is no champion or no previous champion.
    """
    data = store.read(_KEY)
    plan = msgspec.json.decode(data, type=Rollback) if data else None
    if plan is None or plan.run_id != run_id:
        replaced, current = registry.get(CHAMPION), registry.find(PREVIOUS)
        if current is None:
            raise MissingModelError("no previous champion to roll back to")
        plan = Rollback(run_id=run_id, back_from=replaced.version, back_to=current.version)
        store.write(_KEY, msgspec.json.encode(plan))
    registry.set_alias(CHAMPION, plan.back_to)
    registry.set_alias(PREVIOUS, plan.back_from)
    return plan
