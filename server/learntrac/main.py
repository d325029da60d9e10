"""The server put together: settings, backends and doors, in one process."""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.middleware.cors import CORSMiddleware

from learntrac import __version__
from learntrac.accounts import routes as accounts
from learntrac.accounts import service as accounts_service
from learntrac.accounts.callers import LiveSessions
from learntrac.accounts.directory import Directory
from learntrac.accounts.schemas import LearningProfile
from learntrac.accounts.tokens import Tokens
from learntrac.backends.cache import Cache
from learntrac.backends.cache.memory import MemoryCache
from learntrac.backends.cache.redis import RedisCache
from learntrac.concepts import routes as concepts
from learntrac.concepts.service import find_preferred_resource
from learntrac.config import Settings
from learntrac.kit import idempotency
from learntrac.kit.clock import Clock, utc_now
from learntrac.kit.db import Database, normalised
from learntrac.kit.http.docs import docs_files, docs_router
from learntrac.kit.http.edge import ASGI, Edge, Receive, Scope, Send
from learntrac.kit.http.errors import handle_errors
from learntrac.kit.http.openapi import describe
from learntrac.kit.logs import get_logger
from learntrac.mastery.service import get_profile
from learntrac.progress import routes as progress
from learntrac.schema import SchemaTooNew, migrate
from learntrac.status import routes as status
from learntrac.trac.directory import TracDirectory
from learntrac.trac.environment import EnvironmentProblem, TracEnvironment, open_environment, trac_database
from learntrac.trac.ini import IniError, read_ini
from learntrac.trac.sync import Progress, Sync, stop

API = "/api/learntrac/v1"
SESSIONS_REMEMBERED_SECONDS = 5.0
HOUSEKEEPING_EVERY_SECONDS = 3600
SHORTEST_SECRET = 32

_DESCRIPTION = """LearnTrac turns a Trac into an adaptive course: a ticket is a concept, its links are prerequisites.

Press **Authorize** and sign in with your Trac name and password to try what needs it."""

_log = get_logger("learntrac.main")


@dataclass
class Parts:
    """Everything that doors are handed, by the names they find it under on `app.state`."""

    settings: Settings
    clock: Clock
    database: Database
    cache: Cache
    trac: TracEnvironment
    directory: Directory
    sync: Sync
    tokens: Tokens
    live_sessions: LiveSessions
    secret: bytes
    read_profile: Callable[[AsyncSession, str], Awaitable[LearningProfile]]
    concept_totals: concepts.Totals
    started: float


@asynccontextmanager
async def opened(
    settings: Settings, *, clock: Clock = utc_now, on_progress: Progress | None = None
) -> AsyncIterator[Parts]:
    """Open Trac, database and cache, bring the catalog up to date where it is empty, and keep it so until the end.

    Raises EnvironmentProblem, in one sentence that names the setting or the path, where something is not there.
    """
    if settings.trac_env is None:
        raise EnvironmentProblem("Say which Trac: `--trac-env DIR` or LEARNTRAC_TRAC_ENV.")
    secret = find_secret(settings)
    async with AsyncExitStack() as stack:
        trac = await open_environment(settings.trac_env.resolve(), settings, secret=secret)
        stack.push_async_callback(trac.close)
        database = await open_database(settings)
        stack.push_async_callback(database.close)
        cache = open_cache(settings)
        stack.push_async_callback(cache.close)
        parts = _put_together(settings, clock, trac, database, cache, secret)
        await _first_sync(parts, on_progress)
        await stack.enter_async_context(_kept_up(parts))
        yield parts


def _put_together(
    settings: Settings, clock: Clock, trac: TracEnvironment, database: Database, cache: Cache, secret: bytes
) -> Parts:
    return Parts(
        settings=settings,
        clock=clock,
        database=database,
        cache=cache,
        trac=trac,
        directory=TracDirectory(trac),
        sync=Sync(trac.source, database, mapping=trac.mapping, clock=clock),
        tokens=Tokens(secret, lifetime_seconds=settings.access_token_seconds),
        live_sessions=LiveSessions(database.hot, remember_seconds=SESSIONS_REMEMBERED_SECONDS),
        secret=secret,
        read_profile=_read_profile,
        concept_totals=concepts.Totals(),
        started=time.monotonic(),
    )


async def _first_sync(parts: Parts, on_progress: Progress | None) -> None:
    """Wait for the catalog only where there is none yet: an old one serves while it is brought up to date."""
    generation = (await parts.database.hot.rows("SELECT generation FROM catalog_state"))[0][0]
    if generation == 0:
        await parts.sync.step(on_progress)
        parts.sync.synced_at = time.monotonic()


@asynccontextmanager
async def _kept_up(parts: Parts) -> AsyncIterator[None]:
    tasks = [
        asyncio.create_task(parts.sync.run(interval_seconds=parts.settings.sync_interval_seconds)),
        asyncio.create_task(parts.trac.keep_permissions()),
        asyncio.create_task(_keep_house(parts)),
    ]
    try:
        yield
    finally:
        for task in tasks:
            await stop(task)


async def _keep_house(parts: Parts) -> None:
    """Once an hour, forget what is too old to be asked for."""
    while True:
        try:
            async with parts.database.begin() as session:
                await idempotency.forget_old(session, now=parts.clock())
                await accounts_service.forget_old_sessions(session, now=parts.clock())
        except Exception as error:  # noqa: BLE001 - what could not be thrown away today can be tomorrow
            _log.warning("housekeeping has to wait", error=str(error))
        await asyncio.sleep(HOUSEKEEPING_EVERY_SECONDS)


async def _read_profile(session: AsyncSession, user_id: str) -> LearningProfile:
    profile = await get_profile(session, user_id=user_id)
    preferred = await find_preferred_resource(session, user_id=user_id)
    return LearningProfile(
        level=profile.level,
        preferred_learning_style=preferred or "unknown",
        strengths=list(profile.strengths),
        areas_for_improvement=list(profile.weaknesses),
    )


async def open_database(settings: Settings) -> Database:
    """LearnTrac's database with this version's tables. Raises EnvironmentProblem."""
    database = Database(find_database_url(settings), pool_size=settings.database_pool_size)
    shown = database.url.render_as_string(hide_password=True)
    try:
        await migrate(database)
    except SchemaTooNew as error:
        await database.close()
        raise EnvironmentProblem(str(error)) from error
    except Exception as error:
        await database.close()
        cause = str(getattr(error.__cause__ or error, "orig", error)).partition("\n")[0]
        raise EnvironmentProblem(f"LEARNTRAC_DATABASE_URL: {shown} cannot be used: {cause}") from error
    return database


def find_database_url(settings: Settings) -> str:
    """The configured URL, or Trac's own PostgreSQL, or a file beside Trac's. Raises EnvironmentProblem."""
    if settings.database_url is not None:
        return _checked(settings.database_url)
    environment = _environment(settings)
    try:
        ini = read_ini(environment)
    except IniError as error:
        raise EnvironmentProblem(str(error)) from error
    found = trac_database(environment, ini)
    if found.kind == "postgresql":
        return found.async_url()
    return f"sqlite:///{_beside(environment)}/learntrac.db"


def _checked(url: str) -> str:
    try:
        normalised(url)
    except (ValueError, ArgumentError) as error:
        # Not a word of the URL itself: there is a password in it.
        raise EnvironmentProblem(
            "LEARNTRAC_DATABASE_URL: it must be sqlite:///path/to/file or postgresql://user:password@host/database."
        ) from error
    return url


def open_cache(settings: Settings) -> Cache:
    """Redis where it is configured, else this process's memory. Raises EnvironmentProblem."""
    if settings.redis_url is None:
        return MemoryCache()
    try:
        return RedisCache(settings.redis_url)
    except ValueError as error:
        raise EnvironmentProblem(f"LEARNTRAC_REDIS_URL: {error}.") from error


def find_secret(settings: Settings) -> bytes:
    """The key that signs tokens: the setting, or the one in `learntrac.key`, made at the first start."""
    if settings.secret_key is not None:
        return settings.secret_key.encode()
    file = _beside(_environment(settings)) / "learntrac.key"
    try:
        if not file.exists():
            _make_secret(file)
        secret = file.read_bytes().strip()
    except OSError as error:
        raise EnvironmentProblem(f"Set LEARNTRAC_SECRET_KEY: {file} cannot be used ({error.strerror}).") from error
    if len(secret) < SHORTEST_SECRET:
        raise EnvironmentProblem(f"{file}: this key is too short. Remove the file, and the next start makes another.")
    return secret


def _make_secret(file: Path) -> None:
    """A new key, whole or not at all; where two processes start at once, both use the first one's."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(secrets.token_urlsafe(48))
    with suppress(FileExistsError):
        file.hardlink_to(part)
    part.unlink()


def _environment(settings: Settings) -> Path:
    if settings.trac_env is None:
        raise EnvironmentProblem("Say which Trac: `--trac-env DIR` or LEARNTRAC_TRAC_ENV.")
    if not (settings.trac_env / "conf" / "trac.ini").is_file():
        raise EnvironmentProblem(f"{settings.trac_env}: this is no Trac environment: it has no conf/trac.ini.")
    return settings.trac_env.resolve()


def _beside(environment: Path) -> Path:
    return environment / "db"


def create_app(parts: Parts) -> FastAPI:
    """The API over these parts."""
    app = make_api(parts.settings, parts.clock)
    for name, value in vars(parts).items():
        setattr(app.state, name, value)
    return app


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
        max_body_size=settings.max_body_bytes,
    )
    for feature in (accounts, concepts, progress, status):
        app.include_router(feature.router, prefix=API)
    app.include_router(docs_router(f"{API}/openapi.json"), prefix=API)
    app.router.routes.append(docs_files(f"{API}/docs/files"))
    _lead_to_trac(app, settings.trac_url.rstrip("/"))
    handle_errors(app, clock)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign] # FastAPI's own way to replace the document
    return app


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
    edge = Edge(api, form_paths=frozenset({f"{API}/auth/login"}))
    if trac is None:
        return edge

    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path == trac_path or path.startswith(trac_path + "/"):
            await trac({**scope, "root_path": trac_path}, receive, send)
        else:
            await edge(scope, receive, send)

    return either
