"""The webserver's process: Dagster's application behind the guard, on a port and, if set, a unix socket."""

import contextlib
import socket
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import dagster as dg
import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._core.workspace.permissions import LOCATION_SCOPED_PERMISSIONS, PermissionResult, Permissions
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.version import __version__
from starlette.applications import Starlette

from soccer_assets.settings import Settings
from soccer_assets.webserver.access import access_of
from soccer_assets.webserver.guard import LARGEST_BODY, Guard
from soccer_assets.webserver.roles import CURRENT_ROLE, Role
from soccer_assets.webserver.webserver_error import WebserverError

# Dagster's own defaults of `dagster-webserver`: ms, s, connections beyond the pool's size, ms.
_STATEMENT_TIMEOUT = 15_000
_POOL_RECYCLE = 3600
_POOL_MAX_OVERFLOW = 20
_LIVE_DATA_POLL_RATE = 2000

_LAUNCHER_PERMISSIONS = frozenset(
    {
        Permissions.LAUNCH_PIPELINE_EXECUTION,
        Permissions.LAUNCH_PIPELINE_REEXECUTION,
        Permissions.TERMINATE_PIPELINE_EXECUTION,
        Permissions.LAUNCH_PARTITION_BACKFILL,
        Permissions.CANCEL_PARTITION_BACKFILL,
    }
)


class SocketError(WebserverError):
    """The port or the unix socket cannot be used; the message says what to do."""


class RoleRequestContext(WorkspaceRequestContext):
    """A request's context in which Dagster's own permissions are those of the role: the second lock.

    Dagster's pages read them and disable the buttons that a caller may not press. A viewer's context is
    read-only, as under `dagster-webserver --read-only`.
    """

    @property
    def permissions(self) -> Mapping[str, PermissionResult]:
        """Permissions of the whole deployment."""
        return _limited(super().permissions)

    def permissions_for_location(self, *, location_name: str) -> Mapping[str, PermissionResult]:
        """Permissions of one code location."""
        found = super().permissions_for_location(location_name=location_name)
        return {name: one for name, one in _limited(found).items() if name in LOCATION_SCOPED_PERMISSIONS}


class RoleProcessContext(WorkspaceProcessContext):
    """Makes each request's context for the role of its caller."""

    def create_request_context(self, source: object | None = None) -> WorkspaceRequestContext:
        """The context of a request; outside a request it is read-only."""
        return RoleRequestContext(
            instance=self.instance,
            current_workspace=self.get_current_workspace(),
            process_context=self,
            version=self.version,
            source=source,
            read_only=CURRENT_ROLE.get() is Role.VIEWER,
        )


def make_app(context: WorkspaceProcessContext, path_prefix: str = "") -> Starlette:
    """Dagster's application, not guarded yet."""
    return create_app_from_workspace_process_context(
        context, path_prefix, _LIVE_DATA_POLL_RATE, lifespan=_lifespan
    )


def serve_pages(settings: Settings, *, host: str, workspace: Path, path_prefix: str = "") -> None:
    """Serve Dagster's pages until SIGINT or SIGTERM.

    Args:
        settings: the port, the names, and the roles.
        host: the address to listen on.
        workspace: the file that names the code servers.
        path_prefix: the path below which the pages stand, such as ``/dagster``; empty for none.

    Raises:
        SocketError: the port is in use, or the unix socket can be reached by everybody.
    """
    access = access_of(settings)
    sockets = [_port(host, settings.dagster_port)]
    if access.socket:
        sockets.append(_unix_socket(Path(access.socket)))
    with dg.DagsterInstance.get() as instance:
        instance.optimize_for_webserver(_STATEMENT_TIMEOUT, _POOL_RECYCLE, _POOL_MAX_OVERFLOW)
        with RoleProcessContext(
            instance, version=__version__, workspace_load_target=WorkspaceFileTarget([str(workspace)])
        ) as context:
            guard = Guard(make_app(context, path_prefix), access)
            # No header of a proxy is read: the guard compares what the client sent.
            config = uvicorn.Config(
                guard, log_level="warning", proxy_headers=False, server_header=False, ws_max_size=LARGEST_BODY
            )
            try:
                uvicorn.Server(config).run(sockets)
            finally:
                if access.socket:
                    Path(access.socket).unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def _lifespan(_app: Starlette) -> AsyncIterator[None]:
    yield


def _limited(found: Mapping[str, PermissionResult]) -> Mapping[str, PermissionResult]:
    if CURRENT_ROLE.get() is not Role.LAUNCHER:
        return found
    refused = PermissionResult(enabled=False, disabled_reason="Only an admin may do this")
    return {name: one if name in _LAUNCHER_PERMISSIONS else refused for name, one in found.items()}


def _port(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise SocketError(f"cannot listen on {host}:{port}: {error.strerror}") from None


def _unix_socket(path: Path) -> socket.socket:
    """Listen on a unix socket in a folder closed to others; a socket of a killed process is replaced."""
    if not path.parent.is_dir():
        raise SocketError(f"SOCCER_DAGSTER_SOCKET={path}: the folder {path.parent} does not exist")
    if path.parent.stat().st_mode & stat.S_IRWXO:
        raise SocketError(
            f"SOCCER_DAGSTER_SOCKET={path}: everybody can enter {path.parent}; run `chmod o= {path.parent}`"
        )
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket() and not _answers(path):
            path.unlink()
        server.bind(str(path))
    except OSError as error:
        server.close()
        raise SocketError(f"SOCCER_DAGSTER_SOCKET={path}: {error.strerror or error}") from None
    path.chmod(0o660)
    return server


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
        return True
