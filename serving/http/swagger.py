"""The API documentation page: Swagger UI served by the sidecar, without the internet.

Its files come from the package flask-swagger-ui, which ships every release of Swagger UI; none of the
package's code runs.
"""

import re
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any

from litestar import Request, Router
from litestar.connection import ASGIConnection
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.static_files import create_static_files_router

from serving.http.document import complete
from serving.http.prefix import prefix_of

PATH = "/schema"

_FILE_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")

# No external resources and no inline scripts. Swagger UI sets inline styles.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def _page(prefix: str) -> bytes:
    """The page, below a proxy's path prefix."""
    base = f"{prefix}{PATH}"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>soccer-assets</title>
<link rel="icon" type="image/png" href="{base}/assets/favicon-32x32.png">
<link rel="stylesheet" href="{base}/assets/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="{base}/assets/swagger-ui-bundle.js"></script>
<script src="{base}/assets/start.js"></script>
</body>
</html>
""".encode()


class SwaggerPage(OpenAPIRenderPlugin):
    """Swagger UI and its files."""

    def __init__(self) -> None:
        super().__init__(path=["/", "/swagger"])

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The page; it fetches the OpenAPI document itself."""
        del openapi_schema
        return _page(prefix_of(request))

    def receive_router(self, router: Router) -> None:
        """Serve the files that the page refers to."""
        folders: list[Path | PathLike[Any] | str] = [Path(__file__).with_name("pages"), _swagger_ui()]
        router.register(
            create_static_files_router(
                "/assets", folders, include_in_schema=False, cache_control=None, guards=[_check_name]
            )
        )


class DocumentPlugin(JsonRenderPlugin):
    """The OpenAPI document, whose paths begin below a proxy's path prefix."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The document as JSON."""
        servers = [{"url": prefix_of(request) or "/"}]
        return super().render(request, complete(openapi_schema) | {"servers": servers})


async def _check_name(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Guard: names that no file can have are unknown; the file system would raise an error."""
    if not _FILE_NAME.fullmatch(str(connection.path_params.get("file_path", "")).strip("/")):
        raise NotFoundException


def openapi_router() -> Router:
    """The router of the documentation, with its content security policy."""
    return Router(
        PATH,
        route_handlers=[],
        include_in_schema=False,
        response_headers={"Content-Security-Policy": _POLICY},
    )


def _swagger_ui() -> Path:
    """The folder of Swagger UI's files; located without importing the package, which would import Flask."""
    spec = find_spec("flask_swagger_ui")
    if spec is None or spec.origin is None:
        raise RuntimeError("flask-swagger-ui is not installed; `make install` installs it")
    return Path(spec.origin).with_name("dist")
