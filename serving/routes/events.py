"""Server-sent events: promotions, releases, changes of freshness, alerts."""

from http import HTTPStatus
from typing import Annotated, Any

from litestar import Request, Router, get
from litestar.di import NamedDependency
from litestar.params import HeaderParameter
from litestar.response import Stream

from serving.backends.event_stream import (
    MAX_LISTENERS_OF_KEY,
    EventStream,
    EventsUnavailableError,
    TooManyStreamsError,
    is_event_id,
)
from serving.http.auth import READ
from serving.http.respond import documented
from serving.problems import ProblemError, bad_request, unavailable
from serving.release.current import SnapshotHolder
from soccer_assets.contract.api_keys import ApiKey


@get(
    "/",
    opt={"scope": READ, "takes_session": True},
    responses=documented(str, HTTPStatus.BAD_REQUEST, media_type="text/event-stream"),
)
async def follow_events(
    request: Request[Any, ApiKey, Any],
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
        frames = await events.listen(last_event_id or None, snapshots.now_text(), request.auth.id)
    except TooManyStreamsError as error:
        raise ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too-many-streams",
            f"This API key follows {MAX_LISTENERS_OF_KEY} event streams already; close some.",
            {"Retry-After": "30"},
        ) from error
    except EventsUnavailableError as error:
        raise unavailable(
            "no-events", "Events are unavailable; try again shortly, or poll /predict/model/info."
        ) from error
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(frames, media_type="text/event-stream", headers=headers)


router = Router("/events", route_handlers=[follow_events], tags=["events"])
