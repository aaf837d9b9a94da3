"""Files of a home in the wrong form: every command names the file in one sentence, or goes on."""

import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from soccer_assets.cli import main
from soccer_assets.contract.api_keys import API_KEYS_KEY
from soccer_assets.contract.installation import INSTALLATION_KEY
from soccer_assets.contract.release import POINTER_KEY
from soccer_assets.home import open_home
from soccer_assets.operations.doctor import examine
from soccer_assets.operations.local_instance import INSTANCE, open_instance
from soccer_assets.operations.processes import Processes
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.settings import SettingError, Settings
from soccer_assets.stores.installation import name_store
from soccer_assets.stores.releases.key_store import create_key

DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda file: file.write_bytes(b""),
    "cut": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "not utf-8": lambda file: file.write_bytes(b'{"id": "\xff\xfe"}'),
    "another list": lambda file: file.write_bytes(b"[1, null]"),
    "another object": lambda file: file.write_bytes(b"{}"),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
    "a link to nothing": lambda file: (file.unlink(), file.symlink_to("/nowhere/at/all")),
    "a link to itself": lambda file: (file.unlink(), file.symlink_to(file)),
}
COMMANDS = (["keys", "list"], ["ledger", "verify"], ["backup"], ["alerts", "list"])
# One of each kind of error (no JSON, another type, no file) meets the hourly run, too: 2 s of CPU each.
MET_BY_A_RUN = {"cut", "another list", "a link to itself"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a database, a key, an id and a pointer to a release that was lost."""
    home = tmp_path_factory.mktemp("whole") / "home"
    settings = Settings.from_env({"SOCCER_HOME": str(home)})
    open_home(settings, is_simulated=True, first_month=dt.date(2025, 7, 1))
    Database(settings.database_url).migrate()
    store = ObjectStore(settings.store_url)
    create_key(store, ["read"], dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    name_store(store, "0123456789abcdef")
    (home / "dagster").mkdir()
    (home / "dagster" / "dagster.yaml").write_text(json.dumps(INSTANCE))
    with open_instance(home / "dagster"):
        pass  # its tables are copied with the home
    (home / "store" / POINTER_KEY).parent.mkdir()
    (home / "store" / POINTER_KEY).write_text(
        '{"schema_version":1,"release_id":"a","manifest_sha256":"b","model_version":"1","published_at":"c"}'
    )
    return home


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(
    "name", ["home.json", f"store/{API_KEYS_KEY}", f"store/{INSTALLATION_KEY}", f"store/{POINTER_KEY}"]
)
def test_no_command_ends_with_a_traceback(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, damage: str
) -> None:
    """A command that needs the file names it and says what to do; another one works."""
    home = tmp_path / "home"
    shutil.copytree(whole, home)
    DAMAGES[damage](home / name)
    monkeypatch.setenv("SOCCER_HOME", str(home))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)

    for command in (*COMMANDS, *([["run", "refresh_hourly"]] if damage in MET_BY_A_RUN else [])):
        target = [str(tmp_path / "backup")] if command == ["backup"] else []
        result = CliRunner().invoke(main, [*command, *target])

        assert isinstance(result.exception, SystemExit | None), (command, result.exception)
        if result.exit_code:
            last = result.output.strip().splitlines()[-1]
            assert last.startswith(("soccer: ", "Error: ")), (command, result.output)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_home_whose_properties_cannot_be_read_is_no_new_one(
    whole: Path, tmp_path: Path, damage: str
) -> None:
    """It would get another seed or another first month, and its predictions those of another world."""
    home = tmp_path / "home"
    shutil.copytree(whole, home)
    DAMAGES[damage](home / "home.json")
    settings = Settings.from_env({"SOCCER_HOME": str(home)})

    with pytest.raises(SettingError, match=r"home\.json cannot be read .* restore it from a backup"):
        open_home(settings, is_simulated=True, first_month=dt.date(2025, 7, 1))
    (finding,) = [found for found in examine(settings) if found.subject == "settings"]
    assert "home.json cannot be read" in finding.text


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_list_of_children_is_ignored(tmp_path: Path, damage: str) -> None:
    """It is written anew, where that is possible; the start and the stop go on."""
    file = tmp_path / "run" / "children.json"
    file.parent.mkdir()
    file.write_text("[]")
    DAMAGES[damage](file)
    processes = Processes(file.parent)

    processes.stop_leftovers(print)
    processes.stop()

    assert file.is_dir() or not file.exists()
