"""The models behind the aliases: those of the registry, or of the current release while MLflow is away.

Only training needs MLflow: a refresh without it goes on with the champion that is served, of which the
release has the file and the facts.
"""

import hashlib
from collections.abc import Collection

import msgspec

from soccer_assets.contract.release import (
    ALIASES,
    CHAMPION,
    MODEL_FILE,
    ModelCard,
    release_key,
)
from soccer_assets.modelling.outcome_model import OutcomeModel
from soccer_assets.resources.model_registry import (
    MissingModelError,
    ModelRegistry,
    RegisteredModel,
    RegistryUnavailableError,
    TrainingFacts,
)
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.release_manifests import current_manifest

# Metadata of `predictions/upcoming`: why its models are not the registry's. The alerts read it.
WITHOUT_REGISTRY = "without_mlflow"


class CurrentModels(msgspec.Struct, frozen=True, kw_only=True):
    """Models by alias.

    Attributes:
        registered: every alias and the version that has it; the champion is always among them.
        models: those that could be read.
        note: why a model is missing or not the registry's; empty where the registry gave all.
    """

    registered: dict[str, RegisteredModel]
    models: dict[str, OutcomeModel]
    note: str = ""

    @property
    def absent(self) -> set[str]:
        """Aliases whose model could not be read."""
        return set(self.registered) - set(self.models)


def read_current_models(
    registry: ModelRegistry, store: ObjectStore, aliases: Collection[str] = ALIASES
) -> CurrentModels:
    """The versions behind all aliases, and the models behind ``aliases``.

    Args:
        registry: asked first.
        store: holds the current release, which is used where the registry or its champion cannot be read.
        aliases: models to read, the champion among them.

    Raises:
        RegistryUnavailableError: the registry does not answer, and there is no release yet.
        MissingModelError: there is no champion, or its file is missing and the release has another.
    """
    try:
        return _of_registry(registry, aliases)
    except (RegistryUnavailableError, MissingModelError) as error:
        found = _of_release(store, str(error))
        if found is None:
            raise
        return found


def _of_registry(registry: ModelRegistry, aliases: Collection[str]) -> CurrentModels:
    champion = registry.get(CHAMPION)
    others = {alias: found for alias in ALIASES[1:] if (found := registry.find(alias)) is not None}
    registered = {CHAMPION: champion} | others
    models, notes = {CHAMPION: registry.load(champion)}, []
    for alias in set(others) & set(aliases):
        try:
            models[alias] = registry.load(others[alias])
        except MissingModelError as error:  # forecasts go on without it
            notes.append(str(error))
    return CurrentModels(registered=registered, models=models, note="; ".join(sorted(notes)))


def _of_release(store: ObjectStore, reason: str) -> CurrentModels | None:
    """The current release's champion, and the versions of its other models; None without a whole release."""
    manifest = current_manifest(store)
    model = store.read(release_key(manifest.release_id, MODEL_FILE)) if manifest else None
    if manifest is None or model is None:
        return None
    if CHAMPION not in manifest.models or _digest(model) != manifest.files[MODEL_FILE].sha256:
        return None
    version = manifest.models[CHAMPION].version
    return CurrentModels(
        registered={alias: _registered(card) for alias, card in manifest.models.items()},
        models={CHAMPION: OutcomeModel.from_bytes(model)},
        note=f"{reason}; used champion version {version} of release {manifest.release_id} instead",
    )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _registered(card: ModelCard) -> RegisteredModel:
    facts = TrainingFacts(
        recipe=card.recipe,
        content_sha256=card.content_sha256,
        snapshot_id="",
        trained_at=card.trained_at,
        train_end=card.train_end,
        trained_rows=card.trained_rows,
    )
    return RegisteredModel(version=card.version, run_id=card.run_id, facts=facts)
