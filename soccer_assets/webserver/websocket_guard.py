"""What may be sent over Dagster's websocket: the subscriptions of its pages, and nothing else.

The protocol is that of subscriptions-transport-ws: connection_init, start, stop, connection_terminate.
"""

import json
from typing import Any

import msgspec
from starlette.types import Message, Receive, Send

from soccer_assets.webserver.operations import UnreadableOperationError, read_question
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
            frame = _read(message.get("text"), largest)
            if frame is None:
                is_closed = True
                await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
                return {"type": "websocket.disconnect", "code": _POLICY_VIOLATION}
            if frame["type"] != "start":
                return {"type": "websocket.receive", "text": json.dumps(frame)}
            try:
                payload = _checked(frame.get("payload"), role)
            except UnreadableOperationError as error:
                refused = {"type": "error", "id": frame.get("id"), "payload": {"message": str(error)}}
                await send({"type": "websocket.send", "text": json.dumps(refused)})
                continue
            return {"type": "websocket.receive", "text": json.dumps(frame | {"payload": payload})}

    async def guarded_send(message: Message) -> None:
        if not is_closed:
            await send(message)

    return guarded_receive, guarded_send


def _read(text: str | None, largest: int) -> dict[str, Any] | None:
    if text is None or len(text) > largest:
        return None
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(frame, dict) or frame.get("type") not in _TYPES:
        return None
    return frame if isinstance(frame.get("id"), str | int | None) else None


def _checked(payload: Any, role: Role) -> dict[str, Any]:
    """The payload of a subscription, as Dagster reads it: with ``operation_name``."""
    if not isinstance(payload, dict):
        raise UnreadableOperationError("the payload is not an object")
    name = payload.get("operation_name") or payload.get("operationName") or None
    question = read_question(payload.get("query"), payload.get("variables"), name)
    operation = question.operation
    if operation.kind != "subscription":
        raise UnreadableOperationError("only subscriptions are taken over the websocket")
    if role < required_role(operation):
        raise UnreadableOperationError(f"a {role.name.lower()} may not subscribe to this")
    return msgspec.structs.asdict(question)
