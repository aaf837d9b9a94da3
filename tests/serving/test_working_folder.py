"""Nothing in the working folder is imported by the server's process or what it starts."""

import os
import subprocess
import sys
from pathlib import Path

_LOAD = """
import sys
from granian._internal import load_target
from serving.server_process import TARGET, WORKING_FOLDER
load_target(TARGET, wd=WORKING_FOLDER and __import__("pathlib").Path(WORKING_FOLDER))
print(*sys.path, sep="\\n")
"""


def test_the_server_leaves_the_working_folder_off_the_import_path(tmp_path: Path) -> None:
    """Granian puts it there for a target that is named as a module: a `numpy.py` in it would run."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", _LOAD],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        check=True,
        capture_output=True,
        text=True,
    )
    assert str(tmp_path.resolve()) not in done.stdout.splitlines()
    assert "" not in done.stdout.splitlines()[:-1]
