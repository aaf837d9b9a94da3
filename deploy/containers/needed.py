"""Print the packages that a requirement needs of the wheels in /wheels, one `name==version` a line."""

import json
import subprocess
import sys

_INSTALL = (
    *("pip", "install", "--dry-run", "--ignore-installed", "--no-index", "--quiet"),
    *("--find-links", "/wheels", "--find-links", "/stub", "--report", "-"),
)


def main() -> None:
    """Ask pip, which resolves as it would to install."""
    done = subprocess.run([*_INSTALL, *sys.argv[1:]], check=True, stdout=subprocess.PIPE)  # noqa: S603 - the Dockerfile's words
    found = [one["metadata"] for one in json.loads(done.stdout)["install"]]
    names = sorted(f"{one['name']}=={one['version']}" for one in found if one["name"] != "soccer-assets")
    sys.stdout.writelines(f"{name}\n" for name in names)


if __name__ == "__main__":
    main()
