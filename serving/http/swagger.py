"""The API documentation page: Swagger UI served by the sidecar, without the internet.

Its files come from the package flask-swagger-ui, which ships every release of Swagger UI; none of the
package's code runs.
"""

from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any

from litestar import Request, Router
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.static_files import create_static_files_router

PATH = "/schema"

# No external resources and no inline scripts. Swagger UI sets inline styles.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_PAGE = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>soccer-assets</title>
<link rel="icon" type="image/png" href="{PATH}/assets/favicon-32x32.png">
<link rel="stylesheet" href="{PATH}/assets/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="{PATH}/assets/swagger-ui-bundle.js"></script>
<script src="{PATH}/assets/start.js"></script>
</body>
</html>
""".encode()


class SwaggerPage(OpenAPIRenderPlugin):
    """Swagger UI and its files."""

    def __init__(self) -> None:
        super().__init__(path=["/", "/swagger"])

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The page; it fetches the OpenAPI document itself."""
        del request, openapi_schema
        return _PAGE

    def receive_router(self, router: Router) -> None:
        """Serve the files that the page refers to."""
        folders: list[Path | PathLike[Any] | str] = [Path(__file__).with_name("pages"), _swagger_ui()]
        router.register(
            create_static_files_router("/assets", folders, include_in_schema=False, cache_control=None)
        )


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
