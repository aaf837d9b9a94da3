"""What the OpenAPI document says beyond what the framework finds: bodies that are decoded by hand."""

from dataclasses import dataclass
from typing import cast

import msgspec
from litestar.openapi.spec import (
    Example,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
)

from serving.rows import FeatureRow, Pairing

_PAIRING = {
    "home_team": "Leeds United",
    "away_team": "Derby County",
    "kickoff": "2026-12-05T15:00:00Z",
    "competition": "ENG-2",
}
_FEATURES = {"match_id": "my-1", "features": {"elo_textbook_gap": 120.0}}


def _schema(kind: type) -> Schema:
    """The schema of a flat struct, written where it is used: nothing else refers to it."""
    (schema,) = msgspec.json.schema(kind)["$defs"].values()
    return cast("Schema", schema)  # a plain mapping is written as it stands


def _rows(most: int) -> RequestBody:
    one = Schema(one_of=[_schema(Pairing), _schema(FeatureRow)])
    several = Schema(type=OpenAPIType.ARRAY, items=one, max_items=most)
    return RequestBody(
        content={
            "application/json": OpenAPIMediaType(
                schema=Schema(any_of=[one, several]),
                examples={
                    "pairing": Example(summary="Two teams", value=_PAIRING),
                    "features": Example(summary="Features by name", value=_FEATURES),
                    "list": Example(summary="Several rows", value=[_PAIRING]),
                },
            )
        },
        required=True,
    )


@dataclass
class RowsOperation(Operation):
    """An operation whose body is a row or a list of rows."""

    def __post_init__(self) -> None:
        """Put the body in place of the none that the framework found."""
        self.request_body = _rows(1_000)


@dataclass
class TaskOperation(RowsOperation):
    """The same for a task, which takes more rows."""

    def __post_init__(self) -> None:
        """Put the body in place of the none that the framework found."""
        self.request_body = _rows(100_000)
