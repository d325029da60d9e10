"""The server put together: settings, backends and doors, in one process."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute

from learntrac import __version__
from learntrac.accounts import jobs as accounts_jobs
from learntrac.accounts import routes as accounts
from learntrac.accounts.directory import Directory
from learntrac.accounts.live_sessions import LiveSessions, open_live_sessions
from learntrac.accounts.routes import ProfileReader
from learntrac.accounts.schemas import LearningProfile
from learntrac.accounts.throttle import Throttle
from learntrac.accounts.tokens import Tokens
from learntrac.activity import jobs as activity_jobs
from learntrac.activity.jobs import alone_with_rollups
from learntrac.activity.service import roll_up
from learntrac.adaptive import routes as adaptive
from learntrac.analytics import jobs as analytics_jobs
from learntrac.analytics import routes as analytics
from learntrac.analytics.exports import Maker
from learntrac.audit import service as audit
from learntrac.backends.cache import Cache
from learntrac.backends.gateway import Gateway
from learntrac.backends.graph import Graph, GraphDown
from learntrac.backends.llm import LanguageModel, budgets
from learntrac.backends.objects import ObjectStorage
from learntrac.backends.queue import Queue, Task, Tasks
from learntrac.backends.receivers.sending import Receivers
from learntrac.backends.sandbox import Sandbox
from learntrac.backends.speech import Speech
from learntrac.certificates import routes as certificates
from learntrac.certificates.keys import Keys
from learntrac.chat import jobs as chat_jobs
from learntrac.chat import routes as chat
from learntrac.chat.planning import Tutor
from learntrac.chat.vectors import open_meanings
from learntrac.concepts import routes as concepts
from learntrac.concepts.service import find_preferred_resource
from learntrac.concepts.viewing import viewer_of
from learntrac.config import Settings
from learntrac.exercises import jobs as exercises_jobs
from learntrac.exercises import routes as exercises
from learntrac.exercises.attempts import Grader
from learntrac.kit import idempotency, tracing
from learntrac.kit.clock import Clock, utc_now
from learntrac.kit.db import Database
from learntrac.kit.http.docs import docs_files, docs_router
from learntrac.kit.http.doors import API
from learntrac.kit.http.edge import ASGI, Edge, Receive, Scope, Send
from learntrac.kit.http.errors import handle_errors
from learntrac.kit.http.metrics import add_metrics
from learntrac.kit.http.openapi import describe
from learntrac.kit.leases import Lease, make_lease
from learntrac.kit.logs import get_logger
from learntrac.kit.metrics import Metrics
from learntrac.kit.sealing import Sealer
from learntrac.knowledge import jobs as knowledge_jobs
from learntrac.knowledge import routes as knowledge
from learntrac.knowledge.service import added_prerequisites, tell_graph
from learntrac.mastery import jobs as mastery_jobs
from learntrac.mastery import routes as mastery
from learntrac.mastery.parameter_file import RELOADED_SECONDS, Model
from learntrac.mastery.standings import get_profile
from learntrac.opening import (
    find_model_file,
    find_secret,
    find_store,
    open_cache,
    open_database,
    open_gateway,
    open_graph,
    open_llm,
    open_objects,
    open_queue,
    open_receivers,
    open_sandbox,
    open_speech,
)
from learntrac.privacy import routes as privacy
from learntrac.progress import routes as progress
from learntrac.progress.course import KnownCourse
from learntrac.status import routes as status
from learntrac.status.watching import keep_measured, watch_backends
from learntrac.trac.directory import TracDirectory
from learntrac.trac.environment import EnvironmentProblem, TracEnvironment, open_environment
from learntrac.trac.sync import Progress, Sync, stop
from learntrac.voice import gateway as voice_gateway
from learntrac.voice import jobs as voice_jobs
from learntrac.voice import routes as voice
from learntrac.voice import sockets as voice_sockets
from learntrac.voice.gateway_talks import GatewayTalks
from learntrac.voice.studio import Studio
from learntrac.webhooks import jobs as webhook_jobs
from learntrac.webhooks import routes as webhooks
from learntrac.webhooks.delivering import Deliverer
from learntrac.webhooks.service import keep_store
from learntrac.webhooks.trying import Trier

if TYPE_CHECKING:
    from learntrac.backends.graph.copying import Neo4jCopy

_NOT_TRACED = frozenset({f"{API}/health", f"{API}/ready", "/metrics"})
"""What machines ask every few seconds."""
HOUSEKEEPING_EVERY_SECONDS = 3600
CATALOG_LEASE = "sync"

_log = get_logger("learntrac")

_DESCRIPTION = """LearnTrac turns a Trac into an adaptive course: a ticket is a concept, its links are prerequisites.

Press **Authorize** and sign in with your Trac name and password to try what needs it."""


@dataclass
class Parts:
    """Everything that doors are handed, by the names they find it under on `app.state`."""

    settings: Settings
    clock: Clock
    database: Database
    cache: Cache
    graph: Graph
    graph_copy: "Neo4jCopy | None"
    queue: Queue
    sandbox: Sandbox
    speech: Speech
    llm: LanguageModel | None
    """None: no provider is configured, and the tutor answers by retrieval."""
    trac: TracEnvironment
    directory: Directory
    sync: Sync
    model: Model
    tokens: Tokens
    live_sessions: LiveSessions
    throttle: Throttle
    secret: bytes
    receivers: Receivers
    webhook_sealer: Sealer
    signing_keys: Keys
    deliverer: Deliverer
    read_profile: ProfileReader
    concept_totals: concepts.Totals
    exercise_totals: exercises.Totals
    course: KnownCourse
    started: float
    metrics: Metrics
    objects: ObjectStorage | None
    gateway: Gateway | None
    tutor: Tutor = field(init=False)
    studio: Studio = field(init=False)
    gateway_talks: GatewayTalks | None = field(init=False)

    def __post_init__(self) -> None:
        within_seconds = self.settings.ai_embedding_timeout_seconds
        meanings = open_meanings(self.database, self.llm, within_seconds=within_seconds)
        self.tutor = Tutor(self.database, self.trac.permissions, self.clock, self.llm, meanings=meanings)
        self.studio = Studio(self)
        self.gateway_talks = None if self.gateway is None else GatewayTalks(self.studio, self.gateway)


@asynccontextmanager
async def opened(
    settings: Settings, *, clock: Clock = utc_now, on_progress: Progress | None = None, keep_up: bool = True
) -> AsyncIterator[Parts]:
    """Open Trac, database and cache, bring the catalog up to date where it is empty, and keep it so until the end,
    unless only what is there is to be seen to (`keep_up`).

    Of all processes over one database one keeps the catalog; when it ends, another goes on. Jobs run in `worker`.

    Raises EnvironmentProblem, in one sentence that names the setting or the path, where something is not there.
    """
    if settings.trac_env is None:
        raise EnvironmentProblem("Say which Trac: `--trac-env DIR` or LEARNTRAC_TRAC_ENV.")
    secret = find_secret(settings)
    async with AsyncExitStack() as stack:
        stack.enter_context(tracing.traced(version=__version__))
        trac = await open_environment(settings.trac_env.resolve(), settings, secret=secret)
        stack.push_async_callback(trac.close)
        database = await open_database(settings, answer_within_seconds=settings.database_timeout_seconds)
        stack.push_async_callback(database.close)
        metrics = _new_metrics()
        watch_backends(metrics, database, trac)
        tracing.watch(database, trac.source.engine)
        cache = open_cache(settings, metrics)
        stack.push_async_callback(cache.close)
        graph = open_graph(settings, database, clock)
        stack.push_async_callback(graph[0].close)
        lease = make_lease(database, CATALOG_LEASE)
        stack.push_async_callback(lease.release)
        parts = _put_together(settings, clock, trac, database, cache, graph, lease, secret, metrics)
        stack.push_async_callback(parts.sandbox.close)
        if parts.llm is not None:
            stack.push_async_callback(parts.llm.close)
        stack.push_async_callback(parts.speech.close)
        for outside in (parts.objects, parts.gateway):
            if outside is not None:
                stack.push_async_callback(outside.close)
        await parts.sync.first(on_progress)
        with suppress(GraphDown):  # told in the log: the server does without
            await parts.graph.ping()
        await _keep_store(parts)
        if keep_up:
            await stack.enter_async_context(_kept_up(parts))
        yield parts


def _put_together(
    settings: Settings,
    clock: Clock,
    trac: TracEnvironment,
    database: Database,
    cache: Cache,
    graphs: "tuple[Graph, Neo4jCopy | None]",
    lease: Lease,
    secret: bytes,
    metrics: Metrics,
) -> Parts:
    graph, copy = graphs
    queue = open_queue(settings, database, clock)
    receivers, sealer = open_receivers(settings), Sealer(secret, "webhooks")
    return Parts(
        settings=settings,
        clock=clock,
        database=database,
        cache=cache,
        graph=graph,
        graph_copy=copy,
        queue=queue,
        sandbox=open_sandbox(settings, metrics),
        llm=open_llm(settings, database, clock, metrics),
        speech=open_speech(settings),
        trac=trac,
        directory=TracDirectory(trac),
        sync=Sync(
            trac.source,
            database,
            mapping=trac.mapping,
            clock=clock,
            added=lambda: added_prerequisites(database.hot),
            on_change=lambda session: _tell_of_change(session, queue, graph),
            lease=lease,
        ),
        model=Model(find_model_file(settings)),
        tokens=Tokens(secret, lifetime_seconds=settings.access_token_seconds),
        live_sessions=open_live_sessions(database),
        throttle=Throttle(cache, clock),
        secret=secret,
        receivers=receivers,
        webhook_sealer=sealer,
        signing_keys=Keys(database, Sealer(secret, "certificates"), clock),
        deliverer=Deliverer(
            database,
            Trier(receivers, clock=clock, store=find_store(settings)),
            sealer=sealer,
            clock=clock,
            metrics=metrics,
        ),
        read_profile=_profile_reader(trac, database),
        concept_totals=concepts.Totals(),
        exercise_totals=exercises.Totals(),
        course=KnownCourse(),
        started=time.monotonic(),
        metrics=metrics,
        objects=open_objects(settings),
        gateway=open_gateway(settings),
    )


async def _keep_store(parts: Parts) -> None:
    store = find_store(parts.settings)
    async with parts.database.begin() as session:
        await keep_store(session, url=store.endpoint if store else None, now=parts.clock())


async def _tell_of_change(session: AsyncSession, queue: Queue, graph: Graph) -> None:
    await tell_graph(session, queue=queue, graph=graph)
    await chat_jobs.tell_index(session, queue=queue)


@asynccontextmanager
async def _kept_up(parts: Parts) -> AsyncIterator[None]:
    tasks = [
        asyncio.create_task(parts.sync.run(interval_seconds=parts.settings.sync_interval_seconds)),
        asyncio.create_task(parts.trac.keep_permissions()),
        asyncio.create_task(keep_measured(parts)),
        asyncio.create_task(_keep_model(parts.model)),
        asyncio.create_task(parts.studio.run()),
    ]
    if parts.gateway_talks is not None:
        tasks.append(asyncio.create_task(parts.gateway_talks.run()))
    try:
        yield
    finally:
        if parts.gateway_talks is not None:
            await parts.gateway_talks.close()
        await parts.studio.close()
        for task in tasks:
            await stop(task)


def all_tasks(parts: Parts) -> Tasks:
    """Everything that jobs can be of: what the features offer, and the house's own keeping."""

    async def forget_old_replies(_payload: dict[str, Any]) -> None:
        async with parts.database.begin() as session:
            await idempotency.forget_old(session, now=parts.clock())

    async def forget_old_entries(_payload: dict[str, Any]) -> None:
        async with parts.database.begin() as session:
            await audit.forget_old(session, now=parts.clock(), days=parts.settings.audit_days)

    async def forget_old_spending(_payload: dict[str, Any]) -> None:
        async with parts.database.begin() as session:
            await budgets.forget_old(session, now=parts.clock())

    async def forget_old_jobs(_payload: dict[str, Any]) -> None:
        await parts.queue.forget_old()

    return Tasks(
        *accounts_jobs.tasks(parts.database, clock=parts.clock),
        *activity_jobs.tasks(parts.database, clock=parts.clock),
        *analytics_jobs.tasks(export_maker(parts)),
        *exercises_jobs.tasks(Grader(parts.database, parts.sandbox, parts.model, parts.clock, parts.llm)),
        *chat_jobs.tasks(parts.database, queue=parts.queue, language_model=parts.llm, clock=parts.clock),
        *knowledge_jobs.tasks(parts.database, parts.graph_copy),
        *mastery_jobs.tasks(parts.database, parts.model, clock=parts.clock),
        *voice_jobs.tasks(parts.database, parts.objects, clock=parts.clock),
        *webhook_jobs.tasks(parts.database, clock=parts.clock),
        Task("replies.forget_old", forget_old_replies, every_seconds=HOUSEKEEPING_EVERY_SECONDS),
        Task("audit.forget_old", forget_old_entries, every_seconds=HOUSEKEEPING_EVERY_SECONDS),
        Task("ai_spending.forget_old", forget_old_spending, every_seconds=HOUSEKEEPING_EVERY_SECONDS),
        Task("queue.forget_old", forget_old_jobs, every_seconds=HOUSEKEEPING_EVERY_SECONDS),
    )


def export_maker(parts: Parts) -> Maker:
    """What makes reports, over these parts."""

    async def milestone_dates() -> dict[str, datetime]:
        return await parts.trac.source.milestone_dates()

    async def bring_up_to_date() -> None:
        async with alone_with_rollups(parts.database):
            await roll_up(parts.database, now=parts.clock())

    return Maker(
        database=parts.database,
        clock=parts.clock,
        viewer=lambda user_id: viewer_of(parts.trac.permissions(), user_id),
        milestone_dates=milestone_dates,
        bring_up_to_date=bring_up_to_date,
    )


async def _keep_model(model: Model) -> None:
    """Take up the learner model's file whenever it has changed."""
    while True:
        await asyncio.sleep(RELOADED_SECONDS)
        try:
            await asyncio.to_thread(model.refresh)
        except Exception as error:  # noqa: BLE001 - the model that is loaded goes on serving
            _log.warning("the learner model's file could not be looked at", error=str(error))


def _new_metrics() -> Metrics:
    return Metrics(version=__version__, prefix=API)


def _profile_reader(trac: TracEnvironment, database: Database) -> ProfileReader:
    async def read(session: AsyncSession, user_id: str) -> LearningProfile:
        # A component can be known from its tickets only: one of hidden tickets must not be named.
        visibility = viewer_of(trac.permissions(), user_id).visibility
        profile = await get_profile(database.hot, user_id=user_id, visibility=visibility)
        preferred = await find_preferred_resource(session, user_id=user_id)
        return LearningProfile(
            level=profile.level,
            preferred_learning_style=preferred or "unknown",
            strengths=list(profile.strengths),
            areas_for_improvement=list(profile.weaknesses),
        )

    return read


def create_app(parts: Parts) -> FastAPI:
    """The API over these parts."""
    app = make_api(parts.settings, parts.clock)
    for name, value in vars(parts).items():
        setattr(app.state, name, value)
    return app


@cache
def _doors() -> list[BaseRoute]:
    """Every feature's routes, put together once for all the apps that a process makes."""
    # What is asked for most comes first: a request tries every route before its own, some microseconds each. And the
    # routes themselves, for a router that is included looks for the route twice.
    learning = (concepts, progress, exercises, knowledge, chat, mastery, adaptive, analytics)
    features = (*learning, accounts, status, privacy, certificates, voice, webhooks)
    routers = (*(feature.router for feature in features), certificates.public, voice_sockets.router)
    return [route for router in routers for route in router.routes]


def make_api(settings: Settings, clock: Clock) -> FastAPI:
    """All doors, with nothing behind them yet: enough to write the OpenAPI document."""
    app = FastAPI(
        title="LearnTrac",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        servers=[{"url": settings.public_url.rstrip("/")}] if settings.public_url else None,
        max_body_size=settings.max_body_bytes,
    )
    app.router.routes.extend(_doors())
    app.router.routes.append(voice_gateway.route)
    app.include_router(docs_router(f"{API}/openapi.json"), prefix=API)
    app.router.routes.append(docs_files(f"{API}/docs/files"))
    app.state.metrics = _new_metrics()
    add_metrics(app, token=settings.metrics_token, networks=settings.metrics_from)
    _lead_to_trac(app, settings.trac_url.rstrip("/"))
    handle_errors(app, clock)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign] # FastAPI's own way to replace the document
    return app


def watched_site(parts: Parts) -> ASGI:
    """Only `/metrics`: for a process that answers nobody else."""
    app = FastAPI(openapi_url=None)
    app.state.metrics = parts.metrics
    add_metrics(app, token=parts.settings.metrics_token, networks=parts.settings.metrics_from)
    handle_errors(app, parts.clock)
    return Edge(app, form_paths=frozenset(), metrics=parts.metrics)


def _lead_to_trac(app: FastAPI, trac_url: str) -> None:
    """`/wiki/Page` and `/ticket/12`, as concepts name them, lead to the pages in Trac; the front page to the docs."""

    @app.get("/", include_in_schema=False)
    async def front() -> RedirectResponse:
        return RedirectResponse(f"{API}/docs")

    @app.get("/wiki/{rest:path}", include_in_schema=False)
    @app.get("/ticket/{rest:path}", include_in_schema=False)
    async def into_trac(request: Request) -> RedirectResponse:
        return RedirectResponse(trac_url + quote(request.scope["path"]))


def site(app: FastAPI, settings: Settings, *, trac: ASGI | None = None, trac_path: str = "/trac") -> ASGI:
    """What the server runs: the API behind its edge, and Trac beside it where it is mounted in this process."""
    api: ASGI = app
    if settings.cors_origins:
        api = CORSMiddleware(
            app,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "X-Request-ID"],
            expose_headers=[
                "X-RateLimit-Limit",
                "X-RateLimit-Remaining",
                "X-RateLimit-Reset",
                "X-Request-ID",
                "Retry-After",
            ],
            max_age=600,
        )
    api = tracing.around(api, except_paths=_NOT_TRACED)
    edge = Edge(
        api,
        form_paths=frozenset({f"{API}/auth/login"}),
        file_paths=frozenset({f"{API}/voice/transcribe"}),
        metrics=app.state.metrics,
    )
    if trac is None:
        return edge

    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path == trac_path or path.startswith(trac_path + "/"):
            await trac({**scope, "root_path": trac_path}, receive, send)
        else:
            await edge(scope, receive, send)

    return either
