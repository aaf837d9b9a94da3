"""The routes of Dagster's webserver that are let through; every other route is refused."""

from collections.abc import Iterator, Sequence

import msgspec
from starlette.routing import BaseRoute, Match, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from soccer_assets.webserver.roles import Role


class Rule(msgspec.Struct, frozen=True):
    """Who may ask a route, by which methods."""

    role: Role
    methods: frozenset[str]


_READ = Rule(Role.VIEWER, frozenset({"GET", "HEAD"}))
_READ_BY_ADMIN = Rule(Role.ADMIN, _READ.methods)
_REPORT = Rule(Role.ADMIN, frozenset({"POST"}))

STATIC = "static"

# By route as Starlette writes it. A mutation's role is that of its fields.
RULES = {
    STATIC: _READ,
    "/": _READ,
    "/{path:path}": _READ,
    "/server_info": _READ,
    "/dagit_info": _READ,
    "/graphql": Rule(Role.VIEWER, frozenset({"GET", "POST"})),
    "websocket /graphql": Rule(Role.VIEWER, frozenset()),
    "/logs/{path:path}": _READ,
    "/download_debug/{run_id:str}": _READ,
    # They hand out any notebook file that the code server can read; this graph has none.
    "/notebook": _READ_BY_ADMIN,
    "/dagit/notebook": _READ_BY_ADMIN,
    "/report_asset_materialization/{asset_key:path}": _REPORT,
    "/report_asset_check/{asset_key:path}": _REPORT,
    "/report_asset_observation/{asset_key:path}": _REPORT,
}


def route_names(routes: Sequence[BaseRoute]) -> Iterator[str]:
    """The name in ``RULES`` of every route, those inside a path prefix too."""
    for route in routes:
        if isinstance(route, Mount) and route.routes:
            yield from route_names(route.routes)
        else:
            yield _name_of(route)


def find_route(routes: Sequence[BaseRoute], scope: Scope) -> str | None:
    """The name of the route that answers a request, found as Starlette finds it; None if there is none."""
    partial = None
    for route in routes:
        match, child = route.matches(scope)
        if match is Match.NONE:
            continue
        if isinstance(route, Mount) and route.routes:
            return find_route(route.routes, {**scope, **child})
        if match is Match.FULL:
            return _name_of(route)
        partial = partial or _name_of(route)
    return partial


def _name_of(route: BaseRoute) -> str:
    if isinstance(route, Mount) and isinstance(route.app, StaticFiles):
        return STATIC
    if isinstance(route, WebSocketRoute):
        return f"websocket {route.path}"
    if isinstance(route, Route):
        return STATIC if route.name == "root_static" else route.path
    return repr(route)
