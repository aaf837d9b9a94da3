"""Events: promotion, release, freshness and alert as they happen, as server-sent events."""

from http import HTTPStatus
from typing import Annotated

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import HeaderParameter
from litestar.response import Stream

from serving.backends.event_stream import EventStream, EventsUnavailableError, is_event_id
from serving.http.auth import READ
from serving.http.respond import documented
from serving.problems import bad_request, unavailable
from serving.release.current import SnapshotHolder


@get(
    "/",
    opt={"scope": READ},
    responses=documented(str, HTTPStatus.BAD_REQUEST, media_type="text/event-stream"),
)
async def follow_events(
    events: NamedDependency[EventStream],
    snapshots: NamedDependency[SnapshotHolder],
    last_event_id: Annotated[
        str | None,
        HeaderParameter(
            name="Last-Event-ID",
            max_length=41,
            description="The last id seen: what came since is told first.",
        ),
    ] = None,
) -> Stream:
    """Events as they happen: `promotion`, `release`, `freshness`, `alert`; `data` is an event as JSON.

    With `Last-Event-ID` those since then come first; `reset` in their place where some are gone: read anew
    what you keep. A client that does not read is disconnected and may come back so.
    """
    if last_event_id is not None and not is_event_id(last_event_id):
        raise bad_request("`Last-Event-ID` is none of ours; send the `id` of an event, or leave it out.")
    try:
        frames = await events.listen(last_event_id or None, snapshots.now_text())
    except EventsUnavailableError as error:
        raise unavailable(
            "no-events", "Events cannot be followed now; try again shortly, or poll /predict/model/info."
        ) from error
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(frames, media_type="text/event-stream", headers=headers)


router = Router("/events", route_handlers=[follow_events], tags=["events"])
