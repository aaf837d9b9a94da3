"""Receivers for the tests of alerts."""

from collections.abc import Iterator

import pytest
from aiosmtpd.controller import Controller

from tests.alerting.builders import Mailbox
from tests.services import free_ports


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    """A mail server, and the address that reaches it."""
    box, (port,) = Mailbox(), free_ports(1)
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, f"mailto://127.0.0.1:{port}?from=soccer@example.org&to=ops@example.org&mode=insecure"
    controller.stop()
