"""Python's search for cycles of objects, left out where it finds none: when a process starts and ends.

``python -m soccer_assets.garbage MODULE ARGUMENTS`` runs a module of others that way.
"""

import atexit
import contextlib
import gc
import runpy
import sys
from collections.abc import Iterator

# Objects that are made before the youngest are searched; Python's own 700 is for processes that keep little.
_SEARCHED_AFTER = 50_000


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """What is made inside is never searched for cycles.

    Importing the graph makes 250,000 objects that stay: to search them on the way and at the end took 1.7 of
    the 4.2 s of CPU of a process that only imports them.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def collect_rarely() -> None:
    """Search seldom, and not when the process ends."""
    gc.set_threshold(_SEARCHED_AFTER, *gc.get_threshold()[1:])
    atexit.register(gc.freeze)


def main() -> None:
    """Run the module that the first argument names, with the others."""
    collect_rarely()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
