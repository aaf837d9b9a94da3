"""Predictions of the current release: one match, upcoming matches, all matches; and its models."""

import datetime as dt
from http import HTTPStatus
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from serving.http import openapi as documents
from serving.http.auth import READ
from serving.http.names import Competition, TeamName, find_competition, find_teams
from serving.http.paging import (
    Cursor,
    FirstDay,
    LastDay,
    Limit,
    TimeZone,
    day_bounds,
    decode_cursor,
    next_page,
)
from serving.http.respond import DEPRECATED, JSON, NDJSON, documented, respond
from serving.http.schemas import MarketsBody, ModelInfo, PredictionBody, PredictionPage
from serving.problems import ProblemError
from serving.release.current import Current, SnapshotHolder, require_release
from serving.release.snapshot import PageQuery
from soccer_assets.football.markets import markets_of

_PAGE = {
    "items": [documents.PREDICTION],
    "next_cursor": "WyIyMDI2LTEyLTA1VDE1OjAwOjAwWiIsIjUyZWJlMDI0NzFkOWFjOTkiXQ",
}

Model = Literal["champion", "previous", "candidate"]
Alias = Annotated[
    Model,
    QueryParameter(
        name="model", description="Champion, previous champion, or the candidate for the next promotion."
    ),
]
Stage = Annotated[
    Model | None, QueryParameter(description="The predecessor's name of `model`; overrides it.")
]


@get(
    "/{match_id:str}",
    sync_to_thread=False,
    opt={"scope": READ},
    responses=documented(
        PredictionBody,
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        example=documents.PREDICTION,
        is_conditional=True,
    ),
)
def read_prediction(
    request: Request[Any, Any, Any],
    snapshots: NamedDependency[SnapshotHolder],
    match_id: FromPath[str],
    model: Alias = "champion",
    stage: Stage = None,
) -> Response[bytes]:
    """One match: probabilities of home, draw and away; for a played match the last ones before kickoff.

    Ids of the source, such as the predecessor's integers, are accepted too.
    """
    current, now = require_release(snapshots), snapshots.clock.now()
    model, headers = (model, {}) if stage is None else (stage, DEPRECATED)
    found, by_source_id = _find(current, match_id, model, now)
    body, tag = found
    return respond(request, body, current.view, now, tag=tag.decode(), headers=headers | by_source_id)


@get(
    "/{match_id:str}/markets",
    sync_to_thread=True,
    opt={"scope": READ},
    responses=documented(MarketsBody, HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, is_conditional=True),
)
def read_markets(
    request: Request[Any, Any, Any],
    snapshots: NamedDependency[SnapshotHolder],
    match_id: FromPath[str],
    model: Alias = "champion",
) -> Response[bytes]:
    """Every market of one match after 90 minutes: how a bet ends, and its fair price.

    Totals, Asian handicaps, both to score, double chance, draw no bet, exact scores, team totals, clean
    sheets, wins to nil and half-time, from one grid of scores that keeps `p_home`, `p_draw` and `p_away`.
    """
    current, now = require_release(snapshots), snapshots.clock.now()
    (body, _), headers = _find(current, match_id, model, now)
    prediction = msgspec.json.decode(body, type=PredictionBody)
    if prediction.goal_model is None:
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            "no-markets",
            "This prediction was made by a version without markets; a match that is still to be played has "
            "them after the next release.",
        )
    chances = (prediction.p_home, prediction.p_draw, prediction.p_away)
    fields = {name: getattr(prediction, name) for name in MarketsBody.__struct_fields__ if name != "markets"}
    answer = MarketsBody(**fields, markets=markets_of(prediction.goal_model, chances))
    return respond(request, msgspec.json.encode(answer), current.view, now, headers=headers, is_bulk=True)


@get(
    "/matches/",
    sync_to_thread=True,
    opt={"scope": READ},
    responses=documented(PredictionPage, HTTPStatus.BAD_REQUEST, example=_PAGE, is_conditional=True),
)
def list_upcoming(
    request: Request[Any, Any, Any],
    snapshots: NamedDependency[SnapshotHolder],
    *,
    from_day: FirstDay = None,
    to_day: LastDay = None,
    tz: TimeZone = "UTC",
    competition: Competition = None,
    team: TeamName = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response[bytes]:
    """Upcoming matches ordered by kickoff, page by page."""
    day_start, day_end = day_bounds(from_day, to_day, tz)
    snapshot = require_release(snapshots).snapshot
    chosen = None if competition is None else find_competition(snapshot, competition)
    query = PageQuery(
        limit=limit,
        after=decode_cursor(cursor),
        kickoff_from=max(day_start or "", snapshots.now_text()),
        kickoff_before=day_end,
        upcoming_only=True,
        competition=competition if chosen is None else chosen.code,
        team_ids=None if team is None else find_teams(snapshot, team, chosen),
    )
    return _send_page(request, snapshots, query)


@get(
    "/predictions/",
    sync_to_thread=True,
    opt={"scope": READ},
    responses=documented(PredictionPage, HTTPStatus.BAD_REQUEST, example=_PAGE, is_conditional=True),
)
def list_predictions(
    request: Request[Any, Any, Any],
    snapshots: NamedDependency[SnapshotHolder],
    future_only: Annotated[
        bool, QueryParameter(description="Only matches that have not kicked off.")
    ] = False,
    limit: Annotated[int, QueryParameter(ge=1, le=5000)] = 1000,
    cursor: Cursor = None,
    offset: Annotated[
        int | None,
        QueryParameter(
            ge=0, le=10_000_000, description="Rows to skip, for the predecessor's clients; prefer `cursor`."
        ),
    ] = None,
) -> Response[bytes]:
    """All predictions of the champion, including played matches of the last 90 days.

    A JSON page, or with `Accept: application/x-ndjson` one prediction per line. The `Link` header has the
    next page.
    """
    query = PageQuery(
        limit=limit,
        after=decode_cursor(cursor),
        offset=offset or 0,
        kickoff_from=snapshots.now_text() if future_only else None,
        upcoming_only=future_only,
    )
    media_type = request.accept.best_match([JSON, NDJSON], default=JSON)
    return _send_page(request, snapshots, query, media_type, None if offset is None else DEPRECATED)


@get(
    "/model/info",
    sync_to_thread=False,
    opt={"scope": READ},
    responses=documented(ModelInfo, HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, is_conditional=True),
)
def read_model(
    request: Request[Any, Any, Any], snapshots: NamedDependency[SnapshotHolder], model: Alias = "champion"
) -> Response[bytes]:
    """A model of the current release: version, run, training data, scorecard; and the release."""
    current, now = require_release(snapshots), snapshots.clock.now()
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
    return respond(request, msgspec.json.encode(info), current.view, now)


def unknown_match(match_id: str, model: str) -> tuple[str, str]:
    """Name and detail of the problem that the release has no such prediction."""
    detail = (
        f"This release has no prediction of the {model} for match {match_id!r}; "
        "GET /predict/matches/ lists the upcoming ones."
    )
    return "unknown-match", detail


def _find(
    current: Current, match_id: str, model: str, now: dt.datetime
) -> tuple[tuple[bytes, bytes], dict[str, str]]:
    """Body and tag of a match, and the header of one that was named by an id of its source.

    Raises:
        ProblemError: 404, the release has no such prediction.
    """
    found, headers = current.answer(match_id, model, now), dict[str, str]()
    if found is None and (named := current.snapshot.find_match_id(match_id)) is not None:
        found, headers = current.answer(named, model, now), DEPRECATED
    if found is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, *unknown_match(match_id, model))
    return found, headers


def _send_page(
    request: Request[Any, Any, Any],
    snapshots: SnapshotHolder,
    query: PageQuery,
    media_type: str = JSON,
    deprecated: dict[str, str] | None = None,
) -> Response[bytes]:
    current, now = require_release(snapshots), snapshots.clock.now()
    page = current.snapshot.page(query)
    bodies = [current.view.body(match_id, stored, now) for match_id, stored in page.rows]
    cursor, headers = next_page(request, page.next_after)
    headers |= deprecated or {}
    if media_type == NDJSON:
        content = b"".join(body + b"\n" for body in bodies)
    else:
        content = b'{"items":[' + b",".join(bodies) + b'],"next_cursor":' + msgspec.json.encode(cursor) + b"}"
    return respond(request, content, current.view, now, media_type=media_type, headers=headers, is_bulk=True)


router = Router(
    "/predict",
    route_handlers=[list_upcoming, list_predictions, read_model, read_markets, read_prediction],
    tags=["predict"],
)
