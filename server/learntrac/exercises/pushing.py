"""Many exercises at once, from files or another course: each is proved, then added or given a new version."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from learntrac.backends.sandbox import BEING_BUILT, SandboxBusy, SandboxDown
from learntrac.exercises import authoring
from learntrac.exercises.attempts import Grader
from learntrac.exercises.definition import AnyDefinition
from learntrac.exercises.files import in_one_line
from learntrac.exercises.running import prove
from learntrac.exercises.service import list_offered
from learntrac.kit.errors import ValidationFailed
from learntrac.trac.visibility import Visibility

EVERYTHING = Visibility(default=True)
AT_ONCE = 2
_READY_WITHIN_SECONDS = 600.0


@dataclass
class Pushed:
    """What became of each exercise, by its id. `refused`: (id, why)."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


async def push(
    grader: Grader,
    definitions: Sequence[AnyDefinition],
    *,
    author: str,
    proved: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> Pushed:
    """Add the exercises or give them new versions; what is there as it is stays. Each needs an id.

    `proved` False leaves out running solutions and starters: for a course whose own tests prove it.
    """
    pushed = Pushed()
    async with grader.database.read() as session:
        known = {one.id: authoring.digest_of(one.definition) for one in await list_offered(session)}
    waiting = asyncio.Queue[AnyDefinition]()
    for definition in definitions:
        waiting.put_nowait(definition)

    async def work(number: int) -> None:
        while not waiting.empty():
            definition = waiting.get_nowait()
            await _push_one(grader, definition, pushed, known, f"{author}:{number}" if proved else None, author)
            if on_progress is not None:
                on_progress(len(definitions) - waiting.qsize(), len(definitions))

    await asyncio.gather(*(work(number) for number in range(AT_ONCE)))
    return pushed


async def check(
    grader: Grader,
    definitions: Sequence[AnyDefinition],
    *,
    author: str,
    on_progress: Callable[[int, int], None] | None = None,
) -> Pushed:
    """Prove the exercises and keep nothing: what would be taken counts as unchanged."""
    pushed = Pushed()
    for number, definition in enumerate(definitions, 1):
        try:
            problems = await _problems(grader, definition, author)
        except ValueError as error:
            problems = [in_one_line(error)]
        if problems:
            pushed.refused.append((definition.id or "", " ".join(problems)))
        else:
            pushed.unchanged.append(definition.id or "")
        if on_progress is not None:
            on_progress(number, len(definitions))
    return pushed


async def _push_one(
    grader: Grader, definition: AnyDefinition, pushed: Pushed, known: dict[str, str], prover: str | None, author: str
) -> None:
    exercise_id = definition.id or authoring.new_id()
    if known.get(exercise_id) == authoring.digest_of(definition):
        pushed.unchanged.append(exercise_id)
        return
    try:
        if prover is not None and (problems := await _problems(grader, definition, prover)):
            pushed.refused.append((exercise_id, " ".join(problems)))
            return
        async with grader.database.begin() as session:
            done = await authoring.put(
                session,
                visibility=EVERYTHING,
                author=author,
                exercise_id=exercise_id,
                definition=definition,
                now=grader.clock(),
            )
    except (ValueError, ValidationFailed) as error:
        pushed.refused.append((exercise_id, in_one_line(error)))
    else:
        getattr(pushed, done).append(exercise_id)


async def _problems(grader: Grader, definition: AnyDefinition, prover: str) -> list[str]:
    """What speaks against it. A sandbox that is still being made ready, or busy, is waited for."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _READY_WITHIN_SECONDS
    while True:
        try:
            _, problems = await prove(grader.sandbox, definition, author=prover)
        except (SandboxBusy, SandboxDown) as error:
            if loop.time() > until or not _is_coming(grader, error):
                return [f"It cannot be proved here. {error.message}"]
            await asyncio.sleep(0.5)
        else:
            return problems


def _is_coming(grader: Grader, error: SandboxBusy | SandboxDown) -> bool:
    being_built = any(tier.refused == BEING_BUILT for tier in grader.sandbox.tiers())
    return isinstance(error, SandboxBusy) or being_built
