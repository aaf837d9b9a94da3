"""The installation that a store belongs to: a random id, in ``installation.json``, and its names on Redis.

The match database has the same id. Every name on Redis carries it, so that two installations may share one.
"""

import msgspec

INSTALLATION_KEY = "installation.json"


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """Whose store it is.

    Attributes:
        id: random; never a path or a name.
        formerly: ids that it had before it was copied.
        accepted: releases that a person declared lost to this database: nothing is compared with them.
    """

    id: str
    formerly: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()


class RedisNames(msgspec.Struct, frozen=True):
    """What an installation calls its keys on Redis."""

    installation: str

    @property
    def owner(self) -> str:
        """Which start of which home uses these names."""
        return f"soccer:{self.installation}:owner"

    @property
    def events(self) -> str:
        """The event stream."""
        return f"soccer:{self.installation}:events"

    @property
    def served(self) -> str:
        """The newest release that a sidecar serves."""
        return f"soccer:{self.installation}:served"

    @property
    def queue(self) -> str:
        """The queue of bulk scoring; saq puts its own prefix in front."""
        return f"soccer:{self.installation}:scoring"

    def task(self, task_id: str) -> str:
        """The facts of a task; its rows and parts have names below."""
        return f"soccer:{self.installation}:task:{task_id}"

    def rate(self, key_id: str, window: int) -> str:
        """What an API key used in one window."""
        return f"soccer:{self.installation}:rate:{key_id}:{window}"
