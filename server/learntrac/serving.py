"""Serving until somebody stops it: an existing Trac's API, or the demo with Trac in the same process."""

import asyncio
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
import uvloop
from rich.console import Console
from rich.panel import Panel

from learntrac.accounts.throttle import throttled
from learntrac.config import Settings
from learntrac.kit.clock import utc_now
from learntrac.kit.errors import LearnTracError
from learntrac.kit.http.server import make_server
from learntrac.main import API, Parts, create_app, opened, site
from learntrac.trac.environment import EnvironmentProblem
from learntrac.trac.sync import Progress

ProgressBar = Callable[[str], AbstractContextManager[Progress]]
_T = TypeVar("_T")


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run one coroutine to its end, on uvloop."""
    return uvloop.run(work)


async def serve_forever(settings: Settings, *, host: str, port: int, progress_bar: ProgressBar) -> None:
    """Serve the API until SIGINT or SIGTERM. Raises EnvironmentProblem before anything listens."""
    async with AsyncExitStack() as stack:
        with progress_bar("Reading Trac's tickets") as report:
            parts = await stack.enter_async_context(opened(settings, on_progress=report))
        app = site(create_app(parts), settings)
        with _listening(host, port) as listener:
            server = make_server(app, host=host, port=port, trusted_proxies=settings.trusted_proxies)
            await _serve(server, listener)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens there. Raises EnvironmentProblem, where the server itself would only write a log line."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        why = str(error.strerror).partition(" (")[0]
        raise EnvironmentProblem(f"Cannot listen at {host}, port {port}: {why}.") from error
    with listener:
        yield listener


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM, and then let the caller tidy up."""
    # The server sends itself the signal again that stopped it: left to its own meaning, that would be the end.
    meant = {number: signal.signal(number, _pass_over) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        await server.serve(sockets=[listener])
    finally:
        for number, handler in meant.items():
            signal.signal(number, handler)


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
        with _listening(host, port) as listener:
            trac = mounted(settings.trac_env, _checker(parts, asyncio.get_running_loop()))
            server = make_server(site(create_app(parts), settings, trac=trac), host=host, port=port)
            console.print(_welcome(f"http://{host}:{listener.getsockname()[1]}", accounts))
            await _serve(server, listener)


async def _fill(parts: Parts, progress_bar: ProgressBar) -> None:
    from learntrac.demo.history import fill, find_waiting

    if students := await find_waiting(parts.database):
        with progress_bar("Letting students learn") as report:
            await fill(parts.database, students, now=parts.clock(), on_progress=report)


def _checker(parts: Parts, loop: asyncio.AbstractEventLoop) -> Callable[[str, str, str], bool]:
    """Trac's login by the same rules as LearnTrac's, throttle included; called from Trac's worker threads."""

    def check(username: str, password: str, address: str) -> bool:
        asked = throttled(
            parts.cache,
            parts.clock,
            address=address,
            username=username,
            attempt=lambda: parts.directory.authenticate(username, password),
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
