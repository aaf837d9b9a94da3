"""Leave out of an image what no program of it reads, in the layer that installed the packages.

Test folders, headers and sources of extensions, maps of minified scripts, the languages but English of the
names that Faker makes up, pyarrow's RPC and botocore's descriptions of services that are not the store. A
package that misses one of these says so when it is imported: `make containers` runs both images' programs.
"""

import shutil
import site
import sys
from collections.abc import Iterator
from pathlib import Path

_SOURCES = {".a", ".c", ".cpp", ".h", ".hpp", ".lib", ".map", ".pxd", ".pxi", ".pyx"}
# What a client of S3 asks for credentials and buckets, by boto3's names.
_SERVICES = {"s3", "sso", "sso-oidc", "sts", "signin"}


def unread(packages: Path) -> Iterator[Path]:
    """The folders and files of a folder of packages that can go."""
    yield from (folder for folder in packages.rglob("tests") if folder.is_dir())
    yield from (file for file in packages.rglob("*") if file.suffix in _SOURCES)
    yield from (
        folder for folder in packages.glob("faker/providers/*/??_??") if not folder.name.startswith("en_")
    )
    yield from (
        folder
        for folder in packages.glob("botocore/data/*")
        if folder.is_dir() and folder.name not in _SERVICES
    )
    yield from packages.glob("pyarrow/*flight*")


def leave_out(packages: Path) -> int:
    """Remove it from a folder of packages; returns how many bytes that was."""
    freed = 0
    for path in list(unread(packages)):
        files = [file for file in (path, *path.rglob("*")) if file.is_file()]
        freed += sum(file.stat().st_size for file in files)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)  # it was in a folder that is gone
    return freed


def main() -> None:
    """Remove it from this interpreter's packages, and print how much that was."""
    freed = sum(leave_out(Path(folder)) for folder in site.getsitepackages() if Path(folder).is_dir())
    sys.stdout.write(f"left out {freed / 1e6:.0f} MB\n")


if __name__ == "__main__":
    main()
