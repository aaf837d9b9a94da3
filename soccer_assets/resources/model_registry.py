"""The model registry: a small client of MLflow.

MLflow takes seconds to import, so only the methods that use it import it, and a run that asks for aliases and
for models that were read before uses none of them. A model version holds one file, ``model.bin`` (see
`modelling.outcome_model`), wrapped so that ``mlflow.pyfunc.load_model`` works too.
"""

import contextlib
import functools
import hashlib
import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from soccer_assets.contract.release import MODEL_FILE, MODEL_NAME
from soccer_assets.masking import mask
from soccer_assets.modelling.outcome_model import OutcomeModel
from soccer_assets.modelling.training import DEFAULTS, Parameters
from soccer_assets.resources.artifact_paths import keep_artifacts_below
from soccer_assets.resources.model_copies import ModelCopies
from soccer_assets.resources.registry_lookup import NotToldError, version_of_alias
from soccer_assets.resources.resource_error import ResourceError

_ARTIFACT = "model"
_CARD_TAG = "soccer.card"
_MODELS_IN_MEMORY = 4
_MODEL_DESCRIPTION = (
    "Probabilities of home, draw and away before kickoff. The alias `champion` is served, `previous` is the "
    "champion before it, `candidate` the newest training."
)
# MLflow's pages show a model's experiment with runs and models, not with the traces and prompts of an LLM.
_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
_NOT_THERE = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}


class MissingModelError(ResourceError):
    """No model version has the alias, or its artifact is missing or damaged."""


class RegistryUnavailableError(ResourceError):
    """MLflow does not answer, or cannot do what it was asked for."""


# One call takes at most 36 s: three attempts of 10 s and pauses of 2 and 4 s. MLflow's own defaults are eight
# attempts of 120 s.
_BOUNDS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}


class TrainingFacts(msgspec.Struct, frozen=True, kw_only=True):
    """How a model was trained; kept as a tag of its version.

    Attributes:
        parameters: hyper-parameters of the recipe; the defaults for versions without this field.
        data_sha256: `training_data.content_sha256` of the rows it was selected on.
        code_version: `fingerprint.code_version` of the code that trained it.
        information: what it has read, see `modelling.information`; empty for versions without this field.
    """

    recipe: str
    content_sha256: str
    snapshot_id: str
    trained_at: str
    train_end: str
    trained_rows: int
    parameters: Parameters = DEFAULTS
    data_sha256: str = ""
    code_version: str = ""
    information: str = ""


class RegisteredModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model version in the registry."""

    version: str
    run_id: str
    facts: TrainingFacts


class ModelRegistry:
    """Versions and aliases of the one registered model."""

    def __init__(
        self,
        url: str,
        artifacts: Path | None = None,
        find_elsewhere: Callable[[str], bytes | None] | None = None,
        copies: Path | None = None,
    ) -> None:
        """Nothing is opened before the first use.

        Args:
            url: MLflow's tracking and registry address, a server or a database.
            artifacts: folder for artifacts where ``url`` is a database; a server has its own.
            find_elsewhere: finds a model's file by its hash where the artifact is missing.
            copies: folder for copies of models that were read, so that the next process reads these.
        """
        self.url = url
        self._artifacts = artifacts
        self._find_elsewhere = find_elsewhere
        self._copies = ModelCopies(copies) if copies else None
        # A version never changes: a model that was read and verified once is not fetched again.
        self._model = functools.lru_cache(maxsize=_MODELS_IN_MEMORY)(self._read)

    @functools.cached_property
    def _client(self) -> Any:
        for name, value in _BOUNDS.items():
            os.environ.setdefault(name, value)
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # otherwise it logs a line per step
        if self.url.startswith("sqlite:///"):
            database = Path(self.url.removeprefix("sqlite:///"))
            database.parent.mkdir(parents=True, exist_ok=True)
            if self._artifacts:
                keep_artifacts_below(self._artifacts, database)
        import mlflow  # noqa: PLC0415 - seconds to import

        mlflow.set_tracking_uri(self.url)
        mlflow.set_registry_uri(self.url)
        return mlflow.MlflowClient(self.url, self.url)

    @contextlib.contextmanager
    def _asking(self) -> Iterator[Any]:
        """MLflow's client; what it raises where it fails becomes one sentence.

        Raises:
            RegistryUnavailableError: MLflow does not answer, or answers with an error.
        """
        try:
            yield self._client
        except Exception as error:
            if not isinstance(error, _faults()):
                raise
            # Without the chain: its root, a refused connection, would be shown in place of this sentence.
            raise RegistryUnavailableError(
                f"MLflow at {mask(self.url, os.environ)} {_reason(error)}"
            ) from None

    def ensure_experiment(self, name: str) -> None:
        """Create the experiment with our artifact folder, unless it exists; mark it as one of models.

        Raises:
            RegistryUnavailableError: as of every method, MLflow does not answer.
        """
        with self._asking() as client:
            found = client.get_experiment_by_name(name)
            if found is None:
                location = self._artifacts.as_uri() if self._artifacts else None
                client.create_experiment(name, artifact_location=location, tags=_EXPERIMENT_TAGS)
                return
            for tag, value in _EXPERIMENT_TAGS.items():
                if found.tags.get(tag) != value:
                    client.set_experiment_tag(found.experiment_id, tag, value)

    def register(self, model: OutcomeModel, facts: TrainingFacts, run_name: str = "") -> RegisteredModel:
        """Log the model into an MLflow run and register it as a new version.

        Args:
            model: what is registered.
            facts: how it was trained.
            run_name: of a run of its own below the active one, for a model that the active run does not
                describe; empty for the active run itself.
        """
        if not run_name:
            return self._register(model, facts)
        with self._asking():
            import mlflow  # noqa: PLC0415 - seconds to import

            with mlflow.start_run(run_name=run_name, nested=mlflow.active_run() is not None):
                described = msgspec.to_builtins(facts)
                mlflow.log_params({**described.pop("parameters"), **described})
                return self._register(model, facts)

    def _register(self, model: OutcomeModel, facts: TrainingFacts) -> RegisteredModel:
        with self._asking():
            import mlflow  # noqa: PLC0415 - seconds to import
            from mlflow.models import ModelSignature  # noqa: PLC0415
            from mlflow.types import ColSpec, DataType, Schema  # noqa: PLC0415

        signature = ModelSignature(
            inputs=Schema([ColSpec(DataType.double, name) for name in model.feature_names]),
            outputs=Schema([ColSpec(DataType.double, name) for name in ("p_home", "p_draw", "p_away")]),
        )
        with self._asking(), tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / MODEL_FILE
            file.write_bytes(model.to_bytes())
            logged = mlflow.pyfunc.log_model(
                name=f"{_ARTIFACT}-{model.recipe}",
                loader_module="soccer_assets.resources.mlflow_loader",
                data_path=str(file),
                signature=signature,
                input_example=_example(model),
                pip_requirements=["soccer-assets"],
            )
        active: Any = mlflow.active_run()
        run_id: str = active.info.run_id
        with self._asking() as client:
            if not client.search_registered_models(f"name = '{MODEL_NAME}'"):
                client.create_registered_model(MODEL_NAME, description=_MODEL_DESCRIPTION)
            version = client.create_model_version(
                MODEL_NAME,
                source=logged.model_uri,
                run_id=run_id,
                model_id=logged.model_id,
                tags={_CARD_TAG: msgspec.json.encode(facts).decode()},
                description=description_of(facts),
            )
        return RegisteredModel(version=str(version.version), run_id=run_id, facts=facts)

    def find(self, alias: str) -> RegisteredModel | None:
        """The version with an alias; None where there is none."""
        if "_client" not in self.__dict__:
            with contextlib.suppress(NotToldError):
                found = version_of_alias(self.url, MODEL_NAME, alias, _CARD_TAG)
                return _registered(found.version, found.run_id, found.tag) if found else None
        with self._asking() as client:
            from mlflow.exceptions import MlflowException  # noqa: PLC0415 - seconds to import

            try:
                return _of_client(client.get_model_version_by_alias(MODEL_NAME, alias))
            except MlflowException as error:
                if error.error_code in _NOT_THERE:  # no model, or none with this alias
                    return None
                raise

    def get(self, alias: str) -> RegisteredModel:
        """The version with an alias.

        Raises:
            MissingModelError: no version has it.
        """
        found = self.find(alias)
        if found is None:
            raise MissingModelError(f"no model has the alias {alias!r}; run the job retrain_model")
        return found

    def version(self, version: str) -> RegisteredModel:
        """A version by its number."""
        with self._asking() as client:
            return _of_client(client.get_model_version(MODEL_NAME, version))

    def load(self, registered: RegisteredModel) -> OutcomeModel:
        """The model of a version, verified by the hash it was registered with.

        Raises:
            MissingModelError: its artifact is missing or has another hash.
        """
        return self._model(registered)

    def _read(self, registered: RegisteredModel) -> OutcomeModel:
        wanted = registered.facts.content_sha256
        copy = self._copies.read(wanted) if self._copies else None
        if copy is not None:
            return OutcomeModel.from_bytes(copy)
        data = self._artifact_of(registered)
        if hashlib.sha256(data).hexdigest() != wanted and self._find_elsewhere:
            data = self._find_elsewhere(wanted) or b""
        if hashlib.sha256(data).hexdigest() != wanted:
            raise MissingModelError(
                f"the artifact of {MODEL_NAME} version {registered.version} is missing or has another hash, "
                "and no release holds it; restore it from a backup, or run the job retrain_model"
            )
        if self._copies:
            self._copies.keep(wanted, data)
        return OutcomeModel.from_bytes(data)

    def _artifact_of(self, registered: RegisteredModel) -> bytes:
        """The model's file as MLflow keeps it; empty where it does not."""
        with self._asking() as client:
            import mlflow  # noqa: PLC0415 - seconds to import
            from mlflow.exceptions import MlflowException  # noqa: PLC0415

            source = client.get_model_version(MODEL_NAME, registered.version).source
            with tempfile.TemporaryDirectory() as folder, contextlib.suppress(MlflowException, OSError):
                local = mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=folder)
                return b"".join(file.read_bytes() for file in Path(local).rglob(MODEL_FILE))
        return b""

    def set_alias(self, alias: str, version: str) -> None:
        """Move an alias to a version."""
        with self._asking() as client:
            client.set_registered_model_alias(MODEL_NAME, alias, version)

    def annotate(self, registered: RegisteredModel, note: str, tags: Mapping[str, str]) -> None:
        """Say in a version's description, and in tags, what became of it; idempotent."""
        described = f"{description_of(registered.facts)}\n\n{note}"
        with self._asking() as client:
            client.update_model_version(MODEL_NAME, registered.version, described)
            for name, value in tags.items():
                client.set_model_version_tag(MODEL_NAME, registered.version, name, value)


def _faults() -> tuple[type[Exception], ...]:
    """What MLflow's client raises where its server, database or files fail."""
    import requests  # noqa: PLC0415 - MLflow imports both anyway
    import sqlalchemy as sa  # noqa: PLC0415
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - seconds to import

    return (MlflowException, requests.RequestException, sa.exc.SQLAlchemyError, OSError)


def _reason(error: BaseException) -> str:
    """The predicate of the sentence: what lies at the root of an error, or its own first line."""
    chain = [error]
    while (below := chain[-1].__cause__ or chain[-1].__context__) is not None and below not in chain:
        chain.append(below)
    for each in chain:
        if isinstance(each, TimeoutError) or "timed out" in str(each):
            return "does not answer (timed out)"
        if isinstance(each, (ConnectionError, socket.gaierror)) and each.strerror:
            return f"does not answer ({each.strerror})"
    lines = str(error).strip().splitlines()
    return f"cannot be used ({mask(lines[0], os.environ) if lines else type(error).__name__})"


def description_of(facts: TrainingFacts) -> str:
    """A model version in a sentence: its recipe, and the matches that it learnt from."""
    return (
        f"`{facts.recipe}`, fitted on {facts.trained_rows:,} matches until {facts.train_end}, of snapshot "
        f"{facts.snapshot_id}."
    )


def _example(model: OutcomeModel) -> Any:
    """An example row: without one MLflow warns at every training."""
    import pandas as pd  # noqa: PLC0415 - half a second to import

    return pd.DataFrame(0.0, index=[0], columns=list(model.feature_names))


def _of_client(version: Any) -> RegisteredModel:
    return _registered(str(version.version), version.run_id, version.tags[_CARD_TAG])


def _registered(version: str, run_id: str, card: str) -> RegisteredModel:
    return RegisteredModel(
        version=version, run_id=run_id, facts=msgspec.json.decode(card.encode(), type=TrainingFacts)
    )
