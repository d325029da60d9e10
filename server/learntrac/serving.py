"""Serving until somebody stops it: an existing Trac's API, or the demo with Trac in the same process."""

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
import uvloop
from rich.console import Console
from rich.panel import Panel

from learntrac.backends.cache import CacheDown
from learntrac.backends.speech import SpeechDown
from learntrac.config import Settings
from learntrac.kit.clock import utc_now
from learntrac.kit.db import normalised
from learntrac.kit.errors import LearnTracError
from learntrac.kit.http.doors import API
from learntrac.kit.http.server import make_server
from learntrac.kit.logs import get_logger
from learntrac.kit.metrics import shared_between_processes
from learntrac.main import Parts, create_app, opened, site
from learntrac.opening import find_database_url
from learntrac.supervisor import ChildFailed, Line, Supervisor
from learntrac.trac.environment import EnvironmentProblem
from learntrac.trac.sync import stop
from learntrac.worker import ProgressBar, working

_T = TypeVar("_T")
GARBAGE_AFTER = 20_000
"""So many more objects than were given up, and garbage is looked for among the new ones. Python's own figure is 700."""
EARLY_AFTER_SECONDS = 3.0
"""A server that has just started has other things to do, and may be stopped at once."""

_log = get_logger("learntrac.serving")


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run one coroutine to its end, on uvloop."""
    return uvloop.run(work)


async def serve_forever(settings: Settings, *, host: str, port: int, progress_bar: ProgressBar) -> None:
    """Serve the API until SIGINT or SIGTERM. Raises EnvironmentProblem before anything listens."""
    async with AsyncExitStack() as stack:
        with progress_bar("Reading Trac's tickets") as report:
            parts = await stack.enter_async_context(opened(settings, on_progress=report))
        await _warn_of_redis(parts)
        with listening(host, port) as listener:
            async with working(parts):
                await _serve(parts, _server(parts, listener), listener)


async def serve_many(
    settings: Settings, command: Sequence[str], *, processes: int, host: str, port: int, progress_bar: ProgressBar
) -> None:
    """Serve the API in so many processes until SIGINT or SIGTERM; SIGHUP replaces them one by one.

    `command` starts one of them. Raises EnvironmentProblem before anything listens or starts.
    """
    _insist_on_shared_backends(settings, processes)
    with progress_bar("Reading Trac's tickets") as report:
        async with opened(settings, on_progress=report, keep_up=False) as parts:
            await _insist_on_redis(parts)
    with listening(host, port) as listener, shared_between_processes():
        try:
            await Supervisor(command, listener, processes=processes).run()
        except ChildFailed as error:
            raise EnvironmentProblem(str(error)) from error


async def serve_inherited(settings: Settings, inherited: str) -> None:
    """Be one of many: serve at the socket of a parent until it says stop, or is gone.

    `inherited` names the file descriptors of the socket and of the line to the parent, as `Supervisor` gives them.
    """
    listener_number, line_number = (int(number) for number in inherited.split(","))
    for number in (listener_number, line_number):
        # What this process starts must not hold them: uvloop, unlike Python, hands on all that may be.
        os.set_inheritable(number, False)  # noqa: FBT003 - it takes no name
    line = Line(line_number)
    async with opened(settings) as parts:
        await _warn_of_redis(parts)
        with socket.socket(fileno=listener_number) as listener:
            server = _server(parts, listener)
            tasks = [asyncio.create_task(_tell_parent(server, line)), asyncio.create_task(_follow(server, line))]
            try:
                async with working(parts):
                    await _serve(parts, server, listener)
            finally:
                for task in tasks:
                    await stop(task)
    line.close()


async def _tell_parent(server: uvicorn.Server, line: Line) -> None:
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
        await asyncio.sleep(0.02)
    await line.keep_talking()


async def _follow(server: uvicorn.Server, line: Line) -> None:
    await line.parent_is_gone()
    server.should_exit = True


def _server(parts: Parts, listener: socket.socket) -> uvicorn.Server:
    host, port = listener.getsockname()[:2]
    app = site(create_app(parts), parts.settings)
    return make_server(app, host=host, port=port, trusted_proxies=parts.settings.trusted_proxies)


def _insist_on_shared_backends(settings: Settings, processes: int) -> None:
    missing = [] if settings.redis_url else ["LEARNTRAC_REDIS_URL"]
    if normalised(find_database_url(settings)).drivername.startswith("sqlite"):
        missing.append("LEARNTRAC_DATABASE_URL with a PostgreSQL")
    if missing:
        raise EnvironmentProblem(
            f"{processes} processes need Redis and PostgreSQL: set {' and '.join(missing)}, or use --workers 1."
        )


async def _insist_on_redis(parts: Parts) -> None:
    try:
        await parts.cache.ping()
    except CacheDown as error:
        raise EnvironmentProblem(f"LEARNTRAC_REDIS_URL: Redis does not answer: {error}") from error


async def _warn_of_redis(parts: Parts) -> None:
    """Redis may fail while we serve, so it may also be away when we start; but that may be a mistake."""
    try:
        await parts.cache.ping()
    except CacheDown as error:
        _log.warning(
            "LEARNTRAC_REDIS_URL: redis does not answer; until it does, limits are counted here", error=str(error)
        )


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens there. Raises EnvironmentProblem, where the server itself would only write a log line."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        why = str(error.strerror).partition(" (")[0]
        raise EnvironmentProblem(f"Cannot listen at {host}, port {port}: {why}.") from error
    with listener:
        yield listener


async def _serve(parts: Parts, server: uvicorn.Server, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM, and then let the caller tidy up."""
    _set_aside()
    parts.sandbox.start()
    early = asyncio.create_task(_start_engine_early(parts, server))
    # The server sends itself the signal again that stopped it: left to its own meaning, that would be the end.
    meant = {number: signal.signal(number, _pass_over) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        await server.serve(sockets=[listener])
    finally:
        await stop(early)
        for number, handler in meant.items():
            signal.signal(number, handler)


def _set_aside() -> None:
    """What the start has made stays until the end: walking it holds up every request, and the end itself for seconds.

    Trac in this process collects garbage after every request, which would take 40 of 50 ms.
    """
    gc.collect()
    gc.freeze()
    # A path through a large graph makes tens of thousands of objects: by default they would be walked forty times.
    gc.set_threshold(GARBAGE_AFTER, 20, 20)


async def _start_engine_early(parts: Parts, server: uvicorn.Server) -> None:
    """Start what hears once the server answers: the first who speaks would wait seconds for it."""
    if not (parts.settings.speech_start_early and parts.settings.voice_minutes_per_day):
        return
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
        await asyncio.sleep(0.1)
    await asyncio.sleep(EARLY_AFTER_SECONDS)
    try:
        await parts.speech.prepare()
    except SpeechDown as error:
        _log.warning("no speech engine could be started early", error=error.message)


def _pass_over(_number: int, _frame: object) -> None:
    return None


def serve_demo(
    folder: Path,
    settings: Settings,
    *,
    host: str,
    port: int,
    serve: bool,
    console: Console,
    progress_bar: ProgressBar,
) -> None:
    """Make the demo where there is none, then serve API and Trac; what learners did before is kept."""
    from learntrac.demo import building

    if not building.is_built(folder):
        with progress_bar("Making a Trac with a course") as report:
            building.build(folder, now=utc_now(), on_progress=report)
    accounts = building.set_accounts(folder, settings.demo_password)
    settings = settings.model_copy(update={"trac_env": folder})
    run(_serve_demo(settings, host, port, serve, accounts, console, progress_bar))


async def _serve_demo(
    settings: Settings,
    host: str,
    port: int,
    serve: bool,  # noqa: FBT001 - private, one caller
    accounts: dict[str, str],
    console: Console,
    progress_bar: ProgressBar,
) -> None:
    async with opened(settings) as parts:
        await _fill(parts, progress_bar)
        if not serve:
            return
        from learntrac.trac.mount import mounted

        assert settings.trac_env is not None  # noqa: S101 - the caller has just set it
        with listening(host, port) as listener:
            trac = mounted(settings.trac_env, _checker(parts, asyncio.get_running_loop()))
            url = f"http://{host}:{listener.getsockname()[1]}"
            # Certificates name their issuer by its address, and a demo's is this.
            # In place: with parts of its own the app would serve talks that nobody looks after.
            parts.settings = settings.model_copy(update={"public_url": settings.public_url or url})
            server = make_server(site(create_app(parts), parts.settings, trac=trac), host=host, port=port)
            console.print(_welcome(url, accounts))
            async with working(parts):
                await _serve(parts, server, listener)


async def _fill(parts: Parts, progress_bar: ProgressBar) -> None:
    from learntrac.demo.building import WRITTEN_BEFORE
    from learntrac.demo.exercises import offer
    from learntrac.demo.history import fill, find_waiting
    from learntrac.demo.relating import relate
    from learntrac.demo.talking import talk
    from learntrac.demo.telling import listen, settle

    await offer(parts.database, parts.sandbox, parts.model, now=parts.clock() - WRITTEN_BEFORE)
    if students := await find_waiting(parts.database):
        webhook = await listen(parts.database, parts.webhook_sealer, now=parts.clock())
        with progress_bar("Letting students learn") as report:
            await fill(parts.database, students, now=parts.clock(), on_progress=report)
        if webhook is not None:
            await settle(parts.database, webhook, now=parts.clock())
    await relate(parts.database, now=parts.clock())
    # By the built-in tutor: a demo waits for no model.
    await talk(parts.database, replace(parts.tutor, language_model=None), now=parts.clock())


def _checker(parts: Parts, loop: asyncio.AbstractEventLoop) -> Callable[[str, str, str], bool]:
    """Trac's login by the same rules as LearnTrac's, throttle included; called from Trac's worker threads."""

    def check(username: str, password: str, address: str) -> bool:
        asked = parts.throttle.attempt(
            lambda: parts.directory.authenticate(username, password), address=address, username=username
        )
        try:
            return asyncio.run_coroutine_threadsafe(asked, loop).result(timeout=30) is not None
        except (LearnTracError, TimeoutError):
            return False

    return check


def _welcome(url: str, accounts: dict[str, str]) -> Panel:
    width = max(len(name) for name in accounts)
    roles = {"admin": "administrator", "ivan": "instructor", "alice": "student", "bob": "student"}
    people = "\n".join(f"  {name:<{width}}  {password}   [dim]{roles[name]}[/]" for name, password in accounts.items())
    lines = (
        "[bold]LearnTrac is ready.[/]",
        f"  API    {url}{API}/docs\n  Trac   {url}/trac",
        people,
        "Ctrl-C stops it; what learners did is kept.",
    )
    return Panel.fit("\n\n".join(lines), border_style="green")
