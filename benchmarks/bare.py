"""A minimal ASGI server: the same bytes and headers of one look-up for every request."""

import json
import os
from typing import Any

_ANSWER = json.loads(os.environ.get("ANSWER", '{"headers": [], "body": ""}'))
_HEADERS = [(name.encode(), value.encode()) for name, value in _ANSWER["headers"]]
_BODY = _ANSWER["body"].encode()


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer anything with it."""
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})
