"""The application factory, for ``granian --factory serving.app:create_app``.

Importing has no side effects: connections and background tasks start in the lifespan.
"""

import asyncio
import logging
import resource
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import structlog
from litestar import Litestar, Router
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme, Tag
from structlog.tracebacks import ExceptionDictTransformer

from serving.backends.dagster import Dagster
from serving.backends.event_stream import EventStream
from serving.backends.live_scores import LiveScores
from serving.backends.match_table import LiveMatches
from serving.backends.redis import OwnNames, import_library
from serving.background_tasks import cancel_and_wait
from serving.heartbeats import beat_forever
from serving.http import auth
from serving.http.address_limit import AddressLimit
from serving.http.body import BodyBudget
from serving.http.document import operation_id
from serving.http.middleware import Application
from serving.http.page_access import PageGate, SignInNeededError
from serving.http.query import check_query
from serving.http.rate_limit import RateLimiter
from serving.http.shutdown import before_stop
from serving.http.swagger import DocumentPlugin, SwaggerPage, openapi_router
from serving.metrics import Metrics
from serving.pages.page_errors import handle_page_error, handle_sign_in
from serving.problems import handle_unexpected
from serving.release.current import SnapshotHolder
from serving.release.history_follower import HistoryFollower
from serving.release.history_loader import StoreAddress
from serving.release.key_ring import KeyRing
from serving.release.reader import ReleaseReader
from serving.release.replicas import Replicas
from serving.release.stored_downloads import Downloads
from serving.reloader import Reloader
from serving.routes import (
    downloads,
    events,
    legacy,
    livescores,
    lookup,
    monitoring,
    operations,
    predict,
    projections,
    scoring,
    sources,
    tasks,
)
from serving.routes.assistants import door
from serving.routes.pages.match_day import list_links
from serving.routes.pages.page_routes import routers as page_routers
from serving.scoring.assumptions import Simulations
from serving.scoring.process import Scorer
from serving.settings import cache_folder, history_folder, sidecar_name
from serving.tasks.queue import TaskQueue
from serving.tasks.quota import Quota
from soccer_assets.contract.release import SCHEMA_VERSION
from soccer_assets.settings import Settings

# The start waits this long for the first release: until then no port is open, and a balancer asks another
# sidecar. After that requests are answered 503 until it is loaded. A store without one is known at once.
_FIRST_RELEASE_SECONDS = 10.0
# A thread that renders a page lets the event loop go on after this time; Python's own is ten times as long,
# and a look-up that waits for it twice is late.
_SWITCH_SECONDS = 0.0005


def create_app(settings: Settings | None = None, scorer: Scorer | None = None) -> Litestar:
    """Build the sidecar.

    Args:
        settings: by default read from the environment.
        scorer: by default scores with the release's model in a child process.

    Raises:
        SettingError: a setting cannot be used.
    """
    settings = settings or Settings.from_env()
    _configure_logging()
    metrics, keys, holder = Metrics(), KeyRing(), SnapshotHolder(settings.clock)
    names, gate = OwnNames(), PageGate(settings.pages)
    limiter = RateLimiter(
        settings.rate_limit_per_minute, settings.redis_url, names, metrics, workers=settings.serving_workers
    )
    scorer = scorer or Scorer()
    simulations = Simulations()
    reader = ReleaseReader(settings.store_url, cache_folder(settings), settings.s3_endpoint_url)
    store = StoreAddress(settings.store_url, str(cache_folder(settings)), settings.s3_endpoint_url)
    quota = Quota(settings.tasks_per_key, settings.task_bytes_per_key)
    task_queue = TaskQueue(settings.redis_url, names, settings.task_keep_seconds, quota, reader)
    matches, dagster = LiveMatches(settings.database_url), Dagster(settings.dagster_url)
    live_scores = LiveScores(matches)
    stream, bodies = EventStream(settings.redis_url, names), BodyBudget(settings.max_body_bytes)
    replicas = Replicas(holder, settings.redis_url, names)
    assistants = door.Assistants(_page_origins(settings))
    reloader = Reloader(
        reader=reader,
        holder=holder,
        keys=keys,
        scorer=scorer,
        metrics=metrics,
        names=names,
        history=HistoryFollower(holder, store, history_folder(settings), metrics),
        gate=gate,
        is_https=settings.pages_url.startswith("https://"),
        sidecar=sidecar_name(settings),
        poll_seconds=settings.poll_seconds,
        redis_url=settings.redis_url,
    )

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncGenerator[None, None]:
        beats = asyncio.create_task(beat_forever())
        before_stop(asyncio.get_running_loop(), stream.end_streams)
        live_scores.start(asyncio.get_running_loop())
        _raise_open_files()
        sys.setswitchinterval(_SWITCH_SECONDS)
        await asyncio.gather(reloader.start(_FIRST_RELEASE_SECONDS), import_library(settings.redis_url))
        await limiter.start()
        await replicas.start()
        depth = asyncio.create_task(task_queue.watch(metrics.tasks))
        try:
            yield
        finally:
            await stream.close()  # first: open event streams would delay the rest
            await replicas.stop()
            await limiter.stop()
            await cancel_and_wait(depth)
            await task_queue.close()
            matches.close()
            await reloader.stop()
            simulations.cancel()
            await asyncio.to_thread(simulations.close)
            if holder.current is not None:
                holder.current.snapshot.close()
            await cancel_and_wait(beats)

    protected = Router(
        "/",
        route_handlers=[
            # The OpenAPI document lists paths in this order.
            predict.router,
            lookup.router,
            legacy.predict_router,
            scoring.router,
            monitoring.router,
            tasks.router,
            legacy.monitoring_router,
            projections.router,
            downloads.router,
            livescores.router,
            sources.router,
            legacy.sources_router,
            events.router,
        ],
        guards=[auth.authorize, check_query],
        security=[{"apiKey": []}],
    )
    return Application(
        route_handlers=[
            protected,
            Router("/", route_handlers=[list_links, *operations.handlers], guards=[check_query]),
            *page_routers(),
            *([door.router] if settings.mcp else []),
        ],
        dependencies={
            "snapshots": Provide(lambda: holder, sync_to_thread=False),
            "metrics": Provide(lambda: metrics, sync_to_thread=False),
            "reloader": Provide(lambda: reloader, sync_to_thread=False),
            "replicas": Provide(lambda: replicas, sync_to_thread=False),
            "scorer": Provide(lambda: scorer, sync_to_thread=False),
            "simulations": Provide(lambda: simulations, sync_to_thread=False),
            "child": Provide(lambda: scorer.child, sync_to_thread=False),
            "tasks": Provide(lambda: task_queue, sync_to_thread=False),
            "live_matches": Provide(lambda: matches, sync_to_thread=False),
            "live_scores": Provide(lambda: live_scores, sync_to_thread=False),
            "dagster": Provide(lambda: dagster, sync_to_thread=False),
            "dagster_pages": Provide(
                lambda: settings.public_url or settings.dagster_url, sync_to_thread=False
            ),
            "events": Provide(lambda: stream, sync_to_thread=False),
            "downloads": Provide(lambda: Downloads(reader), sync_to_thread=False),
            "bodies": Provide(lambda: bodies, sync_to_thread=False),
            "reader": Provide(lambda: reader, sync_to_thread=False),
            "assistants": Provide(lambda: assistants, sync_to_thread=False),
        },
        exception_handlers={
            HTTPException: handle_page_error,
            SignInNeededError: handle_sign_in,
            Exception: handle_unexpected,
        },
        lifespan=[lifespan],
        state=State(
            {
                "metrics": metrics,
                "key_ring": keys,
                "rate_limiter": limiter,
                "reloader": reloader,
                "snapshots": holder,
                "root_path": settings.root_path,
                "page_gate": gate,
                "page_views": AddressLimit(settings.pages_per_minute, settings.trusted_proxies),
                "pages_url": settings.pages_url,
                "failed_keys": AddressLimit(settings.failed_keys_per_minute, settings.trusted_proxies),
            }
        ),
        openapi_config=_openapi(),
        cors_config=_cors(settings.cors_origins) if settings.cors_origins else None,
        logging_config=None,
        debug=False,
    )


def _raise_open_files() -> None:
    """Raise the soft limit of open files, usually 1,024, to the hard one: a connection is a file."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _page_origins(settings: Settings) -> tuple[str, ...]:
    """The origins whose pages may ask as an assistant: those of CORS, and where a proxy publishes our own."""
    own = urlsplit(settings.pages_url)
    return (*settings.cors_origins, *([f"{own.scheme}://{own.netloc}"] if own.netloc else []))


def _cors(origins: tuple[str, ...]) -> CORSConfig:
    """CORS for these origins, without credentials: API keys travel in a header, never in a cookie."""
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "POST"],
        allow_headers=[
            *(auth.HEADER, "Content-Type", "If-None-Match", "Last-Event-ID", "Idempotency-Key"),
            *door.HEADERS,
        ],
        expose_headers=["ETag", "Link", "Retry-After", "X-Request-ID", "RateLimit-Remaining", "Deprecation"],
        allow_credentials=False,
    )


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="soccer-assets",
        version=f"{SCHEMA_VERSION}.0",
        description=(
            "Calibrated home/draw/away probabilities for football matches, for the result after 90 minutes. "
            "Send an API key in the header X-API-Key. Errors are application/problem+json."
        ),
        use_handler_docstrings=True,
        operation_id_creator=operation_id,
        render_plugins=[SwaggerPage(), DocumentPlugin()],
        openapi_router=openapi_router(),
        components=Components(
            security_schemes={
                "apiKey": SecurityScheme(type="apiKey", name=auth.HEADER, security_scheme_in="header")
            },
        ),
        tags=[
            Tag("predict", "Predictions of the current release."),
            Tag("projections", "How the season of each league may end."),
            Tag("downloads", "Predictions, ledger, ratings, tables and projections as files."),
            Tag("livescores", "Matches with their current status and goals."),
            Tag("monitoring", "Freshness, drift, quality, and the status of tasks."),
            Tag("sources", "Launch ingest and export runs in Dagster."),
            Tag("events", "Server-sent events: promotions, releases, freshness, alerts."),
            Tag("operations", "Liveness, readiness, metrics."),
        ],
    )


def _configure_logging() -> None:
    """Log one JSON object per line to standard output, with the request id inside a request."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Without local variables: in a failed request they include the client's API key.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
