"""What a request may ask: the parameters of its route, each at most once; and their names in errors."""

from collections import Counter
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.routes import HTTPRoute

from serving.http.auth import asks_for_methods
from serving.problems import ParameterError, ProblemError

# More parameters than any route has: no longer parsed.
_MOST = 100


class Parameters(msgspec.Struct, frozen=True):
    """The parameters of a handler.

    Attributes:
        query: names that its query may hold.
        prefix: what further names begin with; empty where there are none.
        sent_as: name in the code -> name as clients send it, where the two differ.
    """

    query: frozenset[str]
    sent_as: dict[str, str]
    prefix: str = ""


def parameters_of(routes: Iterable[Any]) -> dict[tuple[str, str], Parameters]:
    """The parameters of each handler, by path template and method."""
    found: dict[tuple[str, str], Parameters] = {}
    for route in routes:
        if not isinstance(route, HTTPRoute):
            continue
        for method, (handler, model) in route.route_handler_map.items():
            named = {
                parameter.field_name: parameter.field_alias
                for parameter in (*model.expected_query_params, *model.expected_header_params)
            }
            query = frozenset(parameter.field_alias for parameter in model.expected_query_params)
            query |= set(handler.opt.get("page_query", ()))  # of a page, in no document of the API
            prefix = handler.opt.get("page_query_prefix", "")
            found[route.path_format, method] = Parameters(query, named, prefix)
    return found


def parameters_for(connection: ASGIConnection[Any, Any, Any, Any]) -> Parameters:
    """The parameters of the handler that answers; none where no handler does."""
    scope: Any = connection.scope
    asked = (scope.get("path_template", ""), scope["method"])
    known: dict[tuple[str, str], Parameters] = connection.app.state["parameters"]
    return known.get(asked, Parameters(frozenset(), {}))


async def check_query(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Guard of every route: refuse unknown and repeated parameters, which would be ignored in silence.

    A coroutine, so that it runs on the event loop and not in a thread.

    Raises:
        ProblemError: 400, naming them.
    """
    raw = connection.scope["query_string"]
    if not raw or asks_for_methods(connection):
        return
    parameters = parameters_for(connection)
    known = parameters.query
    try:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST)
    except ValueError as error:
        raise _refused([ParameterError("", f"more than {_MOST} parameters")]) from error
    counts = Counter(name for name, _ in pairs)
    named = {name for name in counts if parameters.prefix and name.startswith(parameters.prefix)}
    known |= named
    takes = f"this path takes {', '.join(sorted(known))}" if known else "this path takes none"
    faults = [
        ParameterError(name, f"unknown parameter; {takes}" if name not in known else "sent more than once")
        for name, count in counts.items()
        if name not in known or count > 1
    ]
    if faults:
        raise _refused(faults)


def _refused(faults: list[ParameterError]) -> ProblemError:
    listed = "; ".join(f"{fault.parameter}: {fault.message}".removeprefix(": ") for fault in faults)
    return ProblemError(
        HTTPStatus.BAD_REQUEST, "invalid-parameter", f"Correct and send again: {listed}", errors=tuple(faults)
    )
