"""MLflow's pages, which open on its training runs: `mlflow server --app-name soccer`.

By itself MLflow opens its pages for prompts and traces of language models, with a chat beside them. Which of
the two a browser shows it keeps in the browser; it has no setting for the first time. Here its one HTML page
sets both before its scripts start. Whoever chooses the other pages keeps that choice.
"""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from importlib.metadata import entry_points
from typing import Any

from soccer_assets.garbage import uncollected

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# The name of this app in MLflow's group of entry points.
APP_NAME = "soccer"

# By key of MLflow's own choices in the browser, what is chosen where nothing was yet.
CHOICES = {
    "mlflow.workflowType_v1": "machine_learning",
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": True,
}
_SCRIPT = (
    "<script>for (const [key, value] of Object.entries("
    f"{json.dumps(CHOICES)}"
    ")) localStorage.getItem(key) ?? localStorage.setItem(key, JSON.stringify(value))</script>"
).encode()
_HEAD = b"<head>"
# A page that was changed is neither a part of the stored one nor known by its tag, its age or its length.
_REQUEST = {b"if-none-match", b"if-modified-since", b"if-range", b"range", b"accept-encoding"}
_ANSWER = {b"etag", b"last-modified", b"accept-ranges", b"content-length"}


class ClassicPages:
    """An ASGI app around MLflow's: the page at ``/`` gets a script, all else passes as it is."""

    def __init__(self, app: App) -> None:
        """Wrap ``app``."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_page = scope["type"] == "http" and scope["method"] == "GET" and scope["path"].endswith("/")
        if not is_page:
            await self._app(scope, receive, send)
            return
        asked = [(name, value) for name, value in scope["headers"] if name.lower() not in _REQUEST]
        start: Message | None = None
        body = b""

        async def changed(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                if not _is_html(message):
                    await send(message)
                return
            if start is None or message["type"] != "http.response.body" or not _is_html(start):
                await send(message)
                return
            body += message.get("body", b"")
            if message.get("more_body", False):
                return
            page = body.replace(_HEAD, _HEAD + _SCRIPT, 1)
            kept = [(name, value) for name, value in start["headers"] if name.lower() not in _ANSWER]
            length = (b"content-length", str(len(page)).encode())
            await send({**start, "headers": [*kept, length]})
            await send({**message, "body": page})

        await self._app({**scope, "headers": asked}, receive, changed)


def is_installed() -> bool:
    """Whether MLflow finds this app: an installation that was made before it existed does not name it."""
    return any(entry.name == APP_NAME for entry in entry_points(group="mlflow.app"))


def _is_html(start: Message) -> bool:
    """Whether an answer is a whole HTML page."""
    types = [value for name, value in start["headers"] if name.lower() == b"content-type"]
    return start["status"] == 200 and any(value.startswith(b"text/html") for value in types)  # noqa: PLR2004


def __getattr__(name: str) -> Any:
    """``app``, made at the first use: MLflow's server takes seconds to import, and only its process pays."""
    if name != "app":
        raise AttributeError(name)
    with uncollected():
        from mlflow.server.fastapi_app import app  # noqa: PLC0415

    globals()["app"] = wrapped = ClassicPages(app)
    return wrapped
