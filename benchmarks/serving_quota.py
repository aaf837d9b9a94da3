"""A share of one core for a process, by the kernel's own quota (control groups, version 1 or 2).

A load generator needs a core too. With a fixed share for each server process and the rest for the generator,
two processes can be compared with one on a machine of two cores.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil

_PERIOD_US = 10_000
_VERSION_2 = Path("/sys/fs/cgroup")
_VERSION_1 = _VERSION_2 / "cpu"


@contextmanager
def quotas(processes: Sequence[psutil.Process], cores: float) -> Iterator[bool]:
    """Give each process this share of a core; False where this machine does not let us, and none has one."""
    with ExitStack() as stack:
        try:
            for process in processes:
                stack.enter_context(_quota(process, cores))
        except OSError:
            stack.close()
            yield False
        else:
            yield True


@contextmanager
def _quota(process: psutil.Process, cores: float) -> Iterator[None]:
    root = _VERSION_1 if _VERSION_1.is_dir() else _VERSION_2
    group = root / f"soccer-benchmark-{os.getpid()}-{process.pid}"
    group.mkdir()
    try:
        quota = round(cores * _PERIOD_US)
        if root == _VERSION_1:
            (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
            (group / "cpu.shares").write_text("32768")  # its share comes first, whatever else runs
        else:
            (group / "cpu.max").write_text(f"{quota} {_PERIOD_US}")
            (group / "cpu.weight").write_text("1000")
        (group / "cgroup.procs").write_text(str(process.pid))
        yield
    finally:
        with suppress(OSError):  # it ended meanwhile
            (root / "cgroup.procs").write_text(str(process.pid))
        group.rmdir()
