"""The graph as a whole: its keys, and the properties that every asset has."""

import datetime as dt

import dagster as dg
import pytest
import yaml
from dagster._core.storage.tags import MAX_RUNTIME_SECONDS_TAG

from soccer_assets.graph import freshness
from soccer_assets.graph.assets.livescores import MONTHS_A_RUN, SHORT_RUN_MONTHS
from soccer_assets.graph.automation_conditions import follow_upstream_sensor
from soccer_assets.graph.build import build_definitions
from soccer_assets.graph.jobs import JOBS
from soccer_assets.operations.local_instance import INSTANCE
from soccer_assets.settings import Settings

KEYS = {
    "downloads/files",
    "exports/match",
    "exports/match_raw",
    "features/match_features",
    "features/team_state",
    "history/parts",
    "livescores/history",
    "livescores/recent",
    "livescores/upcoming",
    "livescores/window",
    "matches/match",
    "matches/odds",
    "model/candidate",
    "model/champion",
    "model/evaluation",
    "model/parameters",
    "monitoring/drift",
    "monitoring/quality",
    "predictions/ledger",
    "predictions/upcoming",
    "projections/season",
    "releases/current",
}

# Icons of Dagster's pages.
KINDS = {"python", "parquet", "table", "numpy", "xgboost", "mlflow", "sqlite", "json"}


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """The graph of a home that was never started."""
    return build_definitions(Settings.from_env({"SOCCER_HOME": str(tmp_path_factory.mktemp("home"))}))


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    """Every asset's spec by its key."""
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_the_location_loads(definitions):
    """Every job, sensor, schedule and check resolves."""
    dg.Definitions.validate_loadable(definitions)


def test_the_keys_are_complete(specs):
    """No asset is missing, and no mistyped dependency drew a stray node."""
    assert set(specs) == KEYS


@pytest.mark.parametrize("key", sorted(KEYS))
def test_every_asset_has_description_group_kinds_and_owner(specs, key):
    """Description, group, kinds and owner are there, and the group is the key's stage."""
    spec = specs[key]

    assert len(spec.description or "") > 40
    assert spec.group_name == key.split("/")[0]
    assert spec.kinds
    assert spec.kinds <= KINDS
    assert spec.owners


def test_an_asset_has_exactly_the_policy_that_the_status_and_the_alerts_quote(specs):
    """The status beside the release, the alerts and the asset's page have one source."""
    policies = {key: spec.freshness_policy for key, spec in specs.items() if spec.freshness_policy}

    assert policies == {key.to_user_string(): policy for key, policy in freshness.POLICIES.items()}
    assert freshness.WATCHED.keys() == freshness.POLICIES.keys()


@pytest.mark.parametrize(
    ("warn", "fail", "text"),
    [
        (dt.timedelta(minutes=90), dt.timedelta(hours=3), "warns after 90 minutes, fails after 3 hours"),
        (None, dt.timedelta(hours=26), "fails after 26 hours"),
        (dt.timedelta(hours=26), dt.timedelta(hours=50), "warns after 26 hours, fails after 50 hours"),
        (dt.timedelta(days=29), dt.timedelta(days=35), "warns after 29 days, fails after 35 days"),
        (None, dt.timedelta(hours=1), "fails after 1 hour"),
    ],
)
def test_the_text_of_a_policy_is_its_windows(warn, fail, text):
    """Change a window and every text that quotes it changes."""
    policy = dg.FreshnessPolicy.time_window(warn_window=warn, fail_window=fail)

    assert freshness.text_of(policy) == text


@pytest.mark.parametrize(
    ("environ", "months"),
    [
        ({}, 48),
        ({"SOCCER_FEED": "football-data"}, 12),
        ({"SOCCER_FEED": "football-data", "SOCCER_FEED_URL": "file:///data/mirror"}, 48),
        ({"SOCCER_FEED": "espn,openligadb", "SOCCER_FEED_URL": "espn=file:///data/espn"}, 12),
    ],
)
def test_a_backfills_run_is_short_where_the_feed_is_remote(tmp_path, environ, months):
    """48 months a run from files of this machine, 12 from a provider's server."""
    settings = Settings.from_env(
        {"SOCCER_HOME": str(tmp_path), "SOCCER_HISTORY_START": "2015-07-01", **environ}
    )
    history = build_definitions(settings).resolve_asset_graph().get(dg.AssetKey(["livescores", "history"]))

    assert history.backfill_policy.max_partitions_per_run == months


def test_history_has_no_freshness_policy(specs):
    """Backfilling the past must not make the present look fresh."""
    assert specs["livescores/history"].freshness_policy is None


def test_every_stage_has_a_blocking_check(definitions):
    """A faulty batch, an impossible result or a partial release stops the run."""
    graph = definitions.resolve_asset_graph()
    blocking = {key.asset_key.path[0] for key in graph.asset_check_keys if graph.get_check_spec(key).blocking}

    assert blocking == {key.split("/")[0] for key in KEYS}


def test_every_publishing_job_is_serialised():
    """Jobs that end in a release carry the tag of which one runs at a time."""
    assert {job.name for job in JOBS if "soccer/publish" in (job.tags or {})} == {job.name for job in JOBS}


def test_every_run_is_bounded_in_time(definitions):
    """A run that hangs is ended: by its job's tag, or by the instance's bound for runs without one."""
    bounds = {
        job.name: int(job.tags.get(MAX_RUNTIME_SECONDS_TAG, 0))
        for job in definitions.resolve_all_job_defs()
        if not job.name.startswith("__")
    }
    largest = INSTANCE["run_monitoring"]["max_runtime_seconds"]

    assert {name for name, bound in bounds.items() if not 3600 <= bound <= largest} == set()
    assert 3600 <= int(follow_upstream_sensor.run_tags[MAX_RUNTIME_SECONDS_TAG]) <= largest


def test_the_deployed_instance_differs_only_in_storage(request):
    """What `soccer up` writes for a home is the top level's dagster.yaml but for storage."""
    deployed = yaml.safe_load((request.config.rootpath / "dagster.yaml").read_text())

    assert deployed.pop("storage")["postgres"]
    assert deployed == {name: value for name, value in INSTANCE.items() if name != "storage"}


@pytest.mark.parametrize(
    ("runs", "feed_url", "pool", "months"),
    [
        ("here", "file:///srv/feeds/matches.parquet", "livescores", MONTHS_A_RUN),
        ("fleet", "file:///srv/feeds/matches.parquet", None, SHORT_RUN_MONTHS),
        ("fleet", "https://results.example/matches.parquet", "livescores", SHORT_RUN_MONTHS),
    ],
)
def test_a_fleet_reads_files_side_by_side_and_a_provider_alone(
    tmp_path, runs, feed_url, pool, months
) -> None:
    """Every other asset of the feed stays alone in its place."""
    environ = {"SOCCER_HOME": str(tmp_path), "SOCCER_RUNS": runs, "SOCCER_FEED": "archive"}
    settings = Settings.from_env(
        environ | {"SOCCER_FEED_URL": feed_url, "SOCCER_HISTORY_START": "2020-01-01"}
    )
    found = build_definitions(settings).resolve_asset_graph()
    history = found.get(dg.AssetKey(["livescores", "history"]))

    assert history.pools == ({pool} if pool else set())
    assert history.backfill_policy.max_partitions_per_run == months
    for name in ("recent", "upcoming", "window"):
        assert found.get(dg.AssetKey(["livescores", name])).pools == {"livescores"}
