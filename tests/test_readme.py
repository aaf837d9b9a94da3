"""The README against the code: settings, feeds, jobs, groups, commands, paths, pictures and links."""

import re
import tomllib
from pathlib import Path

import pytest

from soccer_assets.cli import main
from soccer_assets.feeds.provider_keys import key_variable
from soccer_assets.graph.jobs import JOBS, monitor_daily, tune_parameters
from soccer_assets.graph.maintenance import prune_daily

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
ENTRY_POINTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
FEEDS: dict[str, str] = ENTRY_POINTS["soccer_assets.feeds"]
TARGETS = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
LARGEST_PICTURE_BYTES = 200_000


def _section(title: str) -> str:
    return re.split(r"^## ", README.split(f"\n## {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def _sources(folder: str) -> list[str]:
    return [file.read_text() for file in sorted((ROOT / folder).rglob("*.py"))]


def _variables_read() -> set[str]:
    """Every variable named by a whole string literal, in the Makefile, or made of a feed's name."""
    literals = "\n".join([*_sources("soccer_assets"), *_sources("serving")])
    makefile = (ROOT / "Makefile").read_text()
    adapters = {name: ROOT / f"{entry.split(':')[0].replace('.', '/')}.py" for name, entry in FEEDS.items()}
    keys = {key_variable(name) for name, file in adapters.items() if "(KeyedFeed)" in file.read_text()}
    return {*re.findall(r'"(SOCCER_\w+)"', literals), *re.findall(r"\bSOCCER_[A-Z_]+\b", makefile), *keys}


def _paths_served() -> set[str]:
    """``METHOD path`` of every handler, as its file writes them."""
    served = set()
    for source in _sources("serving/routes"):
        prefix = "".join(re.findall(r'Router\(\s*"([^"]+)"', source))
        for method, path in re.findall(r'^@(get|post|patch|put|delete)\(\s*"([^"]+)"', source, re.MULTILINE):
            served.add(f"{method.upper()} {prefix}{re.sub(r':[a-z]+}', '}', path)}")
    return served


def test_settings_table_names_every_variable_and_no_other() -> None:
    """The settings table has one row for each variable that the code reads."""
    rows = re.findall(r"^\| `(SOCCER_\w+)` \|", _section("Settings"), re.MULTILINE)

    assert len(rows) == len(set(rows))
    assert set(rows) == _variables_read()


def test_http_table_names_every_path_and_no_other() -> None:
    """The table of requests is the sidecar's surface: each method and path once."""
    rows = re.findall(r"^\| ([A-Z]+) `(/[^`]*)` \|", _section("HTTP"), re.MULTILINE)

    assert len(rows) == len(set(rows))
    assert {f"{method} {path}" for method, path in rows} == _paths_served()


def test_feeds_table_names_every_feed_and_no_other() -> None:
    """The table of feeds lists the entry points."""
    rows = re.findall(r"^\| `([a-z-]+)` \|", _section("Real data"), re.MULTILINE)

    assert set(rows) == set(FEEDS)


def test_jobs_table_names_every_job_and_no_other() -> None:
    """The table of jobs lists what the graph defines."""
    jobs = {job.name for job in (*JOBS, monitor_daily, tune_parameters, prune_daily)}
    table = _section("Jobs, schedules and sensors").split("| sensor |")[0]

    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == jobs


def test_every_asset_group_is_explained() -> None:
    """The tour's table has one row for each group; a group is a file of assets."""
    groups = {
        file.stem
        for file in (ROOT / "soccer_assets/graph/assets").glob("*.py")
        if "group_name=" in file.read_text()
    }

    assert groups
    assert set(re.findall(r"^\| `(\w+)` \|", _section("Five minutes"), re.MULTILINE)) == groups


def test_every_command_is_named() -> None:
    """The README shows each command of the CLI, and each make target, with its program's name."""
    commands = [f"soccer {name}" for name in main.commands] + [f"make {target}" for target in TARGETS]

    assert [command for command in commands if command not in README] == []


def test_first_commands_are_make_targets() -> None:
    """A newcomer's first commands exist."""
    block = re.search(r"```sh\n(.*?)```", _section("Two commands"), re.DOTALL)

    assert block is not None
    commands = re.findall(r"^make (\S+)", block[1], re.MULTILINE)
    assert commands == ["up", "test"]
    assert set(commands) <= set(TARGETS)


def test_every_picture_is_shown_and_small() -> None:
    """Each picture of the folder is used, each one used is there, and all load quickly."""
    pictures = {file.relative_to(ROOT).as_posix() for file in (ROOT / "docs/pictures").iterdir()}

    assert set(re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)) == pictures
    assert [name for name in pictures if (ROOT / name).stat().st_size > LARGEST_PICTURE_BYTES] == []


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md"])
def test_relative_links_resolve(name: str) -> None:
    """A link leads to a file of the checkout or to a heading of the page."""
    text = (ROOT / name).read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("http")]
    broken = [
        link for link in links if not (link[1:] in anchors if link[0] == "#" else (ROOT / link).is_file())
    ]

    assert broken == []
