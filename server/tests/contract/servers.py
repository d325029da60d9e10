"""Servers as people run them: the command in a process of its own, on the demo or on any other Trac."""

import asyncio
import fcntl
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest
import uvicorn
from rich.console import Console

from learntrac.config import Settings
from learntrac.kit.http.server import make_server
from learntrac.main import create_app, opened, site
from learntrac.serving import serve_demo
from learntrac.trac.sync import Progress
from tests.environments import find_free_port

ROOT = Path(__file__).parents[3]
"""The repository."""
COMMAND = ROOT / ".venv" / "bin" / "learntrac"
PASSWORD = "demo-password"
STARTED_WITHIN_SECONDS = 30


def quiet_bar(_label: str) -> AbstractContextManager[Progress]:
    """Stands where the command line draws its progress."""
    return nullcontext(lambda _done, _total: None)


def make_demo(folder: Path, *, password: str | None = PASSWORD) -> None:
    """What `learntrac demo DIR --no-serve` does, in this process."""
    console = Console(quiet=True)
    settings = Settings(demo_password=password)
    serve_demo(folder, settings, host="127.0.0.1", port=0, serve=False, console=console, progress_bar=quiet_bar)


def made_demo(factory: pytest.TempPathFactory) -> Path:
    """The demo as a first start leaves it, to be copied. Made once, however many processes test."""
    root = factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    folder = root / "made-demo"
    with (root / "made-demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            make_demo(folder)
    return folder


def copied_demo(factory: pytest.TempPathFactory, folder: Path) -> Path:
    """A demo of one's own in this folder."""
    shutil.copytree(made_demo(factory), folder)
    return folder


def learntrac_environ(**variables: str) -> dict[str, str]:
    """The environment without LearnTrac's own variables, but for these."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEARNTRAC_")}
    return inherited | variables


@contextmanager
def running(*arguments: str | Path, **variables: str) -> Iterator[str]:
    """`learntrac ARGUMENTS --port …` until the context ends: its address, once it answers. It must end with code 0."""
    port = find_free_port()
    command = [COMMAND, *arguments, "--port", str(port)]
    environ = learntrac_environ(**variables)
    server = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        _wait_until_it_listens(server, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        said, _ = server.communicate(timeout=60)
    assert server.returncode == 0, said.decode(errors="replace")


def _wait_until_it_listens(server: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + STARTED_WITHIN_SECONDS
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert server.poll() is None, "it ended before it listened"
            assert time.monotonic() < deadline, "it did not listen in time"
            time.sleep(0.05)


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """The API over the Trac of these settings, served by a thread of this process: its address."""
    port, ready, servers = find_free_port(), threading.Event(), list[uvicorn.Server]()

    async def serve() -> None:
        async with opened(settings) as parts:
            server = make_server(site(create_app(parts), settings), host="127.0.0.1", port=port)
            servers.append(server)
            ready.set()
            await server.serve()

    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(asyncio.run, serve())
        assert ready.wait(STARTED_WITHIN_SECONDS), ended.exception()
        try:
            while not servers[0].started:
                assert not ended.done(), ended.exception()
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port}"
        finally:
            servers[0].should_exit = True
            ended.result()
