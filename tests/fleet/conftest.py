"""Hosts and servers of the trials of a fleet."""

from collections.abc import Iterator

import pytest

from tests.fleet.fleet_home import Services, services
from tests.fleet.hosts import Host, bridge, hosts, skip_without_rights


@pytest.fixture(scope="module")
def network() -> Iterator[list[Host]]:
    """Two hosts of workers and that of the services."""
    skip_without_rights()
    with bridge(), hosts(2) as found:
        yield found


@pytest.fixture(scope="module")
def servers(network: list[Host], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """PostgreSQL, Valkey and S3, with all of the machine that the workers leave."""
    with services(tmp_path_factory.mktemp("services")) as found:
        yield found
