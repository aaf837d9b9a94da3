"""Which home uses an installation's names on a shared Redis: one at a time, by a key that expires.

A home that was copied with its files has its original's id, and so its names: each would score the other's
tasks and append to the other's events. The owner's key holds a hash of host and path, which a restart after
a crash has too, and a random id of this start, which a clone of the whole machine has not.
"""

import contextlib
import hashlib
import secrets
import socket
import threading
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from soccer_assets.contract.installation import RedisNames
from soccer_assets.operations.processes import StartError

EXPIRES_SECONDS = 60.0
_REFRESH_SECONDS = 15.0
# A dead host is noticed by those who use Redis for something that shall work.
_TIMEOUT_SECONDS = 2.0

# KEYS: the owner's. ARGV: place, start, milliseconds, whether this start owned the key before. Returns 1 if
# it is ours now.
_CLAIM = """
local held = redis.call('GET', KEYS[1])
local mine = ARGV[1] .. ':' .. ARGV[2]
if held and held ~= mine then
  local is_of_this_place = string.sub(held, 1, #ARGV[1] + 1) == ARGV[1] .. ':'
  if ARGV[4] == '1' or not is_of_this_place then return 0 end
end
redis.call('SET', KEYS[1], mine, 'PX', ARGV[3])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class InstallationOwner:
    """The key by which one start of a home owns its installation's names."""

    def __init__(
        self, url: str, installation: str, home: Path, refresh_seconds: float = _REFRESH_SECONDS
    ) -> None:
        """Bind to a Redis and an installation's id; nothing is opened before `claim`."""
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._key = RedisNames(installation).owner
        self._place = hashlib.sha256(f"{socket.gethostname()}\0{home.resolve()}".encode()).hexdigest()[:16]
        self._start = secrets.token_hex(8)
        self._refresh_seconds = refresh_seconds
        self._was_owner = False
        self._is_lost = False
        self._is_over = threading.Event()

    def claim(self) -> None:
        """Take the key and keep it, in a thread. Where Redis does not answer it is taken when it does.

        Raises:
            StartError: another home has it.
        """
        with contextlib.suppress(redis.RedisError):
            self._refresh()
        self.check()
        threading.Thread(target=self._keep, daemon=True).start()

    def check(self) -> None:
        """Return while no other home has the key.

        Raises:
            StartError: one has.
        """
        if self._is_lost:
            raise StartError(
                "another home with this one's installation id uses the Redis of SOCCER_REDIS_URL: one is a "
                "copy of the other's files; stop that one (a killed one counts as running for "
                f"{EXPIRES_SECONDS:.0f} s), or make the copy by `soccer backup FOLDER` in the original and "
                "`soccer restore FOLDER --copy` in a new SOCCER_HOME, which gives it an id of its own"
            )

    def release(self) -> None:
        """Give the key up, at an orderly stop."""
        self._is_over.set()
        with contextlib.suppress(redis.RedisError):
            self._redis.eval(_RELEASE, 1, self._key, f"{self._place}:{self._start}")
        self._redis.close()

    def _refresh(self) -> None:
        milliseconds = int(EXPIRES_SECONDS * 1000)
        ours = self._redis.eval(
            _CLAIM, 1, self._key, self._place, self._start, milliseconds, int(self._was_owner)
        )
        self._was_owner |= bool(ours)
        self._is_lost = not ours

    def _keep(self) -> None:
        while not self._is_over.wait(self._refresh_seconds):
            with contextlib.suppress(redis.RedisError):
                self._refresh()
