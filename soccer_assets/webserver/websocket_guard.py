"""What may be sent over Dagster's websocket: the subscriptions of its pages, and nothing else.

The protocol is that of subscriptions-transport-ws: connection_init, start, stop, connection_terminate.
"""

import json
from typing import Any

from starlette.types import Message, Receive, Send

from soccer_assets.webserver.operations import UnreadableOperationError, read_operation
from soccer_assets.webserver.roles import Role, required_role

_POLICY_VIOLATION = 1008
_TYPES = frozenset({"connection_init", "start", "stop", "connection_terminate"})


def guarded_channel(receive: Receive, send: Send, role: Role, largest: int) -> tuple[Receive, Send]:
    """The two ends of a websocket that carry only what ``role`` may subscribe to.

    A refused subscription is answered by an error and the websocket stays open. A message that is not of the
    protocol, or longer than ``largest`` characters, closes it.
    """
    is_closed = False

    async def guarded_receive() -> Message:
        nonlocal is_closed
        while True:
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            told = _read(message.get("text"), largest)
            if told is None:
                is_closed = True
                await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
                return {"type": "websocket.disconnect", "code": _POLICY_VIOLATION}
            if told["type"] != "start":
                return {"type": "websocket.receive", "text": json.dumps(told)}
            try:
                payload = _checked(told.get("payload"), role)
            except UnreadableOperationError as error:
                refused = {"type": "error", "id": told.get("id"), "payload": {"message": str(error)}}
                await send({"type": "websocket.send", "text": json.dumps(refused)})
                continue
            return {"type": "websocket.receive", "text": json.dumps(told | {"payload": payload})}

    async def guarded_send(message: Message) -> None:
        if not is_closed:
            await send(message)

    return guarded_receive, guarded_send


def _read(text: str | None, largest: int) -> dict[str, Any] | None:
    if text is None or len(text) > largest:
        return None
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.get("type") not in _TYPES:
        return None
    return told if isinstance(told.get("id"), str | int | None) else None


def _checked(payload: Any, role: Role) -> dict[str, Any]:
    """The payload of a subscription, as Dagster reads it: with ``operation_name``."""
    if not isinstance(payload, dict):
        raise UnreadableOperationError("the payload is not an object")
    query, variables = payload.get("query"), payload.get("variables")
    name = payload.get("operation_name") or payload.get("operationName") or None
    if (
        not isinstance(query, str)
        or not isinstance(variables, dict | None)
        or not isinstance(name, str | None)
    ):
        raise UnreadableOperationError("send a query as text, variables as an object, operationName as text")
    operation = read_operation(query, name)
    if operation.kind != "subscription":
        raise UnreadableOperationError("only subscriptions are taken over the websocket")
    if role < required_role(operation):
        raise UnreadableOperationError(f"a {role.name.lower()} may not subscribe to this")
    return {"query": query, "variables": variables, "operation_name": name}
