"""Faults of the database as one true sentence each: hung, locked, full, read-only, at its connection limit.

Not here: errors of our own statements, such as a broken constraint, which stay as they are.
"""

import contextlib
import os
from collections.abc import Iterator

import sqlalchemy as sa

from soccer_assets.masking import mask
from soccer_assets.resources.resource_error import ResourceError

READ_ONLY = "is read-only: a standby, or after a failover"
# SQLSTATE of PostgreSQL -> predicate.
_BY_STATE = {
    "25006": READ_ONLY,
    "53300": "has no free connection",
    "57014": "did not finish a statement in time",
    "55P03": "is locked: another session held a lock for too long",
    "25P03": "ended a transaction that was idle for too long",
    "53100": "has no space left on its disk",
    "57P01": "is shutting down",
    "57P02": "is restarting after a crash",
    "57P03": "is starting or shutting down",
    "28P01": "refuses the password of SOCCER_DATABASE_URL",
    "28000": "refuses the user of SOCCER_DATABASE_URL",
    "3D000": "does not exist on its server",
}
# While a connection is made psycopg2 gives no state; SQLite has none. Lower case, the most specific first.
_BY_TEXT = {
    "too many clients": _BY_STATE["53300"],
    "too many connections": _BY_STATE["53300"],
    "remaining connection slots": _BY_STATE["53300"],
    "authentication failed": _BY_STATE["28P01"],
    "is starting up": _BY_STATE["57P03"],
    "is shutting down": _BY_STATE["57P03"],
    "database is locked": "is locked by another process",
    "readonly database": "is read-only: its file or folder cannot be written",
    "disk is full": _BY_STATE["53100"],
    "is not a database": "is damaged: its file is no SQLite database",
    "malformed": "is damaged",
    "unable to open database file": "cannot be opened",
}


class DatabaseUnavailableError(ResourceError):
    """The database cannot be used; the message is a sentence without its subject's address."""

    def __init__(self, predicate: str, detail: str = "") -> None:
        super().__init__(f"the database {predicate}" + (f" ({detail})" if detail else ""))
        self.predicate = predicate
        self.detail = detail


@contextlib.contextmanager
def one_sentence() -> Iterator[None]:
    """Turn a fault of the database into `DatabaseUnavailableError`.

    Raises:
        DatabaseUnavailableError: of a fault of the database; other errors stay.
    """
    try:
        yield
    except sa.exc.TimeoutError:
        raise DatabaseUnavailableError("has no free connection in this process's pool") from None
    except sa.exc.DBAPIError as error:
        predicate = fault_of(error)
        if predicate is None:
            raise
        lines = str(error.orig).strip().splitlines()
        # Without the chain: its root would be shown in place of this sentence.
        raise DatabaseUnavailableError(predicate, mask(lines[0], os.environ) if lines else "") from None


def fault_of(error: sa.exc.DBAPIError) -> str | None:
    """The predicate of the sentence about a fault of the database; None for errors of a statement."""
    state = getattr(error.orig, "pgcode", None) or getattr(error.orig, "sqlstate", None)
    if state in _BY_STATE:
        return _BY_STATE[state]
    text = str(error.orig).lower()
    for part, predicate in _BY_TEXT.items():
        if part in text:
            return predicate
    is_lost = isinstance(error, (sa.exc.OperationalError, sa.exc.InterfaceError)) and "psycopg" in (
        type(error.orig).__module__
    )
    if isinstance(error, sa.exc.OperationalError) and not is_lost:
        return "cannot be used"
    if error.connection_invalidated or (is_lost and (state or "08").startswith("08")):
        return "does not answer"
    return None
