"""The installation that a store belongs to: a random id, in ``installation.json``.

The match database has the same id. Everything that an installation keeps on a shared Redis carries it.
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
