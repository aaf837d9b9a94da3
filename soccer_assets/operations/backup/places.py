"""Where the parts of an installation are: a home's files, or a deployment's servers."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from soccer_assets.operations.backup.archive import BackupError
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.settings import Settings

SQLITE = "sqlite:///"

# Files of a home beside its databases and objects, below the home and in an archive alike. Not this machine's
# key (`dev.key`): a backup holds hashes of keys alone.
HOME_FILES = ("home.json", "versions.json")
INSTANCE_FILE = "dagster.yaml"  # as `soccer up` writes it; a deployment has its own
ALERTS_FILE = "alerts.json"

# Folders and files of an archive.
HOME, STORE, ARTIFACTS, LOGS = "home", "store", "artifacts", "logs"
MATCHES, DAGSTER, MLFLOW = "databases/soccer", "databases/dagster", "databases/mlflow"
FILE, DUMP = ".db", ".dump"

# Dagster's SQLite files that every run shares; each run has one more below `RUN_FOLDER`.
DAGSTER_FILES = ("history/runs/index.db", "history/runs.db", "schedules/schedules.db")
RUN_FOLDER = "history/runs"


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses of the parts.

    Attributes:
        home: the folder.
        alerts_file: the subscribers.
        matches: address of the match database.
        mlflow: address of MLflow's database.
        dagster: address of Dagster's database; empty where it keeps files in `dagster_folder`.
        dagster_folder: Dagster's instance, with what the runs printed.
        store: address of the object store.
        artifacts: address of the store of MLflow's artifacts.
        s3_endpoint_url: of both stores, where they are on S3.
    """

    home: Path
    alerts_file: Path
    matches: str
    mlflow: str
    dagster: str
    dagster_folder: Path
    store: str
    artifacts: str
    s3_endpoint_url: str

    def open_store(self) -> ObjectStore:
        """The object store."""
        return ObjectStore(self.store, self.s3_endpoint_url)

    def open_artifacts(self) -> ObjectStore:
        """The store of MLflow's artifacts."""
        return ObjectStore(self.artifacts, self.s3_endpoint_url)


def places_of(settings: Settings, environ: Mapping[str, str]) -> Places:
    """The places that these settings name.

    Raises:
        BackupError: MLflow is a server, and nothing says where it keeps its database and artifacts.
    """
    is_file = settings.mlflow_url.startswith(SQLITE)
    mlflow = settings.mlflow_url if is_file else environ.get("MLFLOW_BACKEND_STORE_URI", "")
    artifacts = f"file://{settings.artifacts}" if is_file else environ.get("MLFLOW_ARTIFACTS_DESTINATION", "")
    if not mlflow or not artifacts:
        raise BackupError(
            f"SOCCER_MLFLOW_URL={settings.mlflow_url} is a server; set MLFLOW_BACKEND_STORE_URI and "
            "MLFLOW_ARTIFACTS_DESTINATION to what it was started with"
        )
    folder = Path(environ.get("DAGSTER_HOME") or settings.home / "dagster").absolute()
    # `soccer up` gives its own instance files, whatever the environment says.
    has_files = is_sqlite(settings.database_url) or (folder / "history").is_dir()
    return Places(
        home=settings.home,
        alerts_file=settings.alerts_file,
        matches=settings.database_url,
        mlflow=mlflow,
        dagster="" if has_files else environ.get("DAGSTER_POSTGRES_URL", ""),
        dagster_folder=folder,
        store=settings.store_url,
        artifacts=artifacts,
        s3_endpoint_url=settings.s3_endpoint_url,
    )


def is_sqlite(url: str) -> bool:
    """Whether a database is a file."""
    return url.startswith(SQLITE)


def file_of(url: str) -> Path:
    """The file of a SQLite database."""
    return Path(url.removeprefix(SQLITE))
