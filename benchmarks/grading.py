"""A submission from request to reply, against the same cases run by a CPython that is started for them.

python -m benchmarks.grading
"""

import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

from learntrac.demo.exercises import FOLDER
from learntrac.exercises.definition import CodeDefinition
from learntrac.exercises.files import read_folder
from learntrac.kit.http.doors import API

EXERCISE = "parse-request-line"
ROUNDS = 40
AIM = 4.0
PASSWORD = "a password for benchmarks"
PEOPLE = ("alice", "bob", "ivan", "admin")
SECONDS = 6.0

_BARE = """
import json, sys
source, function, calls = json.load(sys.stdin)
space = {}
exec(source, space)
found = []
for arguments in calls:
    try:
        found.append(space[function](*arguments))
    except Exception as error:
        found.append(type(error).__name__)
print(json.dumps(found))
"""


class Learner:
    """Somebody who hands in a failing solution again and again, each a little different: a failure ends no session."""

    def __init__(self, url: str, name: str, source: str) -> None:
        self._http = httpx.Client(base_url=url + API, timeout=60)
        self._numbers = itertools.count()
        self._source = source
        login = self._http.post("/auth/login", json={"username": name, "password": PASSWORD}).raise_for_status()
        self._http.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
        begun = self._http.post(f"/exercises/{EXERCISE}/start").raise_for_status().json()
        self._session = begun["session_id"]

    def hand_in(self) -> float:
        """Seconds from the request to the verdict."""
        code = f"{self._source}\n# {next(self._numbers)}\n"
        body = {
            "session_id": self._session,
            "solution": {"code": code, "language": "python"},
        }
        begun = time.perf_counter()
        answer = self._http.post(f"/exercises/{EXERCISE}/submit", json=body).raise_for_status()
        took = time.perf_counter() - begun
        result = answer.json()["result"]
        assert (result["status"], result["tests_passed"], result["tests_total"]) == (
            "failed",
            6,
            7,
        ), result
        return took


def bare(source: str, calls: Sequence[Sequence[object]], function: str) -> float:
    """Seconds of a CPython that starts, runs the same calls and ends."""
    given = json.dumps([source, function, calls])
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-I", "-c", _BARE],
        input=given,
        text=True,
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - begun


@contextmanager
def demo() -> Iterator[tuple[str, int]]:
    """The URL of a demo of its own, and the number of its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = {
        "LEARNTRAC_DEMO_PASSWORD": PASSWORD,
        "LEARNTRAC_RATE_LIMIT_PER_HOUR": "1000000",
    }
    with tempfile.TemporaryDirectory() as folder:
        start = "from learntrac.cli import main; main()"
        command = [
            sys.executable,
            "-c",
            start,
            "demo",
            str(Path(folder) / "demo"),
            "--port",
            str(port),
        ]
        server = subprocess.Popen(command, env=os.environ | given, stdout=subprocess.DEVNULL)
        try:
            yield f"http://127.0.0.1:{port}", server.pid
        finally:
            server.terminate()
            server.wait(timeout=30)


def _ready(url: str, source: str) -> list[Learner]:
    until = time.monotonic() + 600
    while True:
        try:
            learners = [Learner(url, name, source) for name in PEOPLE]
            learners[0].hand_in()
        except httpx.HTTPError:
            assert time.monotonic() < until, "the server or its sandbox is not ready after ten minutes"
            time.sleep(1)
        else:
            return learners


def main() -> None:
    """Print the medians, their ratio, and how many submissions a second four learners get graded."""
    definition = read_folder(FOLDER / EXERCISE, concepts={"http-messages": 1})
    assert isinstance(definition, CodeDefinition)
    source = definition.solution.replace('query": query', 'query": query if query != "limit=2" else ""')
    calls = [case.args for case in definition.cases]
    with demo() as (url, pid):
        learners = _ready(url, source)
        whole, fresh = [], []
        for _ in range(ROUNDS):
            whole.append(learners[0].hand_in())
            fresh.append(bare(source, calls, definition.function or ""))
        ratio = statistics.median(one / other for one, other in zip(whole, fresh, strict=True))
        print(f"whole request, {len(calls)} cases: median {1000 * statistics.median(whole):.1f} ms")
        print(f"bare CPython, started fresh:  median {1000 * statistics.median(fresh):.1f} ms")
        print(f"ratio, median of {ROUNDS} pairs: {ratio:.2f} (aim: at most {AIM:g})")
        before, until = processor_seconds(pid), time.monotonic() + SECONDS
        with ThreadPoolExecutor(len(learners)) as pool:
            counts = list(pool.map(lambda one: _until(one, until), learners))
        used = sum(seconds - before.get(each, 0) for each, seconds in processor_seconds(pid).items())
        print(
            f"{len(learners)} learners at once: {sum(counts) / SECONDS:.1f} graded a second on {os.cpu_count()} cores"
        )
        print(f"for each second of a core that server and boxes used: {sum(counts) / used:.1f} (aim: 30)")


def processor_seconds(pid: int) -> dict[int, float]:
    """{process: what it has used}, of the server and of all that it began and still runs."""
    listed = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    pids = [pid, *(int(child) for line in listed for child in line)]
    return {each: time.clock_gettime((~each << 3) | 2) for each in pids}


def _until(learner: Learner, moment: float) -> int:
    done = 0
    while time.monotonic() < moment:
        learner.hand_in()
        done += 1
    return done


if __name__ == "__main__":
    main()
