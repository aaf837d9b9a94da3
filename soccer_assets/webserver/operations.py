"""Reads a GraphQL document: which operation runs, and its root fields.

The parser is the one with which Dagster runs the document (graphql-core), so that both read the same.
"""

from functools import lru_cache
from typing import Any

import msgspec
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)

from soccer_assets.webserver.webserver_error import WebserverError

# The largest document of Dagster's pages has 2,600 tokens. Parsing this many takes 0.2 s.
_MOST_TOKENS = 15_000
_MOST_COMMENTS = 1_000


class UnreadableOperationError(WebserverError):
    """The document cannot be read, or does not say which operation runs; the message says why."""


class Operation(msgspec.Struct, frozen=True):
    """What a request asks for.

    Attributes:
        kind: ``query``, ``mutation`` or ``subscription``.
        fields: names of the root fields, without aliases; those of fragments too.
    """

    kind: str
    fields: frozenset[str]


class Question(msgspec.Struct, frozen=True):
    """A GraphQL request: its document, variables, and which of the document's operations runs."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None

    @property
    def operation(self) -> Operation:
        """The operation that runs.

        Raises:
            UnreadableOperationError: see `read_operation`.
        """
        return read_operation(self.query, self.operation_name)


def read_question(query: object, variables: object, operation_name: object) -> Question:
    """The fields of a request as a client sent them, in the types that they must have.

    Raises:
        UnreadableOperationError: one of them has another type.
    """
    if (
        not isinstance(query, str)
        or not isinstance(variables, dict | None)
        or not isinstance(operation_name, str | None)
    ):
        raise UnreadableOperationError("send a query as text, variables as an object, operationName as text")
    return Question(query, variables, operation_name)


@lru_cache(maxsize=256)
def read_operation(document: str, name: str | None) -> Operation:
    """The operation that GraphQL runs for a document and an ``operationName``.

    A field counts also under ``@skip`` or ``@include``: their variables are not looked at.

    Raises:
        UnreadableOperationError: the document is malformed or too large, or names no single operation.
    """
    try:
        definitions = parse(
            document, no_location=True, max_lexical_tokens=_MOST_TOKENS, max_comments=_MOST_COMMENTS
        ).definitions
    except GraphQLError as error:
        raise UnreadableOperationError(error.message) from None
    except RecursionError:
        raise UnreadableOperationError("the document is nested too deeply") from None
    operations = [one for one in definitions if isinstance(one, OperationDefinitionNode)]
    fragments = {one.name.value: one for one in definitions if isinstance(one, FragmentDefinitionNode)}
    if len(operations) + len(fragments) < len(definitions):
        raise UnreadableOperationError("the document holds two fragments of one name, or a definition")
    names = [one.name.value if one.name else None for one in operations]
    if len(set(names)) < len(names):
        raise UnreadableOperationError("two operations have the same name")
    if name is None and len(operations) > 1:
        raise UnreadableOperationError("operationName must say which of the operations is to run")
    chosen = [one for one, its_name in zip(operations, names, strict=True) if name in {None, its_name}]
    if not chosen:
        raise UnreadableOperationError(f"there is no operation {name!r}" if name else "there is no operation")
    fields: set[str] = set()
    _collect(chosen[0].selection_set, fragments, fields)
    return Operation(chosen[0].operation.value, frozenset(fields))


def _collect(
    selections: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode], fields: set[str]
) -> None:
    """Add the names of the root fields; each fragment is opened once."""
    waiting, opened = [selections], set()
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FieldNode):
                fields.add(selection.name.value)
            elif isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                if name not in fragments:
                    raise UnreadableOperationError(f"there is no fragment {name!r}")
                if name not in opened:
                    opened.add(name)
                    waiting.append(fragments[name].selection_set)
            else:
                # GraphQL's third and last kind, an inline fragment; the parser's types name the base class.
                waiting.append(selection.selection_set)  # type: ignore[attr-defined]
