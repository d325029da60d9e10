"""The sandbox: what a graded submission costs beside bare CPython, how many a core grades, what loops do to others.

    python -m benchmarks.sandbox [fresh] [rate] [flat] [loops]

"fresh" takes turns: a submission with seven cases through the sandbox, and the same seven calls in `python -I` started
for them. "rate" counts graded submissions for each second of processor time, of the server's process and of all boxes
together. "flat" is the memory of both after 100 and after 1,100 runs. "loops" has 20 learners submit endless loops, and
asks `/health` and grades another learner's submissions meanwhile.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import uvicorn

from learntrac.backends.sandbox import Call, Run
from learntrac.backends.sandbox.boxed import BoxedSandbox
from learntrac.config import Settings
from learntrac.kit.clock import utc_now
from learntrac.kit.http.doors import API
from learntrac.main import make_api

SOURCE = """
def is_leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)

def leap_years(first, last):
    return [year for year in range(first, last + 1) if is_leap(year)]
"""
CASES = [(1900 + 7 * case, 2000 + case) for case in range(7)]
RUN = Run("python", SOURCE, tuple(Call("leap_years", case) for case in CASES))
BARE = SOURCE + "import json, sys\nfor case in json.loads(sys.argv[1]):\n    print(json.dumps(leap_years(*case)))\n"
AIM_FRESH, AIM_RATE = 4, 30


async def fresh(sandbox: BoxedSandbox) -> None:
    ours, bare = [], []
    for turn in range(41):
        begun = time.perf_counter()
        ran = await sandbox.run(RUN, user_id="learner")
        middle = time.perf_counter()
        command = [sys.executable, "-I", "-c", BARE, json.dumps(CASES)]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True, text=True)
        printed = done.stdout.splitlines()
        ended = time.perf_counter()
        assert [json.loads(line) for line in printed] == [answer.value for answer in ran.answers]
        if turn:
            ours.append(middle - begun)
            bare.append(ended - middle)
        await asyncio.sleep(0.05)
    ratios = [mine / its for mine, its in zip(ours, bare, strict=True)]
    print(
        f"fresh: {1000 * statistics.median(ours):.1f} ms, bare CPython {1000 * statistics.median(bare):.1f} ms;"
        f" ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}; aim {AIM_FRESH})"
    )


def boxes() -> list[int]:
    """The processes that this one began."""
    return list(
        map(
            int,
            Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split(),
        )
    )


def processor_seconds() -> dict[int, float]:
    return {0: time.process_time()} | {pid: time.clock_gettime((~pid << 3) | 2) for pid in boxes()}


async def rate(sandbox: BoxedSandbox) -> None:
    async def learner(number: int) -> None:
        for _ in range(50):
            await sandbox.run(RUN, user_id=f"learner-{number}")

    before, begun = processor_seconds(), time.monotonic()
    await asyncio.gather(*map(learner, range(8)))
    wall = time.monotonic() - begun
    used = sum(seconds - before.get(pid, 0) for pid, seconds in processor_seconds().items())
    print(f"rate: {400 / used:.0f} graded for each second of a core (aim {AIM_RATE}); {400 / wall:.0f} a second in all")


def memory() -> int:
    """MiB of this process and of its boxes that nobody shares."""
    pids = ["self", *map(str, boxes())]
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) // 1024


async def flat(sandbox: BoxedSandbox) -> None:
    figures = []
    for runs in (100, 500, 500):
        for _ in range(runs):
            await sandbox.run(RUN, user_id="learner")
        await asyncio.sleep(0.5)
        figures.append(f"{memory()} MiB in {len(boxes())} boxes")
    print(f"flat: after 100, 600 and 1,100 runs {', '.join(figures)}")


async def loops(sandbox: BoxedSandbox) -> None:
    endless = Run("python", "def f():\n    while True: pass\n", (Call("f"),))
    app = make_api(Settings(trac_env=None), utc_now)
    app.state.clock = utc_now
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
        await asyncio.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    attackers = [asyncio.create_task(sandbox.run(endless, user_id=f"mallory-{number}")) for number in range(20)]
    await asyncio.sleep(0.1)
    graded: list[float] = []
    honest = asyncio.create_task(_grade_until(sandbox, attackers, graded))
    health = await _ask_health(f"http://127.0.0.1:{port}{API}/health", attackers)
    await honest
    server.should_exit = True
    await serving
    health.sort()
    print(
        f"loops: 20 learners; /health median {1000 * statistics.median(health):.1f} ms,"
        f" p99 {1000 * health[int(len(health) * 0.99)]:.0f} ms over {len(health)} (aim 500);"
        f" others graded within {max(graded):.1f} s, median {statistics.median(graded):.2f} s, {len(graded)} (aim 10)"
    )


async def _ask_health(url: str, attackers: list[asyncio.Task[object]]) -> list[float]:
    took = []
    async with httpx.AsyncClient(trust_env=False) as client:
        while not all(task.done() for task in attackers):
            begun = time.perf_counter()
            (await client.get(url)).raise_for_status()
            took.append(time.perf_counter() - begun)
            await asyncio.sleep(0.01)
    return took


async def _grade_until(sandbox: BoxedSandbox, attackers: list[asyncio.Task[object]], graded: list[float]) -> None:
    while not all(task.done() for task in attackers):
        begun = time.perf_counter()
        ran = await sandbox.run(RUN, user_id="alice")
        assert all(answer.status == "returned" for answer in ran.answers)
        graded.append(time.perf_counter() - begun)
        await asyncio.sleep(0.2)


async def main(wanted: list[str]) -> None:
    sandbox = BoxedSandbox(None)
    await sandbox.opened()
    for part in (fresh, rate, flat, loops):
        if not wanted or part.__name__ in wanted:
            await part(sandbox)
    await sandbox.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
