"""Predictions of the current release: one match, upcoming matches, all of them, and the model behind them."""

import base64
import binascii
import datetime as dt
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from serving.auth import READ
from serving.problems import ProblemError, bad_request, not_loaded
from serving.responses import JSON, NDJSON, ModelInfo, PredictionBody, PredictionPage, documented, send
from serving.snapshot import Current, PageQuery, SnapshotHolder
from soccer_assets.clock import isoformat
from soccer_assets.football.names import fold

Alias = Annotated[
    Literal["champion", "previous", "candidate"],
    QueryParameter(
        name="model", description="Which model: the champion, the one before it, or the next one on trial."
    ),
]
Cursor = Annotated[str | None, QueryParameter(description="`next_cursor` of the page before.")]


@get(
    "/{match_id:str}",
    sync_to_thread=False,
    opt={"scope": READ},
    responses=documented(PredictionBody, HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
)
def read_prediction(
    request: Request[Any, Any, Any],
    snapshots: NamedDependency[SnapshotHolder],
    match_id: FromPath[str],
    model: Alias = "champion",
) -> Response[bytes]:
    """One match: home, draw and away probability; for a played match the last ones before kickoff."""
    current, now = _require(snapshots), snapshots.clock.now()
    found = current.answer(match_id, model, now)
    if found is None:
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            "unknown-match",
            f"This release has no prediction of the {model} for match {match_id!r}; "
            "GET /predict/matches/ lists the matches there are.",
        )
    body, tag = found
    return send(request, body, current.view, now, tag=tag.decode())


@get(
    "/matches/",
    sync_to_thread=True,
    opt={"scope": READ},
    responses=documented(PredictionPage, HTTPStatus.BAD_REQUEST),
)
def list_upcoming(
    request: Request[Any, Any, Any],
    snapshots: NamedDependency[SnapshotHolder],
    *,
    from_day: Annotated[dt.date | None, QueryParameter(name="from", description="First day.")] = None,
    to_day: Annotated[dt.date | None, QueryParameter(name="to", description="Last day, included.")] = None,
    tz: Annotated[
        str,
        QueryParameter(description="Time zone the days are cut in, such as `Europe/Madrid`.", max_length=64),
    ] = "UTC",
    competition: Annotated[str | None, QueryParameter(description="Such as `ENG-1`.")] = None,
    team: Annotated[
        str | None, QueryParameter(description="Team id, or name without regard to case and accents.")
    ] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    cursor: Cursor = None,
) -> Response[bytes]:
    """Upcoming matches in order of kickoff, a page at a time."""
    day_start, day_end = _bounds(from_day, to_day, tz)
    query = PageQuery(
        limit=limit,
        after=_decode_cursor(cursor),
        kickoff_from=max(day_start or "", snapshots.now_text()),
        kickoff_before=day_end,
        upcoming_only=True,
        competition=competition,
        team_id=team,
        team_folded=None if team is None else fold(team),
    )
    return _send_page(request, snapshots, query)


@get(
    "/predictions/",
    sync_to_thread=True,
    opt={"scope": READ},
    responses=documented(PredictionPage, HTTPStatus.BAD_REQUEST),
)
def list_predictions(
    request: Request[Any, Any, Any],
    snapshots: NamedDependency[SnapshotHolder],
    future_only: Annotated[bool, QueryParameter(description="Leaves out what has kicked off.")] = False,
    limit: Annotated[int, QueryParameter(ge=1, le=5000)] = 1000,
    cursor: Cursor = None,
) -> Response[bytes]:
    """Every prediction of the champion, played matches of the last 90 days included.

    A JSON page, or with `Accept: application/x-ndjson` one prediction a line. Both name the next page in the
    `Link` header.
    """
    query = PageQuery(
        limit=limit,
        after=_decode_cursor(cursor),
        kickoff_from=snapshots.now_text() if future_only else None,
        upcoming_only=future_only,
    )
    media_type = request.accept.best_match([JSON, NDJSON], default=JSON)
    return _send_page(request, snapshots, query, media_type)


@get(
    "/model/info",
    sync_to_thread=False,
    opt={"scope": READ},
    responses=documented(ModelInfo, HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
)
def read_model(
    request: Request[Any, Any, Any], snapshots: NamedDependency[SnapshotHolder], model: Alias = "champion"
) -> Response[bytes]:
    """The model behind the predictions: version, run, training rows, scorecard, and the release it is in."""
    current, now = _require(snapshots), snapshots.clock.now()
    manifest = current.snapshot.manifest
    card = manifest.models.get(model)
    if card is None:
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            "unknown-model",
            f"This release has no model {model!r}; it has: {', '.join(sorted(manifest.models)) or 'none'}.",
        )
    info = ModelInfo(
        **msgspec.structs.asdict(card),
        release_id=manifest.release_id,
        release_created_at=manifest.created_at,
        release_published_at=current.snapshot.pointer.published_at,
        feed=manifest.feed,
        is_simulated=manifest.is_simulated,
        snapshot_id=manifest.snapshot_id,
        feature_names=manifest.feature_names,
        aliases=tuple(sorted(manifest.models)),
    )
    return send(request, msgspec.json.encode(info), current.view, now)


def _require(snapshots: SnapshotHolder) -> Current:
    if snapshots.current is None:
        raise not_loaded()
    return snapshots.current


def _send_page(
    request: Request[Any, Any, Any], snapshots: SnapshotHolder, query: PageQuery, media_type: str = JSON
) -> Response[bytes]:
    current, now = _require(snapshots), snapshots.clock.now()
    page = current.snapshot.page(query)
    bodies = [current.view.body(match_id, stored, now) for match_id, stored in page.rows]
    cursor = None if page.next_after is None else _encode_cursor(page.next_after)
    headers = {} if cursor is None else {"Link": f'<{_next_address(request, cursor)}>; rel="next"'}
    if media_type == NDJSON:
        content = b"".join(body + b"\n" for body in bodies)
    else:
        content = b'{"items":[' + b",".join(bodies) + b'],"next_cursor":' + msgspec.json.encode(cursor) + b"}"
    return send(request, content, current.view, now, media_type=media_type, headers=headers)


def _next_address(request: Request[Any, Any, Any], cursor: str) -> str:
    """The same request with another cursor, relative: a proxy may have another host name."""
    pairs = [
        pair for pair in parse_qsl(request.scope["query_string"].decode("latin-1")) if pair[0] != "cursor"
    ]
    return f"{request.url.path}?{urlencode([*pairs, ('cursor', cursor)])}"


def _encode_cursor(after: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(after)).decode().rstrip("=")


def _decode_cursor(cursor: str | None) -> tuple[str, str] | None:
    if cursor is None:
        return None
    try:
        content = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(content, type=tuple[str, str])
    except (binascii.Error, ValueError) as error:
        raise bad_request(
            "`cursor` is not one of ours; send the `next_cursor` of the page before."
        ) from error


def _bounds(from_day: dt.date | None, to_day: dt.date | None, tz: str) -> tuple[str | None, str | None]:
    """First instant of the first day, and first instant after the last day, in UTC."""
    if from_day is not None and to_day is not None and from_day > to_day:
        raise bad_request(f"`from` ({from_day}) lies after `to` ({to_day}); swap them.")
    try:
        zone = ZoneInfo(tz)
    except (KeyError, ValueError, OSError) as error:
        raise bad_request(f"`tz` {tz!r} is no time zone; write one such as Europe/Madrid.") from error
    try:
        first = None if from_day is None else _midnight(from_day, zone)
        end = None if to_day is None else _midnight(to_day + dt.timedelta(days=1), zone)
    except OverflowError as error:
        raise bad_request("`from` or `to` is out of range; write days such as 2025-04-25.") from error
    return first, end


def _midnight(day: dt.date, zone: ZoneInfo) -> str:
    return isoformat(dt.datetime.combine(day, dt.time(), tzinfo=zone))


router = Router(
    "/predict",
    route_handlers=[list_upcoming, list_predictions, read_model, read_prediction],
    tags=["predict"],
)
