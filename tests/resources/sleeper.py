"""What a process does that stands for a run's: by itself, as its process imports the module that it is in."""

import signal
import time
from multiprocessing.synchronize import Event


def sleep(is_ready: Event) -> None:
    """Sleep as a worker that takes interrupts, also where a shell started the tests in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    is_ready.set()
    time.sleep(600)
