"""A home that was moved or copied: its artifacts are found below it, and written nowhere else."""

import shutil
from pathlib import Path

import mlflow
import pytest

from soccer_assets.contract.release import MODEL_FILE
from soccer_assets.resources.artifact_paths import keep_artifacts_below
from soccer_assets.resources.model_registry import MissingModelError, ModelRegistry
from tests.models import train_champion

# MLflow and dagster-mlflow warn about their own insides.
pytestmark = pytest.mark.filterwarnings("ignore")


def registry_of(home: Path) -> ModelRegistry:
    """The registry of a home, as its processes open it."""
    return ModelRegistry(f"sqlite:///{home}/mlflow/mlflow.db", home / "mlflow" / "artifacts")


def weight_of(registry: ModelRegistry, version: str) -> float:
    """The weight of a stored model."""
    return float(registry.load(registry.version(version)).weights[1, 0])


def notes_of(registry: ModelRegistry, version: str) -> str:
    """The file that was logged into the run of a model, as MLflow's pages find it."""
    run = mlflow.get_run(registry.version(version).run_id)
    return mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes.txt")


def files_of(home: Path) -> dict[str, bytes]:
    """Every file below a home."""
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["moved", "a home with spaces/and 100% more", "home/mlflow/artifacts"])
def test_a_moved_home_keeps_its_models(tmp_path: Path, name: str) -> None:
    """Models and artifacts of runs are found at the new place, new ones are written there, and back again."""
    former, moved = tmp_path / "former", tmp_path / name
    first = train_champion(registry_of(former), 0.5)
    moved.parent.mkdir(parents=True, exist_ok=True)
    former.rename(moved)

    registry = registry_of(moved)
    assert (weight_of(registry, first), notes_of(registry, first)) == (0.5, "weight 0.5")
    second = train_champion(registry, 0.9)
    assert not former.exists()

    moved.rename(former)
    registry = registry_of(former)
    assert [weight_of(registry, version) for version in (first, second)] == [0.5, 0.9]
    assert [notes_of(registry, version) for version in (first, second)] == ["weight 0.5", "weight 0.9"]
    assert not moved.exists()


def test_a_copied_home_leaves_its_original_alone(tmp_path: Path) -> None:
    """Original and copy train their own next model; neither reads nor writes the other's files."""
    original, copy = tmp_path / "original", tmp_path / "copy"
    first = train_champion(registry_of(original), 0.5)
    shutil.copytree(original, copy)
    before = files_of(original)

    own = train_champion(registry_of(copy), 0.7)
    assert files_of(original) == before
    train_champion(registry_of(original), 0.9)
    shutil.rmtree(original)

    registry = registry_of(copy)
    assert (weight_of(registry, first), weight_of(registry, own)) == (0.5, 0.7)


def test_what_was_written_into_the_former_place_is_brought_along(tmp_path: Path) -> None:
    """Earlier versions went on writing where the home had been: those models and files are found too."""
    former, moved = tmp_path / "former", tmp_path / "moved"
    train_champion(registry_of(former), 0.5)
    former.rename(moved)
    stray = train_champion(ModelRegistry(f"sqlite:///{moved}/mlflow/mlflow.db"), 0.9)
    assert list(former.rglob(MODEL_FILE))

    weight_of(registry_of(moved), stray)
    shutil.rmtree(former)

    registry = registry_of(moved)
    assert (weight_of(registry, stray), notes_of(registry, stray)) == (0.9, "weight 0.9")


def test_a_lost_artifact_is_found_by_its_hash_or_refused(tmp_path: Path) -> None:
    """A model elsewhere with the registered hash serves; anything else is refused with what to do."""
    home = tmp_path / "home"
    version = train_champion(registry_of(home), 0.5)
    (file,) = (home / "mlflow" / "artifacts").rglob(MODEL_FILE)
    data = {"": file.read_bytes()}
    shutil.rmtree(home / "mlflow" / "artifacts")
    url, asked = f"sqlite:///{home}/mlflow/mlflow.db", []

    def find(sha256: str) -> bytes | None:
        asked.append(sha256)
        return data.get("")

    registry = ModelRegistry(url, home / "mlflow" / "artifacts", find)
    assert weight_of(registry, version) == 0.5
    assert asked == [registry.version(version).facts.content_sha256]

    for damaged in (b"another model", None):
        data = {"": damaged} if damaged else {}
        registry = ModelRegistry(url, home / "mlflow" / "artifacts", find)
        with pytest.raises(MissingModelError, match="restore it from a backup, or run the job retrain_model"):
            registry.load(registry.version(version))


def test_a_database_outside_the_home_stays_as_it_is(tmp_path: Path) -> None:
    """Another home may use it too: the addresses of its artifacts are not this home's to change."""
    one, other, database = (
        tmp_path / "one/mlflow/artifacts",
        tmp_path / "other/mlflow/artifacts",
        tmp_path / "m.db",
    )
    version = train_champion(ModelRegistry(f"sqlite:///{database}", one), 0.5)

    assert keep_artifacts_below(other, database) == 0

    registry = ModelRegistry(f"sqlite:///{database}", other)
    assert weight_of(registry, version) == 0.5
    assert not other.exists()
