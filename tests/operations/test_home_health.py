"""A home that cannot be written, or whose databases are damaged: one sentence and the way back each."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from soccer_assets.cli import main
from soccer_assets.operations import home_health
from soccer_assets.operations.home_health import explain, home_faults
from soccer_assets.operations.processes import StartError
from soccer_assets.operations.up import up
from soccer_assets.settings import SettingError, Settings

FILES = {
    "database": "soccer.db",
    "dagster": "dagster/history/runs.db",
    "dagster-events": "dagster/history/runs/index.db",
    "dagster-schedules": "dagster/schedules/schedules.db",
    "mlflow": "mlflow/mlflow.db",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with every database file, each with a table of several pages."""
    folder = tmp_path / "home"
    for name in FILES.values():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with sqlite3.connect(file) as connection:
            connection.execute("CREATE TABLE kept (text)")
            connection.executemany("INSERT INTO kept VALUES (?)", [("x" * 1000,) for _ in range(100)])
        connection.close()
    return folder


def settings_of(home: Path) -> Settings:
    """The settings of a home with its own databases."""
    return Settings.from_env({"SOCCER_HOME": str(home)})


def overwrite(file: Path, page: int) -> None:
    """Overwrite a page of a database, as a broken disk or another program does."""
    data = bytearray(file.read_bytes())
    data[4096 * page : 4096 * (page + 1)] = b"\xa5" * 4096
    file.write_bytes(data)


def test_a_whole_home_has_no_fault(home: Path) -> None:
    """Nor has one that does not exist yet; nothing is created by asking."""
    new = home.parent / "new" / "home"

    assert list(home_faults(settings_of(home), is_thorough=True)) == []
    assert list(home_faults(settings_of(new), is_thorough=True)) == []
    assert not new.parent.exists()


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_database_is_named_with_the_way_back(home: Path, name: str) -> None:
    """The first page was overwritten: the start refuses, and says which file to move."""
    overwrite(home / FILES[name], 0)

    (fault,) = home_faults(settings_of(home))

    assert fault.subject == name.split("-", maxsplit=1)[0]
    assert str(home / FILES[name]) in fault.text
    assert "not a database" in fault.text
    assert ("restore BACKUP --replace" if name == "database" else "aside") in fault.remedy
    assert "\n" not in fault.sentence
    with pytest.raises(StartError, match="not a database"):
        up(settings_of(home), once=True, with_mlflow=False, console=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", FILES)
def test_a_page_in_the_middle_is_found_by_the_doctor(home: Path, name: str) -> None:
    """Its check reads every page; that of the start reads the schema only."""
    overwrite(home / FILES[name], 9)

    (fault,) = home_faults(settings_of(home), is_thorough=True)

    assert str(home / FILES[name]) in fault.text


def test_a_cut_file_is_found(home: Path) -> None:
    """A copy that was interrupted."""
    file = home / "soccer.db"
    file.write_bytes(file.read_bytes()[: 4096 * 5 + 100])

    assert [fault.subject for fault in home_faults(settings_of(home), is_thorough=True)] == ["database"]


def test_a_locked_database_is_no_damage(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer holds it: nothing is wrong with the file."""
    monkeypatch.setattr(home_health, "_BUSY_SECONDS", 0.01)
    with sqlite3.connect(home / "soccer.db", isolation_level=None) as connection:
        connection.execute("BEGIN EXCLUSIVE")

        assert list(home_faults(settings_of(home))) == []
    connection.close()


@pytest.fixture
def read_only(tmp_path: Path, home: Path) -> Iterator[Path]:
    """The home on a disk that was mounted read-only; only root can mount one."""
    mount = ["mount", "--bind", "-o", "ro", str(home), str(home)]
    mounted = subprocess.run(mount, check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.decode().strip()}")
    yield home
    subprocess.run(["umount", "--lazy", str(home)], check=True)


def test_a_read_only_home_gets_one_sentence_from_every_command(
    read_only: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names the folder and says what to do; no command shows a traceback."""
    monkeypatch.setenv("SOCCER_HOME", str(read_only))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    (fault,) = home_faults(settings_of(read_only))
    commands = (
        ["up", "--once"],
        ["migrate"],
        ["alerts", "subscribe", "json://127.0.0.1:9/"],
        ["keys", "create", "--scope", "read"],
    )

    for command in commands:
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 1, command
        assert "cannot be written" in done.stderr, (command, done.output, done.exception)
        assert "another folder" in done.stderr, command
        assert len(done.stderr.splitlines()) == 1, command
    assert fault.subject == "home"
    assert "Read-only file system" in fault.text


@pytest.mark.parametrize("name", ["valkey", "store/releases"])
def test_a_folder_that_this_user_may_not_write_is_named(home: Path, name: str) -> None:
    """Before anything starts: its server would end with a line of its own, or a run after minutes."""
    folder = home / name
    folder.mkdir(parents=True)
    folder.chmod(0o500)

    assert _faults_of_a_user(home) == (
        f"{folder} cannot be written (Permission denied); make it writable for the user who runs `soccer`, "
        "or set SOCCER_HOME to another folder\n"
    )


@pytest.mark.parametrize("name", [*FILES.values(), "soccer.db-wal", "soccer.db-shm"])
def test_a_file_that_this_user_may_not_open_is_no_damage(home: Path, name: str) -> None:
    """To restore a backup would be the wrong advice; a file beside the database is needed too."""
    file = home / name
    file.touch()
    file.chmod(0o400)

    assert _faults_of_a_user(home) == (
        f"{file} cannot be read and written (its permissions, or a disk that is read-only); make it a file "
        "that the user who runs `soccer` may read and write\n"
    )


def _faults_of_a_user(home: Path) -> str:
    """The sentences of a process without root's right to pass over permissions."""
    limits = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*limits, sys.executable, "-c", _FAULTS, str(home)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


_FAULTS = """
import sys
from soccer_assets.operations.home_health import home_faults
from soccer_assets.settings import Settings
for fault in home_faults(Settings.from_env({"SOCCER_HOME": sys.argv[1]})):
    print(fault.sentence)
"""


def test_a_full_disk_is_no_damage(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite answers "disk I/O error" there; moving a file aside would lose it for nothing."""

    class Full:
        def __enter__(self) -> SimpleNamespace:
            def write(_: bytes) -> None:
                raise OSError(28, "No space left on device")

            return SimpleNamespace(write=write)

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(home_health, "tempfile", SimpleNamespace(TemporaryFile=lambda **_: Full()))
    overwrite(home / "soccer.db", 0)

    (fault,) = home_faults(settings_of(home))

    assert "the disk is full" in fault.text
    assert "aside" not in fault.sentence


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            PermissionError(13, "Permission denied", "/srv/home/dev.key"),
            "/srv/home/dev.key cannot be written",
        ),
        (OSError(28, "No space left on device"), "the disk is full"),
        (sqlite3.OperationalError("no such table: match"), "no such table: match); run `soccer doctor`"),
        (ValueError("a mistake of the program"), ""),
    ],
)
def test_an_error_is_explained_by_its_cause_only(home: Path, error: Exception, words: str) -> None:
    """Also where a library wrapped it; a fault of the program keeps its traceback."""
    wrapped = RuntimeError("a library's own")
    wrapped.__cause__ = error

    for each in (error, wrapped):
        sentence = explain(each, settings_of(home))
        assert words in sentence
        assert bool(sentence) == bool(words)


def test_an_error_in_the_middle_of_a_file_names_the_file(home: Path) -> None:
    """SQLite's error does not say which of five files is damaged; after an error every page is read."""
    overwrite(home / "mlflow" / "mlflow.db", 9)

    sentence = explain(sqlite3.DatabaseError("database disk image is malformed"), settings_of(home))

    assert str(home / "mlflow" / "mlflow.db") in sentence


@pytest.mark.parametrize("character", ["?", "#", "%", "*", "[", "\n"])
def test_a_home_whose_path_means_something_else_in_a_url_is_refused(tmp_path: Path, character: str) -> None:
    """In one sentence, before anything is created: its databases would be written beside it."""
    done = CliRunner().invoke(
        main, ["doctor"], env={"SOCCER_HOME": str(tmp_path / f"a{character}b" / "home")}
    )

    assert done.exit_code == 1
    assert done.stderr.startswith("soccer: SOCCER_HOME=")
    assert repr(character) in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_home_whose_path_is_no_text_is_refused() -> None:
    """Bytes that are no UTF-8, or a locale that decodes none, stand as surrogates: nothing can store them."""
    with pytest.raises(SettingError, match=r"is no text in this locale; use a folder .* LC_ALL=C\.UTF-8"):
        Settings.from_env({"SOCCER_HOME": os.fsdecode(b"/homes/\xff")})
