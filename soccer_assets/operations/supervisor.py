"""The supervisor of `soccer up`: starts each part again when it ends, and gives up one that cannot run.

A part that ends is started again after 0, 1, 2 and 4 seconds. After five ends in five minutes it stays down,
is written to the list that the watchdog tells, and the other parts go on. A part that hangs is killed and
started again; the list names it until it answers. While the disk is full no part is given up: it would stay
down after the disk has space again.
"""

import contextlib
import datetime as dt
import signal
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import msgspec

from soccer_assets.alerting.disk_space import is_disk_full
from soccer_assets.alerting.down_parts import DownPart, write_down_parts
from soccer_assets.clock import isoformat
from soccer_assets.operations.liveness import MOST_MISSES, PROBE_SECONDS, Liveness, Prober, is_stopped
from soccer_assets.operations.processes import Processes, StartError

MOST_ENDS = 5
WITHIN_SECONDS = 300.0
_LONGEST_PAUSE = 30.0
_CHECK_SECONDS = 0.2


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A process that shall run as long as `soccer up` does.

    Attributes:
        name: of its log and in messages.
        command: program and arguments, without secrets: every user of the machine can read them.
        env: its whole environment.
        fds: file descriptors that it inherits.
        stdin: file descriptor of its standard input; none by default.
        is_apart: whether it survives `soccer up`, to tell of its end.
        prepare: called before each start, to remove what a killed process left.
        answers: whether it does its work; asked in a thread.
        most_misses: questions in a row without an answer from which it hangs.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    fds: tuple[int, ...] = ()
    stdin: int | None = None
    is_apart: bool = False
    prepare: Callable[[], object] = lambda: None
    answers: Callable[[], bool] = lambda: True
    most_misses: int = MOST_MISSES


class _Life:
    """What the supervisor remembers of a part."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.ends: deque[float] = deque()
        self.starts_at: float | None = None
        self.is_down = False
        self.liveness = Liveness(part.most_misses)
        self.prober: Prober | None = None
        self.hung_since: str | None = None


class Supervisor:
    """Keeps the parts of one home running."""

    def __init__(
        self,
        home: Path,
        processes: Processes,
        say: Callable[[str], object],
        monotonic: Callable[[], float] = time.monotonic,
        probe_seconds: float = PROBE_SECONDS,
    ) -> None:
        """Bind to a home; ``say`` gets one line for each end, ``monotonic`` is the clock of the pauses."""
        self._home = home
        self._processes = processes
        self._print = say
        self._monotonic = monotonic
        self._probe_seconds = probe_seconds
        self._lives: dict[str, _Life] = {}
        self._down: list[DownPart] = []
        self._is_written = write_down_parts(home, [])
        self._is_starting = True
        self._also_checked: list[Callable[[], object]] = []

    def call_at_checks(self, call: Callable[[], object]) -> None:
        """Call a function at each check too; what it raises ends the home."""
        self._also_checked.append(call)

    def start(self, part: Part) -> None:
        """Start a part and keep it running."""
        life = self._lives[part.name] = _Life(part)
        self._launch(part)
        life.prober = Prober(lambda: self._answers(part), life.liveness, self._probe_seconds)

    def started(self) -> None:
        """The system is up: from now on a part that ends with an error is started again, too."""
        self._is_starting = False

    def check(self) -> None:
        """Start what ended and is due, rotate large logs, and write the list of what stays down.

        Raises:
            StartError: during the start, a part ended with an error of its own (a signal is none).
        """
        for call in self._also_checked:
            call()
        self._processes.rotate_logs()
        for life in self._lives.values():
            if life.is_down:
                continue
            if life.starts_at is None:
                code = self._processes.exit_code(life.part.name)
                if code is not None:
                    self._ended(life, code)
                else:
                    self._look(life)
            if life.starts_at is not None and self._monotonic() >= life.starts_at:
                self._start_again(life)
        if not self._is_written:
            self._is_written = write_down_parts(self._home, [*self._down, *self._hung()])

    def wait_until(self, name: str, is_ready: Callable[[], bool], seconds: float) -> None:
        """Wait until a part is ready, and keep the others running.

        Raises:
            StartError: it was not ready in time, or a part ended with an error.
        """
        deadline = self._monotonic() + seconds
        while not is_ready():
            self.check()
            if self._monotonic() > deadline:
                raise StartError(
                    f"{name} did not answer within {seconds:.0f} s; see {self._processes.log_of(name)}"
                )
            time.sleep(_CHECK_SECONDS)

    def run(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> int:
        """Run a command until it ends, with its output on ours, and keep the parts running meanwhile."""
        self._processes.start(name, command, env, has_log=False)
        while (code := self._processes.exit_code(name)) is None:
            self.check()
            time.sleep(_CHECK_SECONDS)
        self._processes.forget(name)
        return code

    def run_forever(self) -> None:
        """Keep the parts running until a signal's handler raises."""
        while True:
            self.check()
            time.sleep(_CHECK_SECONDS)

    def stop(self, but: Collection[str] = ()) -> None:
        """Stop all parts but these; nothing is down when it was stopped."""
        for life in self._lives.values():
            if life.prober is not None:
                life.prober.stop()
        self._lives.clear()
        self._processes.stop(but)
        write_down_parts(self._home, [])

    def _say(self, text: str) -> None:
        with contextlib.suppress(OSError):  # our own output may be a file on the full disk
            self._print(text)

    def _answers(self, part: Part) -> bool:
        pid = self._processes.pid(part.name)
        return pid is None or (not is_stopped(pid) and part.answers())

    def _look(self, life: _Life) -> None:
        """Kill a part that hangs; take one that answers again off the list."""
        name = life.part.name
        if life.liveness.hangs:
            life.liveness.restart()
            life.hung_since = life.hung_since or isoformat(dt.datetime.now(dt.UTC))
            self._is_written = False
            self._processes.kill_group(name)
            self._ended(life, -signal.SIGKILL, "it did not answer and was killed")
        elif life.hung_since is not None and life.liveness.answers:
            life.hung_since = None
            self._is_written = False

    def _hung(self) -> list[DownPart]:
        """Parts that were killed because they hung, and have not answered since."""
        return [
            DownPart(name, life.hung_since, "", str(self._processes.log_of(name)), hung=True)
            for name, life in self._lives.items()
            if life.hung_since is not None and not life.is_down
        ]

    def _launch(self, part: Part) -> None:
        part.prepare()
        self._processes.start(
            part.name, part.command, part.env, fds=part.fds, stdin=part.stdin, is_apart=part.is_apart
        )

    def _start_again(self, life: _Life) -> None:
        self._processes.end_group(life.part.name)
        life.starts_at = None
        life.liveness.restart()
        try:
            self._launch(life.part)
        except OSError as error:  # no memory, no file descriptors, no space for the log
            self._ended(life, 1, str(error))

    def _ended(self, life: _Life, code: int, reason: str = "") -> None:
        name = life.part.name
        if self._is_starting and code > 0 and not reason:
            raise StartError(
                f"{name} ended with exit code {code}; see {self._processes.log_of(name)}\n"
                + "\n".join(f"  | {line}" for line in self._processes.log_tail(name))
            )
        now = self._monotonic()
        life.ends.append(now)
        if is_disk_full(
            self._home
        ):  # such ends do not count: the next one with space again would be the last
            while len(life.ends) > MOST_ENDS - 2:
                life.ends.popleft()
        while now - life.ends[0] > WITHIN_SECONDS:
            life.ends.popleft()
        how = reason or (f"killed by signal {-code}" if code < 0 else f"exit code {code}")
        if len(life.ends) >= MOST_ENDS:
            self._give_up(life, how)
            return
        pause = 0.0 if len(life.ends) == 1 else min(2.0 ** (len(life.ends) - 2), _LONGEST_PAUSE)
        life.starts_at = now + pause
        self._say(f"{name} ended ({how}); started again" + (f" in {pause:.0f} s" if pause else ""))

    def _give_up(self, life: _Life, how: str) -> None:
        name = life.part.name
        life.is_down = True
        tail = self._processes.log_tail(name)[-1:]
        self._processes.end_group(name)
        self._processes.forget(name)
        log = self._processes.log_of(name)
        self._say(
            f"{name} ended {MOST_ENDS} times in {WITHIN_SECONDS / 60:.0f} minutes ({how}) and stays down; "
            f"everything else runs. See {log}, then start `soccer up` again"
        )
        cause = ": ".join([how, *tail])
        self._down.append(DownPart(name, isoformat(dt.datetime.now(dt.UTC)), cause, str(log)))
        self._is_written = False
