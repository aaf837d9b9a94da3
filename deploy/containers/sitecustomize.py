"""Passwords from files: in the images every process of Python reads this when it starts.

A variable ``NAME_FILE`` that names a file below /run/secrets, where compose mounts its secrets, sets ``NAME``
to what the file holds, without the last line feed. So a password stands in no definition of a container, and
reaches the programs that only know variables: libpq (PGPASSWORD), the clients of S3, Dagster and MLflow.
"""

import os
from pathlib import Path

_SUFFIX = "_FILE"

for _name, _path in list(os.environ.items()):
    if _name.endswith(_SUFFIX) and _path.startswith("/run/secrets/"):
        os.environ.setdefault(
            _name.removesuffix(_SUFFIX), Path(_path).read_text(encoding="utf-8").rstrip("\n")
        )
