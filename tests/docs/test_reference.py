"""The reference pages against the code: settings, routes, commands, feeds, assets, jobs, metrics, structs."""

import datetime as dt
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import dagster as dg
import numpy as np
import pytest
from litestar.routes import HTTPRoute
from prometheus_client.metrics import MetricWrapperBase

from serving.app import create_app
from serving.http import schemas
from serving.metrics import Metrics
from soccer_assets.alerting.faults import KINDS
from soccer_assets.cli import main
from soccer_assets.contract import api_keys, events, release, reports, status
from soccer_assets.feeds.protocol import Feed
from soccer_assets.feeds.provider_keys import key_variable
from soccer_assets.feeds.providers.archive import archive_table
from soccer_assets.feeds.registry import result_lag_of
from soccer_assets.football.feature_descriptions import FEATURE_DESCRIPTIONS
from soccer_assets.football.features import FEATURE_GROUPS, FEATURE_NAMES, compute_features
from soccer_assets.football.matches import STATUS_RULES
from soccer_assets.graph.build import build_definitions
from soccer_assets.settings import Settings
from tests.docs.pages import ROOT, code_blocks, codes, first_codes, read, rows_of, section, tables
from tests.football.helpers import random_table

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FEEDS: dict[str, str] = PYPROJECT["project"]["entry-points"]["soccer_assets.feeds"]
TARGETS = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
CLI = "docs/reference/cli.md"
HTTP = "docs/reference/http-api.md"
ASSETS = "docs/reference/assets.md"
JOBS = "docs/reference/jobs-and-sensors.md"
RELEASE = "docs/reference/release-format.md"


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """The graph of a home that was never started."""
    return build_definitions(Settings.from_env({"SOCCER_HOME": str(tmp_path_factory.mktemp("home"))}))


def _sources(folder: str) -> list[str]:
    return [file.read_text() for file in sorted((ROOT / folder).rglob("*.py"))]


def _variables_read() -> set[str]:
    """Every variable named by a whole string literal, in the Makefile, or made of a feed's name."""
    literals = "\n".join([*_sources("soccer_assets"), *_sources("serving")])
    makefile = (ROOT / "Makefile").read_text()
    adapters = {name: ROOT / f"{entry.split(':')[0].replace('.', '/')}.py" for name, entry in FEEDS.items()}
    keys = {key_variable(name) for name, file in adapters.items() if "(KeyedFeed)" in file.read_text()}
    return {*re.findall(r'"(SOCCER_\w+)"', literals), *re.findall(r"\bSOCCER_[A-Z_]+\b", makefile), *keys}


def test_settings_table_names_every_variable_and_no_other() -> None:
    """The settings table has one row for each variable that the code reads."""
    rows = first_codes(tables(read("docs/reference/settings.md"))[0])

    assert len(rows) == len(set(rows))
    assert set(rows) == _variables_read()


def test_http_table_is_the_sidecars_surface(tmp_path: Path) -> None:
    """The table of requests has each documented method and path once, with the scope that it asks for."""
    app = create_app(Settings.from_env({"SOCCER_HOME": str(tmp_path)}))
    served = {
        (method, route.path_format, handler.opt.get("scope", "none"))
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if route.path_format in (app.openapi_schema.paths or {}) and method != "OPTIONS"
    }

    rows = rows_of(HTTP, "Routes")
    documented = [(row[0].split()[0], codes(row[0])[0].rstrip("/") or "/", row[1]) for row in rows]
    assert len(documented) == len(set(documented))
    assert set(documented) == served


def test_prediction_fields_are_those_of_the_body() -> None:
    """The table of fields is the struct that the OpenAPI document shows."""
    assert set(first_codes(rows_of(HTTP, "Prediction fields"))) == set(
        schemas.PredictionBody.__struct_fields__
    )


def test_every_problem_type_is_named() -> None:
    """A client finds each ``type`` that an error may have, and no other."""
    raised = set()
    for source in _sources("serving"):
        raised |= set(re.findall(r'HTTPStatus\.[A-Z_]+,\s+"([a-z-]+)",', source))
        raised |= set(re.findall(r'unavailable\(\s*"([a-z-]+)"', source))
        raised |= set(re.findall(r'bad_request\(.*?HTTPStatus\.BAD_REQUEST, "([a-z-]+)"', source, re.DOTALL))

    assert len(raised) > 20
    assert set(first_codes(rows_of(HTTP, "Errors"))) == raised


def test_every_event_type_is_named() -> None:
    """The table of events is what the contract says of an event's type."""
    documented = set(codes(inspect.getdoc(events.Event) or ""))

    assert set(first_codes(rows_of(HTTP, "Events"))) == documented


def test_feeds_table_names_every_feed_and_no_other() -> None:
    """The table of feeds lists the entry points, each with the lag that the feed declares."""
    rows = tables(read("docs/reference/feeds.md"))[0]

    assert set(first_codes(rows)) == set(FEEDS)
    for row in rows:
        number, unit = row[3].split()
        lag = dt.timedelta(hours=int(number)) if unit == "h" else dt.timedelta(days=int(number))
        assert lag == result_lag_of(codes(row[0])[0]), row


def test_archive_columns_are_the_schema() -> None:
    """The documented columns are those that the feed reads, and the required ones are marked."""
    rows = rows_of("docs/reference/feeds.md", "Columns of an archive")

    assert first_codes(rows) == list(archive_table.SCHEMA)
    assert {codes(row[0])[0] for row in rows if row[1] == "yes"} == archive_table._REQUIRED


def test_feed_protocol_table_is_the_protocols() -> None:
    """Who writes a feed finds every member that it must have."""
    members = {name for name in (*vars(Feed), *Feed.__annotations__) if not name.startswith("_")}

    documented = {
        name.partition("(")[0] for name in first_codes(rows_of("docs/how-to/add-a-feed.md", "The class"))
    }
    assert documented == members | {"from_settings"}


def _commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _commands(inner, (*path, name))
    else:
        yield " ".join(path), command


def test_every_command_is_named_and_no_other() -> None:
    """The page has a row for each command and each make target."""
    rows = [codes(row[0])[0] for table in tables(read(CLI)) for row in table if codes(row[0])]
    commands = {name for name, _ in _commands(main)}

    documented = {row.removeprefix("soccer ") for row in rows if row.startswith("soccer ")}
    assert {re.sub(r" [A-Z].*", "", row) for row in documented} == commands
    assert {row for row in rows if row.startswith("make ")} == {f"make {target}" for target in TARGETS}


def test_every_option_is_named_and_no_other() -> None:
    """The page has a row for each option of each command."""
    documented = {
        (command, option)
        for table in tables(read(CLI))
        for row in table
        if row[0].startswith("`--")
        for option in codes(row[0])
        for command in codes(row[1])
    }
    options = {
        (name, option)
        for name, command in _commands(main)
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in (*parameter.opts, *parameter.secondary_opts)
    }

    assert {(command, option.split()[0]) for command, option in documented} == options


def test_jobs_table_names_every_job_and_no_other(definitions: dg.Definitions) -> None:
    """The table of jobs lists what the graph defines."""
    jobs = {job.name for job in definitions.resolve_all_job_defs() if not job.name.startswith("__")}

    assert set(first_codes(rows_of(JOBS, "Jobs"))) == jobs


def test_schedules_table_is_the_graphs(definitions: dg.Definitions) -> None:
    """Each schedule with its hours."""
    schedules = {
        schedule.name: schedule.cron_schedule for schedule in definitions.get_repository_def().schedule_defs
    }

    assert {codes(row[0])[0]: codes(row[1])[0] for row in rows_of(JOBS, "Schedules")} == schedules


def test_sensors_table_is_the_graphs(definitions: dg.Definitions) -> None:
    """Each sensor with its interval."""
    sensors = {
        sensor.name: f"{sensor.minimum_interval_seconds} s"
        for sensor in definitions.get_repository_def().sensor_defs
    }

    assert {codes(row[0])[0]: row[1] for row in rows_of(JOBS, "Sensors")} == sensors


def _span(span: dt.timedelta) -> str:
    for unit, length in (("days", dt.timedelta(days=4)), ("hours", dt.timedelta(hours=2))):
        if span >= length:
            return f"{span // dt.timedelta(**{unit: 1})} {unit}"
    return f"{span // dt.timedelta(minutes=1)} minutes"


def _window(spec: dg.AssetSpec) -> str:
    """The freshness window of an asset in words; empty where there is none."""
    policy: Any = spec.freshness_policy
    if policy is None:
        return ""
    warn, fail = policy.warn_window, policy.fail_window
    parts = [f"warns after {_span(warn.to_timedelta())}"] if warn else []
    return ", ".join([*parts, f"fails after {_span(fail.to_timedelta())}"])


def test_assets_table_is_the_graph(definitions: dg.Definitions) -> None:
    """Each asset with what it depends on and its freshness window."""
    specs = {
        spec.key.to_user_string(): ({dep.asset_key.to_user_string() for dep in spec.deps}, _window(spec))
        for spec in definitions.resolve_all_asset_specs()
    }

    table = tables(read(ASSETS))[0]
    assert {codes(row[0])[0]: (set(codes(row[1])), row[2]) for row in table} == specs


def test_every_asset_group_is_explained(definitions: dg.Definitions) -> None:
    """The tutorial's table has one row for each group."""
    groups = {spec.group_name for spec in definitions.resolve_all_asset_specs()}

    assert set(first_codes(rows_of("docs/tutorial/first-build.md", "Look at the lineage"))) == groups


def test_checks_table_is_the_graphs(definitions: dg.Definitions) -> None:
    """Each check, and whether it stops a run."""
    graph = definitions.resolve_asset_graph()
    checks = {
        (key.asset_key.to_user_string(), key.name, "yes" if graph.get_check_spec(key).blocking else "no")
        for key in graph.asset_check_keys
    }

    assert {(codes(row[0])[0], codes(row[1])[0], row[2]) for row in rows_of(ASSETS, "Checks")} == checks


def test_status_table_is_the_rules() -> None:
    """What each status means, cell by cell."""
    documented = {
        codes(row[0])[0]: [cell == "yes" for cell in row[1:]] for row in rows_of(ASSETS, "What a match is")
    }

    assert documented == {
        name.value: [rule.trains, rule.moves_ratings, rule.is_served, rule.settles]
        for name, rule in STATUS_RULES.items()
    }


def test_metrics_table_is_what_is_exported() -> None:
    """Each metric with its type, as Prometheus reads them, and with its labels."""
    metrics = Metrics()
    types = re.findall(r"^# TYPE (\w+) (\w+)$", metrics.exposition().decode(), re.MULTILINE)
    labels = {
        metric._name: metric._labelnames
        for name, metric in (vars(metrics) | vars(metrics.pipeline)).items()
        if not name.startswith("_") and isinstance(metric, MetricWrapperBase)
    }
    exported = {
        (name, kind, labels[name.removesuffix("_total")])
        for name, kind in types
        if not name.endswith("_created")  # the library's own, of each counter and histogram
    }

    table = tables(read("docs/reference/metrics.md"))[0]
    assert {(codes(row[0])[0], row[1], tuple(codes(row[2]))) for row in table} == exported


def test_alert_kinds_table_is_the_codes() -> None:
    """Each kind that a subscriber may ask for."""
    assert set(first_codes(rows_of("docs/how-to/set-up-alerts.md", "Kinds"))) == set(KINDS)


@pytest.mark.parametrize(
    ("title", "struct"),
    [("Manifest", release.Manifest), ("Pointer", release.Pointer), ("Status", status.Status)],
)
def test_release_fields_are_the_structs(title: str, struct: Any) -> None:
    """The fields of what is published, in their order."""
    assert first_codes(rows_of(RELEASE, title)) == list(struct.__struct_fields__)


def test_release_files_are_the_contracts() -> None:
    """Each file of a release, and each object beside it."""
    files = {value for name, value in vars(release).items() if name.endswith("_FILE")}
    objects = {
        value
        for module in (api_keys, events, release, reports, status)
        for name, value in vars(module).items()
        if name.endswith(("_KEY", "_PREFIX"))
    }

    assert set(first_codes(rows_of(RELEASE, "Files of a release"))) == files
    documented = {name for row in rows_of(RELEASE, "Objects beside the releases") for name in codes(row[0])}
    assert len(objects) > 4
    assert objects <= documented


def test_feature_table_is_the_matrix() -> None:
    """Each column once, in the order of the matrix."""
    assert first_codes(tables(read("docs/reference/features.md"))[0]) == list(FEATURE_NAMES)


def test_feature_groups_are_the_codes() -> None:
    """Each group that a reason may name."""
    groups = {row[0] for row in rows_of("docs/reference/features.md", "Groups")}

    assert groups == set(FEATURE_GROUPS.values())


def test_features_have_the_meanings_of_the_code() -> None:
    """Meaning, unit and bounds stand in the code, where asset pages read them."""
    documented = {row[0].strip("`"): row[1:4] for row in tables(read("docs/reference/features.md"))[0]}
    described = {name: [each.meaning, each.unit, each.bounds] for name, each in FEATURE_DESCRIPTIONS.items()}

    assert documented == described
    assert list(described) == list(FEATURE_NAMES)


def test_features_keep_their_bounds() -> None:
    """No computed value lies outside the documented bounds."""
    values = compute_features(random_table(7, 2_000))[0].values

    for column, row in enumerate(tables(read("docs/reference/features.md"))[0]):
        numbers = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", row[3])]
        low, high = numbers[0] if numbers else -np.inf, numbers[1] if len(numbers) > 1 else np.inf
        assert low <= values[:, column].min(), row[0]
        assert values[:, column].max() <= high, row[0]


@pytest.mark.parametrize("package", ["soccer_assets", "serving"])
def test_layers_are_import_linters(package: str) -> None:
    """The layers that the architecture page shows are those that are checked."""
    (layered,) = [
        contract
        for contract in PYPROJECT["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers" and contract["containers"] == [package]
    ]
    blocks = code_blocks(section("docs/explanation/architecture.md", "Folders"), "")

    assert [layer.replace(" : ", " · ") for layer in layered["layers"]] in [
        block.splitlines() for block in blocks
    ]


def test_messages_of_the_troubleshooting_page_are_printed() -> None:
    """Each message that a symptom quotes is one of the program's, around what it fills in."""
    program = " ".join([(ROOT / "Makefile").read_text(), *_sources("soccer_assets"), *_sources("serving")])
    flat = re.sub(r'"\s*\n\s*f?"', "", program)
    quoted = [
        code
        for table in tables(read("docs/how-to/troubleshoot.md"))
        for row in table
        for code in codes(row[0])
    ]
    parts = {part.strip(' "') for code in quoted for part in re.split(r"\.\.\.", code)}

    missing = sorted(part for part in parts if part not in flat and part not in flat.replace("`", ""))
    assert len(parts) > 10
    assert missing == []
