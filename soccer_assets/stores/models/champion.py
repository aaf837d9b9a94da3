"""The champion: how it is bootstrapped and promoted.

Rollbacks are in `rollbacks`, the moves of the aliases in `champion_move`. A retried run repeats a promotion
without doing harm: it finds the note of the move, or the same content.
"""

import datetime as dt
from collections.abc import Callable

from soccer_assets.contract.model_history import Kind
from soccer_assets.contract.release import CHAMPION
from soccer_assets.modelling.dataset import TrainingData
from soccer_assets.modelling.evaluation import Evaluation
from soccer_assets.modelling.forecasters import CANDIDATE, ELO
from soccer_assets.modelling.training import DEFAULTS, SEED, fit_elo_textbook, refit
from soccer_assets.resources.model_registry import ModelRegistry, RegisteredModel
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.models.champion_change import ChampionChange
from soccer_assets.stores.models.champion_move import Move, finish_move, last_move, move_champion
from soccer_assets.stores.models.evaluations import Scorecards
from soccer_assets.stores.models.training_data import training_facts


def update_champion(
    store: ObjectStore,
    registry: ModelRegistry,
    scorecards: Scorecards,
    load: Callable[[], TrainingData],
    now: dt.datetime,
    run_id: str,
) -> ChampionChange:
    """Bootstrap the champion where there is none, and promote the candidate where its evaluation says so.

    Args:
        store: holds the note of the last move.
        registry: versions and aliases.
        scorecards: holds the newest evaluation; gets the scores of a new champion.
        load: the training data as of ``now``; called only where a model is fitted.
        now: instant of training.
        run_id: of the first run, where this one is its retry.

    Raises:
        MissingEvaluationError: no candidate was evaluated yet.
        ChampionMovedError: another run moved the alias while the winner was fitted.
    """
    finish_move(store, registry)
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
    move = last_move(store)
    if move is not None and (move.candidate, move.version) == (
        evaluation.candidate_version,
        champion.version,
    ):
        # A run that was killed behind the aliases, or is repeated, writes again what it had still to write.
        _describe(registry, scorecards, champion, evaluation)
        reason = (
            f"already so: version {champion.version} is version {move.candidate}, refitted on all matches"
        )
        return ChampionChange(kind=kind, version=champion.version, reason=reason)
    # The candidate was compared with one champion; it replaces no other.
    if evaluation.champion_version not in (None, champion.version):
        reason = (
            f"not promoted: compared with version {evaluation.champion_version}, but version "
            f"{champion.version} is the champion now"
        )
        return ChampionChange(kind=kind, version=champion.version, reason=reason)
    champion = promote(store, registry, scorecards, data or load(), evaluation, now, run_id)
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
    elo = fit_elo_textbook(data.inputs(data.read), data.outcomes, rows, data.read)
    facts = training_facts(elo, data, rows, now, DEFAULTS)
    # The active run describes the candidate: its parameters and scores are not those of textbook Elo.
    champion = registry.register(elo, facts, run_name="first champion: textbook Elo")
    registry.set_alias(CHAMPION, champion.version)
    registry.annotate(champion, "The first champion.", {"promoted": "true"})
    scorecards.describe(champion.version, ELO, evaluation)
    return champion


def promote(
    store: ObjectStore,
    registry: ModelRegistry,
    scorecards: Scorecards,
    data: TrainingData,
    evaluation: Evaluation,
    now: dt.datetime,
    run_id: str,
) -> RegisteredModel:
    """The evaluated candidate's recipe, refitted on all rows, as champion; the replaced model as previous.

    Where the champion has that very content, nothing is registered and no alias moves.
    """
    champion = registry.get(CHAMPION)
    candidate = registry.version(evaluation.candidate_version)
    parameters, fitted = candidate.facts.parameters, registry.load(candidate)
    inputs = data.inputs(fitted.feature_names)
    winner = refit(fitted, inputs, data.outcomes, data.everything, parameters=parameters, seed=SEED)
    if winner.sha256 != champion.facts.content_sha256:
        facts = training_facts(winner, data, data.everything.train, now, parameters)
        name = f"champion: version {candidate.version} refitted on all matches"
        replaced, champion = champion, registry.register(winner, facts, run_name=name)
        move = Move(
            run_id=run_id,
            kind="promoted",
            replaced=replaced.version,
            version=champion.version,
            reason=evaluation.decision.reason,
            candidate=candidate.version,
        )
        move_champion(store, registry, move)
    _describe(registry, scorecards, champion, evaluation)
    return champion


def _describe(
    registry: ModelRegistry, scorecards: Scorecards, champion: RegisteredModel, evaluation: Evaluation
) -> None:
    """Keep the scores of the promoted candidate with its refit; idempotent."""
    candidate = evaluation.candidate_version
    scorecards.describe(champion.version, CANDIDATE, evaluation)
    note = f"The recipe of version {candidate}, refitted on all matches. {evaluation.decision.reason}"
    registry.annotate(champion, note, {"promoted": "true", "refit_of": candidate})
