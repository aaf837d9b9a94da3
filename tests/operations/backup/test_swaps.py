"""Parts that take the places of what is there."""

from pathlib import Path

import pytest

from soccer_assets.operations.backup.progress import Progress
from soccer_assets.operations.backup.swaps import PathSwap


@pytest.mark.parametrize("is_there", [True, False])
def test_what_the_backup_does_not_have_is_not_there_after_it(is_there: bool, tmp_path: Path) -> None:
    """A deployment to whose alerts nobody subscribed: a list of now is set aside, and no list is no fault."""
    subscribers = tmp_path / "alerts.json"
    if is_there:
        subscribers.write_text("of now")

    former = PathSwap(subscribers, "20261129").commit(Progress(lambda _: None, "places"))

    assert not subscribers.exists()
    assert [Path(former).read_text()] == ["of now"] if is_there else former == ""
