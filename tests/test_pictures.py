"""The pictures of the documents: taken by `docs/take_pictures.py`, which needs a browser."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "docs/take_pictures.py"


def test_a_missing_browser_is_named(tmp_path):
    """Without Chromium nothing is started, and one sentence says what to install."""
    done = subprocess.run(
        [sys.executable, SCRIPT],
        env=os.environ | {"PATH": str(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == "make pictures needs Chromium: install it (Debian: apt install chromium)\n"
    assert not list(tmp_path.iterdir())
