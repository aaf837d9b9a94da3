"""A load of look-ups whose every answer is checked: asked id, one release, probabilities that add up to 1."""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import msgspec

from tests.serving.builders import TOKENS

# A look-up that takes longer is a failure: nothing here waits for anything but the processor.
ANSWER_SECONDS = 20.0


class _Body(msgspec.Struct):
    match_id: str
    release_id: str
    p_home: float
    p_draw: float
    p_away: float


class Load:
    """Asks on some connections until it is stopped, in a thread of its own.

    Args:
        addresses: ``http://host:port`` of one or more sidecars.
        match_ids: what is asked for, in random order.
        p_home_of: what each release says of every match; an answer that says otherwise mixes two.
        connections: to each address.
        pause_seconds: between an answer and the next question on a connection; without it, a load that waits
            for something else takes both cores.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        match_ids: Sequence[str],
        p_home_of: Mapping[str, float],
        connections: int = 8,
        pause_seconds: float = 0.0,
    ) -> None:
        self._addresses = [address.removeprefix("http://").split(":") for address in addresses]
        self._match_ids = match_ids
        self._p_home_of = p_home_of
        self._connections = connections
        self._pause = pause_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self.answers = 0
        self.failures: list[str] = []
        # When each release was first answered, by the monotonic clock.
        self.first_seen: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def wait(self, condition: Callable[[], bool], seconds: float = 600.0) -> None:
        """Let the load go on until a condition holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            if self.failures or time.monotonic() > deadline:
                raise AssertionError(f"after {self.answers} answers: {self.failures[:3]}")
            time.sleep(0.005)

    def more(self, answers: int, seconds: float = 600.0) -> None:
        """Let the load go on for some answers."""
        target = self.answers + answers
        self.wait(lambda: self.answers >= target, seconds)

    async def _run(self) -> None:
        await asyncio.gather(
            *(self._ask(*address) for address in self._addresses for _ in range(self._connections))
        )

    async def _ask(self, host: str, port: str) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"Host: {host}\r\nX-API-Key: {TOKENS['reader']}\r\n\r\n"
        try:
            while not self._stop.is_set():
                match_id = random.choice(self._match_ids)  # noqa: S311 - a load, not a secret
                writer.write(f"GET /predict/{match_id} HTTP/1.1\r\n{head}".encode())
                async with asyncio.timeout(ANSWER_SECONDS):
                    status, body = await _answer(reader)
                self._check(match_id, status, body)
                await asyncio.sleep(self._pause)
        except (OSError, EOFError, TimeoutError) as error:
            self.failures.append(f"{type(error).__name__}: {error}")
        finally:
            writer.close()

    def _check(self, match_id: str, status: int, content: bytes) -> None:
        if status != 200:
            self.failures.append(f"{status}: {content[:200]!r}")
            return
        body = msgspec.json.decode(content, type=_Body)
        total = body.p_home + body.p_draw + body.p_away
        is_whole = body.p_home == self._p_home_of[body.release_id] and abs(total - 1.0) < 1e-9
        if body.match_id != match_id or not is_whole:
            self.failures.append(f"asked {match_id}: {content[:200]!r}")
        if body.release_id not in self.first_seen:
            self.first_seen[body.release_id] = time.monotonic()
        self.answers += 1


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    return int(head.split(b" ")[1]), await reader.readexactly(length)
