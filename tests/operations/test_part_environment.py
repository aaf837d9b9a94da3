"""Which variables a part of `soccer up` gets."""

import pytest

from soccer_assets.operations.part_environment import COMMON, NEEDS, PartEnvironments
from tests.docs.pages import first_codes, read, tables

# What each secret of an environment is for, and who gets it.
GRAPH = {"dagster-code", "run"}
SECRETS = {
    "SOCCER_API_FOOTBALL_KEY": GRAPH,
    "SOCCER_A_FEED_OF_MY_OWN_KEY": GRAPH,
    "SOCCER_FEED_URL": GRAPH,
    "SOCCER_DATABASE_URL": GRAPH | {"sidecar", "watchdog"},
    "PGPASSWORD": GRAPH | {"sidecar", "watchdog", "mlflow"},
    "AWS_SECRET_ACCESS_KEY": GRAPH | {"sidecar", "worker", "watchdog"},
    "SOCCER_REDIS_URL": GRAPH | {"sidecar", "worker", "watchdog"},
    "SOCCER_REDIS_PASSWORD": GRAPH | {"sidecar", "worker", "watchdog"},
    "SOCCER_MLFLOW_URL": GRAPH,
    "MLFLOW_TRACKING_PASSWORD": GRAPH | {"mlflow"},
    "SOCCER_SIDECARS": {"watchdog"},
    "HTTPS_PROXY": GRAPH | {"sidecar", "worker", "watchdog"},
    "MAIL_PASSWORD": GRAPH | {"watchdog"},
    "DAGSTER_POSTGRES_URL": set(),
    "GITHUB_TOKEN": set(),
    "SOCCER_WORD_OF_ANOTHER_PROGRAM": set(),
}


@pytest.mark.parametrize("part", NEEDS)
def test_a_part_gets_the_secrets_that_it_needs_and_no_other(part: str) -> None:
    """A variable that no list names, such as a token of another program, goes to nobody."""
    environments = PartEnvironments(dict.fromkeys(SECRETS, "secret") | {"PATH": "/bin"}, {"MAIL_PASSWORD"})

    found = environments.of(part)

    assert set(found) - {"PATH"} == {name for name, parts in SECRETS.items() if part in parts}
    assert found["PATH"] == "/bin"


def test_every_setting_reaches_a_part() -> None:
    """A setting of the reference stands in the table: one that did not would be ignored."""
    documented = first_codes(tables(read("docs/reference/settings.md"))[0])
    environments = PartEnvironments(dict.fromkeys(documented, "value"), ())

    reached = {name for part in NEEDS for name in environments.of(part)}

    # Of whoever starts `soccer`, and of the replay; not of a home.
    assert set(documented) == reached
    assert {name for name in COMMON if name.startswith("SOCCER_")} <= set(documented)
