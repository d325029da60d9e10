"""Servers in processes of their own on 127.0.0.1, and the processor time they take."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from benchmarks import ROOT
from benchmarks.places import LEARNER, PASSWORD, Place
from learntrac.kit.http.doors import API
from tests.environments import find_free_port

START_SECONDS = 600  # a first sync of a hundred thousand tickets comes before the server listens
VERY_MANY = "1000000000"

_SERVE = "from learntrac.cli import main; main()"


@dataclass(frozen=True)
class Server:
    """A server that listens, by its port and process."""

    port: int
    process: "subprocess.Popen[bytes]"

    def cpu_seconds(self) -> float:
        """Processor time of this process so far."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)


def database_cpu_seconds() -> float:
    """Processor time so far of the PostgreSQL that this process has started, with its processes that have ended; 0
    where it has none.
    """
    return sum(_postgres_cpu_of(child) for child in psutil.Process().children(recursive=True))


def _postgres_cpu_of(process: psutil.Process) -> float:
    try:
        times = process.cpu_times() if process.name() == "postgres" else None
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system) if times else 0.0


@contextmanager
def served(arguments: list[str], environ: Mapping[str, str] | None = None) -> Iterator[Server]:
    """This Python with these arguments and a `--port`, from when it listens until the end of the block."""
    port = find_free_port()
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", *arguments, "--port", str(port)],
        cwd=ROOT,
        env=os.environ | dict(environ or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_it_listens(process, port)
        yield Server(port, process)
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


@contextmanager
def learntrac(place: Place, **environ: str) -> Iterator[Server]:
    """`learntrac serve` over this Trac, its access log on as it is by default, with a limit that nobody reaches."""
    settings = {
        "LEARNTRAC_RATE_LIMIT_PER_HOUR": VERY_MANY,
        "LEARNTRAC_LOG_FORMAT": "json",
        **environ,
    }
    arguments = ["-c", _SERVE, "serve", "--trac-env", str(place.folder)]
    with served(arguments, settings) as server:
        yield server


def sign_in(server: Server) -> str:
    """The learner's access token."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}{API}/auth/login",
        data=json.dumps({"username": LEARNER, "password": PASSWORD}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        token: str = json.load(answer)["access_token"]
    return token


def fetch(server: Server, path: str, token: str | None = None) -> Any:
    """The JSON at a path."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)
