"""The sandbox: boxes of several tiers, in turns."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from learntrac.backends.sandbox import (
    BEING_BUILT,
    LONGEST_SOURCE_BYTES,
    MEBIBYTE,
    Answer,
    Limits,
    Ran,
    Run,
    SandboxBusy,
    SandboxDown,
    Suite,
    SuiteRan,
    Tier,
    answering,
    building,
    selftest,
    suites,
)
from learntrac.backends.sandbox.boxes import Box, BoxEnded, Clock, clocked
from learntrac.backends.sandbox.selftest import Attack
from learntrac.backends.sandbox.tiers import RunningTier, all_tiers
from learntrac.backends.sandbox.turns import Turn, Turns
from learntrac.backends.sandbox.verdicts import Verdict
from learntrac.kit.metrics import Metrics

STEPS_ASIDE_AFTER_SECONDS = 0.25
ASIDE_FOR_EACH_PLACE = 10
_TOO_LONG = f"the source is longer than {LONGEST_SOURCE_BYTES // 1024} KiB"
LOST_TOGETHER_SECONDS = 0.1
COMPILING = Limits(cpu_seconds=20.0, wall_seconds=20.0)
"""For a submission that is compiled, before its run begins; compiler and linker are held by their own walls too."""
PROGRAM_OWN_BYTES = 32 * MEBIBYTE
"""What a compiled program holds beside what the submission asks for."""
TESTED_AGAIN_AFTER_SECONDS = (0.0, 2.0, 10.0, 30.0)
"""A machine that is busy when the server starts must not leave it without grading until the next start."""
OPENS_WITHIN_SECONDS = 15.0
"""So long is a run held back while its tier tests itself, just after a start."""


class BoxedSandbox:
    """Runs in processes of its own, as many at once as there are `places`."""

    name = "embedded"

    def __init__(
        self,
        folder: Path | None,
        *,
        places: int | None = None,
        metrics: Metrics | None = None,
        build: bool = True,
        afresh: bool = False,
    ) -> None:
        """`build`: whether interpreters that are missing are built. `afresh`: whether each tier is tested here and now,
        whatever another process has seen lately.
        """
        places = places or max(2, os.cpu_count() or 2)
        self._folder = folder = folder or building.default_folder()
        self._turns = Turns(places, places * ASIDE_FOR_EACH_PLACE)
        self._metrics = metrics or Metrics()
        self._tiers = all_tiers(folder, kept=2 * places, build=build)
        self._opening: dict[RunningTier, asyncio.Task[None]] = {}
        self._afresh = afresh
        self._closed = False

    def start(self) -> None:
        """Begin to make all tiers ready, each for itself."""
        for tier in self._tiers:
            if tier not in self._opening:
                self._opening[tier] = asyncio.create_task(tier.open(self._test_itself))

    async def opened(self) -> None:
        """Wait until each tier is ready or refused."""
        self.start()
        await asyncio.wait(self._opening.values())

    def tiers(self) -> tuple[Tier, ...]:
        """Every tier of this machine, the refused ones too."""
        return tuple(tier.described() for tier in self._tiers)

    def waiting(self) -> int:
        """How many runs wait for their turn."""
        return self._turns.waiting

    async def run(self, run: Run, *, user_id: str) -> Ran:
        """Put the calls to the submission. Raises SandboxBusy, and SandboxDown where no tier runs the language."""
        if _is_too_long(run.source):
            return Ran((Answer("not_reached"),) * len(run.calls), 0.0, 0.0, _TOO_LONG)
        tier = await self._tier_for(run.language, threads=run.threads)
        try:
            async with self._turns.turn(user_id) as turn:
                ran = await self._answered(tier, run, turn)
        except SandboxBusy:
            self._metrics.run_refused("busy")
            raise
        worst = next((answer.status for answer in ran.answers if answer.status != "returned"), "returned")
        self._metrics.ran(run.language, "not_loaded" if ran.problem else worst, ran.wall_seconds)
        return ran

    async def test(self, run: Suite, *, user_id: str) -> SuiteRan:
        """Run an author's tests against the submission. Raises SandboxBusy and SandboxDown."""
        if run.language != "python":
            raise SandboxDown(f"Tests as code are run in Python only, not in {run.language}.")
        if _is_too_long(run.source):
            return SuiteRan((), 0.0, 0.0, _TOO_LONG)
        tier = await self._tier_for(run.language, threads=run.threads)
        try:
            async with self._turns.turn(user_id) as turn:
                ran = await self._tested(tier, run, turn)
        except SandboxBusy:
            self._metrics.run_refused("busy")
            raise
        worst = next((result.status for result in ran.results if result.status != "passed"), "passed")
        self._metrics.ran(run.language, "not_loaded" if ran.problem else worst, ran.wall_seconds)
        return ran

    async def _tested(self, tier: RunningTier, suite: Suite, turn: Turn | None) -> SuiteRan:
        ran, lost = await self._tested_once(tier, suite, turn)
        if lost and await self._may_try_again(tier):
            ran, _lost = await self._tested_once(tier, suite, turn)
        return ran

    async def _may_try_again(self, tier: RunningTier) -> bool:
        """Whether a lost box was not the submission's doing: in the jail it may have ended its own process, though not
        before it was compiled.
        """
        # Whatever ended this box may be about to end the others that wait.
        await asyncio.sleep(LOST_TOGETHER_SECONDS)
        return (tier.kind == "wasm" or tier.compiles) and not self._closed

    async def _tested_once(self, tier: RunningTier, suite: Suite, turn: Turn | None) -> tuple[SuiteRan, bool]:
        told = suites.Told()
        async with _taken(tier) as tests, _taken(tier) as submission:
            boxes = [tests, submission]
            async with clocked(boxes, suite.limits) as clock, _making_room(boxes, turn):
                cause = await suites.run(suite, tests, submission, told)
        results = suites.completed(told, cause)
        ran = SuiteRan(results, clock.cpu_seconds, clock.wall_seconds, suites.problem_of(told, cause), told.output)
        return ran, cause == "lost"

    async def close(self) -> None:
        """End all workers; what runs is given up."""
        self._closed = True
        for task in self._opening.values():
            task.cancel()
        if self._opening:
            await asyncio.wait(self._opening.values())
        for tier in self._tiers:
            await tier.close()

    async def _tier_for(self, language: str, *, threads: bool) -> RunningTier:
        fitting = [tier for tier in self._tiers if tier.language == language and tier.threads >= threads]
        if not fitting:
            self._metrics.run_refused("no_tier")
            raise SandboxDown(f"Code in {language} cannot be run here.")
        self.start()
        for tier in fitting:
            if tier.refused != BEING_BUILT:
                await asyncio.wait([self._opening[tier]], timeout=OPENS_WITHIN_SECONDS)
            if tier.refused is None:
                return tier
        self._metrics.run_refused("no_tier")
        raise SandboxDown(f"Code in {language} cannot be run here: {fitting[0].refused}.")

    async def _answered(self, tier: RunningTier, run: Run, turn: Turn | None) -> Ran:
        """Answers from a box; from a second one where the first was lost by nothing of the submission's."""
        ran, lost = await self._answered_once(tier, run, turn)
        if lost and await self._may_try_again(tier):
            ran, _lost = await self._answered_once(tier, run, turn)
        return ran

    async def _answered_once(self, tier: RunningTier, run: Run, turn: Turn | None) -> tuple[Ran, bool]:
        async with _taken(tier) as box, _making_room([box], turn):
            return await (_compile_and_ask(box, run) if tier.compiles else _load_and_ask(box, run))

    async def _test_itself(self, tier: RunningTier) -> str | None:
        verdict = Verdict(self._folder, tier.language, tier.kind, tier.walls, tier.command, tier.attacks)
        async with verdict.alone():
            if not self._afresh and verdict.holds():
                return await self._tried(tier, ())
            refused = await self._tried(tier, tier.attacks)
            if refused is None:
                verdict.passed()
            return refused

    async def _tried(self, tier: RunningTier, attacks: tuple[Attack, ...]) -> str | None:
        """What gets through of these attacks; an honest program is always run first."""

        async def ask(run: Run) -> Ran:
            return await self._answered(tier, run, None)

        undecided = ""
        for pause in TESTED_AGAIN_AFTER_SECONDS:
            await asyncio.sleep(pause)
            try:
                return await selftest.failures(attacks, tier.language, tier.honest, ask)
            except selftest.Undecided as problem:
                undecided = str(problem)
        return undecided


def _is_too_long(source: str) -> bool:
    return len(source.encode(errors="surrogatepass")) > LONGEST_SOURCE_BYTES


@asynccontextmanager
async def _taken(tier: RunningTier) -> AsyncIterator[Box]:
    """A box for the time of the block. Raises SandboxDown where none can be had."""
    try:
        box = await tier.pool.take()
    except (BoxEnded, OSError) as problem:
        raise SandboxDown(f"Code in {tier.language} cannot be run just now: {problem}.") from problem
    try:
        yield box
    finally:
        tier.pool.give_back(box)


async def _load_and_ask(box: Box, run: Run) -> tuple[Ran, bool]:
    """The answers so far as the box came, and whether it was lost."""
    async with clocked([box], run.limits) as clock:
        try:
            problem = answering.problem_in(await box.ask(answering.order_of(run)))
        except (BoxEnded, answering.Nonsense) as end:
            return _ran(run, [_ending(end)], clock), _is_lost(end)
        if problem is not None:
            return _ran(run, [], clock, problem), False
        return await _ask_all(box, run, clock)


async def _compile_and_ask(box: Box, run: Run) -> tuple[Ran, bool]:
    """As `_load_and_ask`; compiling has a clock of its own, and what the box says when it ends is the program's."""
    if any(call.function is None for call in run.calls):
        raise ValueError(f"what is compiled, as {run.language} is, is asked for functions only")
    async with clocked([box], COMPILING) as clock:
        try:
            reply = await box.ask(answering.order_of(run))
            problem = answering.problem_in(reply)
            if problem is None:
                box.measure(answering.program_in(reply), own_bytes=PROGRAM_OWN_BYTES)
        except (BoxEnded, answering.Nonsense) as end:
            if _is_lost(end):
                return _ran(run, [_ending(end)], clock), True
            problem = f"It could not be compiled within {COMPILING.wall_seconds:g} seconds."
        if problem is not None:
            return _ran(run, [], clock, problem), False
    async with clocked([box], run.limits) as clock:
        ran, _lost = await _ask_all(box, run, clock, tells_why=True)
        return ran, False


async def _ask_all(box: Box, run: Run, clock: Clock, *, tells_why: bool = False) -> tuple[Ran, bool]:
    answers: list[Answer] = []
    lost = False
    try:
        for call in run.calls:
            reply = await box.ask(answering.question_of(call))
            answers.append(answering.answer_in(reply, output_bytes=run.limits.output_bytes))
    except (BoxEnded, answering.Nonsense) as end:
        answers.append(_ending(end, tells_why=tells_why))
        lost = _is_lost(end)
    return _ran(run, answers, clock), lost


def _ran(run: Run, answers: list[Answer], clock: Clock, problem: str | None = None) -> Ran:
    answers = answers[: len(run.calls)]
    unasked = [Answer("not_reached")] * (len(run.calls) - len(answers))
    return Ran((*answers, *unasked), clock.cpu_seconds, clock.wall_seconds, problem)


def _ending(end: Exception, *, tells_why: bool = False) -> Answer:
    cause = end.cause if isinstance(end, BoxEnded) else "crashed"
    if cause in ("timeout", "memory"):
        return Answer(cause)
    told = str(end) if tells_why and str(end) != cause else ""
    return Answer("crashed", error=answering.text_of(told, answering.LONGEST_ERROR))


def _is_lost(end: Exception) -> bool:
    return isinstance(end, BoxEnded) and end.cause == "lost"


@asynccontextmanager
async def _making_room(boxes: Sequence[Box], turn: Turn | None) -> AsyncIterator[None]:
    """After a while, let others go first."""
    waiting = asyncio.create_task(_step_aside(boxes, turn)) if turn else None
    try:
        yield
    finally:
        if waiting:
            waiting.cancel()
            await asyncio.wait([waiting])


async def _step_aside(boxes: Sequence[Box], turn: Turn) -> None:
    while not turn.aside:
        await asyncio.sleep(STEPS_ASIDE_AFTER_SECONDS)
        if turn.step_aside():
            for box in boxes:
                box.step_back()
