"""The five lock files: together they install everything; each holds only what it adds, none a known fault."""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib import metadata
from itertools import combinations
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BASE, FLEET, KUBERNETES, DEV, BENCH = FILES = [
    f"requirements{part}.lock" for part in ("", "-fleet", "-kubernetes", "-dev", "-bench")
]

# What `pip install -r` is given one after the other, and the extras that are then complete.
INSTALLS = [
    ((BASE,), ("pipeline", "serving")),
    ((BASE, FLEET), ("fleet",)),
    ((BASE, FLEET, KUBERNETES), ("kubernetes",)),
    ((BASE, FLEET, KUBERNETES, DEV), ("dev",)),
    (tuple(FILES), ("bench",)),
]


def _entries(file: str) -> list[str]:
    """The blocks of a lock file: a package, its marker and its hashes."""
    lines = [line for line in (ROOT / file).read_text().splitlines() if not line.lstrip().startswith("#")]
    return "\n".join(lines).replace("\\\n", " ").splitlines()


def _locked(file: str) -> list[Requirement]:
    return [Requirement(entry.split("--hash")[0].strip()) for entry in _entries(file)]


def _names(file: str) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in _locked(file)}


def _versions(files: Iterable[str], environment: dict[str, str]) -> dict[str, list[str]]:
    """Package to version(s) that an installation in this environment gets."""
    found: dict[str, list[str]] = {}
    for file in files:
        for requirement in _locked(file):
            if requirement.marker is None or requirement.marker.evaluate(environment):
                (pin,) = requirement.specifier
                found.setdefault(canonicalize_name(requirement.name), []).append(pin.version)
    return found


def _direct(*extras: str) -> list[Requirement]:
    project = PYPROJECT["project"]
    lines = project["dependencies"] + PYPROJECT["dependency-groups"]["build"]
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def _unmet(requirements: Iterable[Requirement], versions: dict[str, list[str]]) -> list[str]:
    """Requirements that the locked versions do not meet with exactly one version."""
    return [
        str(requirement)
        for requirement in requirements
        if [
            requirement.specifier.contains(version, prereleases=True)
            for version in versions.get(canonicalize_name(requirement.name), [])
        ]
        != [True]
    ]


@pytest.mark.parametrize(("first", "second"), list(combinations(FILES, 2)))
def test_no_package_is_in_two_lock_files(first, second):
    """A version is locked in first place, so that no two files can disagree."""
    assert _names(first)
    assert not _names(first) & _names(second)


@pytest.mark.parametrize("file", FILES)
def test_every_locked_package_is_pinned_with_its_hashes(file):
    """`pip install --require-hashes` takes the file."""
    for entry in _entries(file):
        assert re.fullmatch(r"[a-z0-9-]+==[^ ]+( *;.*?)?( +--hash=sha256:[0-9a-f]{64})+", entry), entry


@pytest.mark.parametrize(("files", "extras"), INSTALLS)
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_what_pyproject_asks_for_is_locked(files, extras, python):
    """Each direct requirement has one locked version that it allows, on every Python we run on."""
    environment = {**default_environment(), "python_version": python, "python_full_version": f"{python}.9"}

    assert not _unmet(_direct(*extras), _versions(files, environment))


@pytest.mark.parametrize(("files", "extras"), INSTALLS[:-1])
def test_what_a_requirement_needs_is_locked_too(files, extras):
    """Files are installed with `--no-deps`: nothing else brings what the packages need among themselves.

    The benchmarks' packages are left out: not installed for the tests, their needs are unknown here.
    """
    versions = _versions(files, default_environment())
    waiting, seen = _direct(*extras), set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras} - {extra for known, extra in seen if known == name}:
            seen.add((name, extra))
            for line in metadata.requires(name) or []:
                needed = Requirement(line)
                if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                    assert not _unmet([needed], versions), f"{name} needs {needed}"
                    waiting.append(needed)

    assert {name for name, _ in seen} <= set(versions)


@pytest.fixture(scope="module")
def advisories() -> dict[str, list[str]]:
    """Package to the ranges of its vulnerable versions, as the newest database on PyPI (2021-07) has them.

    `make audit` asks the advisory database of the day, which needs the network: this one comes with an
    installation. Its package opens its files from the working folder, so it is read and not imported.
    """
    file = metadata.distribution("safety-db").locate_file("safety_db/insecure_full.json")
    return {
        canonicalize_name(name): [ranges for advisory in known for ranges in advisory["specs"]]
        for name, known in json.loads(Path(str(file)).read_text()).items()
        if not name.startswith("$")
    }


def _vulnerable(versions: Mapping[str, Iterable[str]], advisories: Mapping[str, list[str]]) -> set[str]:
    return {
        f"{name} {version}"
        for name, found in versions.items()
        for version in found
        if any(
            SpecifierSet(ranges).contains(version, prereleases=True) for ranges in advisories.get(name, [])
        )
    }


def test_no_locked_version_has_a_known_vulnerability(advisories):
    """What the database knows of our packages is mended in the versions that we install, on any platform."""
    versions: dict[str, list[str]] = {}
    for file in FILES:
        for requirement in _locked(file):
            (pin,) = requirement.specifier
            versions.setdefault(canonicalize_name(requirement.name), []).append(pin.version)

    assert len(advisories.keys() & versions.keys()) >= 20
    assert not _vulnerable(versions, advisories)


def test_an_old_version_is_found_vulnerable(advisories):
    """Versions with published vulnerabilities are found, those that mended them are not."""
    versions = {"jinja2": ["2.11.2", "2.11.3"], "urllib3": ["1.24.1", "1.26.5"], "pyyaml": ["5.3.1", "5.4"]}

    assert _vulnerable(versions, advisories) == {"jinja2 2.11.2", "urllib3 1.24.1", "pyyaml 5.3.1"}
