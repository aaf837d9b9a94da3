"""`/robots.txt` and `/sitemap.xml`: what search engines may read; pages that are not public are hidden."""

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException

from serving.http.page_access import PUBLIC, PageGate
from serving.pages.rendering import environment
from serving.release.current import SnapshotHolder

_SECONDS = "public, max-age=3600"


@get("/robots.txt", sync_to_thread=False)
def read_robots(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Pages may be read where they are public; the API is nothing to search."""
    gate: PageGate = request.app.state["page_gate"]
    address: str = request.app.state["pages_url"]
    lines = ["User-agent: *", "Disallow: /"]
    if gate.mode == PUBLIC:
        lines = ["User-agent: *", *(f"Disallow: {path}" for path in ("/predict/", "/schema", "/downloads/"))]
        if address:
            lines.append(f"Sitemap: {address}/sitemap.xml")
    body = "\n".join([*lines, ""]).encode()
    return Response(body, headers={"Cache-Control": _SECONDS}, media_type="text/plain")


@get("/sitemap.xml", sync_to_thread=True)
def read_sitemap(
    request: Request[Any, Any, Any], snapshots: NamedDependency[SnapshotHolder]
) -> Response[bytes]:
    """The pages of a public sidecar whose address is set, and those of its competitions."""
    gate: PageGate = request.app.state["page_gate"]
    address: str = request.app.state["pages_url"]
    if gate.mode != PUBLIC or not address:
        raise NotFoundException
    known: set[str] = request.app.state["page_paths"]
    # Without ids, files, and the forms of keyed pages.
    paths = sorted(path for path in known if not any(sign in path for sign in "{.-"))
    current = snapshots.current
    codes = () if current is None else sorted(current.projections.competitions)
    listed = [f"/competitions/{code}" for code in codes if "/competitions" in paths]
    body = environment().get_template("sitemap.xml").render(address=address, paths=[*paths, *listed])
    return Response(body.encode(), headers={"Cache-Control": _SECONDS}, media_type="application/xml")
