"""Every exercise of Exercism's Python track in the strict sandbox: its own tests against its own solution, and against
the code that a learner begins with.

    python -m benchmarks.exercism_sandbox PATH [EXERCISE ...]

PATH is a checkout of exercism/python, kept outside this project. The first line is the share of exercises whose
solution passes every test; each that does not is named with what went wrong. Every starter has to fail.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from learntrac.backends.sandbox import Suite, SuiteRan
from learntrac.backends.sandbox.boxed import BoxedSandbox
from learntrac.exercises.running import classes_in

AIM = 0.95


@dataclass(frozen=True)
class Exercise:
    """What the track has of one exercise."""

    name: str
    module: str
    tests: str
    solution: str
    starter: str
    files: dict[str, str] = field(default_factory=dict)

    def suite(self, source: str) -> Suite:
        return Suite("python", source, self.module, self.tests, self.files, classes_in(self.solution))


def exercises(track: Path, names: set[str]) -> Iterator[Exercise]:
    for folder in sorted(track.glob("exercises/*/*/")):
        if (folder / ".meta" / "config.json").exists() and (not names or folder.name in names):
            yield _read(folder)


def _read(folder: Path) -> Exercise:
    listed = json.loads((folder / ".meta" / "config.json").read_text())["files"]
    [solved] = (listed.get("example") or listed.get("exemplar"))[:1]
    starter, tests = folder / listed["solution"][0], folder / listed["test"][0]
    own = {starter, tests}
    beside = [file for file in folder.iterdir() if file.is_file() and file not in own and file.suffix != ".md"]
    return Exercise(
        name=folder.name,
        module=starter.stem,
        tests=tests.read_text(),
        solution=(folder / solved).read_text(),
        starter=starter.read_text(),
        files={file.name: file.read_text() for file in beside},
    )


def passes(ran: SuiteRan) -> bool:
    return bool(ran.results) and all(result.status == "passed" for result in ran.results)


def what_went_wrong(ran: SuiteRan) -> str:
    if ran.problem is not None:
        return ran.problem[:200]
    wrong = [result for result in ran.results if result.status != "passed"]
    first = wrong[0] if wrong else None
    said = f"{first.name}: {first.status}, {first.message[:200]!r}" if first else "no test was found"
    return f"{len(wrong)} of {len(ran.results)} tests: {said} ({ran.cpu_seconds:.1f} s CPU)"


async def measure(track: Path, names: set[str]) -> int:
    sandbox = BoxedSandbox(None)
    await sandbox.opened()
    unsolved, fooled, known, tests = [], [], list(exercises(track, names)), 0
    begun = time.monotonic()
    for exercise in known:
        ran = await sandbox.test(exercise.suite(exercise.solution), user_id="benchmark")
        tests += len(ran.results)
        if not passes(ran):
            unsolved.append(f"{exercise.name}: {what_went_wrong(ran)}")
        if passes(await sandbox.test(exercise.suite(exercise.starter), user_id="benchmark")):
            fooled.append(exercise.name)
    seconds = time.monotonic() - begun
    await sandbox.close()
    solved = len(known) - len(unsolved)
    print(f"solutions that pass: {solved} of {len(known)} ({solved / len(known):.1%}; aim {AIM:.0%}), {tests} tests")
    print(f"starters that pass: {len(fooled)} {' '.join(fooled)}")
    print(f"{seconds:.0f} s for {2 * len(known)} runs")
    for line in unsolved:
        print(f"  {line}")
    return 0 if solved >= AIM * len(known) and not fooled else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(measure(Path(sys.argv[1]), set(sys.argv[2:]))))
