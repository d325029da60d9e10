"""Ralph, a real learning record store (https://github.com/openfun/ralph): installed once, in a folder of its own, as
what it needs is not what we need.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import httpx

from tests.environments import CACHE, find_free_port

PACKAGES = ("ralph-malph[cli,lrs]==5.1.0", "requests==2.32.5")
KEY, SECRET = "learntrac", "a secret of the store's"
_START_SECONDS = 60


@dataclass(frozen=True)
class Ralph:
    """A store that runs."""

    endpoint: str

    def statements(self) -> list[dict[str, Any]]:
        """What it holds, in the order of time."""
        headers = {"x-experience-api-version": "2.0.0"}
        answer = httpx.get(f"{self.endpoint}/statements?ascending=true", auth=(KEY, SECRET), headers=headers)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["statements"]
        return found


def install(cache: Path) -> Path:
    """The folder for PYTHONPATH. Several may ask at once; a marker, written last, says that it is whole."""
    folder, wanted = cache.resolve() / "ralph", "\n".join(PACKAGES)
    marker = folder / "installed"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "ralph.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not marker.exists() or marker.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), *PACKAGES]
            subprocess.run(command, check=True, capture_output=True)
            marker.write_text(wanted)
    return folder


@contextmanager
def running(folder: Path) -> Iterator[Ralph]:
    """A new, empty store."""
    port, data = find_free_port(), folder / "statements"
    data.mkdir(parents=True)
    agent = {"account": {"name": KEY, "homePage": "https://store.example"}}
    hashed = bcrypt.hashpw(SECRET.encode(), bcrypt.gensalt(4)).decode()
    users = [{"username": KEY, "hash": hashed, "scopes": ["all"], "agent": agent}]
    (folder / "auth.json").write_text(json.dumps(users))
    settings = {
        "PYTHONPATH": str(install(CACHE)),
        "RALPH_APP_DIR": str(folder),
        "RALPH_AUTH_FILE": str(folder / "auth.json"),
        "RALPH_BACKENDS__LRS__FS__DEFAULT_DIRECTORY_PATH": str(data),
    }
    command = [sys.executable, "-m", "ralph", "runserver", "-b", "fs", "-h", "127.0.0.1", "-p", str(port)]
    with (folder / "ralph.log").open("w") as log:
        server = subprocess.Popen(command, env=os.environ | settings, stdout=log, stderr=log)
    try:
        _wait(server, port, folder / "ralph.log")
        yield Ralph(f"http://127.0.0.1:{port}/xAPI")
    finally:
        server.terminate()
        server.wait(10)


def _wait(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while server.poll() is None and time.monotonic() < until:
        try:
            httpx.get(f"http://127.0.0.1:{port}/__heartbeat__").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"Ralph did not start: {log.read_text()[-2000:]}")
