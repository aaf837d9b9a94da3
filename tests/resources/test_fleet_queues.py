"""The Celery app of a fleet: its broker's address, TLS, and which queue is served first."""

import ssl

import pytest

pytest.importorskip("celery", reason="requirements-fleet.lock is not installed")

from soccer_assets.cli import fleet as command
from soccer_assets.resources.dagster_runs import QUEUES
from soccer_assets.resources.fleet_queues import broker_of, celery_app
from soccer_assets.settings import SettingError


def test_the_certificate_is_checked_as_the_address_says() -> None:
    """By default against the named authorities, with the host's name; plain redis:// has none."""
    url, certificates = broker_of("rediss://:word@valkey.example:6379/1?ssl_ca_certs=/run/ca.pem")
    assert url == "rediss://:word@valkey.example:6379/1"
    assert certificates == {
        "ssl_ca_certs": "/run/ca.pem",
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
        "ssl_check_hostname": True,
    }
    _, unchecked = broker_of("rediss://valkey.example?ssl_cert_reqs=none")
    assert unchecked == {"ssl_cert_reqs": ssl.CERT_NONE, "ssl_check_hostname": False}
    assert broker_of("redis://valkey.example:6379/0") == ("redis://valkey.example:6379/0", None)


@pytest.mark.parametrize("url", ["", "unix:///run/valkey.sock"])
def test_an_address_that_other_machines_cannot_reach_is_refused(url: str) -> None:
    """With the setting's name."""
    with pytest.raises(SettingError, match="SOCCER_REDIS_URL"):
        broker_of(url)


def test_a_worker_serves_its_first_queue_first(valkey_url: str) -> None:
    """Of messages that wait, whichever came first."""
    app = celery_app(valkey_url, "order:")
    for queue in reversed(QUEUES):
        app.send_task("execute_job", queue=queue, routing_key=f"{queue}.execute_job")
    with app.connection_for_read() as connection:
        channel = connection.default_channel
        found = []
        for queue in app.amqp.queues.values():
            queue(channel).declare()
        channel.queue_order_strategy = "priority"
        for _ in QUEUES:
            for name in QUEUES:
                message = channel.basic_get(name, no_ack=True)
                if message is not None:
                    found.append(message.delivery_info["routing_key"])
                    break
    assert found == [f"{queue}.execute_job" for queue in QUEUES]
    assert app.conf.broker_transport_options["queue_order_strategy"] == "priority"


def test_the_command_names_the_queues() -> None:
    """It imports nothing for its help."""
    assert command._QUEUES == QUEUES
