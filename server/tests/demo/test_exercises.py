"""Every exercise of the demo is proved in the real sandbox, and the course has enough of each type."""

import asyncio
from collections import Counter

from learntrac.backends.sandbox.boxed import BoxedSandbox
from learntrac.demo.exercises import read_exercises
from learntrac.demo.reading import read_course
from learntrac.exercises.definition import AnyDefinition
from learntrac.exercises.running import prove

CONCEPTS = {concept.key: number for number, concept in enumerate(read_course().concepts, 1)}


async def test_every_solution_passes_and_no_starter_does() -> None:
    sandbox = BoxedSandbox(None)
    await sandbox.opened()

    async def problems(place: int, definition: AnyDefinition) -> list[str]:
        _, found = await prove(sandbox, definition, author=f"author{place % 2}")
        return [f"{definition.id}: {problem}" for problem in found]

    exercises = read_exercises(CONCEPTS)
    halves = [exercises[::2], exercises[1::2]]

    async def half(place: int) -> list[str]:
        return [problem for one in halves[place] for problem in await problems(place, one)]

    found = await asyncio.gather(half(0), half(1))
    await sandbox.close()

    assert [problem for each in found for problem in each] == []


def test_there_are_enough_of_every_type_over_many_concepts() -> None:
    exercises = read_exercises(CONCEPTS)
    types = Counter(exercise.type for exercise in exercises)

    assert len(exercises) >= 35
    assert min(types[kind] for kind in ("coding", "debug", "quiz", "design")) >= 5
    assert len({exercise.concept for exercise in exercises}) >= 25
    assert all(len(exercise.hints) >= 1 for exercise in exercises)


def test_the_first_exercise_of_a_beginning_needs_no_sandbox() -> None:
    beginnings = {CONCEPTS[concept.key] for concept in read_course().concepts if not concept.prerequisites}
    exercises = sorted(read_exercises(CONCEPTS), key=lambda one: (one.concept, int(one.difficulty), one.id or ""))

    first = {exercise.concept: exercise.type for exercise in reversed(exercises)}

    assert {first[concept] for concept in beginnings} <= {"quiz", "design"}
