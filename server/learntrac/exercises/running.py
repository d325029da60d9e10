"""From a submission to its verdict: code goes to the sandbox, answers and texts are marked here. Touches no database.

What enters the box: the source, and inputs or an author's tests. What stays outside: expected values and the verdict.
The visible questions come first, so that nothing that is shown of them can have seen a hidden one.
"""

import ast
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from learntrac.backends.sandbox import Call, Run, Sandbox, Suite, SuiteRan
from learntrac.exercises import marking, rubric
from learntrac.exercises.definition import (
    AnyDefinition,
    CodeDefinition,
    DesignDefinition,
    QuizDefinition,
    filled_in,
)
from learntrac.exercises.grading import Item, Verdict, grade_case, grade_suite, verdict
from learntrac.exercises.rubric import Judged
from learntrac.exercises.variants import drawn, order

_TEST_FUNCTION = re.compile(r"^\s*(?:async\s+)?def\s+(test\w*)", re.MULTILINE)
AUTHOR = "author:{}"
"""For whom model solutions are run: in a queue of their own, so that an author does not stand behind a class."""


@dataclass(frozen=True)
class Task:
    """An exercise as one learner has it: their variant filled in, and how their choices are ordered."""

    definition: AnyDefinition
    user_id: str
    exercise_id: str
    version: int

    def orders(self, count: int, *, place: int) -> list[int]:
        """In which order so many things are shown to this learner at a question's place."""
        return order(count, user_id=self.user_id, exercise_id=self.exercise_id, place=place)


def task_of(definition: AnyDefinition, *, user_id: str, exercise_id: str, version: int) -> Task:
    """The exercise as this learner has it, always the same."""
    row = drawn(definition.variants, user_id=user_id, exercise_id=exercise_id)
    return Task(filled_in(definition, row), user_id, exercise_id, version)


@dataclass(frozen=True)
class Handed:
    """What was handed in: code or text, or of a quiz the answers as JSON; and what judges said of a design."""

    source: str
    judged: Mapping[str, Judged] = field(default_factory=dict)


async def judge(sandbox: Sandbox, task: Task, handed: Handed, *, user_id: str, veiled: bool = True) -> Verdict:
    """The verdict. Raises SandboxBusy and SandboxDown, for code only. Not `veiled` is for an exercise's author: hidden
    tests tell what went wrong as the others do.
    """
    definition = task.definition
    if isinstance(definition, QuizDefinition):
        items = marking.mark(definition.questions, read_answers(handed.source), task.orders)
        return verdict(items, pass_share=definition.pass_share)
    if isinstance(definition, DesignDefinition):
        marked = rubric.mark(definition.rubric, handed.source, starter=definition.starter, judged=handed.judged)
        return verdict(marked, pass_share=definition.pass_share)
    if definition.cases:
        return await _put_cases(sandbox, definition, handed.source, user_id, veiled=veiled)
    return await _run_tests(sandbox, definition, handed.source, user_id, veiled=veiled)


def read_answers(source: str) -> dict[str, Any]:
    """A quiz's answers by question; a text that is no JSON object answers nothing."""
    try:
        found = orjson.loads(source)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


async def _put_cases(
    sandbox: Sandbox, definition: CodeDefinition, source: str, user_id: str, *, veiled: bool
) -> Verdict:
    numbered = sorted(enumerate(definition.cases, 1), key=lambda pair: pair[1].hidden)
    calls = tuple(
        Call(
            case.function or definition.function,
            tuple(case.args),
            case.stdin,
        )
        for _, case in numbered
    )
    run = Run(definition.language, source, calls, threads=definition.threads)
    ran = await sandbox.run(run, user_id=user_id)
    if ran.problem is not None:
        return _unrunnable(definition, ran.problem, ran.wall_seconds)
    grade = functools.partial(grade_case, function=definition.function, language=definition.language)
    if not veiled:
        numbered = [(number, case.model_copy(update={"hidden": False})) for number, case in numbered]
    items = [grade(case, answer, number=number) for (number, case), answer in zip(numbered, ran.answers, strict=True)]
    ran_out = any(answer.status == "timeout" for answer in ran.answers)
    return verdict(
        items, pass_share=definition.pass_share, milliseconds=_milliseconds(ran.wall_seconds), ran_out=ran_out
    )


async def _run_tests(
    sandbox: Sandbox, definition: CodeDefinition, source: str, user_id: str, *, veiled: bool
) -> Verdict:
    items: list[Item] = []
    seconds, ran_out = 0.0, False
    for tests, hidden in ((definition.tests, False), (definition.hidden_tests, veiled)):
        if tests is None:
            continue
        ran = await sandbox.test(_suite(definition, source, tests), user_id=user_id)
        seconds += ran.wall_seconds
        if ran.problem is not None and not hidden:
            return _unrunnable(definition, ran.problem, seconds)
        ran_out = ran_out or _ran_out(ran)
        # Hidden tests that found nothing to run against have failed: a run may not end with none of them.
        items += grade_suite(ran.results, hidden=hidden) or _untried(tests, hidden=hidden)
    return verdict(items, pass_share=definition.pass_share, milliseconds=_milliseconds(seconds), ran_out=ran_out)


def _suite(definition: CodeDefinition, source: str, tests: str) -> Suite:
    return Suite(
        language=definition.language,
        source=source,
        module=definition.module or "solution",
        tests=tests,
        files=definition.files,
        classes=classes_in(definition.solution),
        threads=definition.threads,
    )


def classes_in(solution: str) -> frozenset[str]:
    """The names that stand for classes in the model solution, so far as that can be seen."""
    try:
        return frozenset(node.name for node in ast.walk(ast.parse(solution)) if isinstance(node, ast.ClassDef))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()


def _ran_out(ran: SuiteRan) -> bool:
    return any(one.status == "timeout" for one in ran.results)


def _milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _unrunnable(definition: CodeDefinition, problem: str, seconds: float) -> Verdict:
    """A submission that could not be loaded: every test counts as failed."""
    failed = [
        Item(case.name or f"case {number}", 0.0, is_hidden=case.hidden)
        for number, case in enumerate(definition.cases, 1)
    ]
    suites = ((definition.tests, False), (definition.hidden_tests, True))
    untried = [item for tests, hidden in suites if tests for item in _untried(tests, hidden=hidden)]
    return verdict(
        failed + untried,
        pass_share=definition.pass_share,
        milliseconds=_milliseconds(seconds),
        problem=problem or "It could not be run.",
    )


def _untried(tests: str, *, hidden: bool) -> list[Item]:
    """The tests of a file that was not run, by the names of their functions, as failed."""
    names = _TEST_FUNCTION.findall(tests) or ["the tests"]
    return [Item(name, 0.0, is_hidden=hidden) for name in names]


@dataclass(frozen=True)
class Proved:
    """What a variant's model solution and its starter came to."""

    row: dict[str, Any]
    solution: Verdict
    starter: Verdict


async def prove(sandbox: Sandbox, definition: AnyDefinition, *, author: str) -> tuple[list[Proved], list[str]]:
    """Run model solution and starter of every variant; and what speaks against the exercise: a solution that fails,
    a starter that passes. Raises SandboxBusy and SandboxDown.
    """
    proved, problems = [], []
    for row in definition.variants or [{}]:
        concrete = filled_in(definition, row)
        task = Task(concrete, "", concrete.id or "", 0)
        found = Proved(
            row,
            await judge(sandbox, task, Handed(model_answer(task)), user_id=AUTHOR.format(author), veiled=False),
            await judge(sandbox, task, Handed(starter_of(concrete)), user_id=AUTHOR.format(author), veiled=False),
        )
        proved.append(found)
        named = f" of the variant {row}" if row else ""
        if not found.solution.passed:
            problems.append(f"The model solution{named} does not pass: {why_not(found.solution)}")
        if found.starter.passed:
            problems.append(f"The starter{named} passes as it is: there is nothing to do.")
    return proved, problems


def starter_of(definition: AnyDefinition) -> str:
    """What a learner begins with; a quiz without an answer."""
    return "{}" if isinstance(definition, QuizDefinition) else definition.starter


def model_answer(task: Task) -> str:
    """The model solution; of a quiz the right answers by the letters that this learner sees."""
    definition = task.definition
    if not isinstance(definition, QuizDefinition):
        return definition.solution
    return orjson.dumps(right_answers(definition, task)).decode()


def right_answers(definition: QuizDefinition, task: Task) -> dict[str, Any]:
    """{question: the right answer}, as it would be handed in."""
    return {
        marking.question_id(place): _right(question, task, place)
        for place, question in enumerate(definition.questions, 1)
    }


def _right(question: Any, task: Task, place: int) -> Any:
    if question.kind == "numeric":
        return question.answer
    if question.kind == "text":
        return question.accept[0]
    shown = marking.shown_order(question, task.orders, place)
    letter = {original: chr(ord("a") + at) for at, original in enumerate(shown)}
    if question.kind == "ordering":
        return [letter[place] for place in range(len(question.items))]
    right = sorted(letter[number] for number, choice in enumerate(question.choices) if choice.correct)
    return right[0] if question.kind == "single" else right


def why_not(found: Verdict) -> str:
    """Why a verdict is no pass, in one sentence."""
    if found.problem:
        return found.problem
    failed = [item for item in found.items if not item.passed]
    if not found.items:
        return "there was not a single test."
    first = failed[0] if failed else found.items[0]
    told = f"expected {first.expected.strip()}, got {first.got.strip()}" if first.expected else "it failed"
    detail = first.message or told
    return f"{len(failed)} of {len(found.items)} fail; {first.name}: {detail}"
