"""The supervisor with small real processes, and a clock of pauses that the test moves."""

import contextlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import msgspec
import psutil
import pytest
from rich.console import Console

from soccer_assets.alerting import disk_space
from soccer_assets.alerting.down_parts import read_down_parts, write_down_parts
from soccer_assets.operations.processes import Processes, StartError
from soccer_assets.operations.supervisor import MOST_ENDS, WITHIN_SECONDS, Part, Supervisor

SLEEPS = (sys.executable, "-c", "import time; print('begun', flush=True); time.sleep(600)")
FAILS = (sys.executable, "-c", "import sys; print('no such database', flush=True); sys.exit(3)")


class Kept:
    """A supervisor whose clock stands still between two moves."""

    def __init__(self, home: Path) -> None:
        (home / "run").mkdir()
        self.home = home
        self.now = 0.0
        self.said: list[str] = []
        self.processes = Processes(home / "run")
        self.supervisor = Supervisor(home, self.processes, self.said.append, lambda: self.now)

    def pid(self, name: str) -> int:
        """The process id of a part."""
        return self.processes._running[name].pid

    def kill(self, name: str) -> None:
        """Kill a part and wait until that is known."""
        psutil.Process(self.pid(name)).kill()
        self.wait(lambda: self.processes.exit_code(name) is not None)

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """A supervisor of an empty home."""
    made = Kept(tmp_path)
    yield made
    made.supervisor.stop()


def _part(name: str, command: tuple[str, ...] = SLEEPS) -> Part:
    return Part(name=name, command=command, env={})


def test_pauses_grow_and_the_fifth_end_within_five_minutes_is_the_last(kept: Kept) -> None:
    """At once, then after 1, 2 and 4 seconds; then the part stays down, is told, and the other runs on."""
    kept.supervisor.start(_part("ours"))
    kept.supervisor.start(_part("other"))
    kept.supervisor.started()
    other = kept.pid("other")
    for pause in (0.0, 1.0, 2.0, 4.0):
        before = kept.pid("ours")
        kept.kill("ours")
        kept.supervisor.check()
        if pause:
            assert kept.pid("ours") == before
            kept.now += pause - 0.01
            kept.supervisor.check()
            assert kept.pid("ours") == before
            kept.now += 0.01
            kept.supervisor.check()
        assert kept.pid("ours") != before
    assert read_down_parts(kept.home) == []

    kept.wait(lambda: kept.processes.log_tail("ours") != [])
    kept.kill("ours")
    kept.supervisor.check()
    kept.now += 3600
    kept.supervisor.check()

    (down,) = read_down_parts(kept.home)
    assert down.name == "ours"
    assert down.cause == "killed by signal 9: begun"
    assert "ours" not in kept.processes._running
    assert kept.pid("other") == other
    assert [line for line in kept.said if "stays down" in line] == [kept.said[-1]]


def test_a_part_that_hangs_is_killed_started_again_and_told_until_it_answers(kept: Kept) -> None:
    """SIGSTOP ends nothing: whoever waits for it would wait for ever."""
    kept.supervisor._probe_seconds = 0.001
    kept.supervisor.start(_part("ours"))
    kept.supervisor.started()
    life = kept.supervisor._lives["ours"]
    kept.wait(lambda: life.liveness.answers)
    before = kept.pid("ours")
    psutil.Process(before).suspend()
    kept.wait(lambda: life.liveness.hangs)
    kept.supervisor.check()
    told = read_down_parts(kept.home)

    assert [(part.name, part.hung) for part in told] == [("ours", True)]
    assert kept.pid("ours") != before
    assert "did not answer" in kept.said[-1]
    kept.wait(lambda: life.liveness.answers)
    kept.supervisor.check()
    assert read_down_parts(kept.home) == []


def test_a_part_that_answers_nothing_hangs(kept: Kept) -> None:
    """Its process runs, and does nothing."""
    does_answer = True
    part = msgspec.structs.replace(_part("ours"), answers=lambda: does_answer)
    kept.supervisor._probe_seconds = 0.001
    kept.supervisor.start(part)
    kept.supervisor.started()
    life = kept.supervisor._lives["ours"]
    kept.wait(lambda: life.liveness.answers)
    before = kept.pid("ours")
    does_answer = False
    kept.wait(lambda: life.liveness.hangs)
    kept.supervisor.check()

    assert kept.pid("ours") != before


def test_ends_far_apart_are_not_counted_together(kept: Kept) -> None:
    """A part that dies once in five minutes is started again at once, for ever."""
    kept.supervisor.start(_part("ours"))
    kept.supervisor.started()
    for _ in range(MOST_ENDS + 2):
        before = kept.pid("ours")
        kept.kill("ours")
        kept.supervisor.check()
        assert kept.pid("ours") != before
        kept.now += WITHIN_SECONDS + 1

    assert read_down_parts(kept.home) == []


def test_nothing_is_given_up_while_the_disk_is_full(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would stay down after the disk has space again."""
    monkeypatch.setattr(disk_space, "shutil", SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=0)))
    kept.supervisor.start(_part("ours"))
    kept.supervisor.started()
    for _ in range(MOST_ENDS + 2):
        before = kept.pid("ours")
        kept.kill("ours")
        kept.supervisor.check()
        kept.now += 30
        kept.supervisor.check()
        assert kept.pid("ours") != before

    assert shutil.disk_usage(kept.home).free > 0
    assert read_down_parts(kept.home) == []


def test_an_error_during_the_start_is_the_operators(kept: Kept) -> None:
    """A part that ends with an exit code before the system is up shows the end of its log."""
    kept.supervisor.start(_part("ours", FAILS))
    kept.wait(lambda: kept.processes.exit_code("ours") is not None)

    with pytest.raises(StartError, match=r"ours ended with exit code 3(.|\n)*no such database"):
        kept.supervisor.check()


def test_a_kill_during_the_start_is_no_error(kept: Kept) -> None:
    """What dies of a signal is started again, also while the first build runs."""
    kept.supervisor.start(_part("ours"))
    before = kept.pid("ours")
    kept.kill("ours")

    code = kept.supervisor.run("build", (sys.executable, "-c", "raise SystemExit(4)"), {})

    assert code == 4
    assert kept.pid("ours") != before


def test_what_a_killed_part_started_ends_with_it(kept: Kept) -> None:
    """A grandchild would hold the port or the files that the next one needs."""
    sleep = "import time; time.sleep(600)"
    parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '{sleep}']); {sleep}"
    kept.supervisor.start(_part("ours", (sys.executable, "-c", parent)))
    kept.supervisor.started()
    kept.wait(lambda: bool(psutil.Process(kept.pid("ours")).children()))
    (grandchild,) = psutil.Process(kept.pid("ours")).children()
    kept.kill("ours")

    kept.supervisor.check()

    kept.wait(lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE)


def test_a_list_that_cannot_be_read_stops_nothing(tmp_path: Path) -> None:
    """Truncated by a crash, or not ours: the children's list and the list of what is down are ignored."""
    for content in (b"", b'[{"name": "sidecar", "p', b'{"other": 1}', b"\xff\x00"):
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / "children.json").write_bytes(content)
        (tmp_path / "run" / "down.json").write_bytes(content)
        said: list[str] = []

        Processes(tmp_path / "run").stop_leftovers(said.append)

        assert said == []
        assert not (tmp_path / "run" / "children.json").exists()
        assert read_down_parts(tmp_path) == []


def test_a_list_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    """The supervisor tries again at its next look."""
    assert not write_down_parts(tmp_path / "missing", [])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_on_a_full_disk_ends_nothing(tmp_path: Path) -> None:
    """Its own log may be on the disk that is full: the parts are started again all the same."""
    (tmp_path / "run").mkdir()
    processes = Processes(tmp_path / "run")
    full = Path("/dev/full").open("w")  # noqa: SIM115 - its close fails too
    console = Console(file=full)
    with pytest.raises(OSError, match="No space left"):
        console.print("this console is on a full disk")
    supervisor = Supervisor(tmp_path, processes, console.print)
    supervisor.start(_part("ours"))
    supervisor.started()
    for _ in range(2):
        before = processes._running["ours"]
        before.kill()
        before.wait()
        supervisor.check()
        supervisor._lives["ours"].starts_at = supervisor._lives["ours"].starts_at and 0.0
        supervisor.check()
        assert processes._running["ours"].pid != before.pid
    supervisor.stop()
    with contextlib.suppress(OSError):
        full.close()
