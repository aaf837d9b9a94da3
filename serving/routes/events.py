"""Server-sent events: promotions, releases, changes of freshness, alerts."""

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
            description="Id of the last event received: later events are sent first.",
        ),
    ] = None,
) -> Stream:
    """Stream events: `promotion`, `release`, `freshness`, `alert`; `data` is the event as JSON.

    With `Last-Event-ID` missed events are sent first. If some are no longer stored, `reset` is sent instead:
    reload your state. A client that does not read is disconnected and can resume with `Last-Event-ID`.
    """
    if last_event_id is not None and not is_event_id(last_event_id):
        raise bad_request("`Last-Event-ID` is not an event id; send the `id` of an event, or omit it.")
    try:
        frames = await events.listen(last_event_id or None, snapshots.now_text())
    except EventsUnavailableError as error:
        raise unavailable(
            "no-events", "Events are unavailable; try again shortly, or poll /predict/model/info."
        ) from error
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(frames, media_type="text/event-stream", headers=headers)


router = Router("/events", route_handlers=[follow_events], tags=["events"])
