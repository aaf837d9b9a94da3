"""Completes the OpenAPI document so that generated clients work without a warning.

Litestar knows the routes, their parameters and the structs that they answer. Added here: named schemas of
bodies that handlers decode themselves, a summary for each operation, and the headers of answers.
"""

import re
from http import HTTPStatus
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from serving.http.respond import NDJSON, PLAIN
from serving.http.schemas import IngestWindow, Lookup
from serving.scoring.assumptions import Assumptions
from serving.scoring.schemas import FeatureRow, Pairing

REFERENCE = "#/components/schemas/{name}"
SCORING_ROW = "ScoringRow"

_BODIES = (Pairing, FeatureRow, Assumptions, IngestWindow, Lookup)
_METHODS = ("get", "put", "post", "patch", "delete")
_REQUEST_ID = ("X-Request-ID", "Names this request in the log; quote it to the operator.", "string")
_RETRY_AFTER = ("Retry-After", "Seconds until it is worth to try again.", "integer")
_CACHED = (
    ("ETag", "Send it as `If-None-Match`: 304 while the answer is the same.", "string"),
    ("Age", "Seconds since the feed was last checked.", "integer"),
)
_LIMITS = (
    ("RateLimit-Limit", "Requests of this key in a minute.", "integer"),
    ("RateLimit-Remaining", "Those left in this minute.", "integer"),
    ("RateLimit-Reset", "Seconds until the next minute begins.", "integer"),
)
_RETRIED = {str(status.value) for status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)}
_NOT_MODIFIED = str(HTTPStatus.NOT_MODIFIED.value)


def operation_id(handler: HTTPRouteHandler, _method: Any, _path: Any) -> str:
    """The name that generated clients call an operation: the handler's, such as ``readPrediction``."""
    first, *others = handler.handler_name.split("_")
    return first + "".join(word.capitalize() for word in others)


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """The document with what Litestar could not know; the given one stays as it was."""
    schemas = {**document["components"]["schemas"], **_body_schemas()}
    paths = {
        path: {
            method: _completed(operation) if method in _METHODS else operation
            for method, operation in item.items()
        }
        for path, item in document["paths"].items()
    }
    components = document["components"] | {"schemas": dict(sorted(schemas.items()))}
    return document | {"paths": paths, "components": components}


def _completed(operation: dict[str, Any]) -> dict[str, Any]:
    summary = re.split(r"(?<=[.:])\s", operation.get("description", "").strip())[0].rstrip(".:")
    is_conditional = _NOT_MODIFIED in operation["responses"]
    is_protected = bool(operation.get("security"))
    responses = {
        status: _with_plain_lines(response) | {"headers": _headers(status, is_conditional, is_protected)}
        for status, response in operation["responses"].items()
    }
    parameters = [_without_null(parameter) for parameter in operation.get("parameters", ())]
    return operation | {"summary": summary, "responses": responses, "parameters": parameters}


def _with_plain_lines(response: dict[str, Any]) -> dict[str, Any]:
    """An answer of lines, also as plain text: generators know no NDJSON."""
    content = response.get("content") or {}
    if NDJSON not in content:
        return response
    return response | {"content": content | {PLAIN: {"schema": {"type": "string"}}}}


def _without_null(parameter: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is left out, not sent as null, which a query cannot say."""
    schema = parameter["schema"]
    kinds = [kind for kind in schema.get("oneOf", ()) if kind.get("type") != "null"]
    if len(kinds) != 1:
        return parameter
    others = {name: value for name, value in schema.items() if name != "oneOf"}
    return parameter | {"schema": others | kinds[0]}


def _headers(status: str, is_conditional: bool, is_protected: bool) -> dict[str, Any]:
    named = [_REQUEST_ID]
    if is_conditional and status in {"200", _NOT_MODIFIED}:
        named += _CACHED
    if is_protected and status not in {"401", "403"}:
        named += _LIMITS
    if status in _RETRIED:
        named.append(_RETRY_AFTER)
    return {name: {"description": text, "schema": {"type": kind}} for name, text, kind in named}


def _body_schemas() -> dict[str, Any]:
    """Schemas of request bodies and of the structs in them, by name."""
    _, found = msgspec.json.schema_components(_BODIES, ref_template=REFERENCE)
    schemas = {name: _nullable(_first_paragraph(schema)) for name, schema in found.items()}
    kinds = [{"$ref": REFERENCE.format(name=kind.__name__)} for kind in (Pairing, FeatureRow)]
    return schemas | {SCORING_ROW: {"description": "What is scored: two teams, or features.", "oneOf": kinds}}


def _nullable(schema: Any) -> Any:
    """The schema with ``[type, null]`` for a choice of two: generators make a class of each choice.

    Without defaults: openapi-typescript takes a field that has one for a field that must be sent.
    """
    if isinstance(schema, list):
        return [_nullable(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: value for name, value in schema.items() if name != "default"}
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1 and len(schema["anyOf"]) > 1 and "type" in kinds[0]:
        others = {name: value for name, value in schema.items() if name != "anyOf"}
        return _nullable(kinds[0]) | others | {"type": [kinds[0]["type"], "null"]}
    return {name: _nullable(part) for name, part in schema.items()}


def _first_paragraph(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema whose description ends before the list of attributes, which have their own."""
    text = schema.get("description", "")
    return schema | {"description": text.split("\n\n")[0]} if text else schema
