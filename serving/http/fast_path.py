"""Fast path: simple look-ups, `GET /predict/{match_id}` and `GET /predict/?ids=`, bypass Litestar.

Simple means a known key, matches with a prediction of the champion, no other query and no conditional header.
Everything else, errors included, is left to the routes. A test compares both responses byte by byte.
"""

import datetime as dt
from collections.abc import Collection

from litestar.types import HTTPScope

from serving.http.auth import READ, has_scope
from serving.http.rate_limit import Allowance, RateLimiter
from serving.http.respond import CACHE_HEADERS, JSON
from serving.metrics import Batch, Metrics
from serving.release import many
from serving.release.current import Current, SnapshotHolder
from serving.release.key_ring import KeyRing
from soccer_assets.contract.api_keys import ApiKey
from soccer_assets.contract.release import CHAMPION

PREFIX = "/predict/"
ROUTE = "/predict/{match_id}"
_ROUTE_OF_MANY = "/predict"
_PATHS_OF_MANY = frozenset({"/predict", PREFIX})
_IDS = b"ids="
MAX_IDS = 500

# Requests with these headers go to the route: the response may differ or need more headers.
_ROUTE_ONLY_HEADERS = frozenset({b"if-none-match", b"origin"})
# The route compresses large bodies, in a thread.
_ROUTE_ONLY_FOR_MANY = _ROUTE_ONLY_HEADERS | {b"accept-encoding"}
# In a query of plain ids nothing is encoded but the commas, which some clients do.
_ENCODED = frozenset(b"%&+;=")

_FIXED_HEADERS = [(name.lower().encode(), value.encode()) for name, value in CACHE_HEADERS.items()]
_CONTENT_TYPE = (b"content-type", JSON.encode())

Headers = list[tuple[bytes, bytes]]
# Headers and body, the allowance of the key, and where the answer is counted.
Answer = tuple[Headers, bytes, Allowance, Batch]


class FastLookup:
    """Answers simple look-ups.

    Args:
        holder: the current release.
        keys: the accepted API keys.
        limiter: their rate limits.
        metrics: counts responses under the routes' labels.
        siblings: paths below `PREFIX` that are routes of their own.
    """

    def __init__(
        self,
        holder: SnapshotHolder,
        keys: KeyRing,
        limiter: RateLimiter,
        metrics: Metrics,
        siblings: Collection[str],
    ) -> None:
        self._holder = holder
        self._keys = keys
        self._limiter = limiter
        self._siblings = frozenset(siblings)
        self._one = metrics.batch(ROUTE, "GET", "200")
        self._many = metrics.batch(_ROUTE_OF_MANY, "GET", "200")

    def answer(self, scope: HTTPScope, headers: dict[bytes, bytes]) -> Answer | None:
        """The answer to a simple look-up; None leaves it to the route.

        Args:
            scope: of the request.
            headers: its headers as a dict.
        """
        path, query = scope["path"], scope["query_string"]
        if scope["method"] != "GET":
            return None
        if query.startswith(_IDS) and path in _PATHS_OF_MANY:
            return self._answer_many(scope, headers, _ids(query))
        if query or not path.startswith(PREFIX):
            return None
        return self._answer_one(scope, headers, path[len(PREFIX) :])

    def _answer_one(self, scope: HTTPScope, headers: dict[bytes, bytes], match_id: str) -> Answer | None:
        current = self._holder.current
        key = self._identify(scope, headers, _ROUTE_ONLY_HEADERS)
        if current is None or key is None or match_id in self._siblings:
            return None
        now = self._holder.clock.now()
        found = current.answer(match_id, CHAMPION, now)
        allowance = None if found is None else self._limiter.take(key.id)
        if found is None or allowance is None or not allowance.allowed:
            return None
        return _head(current, now, *found), found[0], allowance, self._one

    def _answer_many(self, scope: HTTPScope, headers: dict[bytes, bytes], asked: list[str]) -> Answer | None:
        current = self._holder.current
        key = self._identify(scope, headers, _ROUTE_ONLY_FOR_MANY)
        if current is None or key is None or not asked:
            return None
        found = many.find_in_memory(current.snapshot, asked, CHAMPION)
        allowance = None if found is None else self._limiter.take(key.id, len(asked))
        if found is None or allowance is None or not allowance.allowed:
            return None
        now = self._holder.clock.now()
        body, tag = many.document(current, asked, found, CHAMPION, now)
        return _head(current, now, body, tag), body, allowance, self._many

    def _identify(
        self, scope: HTTPScope, headers: dict[bytes, bytes], route_only: frozenset[bytes]
    ) -> ApiKey | None:
        """The key of a simple request that may read; None leaves it to the route."""
        # Repeated headers are left to Litestar.
        if len(headers) < len(list(scope["headers"])) or not route_only.isdisjoint(headers):
            return None
        token = headers.get(b"x-api-key")
        key = None if token is None else self._keys.identify(token)
        return key if key is not None and has_scope(key, READ) else None


def _head(current: Current, now: dt.datetime, body: bytes, tag: bytes) -> Headers:
    return [
        (b"etag", tag),
        (b"age", b"%d" % current.view.age_seconds(now)),
        *_FIXED_HEADERS,
        _CONTENT_TYPE,
        (b"content-length", b"%d" % len(body)),
    ]


def _ids(query: bytes) -> list[str]:
    """The ids of a query; none where it is not plain or has too many."""
    listed = query[len(_IDS) :].replace(b"%2C", b",")
    if not listed.isascii() or not _ENCODED.isdisjoint(listed):
        return []
    asked = listed.decode().split(",")
    return asked if len(asked) <= MAX_IDS else []
