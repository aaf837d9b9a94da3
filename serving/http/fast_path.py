"""Fast path: simple `GET /predict/{match_id}` requests bypass Litestar.

Simple means a known key, a match with a prediction of the champion, no query and no conditional header.
Everything else, errors included, is left to the route. A test compares both responses byte by byte.
"""

from collections.abc import Collection

from litestar.types import HTTPScope

from serving.http.auth import READ, has_scope
from serving.http.rate_limit import Allowance, RateLimiter
from serving.http.respond import CACHE_HEADERS, JSON
from serving.metrics import Metrics
from serving.release.current import SnapshotHolder
from serving.release.key_ring import KeyRing
from soccer_assets.contract.release import CHAMPION

PREFIX = "/predict/"
ROUTE = "/predict/{match_id}"

# Requests with these headers go to the route: the response may differ or need more headers.
_ROUTE_ONLY_HEADERS = frozenset({b"if-none-match", b"origin"})

_FIXED_HEADERS = [(name.lower().encode(), value.encode()) for name, value in CACHE_HEADERS.items()]
_CONTENT_TYPE = (b"content-type", JSON.encode())

Headers = list[tuple[bytes, bytes]]


class FastLookup:
    """Answers simple look-ups.

    Args:
        holder: the current release.
        keys: the accepted API keys.
        limiter: their rate limits.
        metrics: counts responses under the route's labels.
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
        self.answered = metrics.batch(ROUTE, "GET", "200")

    def answer(
        self, scope: HTTPScope, headers: dict[bytes, bytes]
    ) -> tuple[Headers, bytes, Allowance] | None:
        """Headers and body of a simple look-up, and the key's allowance; None leaves it to the route.

        Args:
            scope: of the request.
            headers: its headers as a dict.
        """
        path = scope["path"]
        if not path.startswith(PREFIX) or scope["method"] != "GET" or scope["query_string"]:
            return None
        match_id = path[len(PREFIX) :]
        current = self._holder.current
        # Repeated headers are left to Litestar.
        is_plain = len(headers) == len(list(scope["headers"])) and _ROUTE_ONLY_HEADERS.isdisjoint(headers)
        if current is None or not is_plain:
            return None
        token = headers.get(b"x-api-key")
        key = None if token is None else self._keys.identify(token)
        if key is None or not has_scope(key, READ) or match_id in self._siblings:
            return None
        now = self._holder.clock.now()
        found = current.answer(match_id, CHAMPION, now)
        if found is None:
            return None
        allowance = self._limiter.take(key.id)
        if not allowance.allowed:
            return None
        body, tag = found
        head = [
            (b"etag", tag),
            (b"age", b"%d" % current.view.age_seconds(now)),
            *_FIXED_HEADERS,
            _CONTENT_TYPE,
            (b"content-length", b"%d" % len(body)),
        ]
        return head, body, allowance
