"""`/about`: what this is, what it is not, and what its numbers mean."""

from typing import Any

from litestar import Request, Response, get

from serving.pages.rendering import render


@get("/about", sync_to_thread=True)
def read_about(request: Request[Any, Any, Any]) -> Response[bytes]:
    """What the numbers mean, and that they are no advice to bet."""
    return render(request, "about.html")
