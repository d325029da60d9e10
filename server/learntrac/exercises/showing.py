"""An exercise as a learner may see it, and what a verdict says to them. Pure but for its bodies.

Nothing of a solution, of an expected value of a hidden case or of a right choice leaves through here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from learntrac.exercises import marking
from learntrac.exercises.definition import AnyDefinition, CodeDefinition, DesignDefinition, QuizDefinition
from learntrac.exercises.grading import Item, Verdict, is_ending, shown, shown_call, shown_error
from learntrac.exercises.running import Task
from learntrac.exercises.schemas import (
    Example,
    ExerciseView,
    HiddenTests,
    Result,
    ResultStatus,
    ShownChoice,
    ShownPoint,
    ShownQuestion,
    TestFeedback,
)

MOST_REMARKS = 6
HIDDEN = "hidden tests"
EXAMPLES = 10


def head(definition: AnyDefinition, exercise_id: str) -> str:
    """The beginning of the exercise's JSON in lists, up to where its status stands."""
    first = {
        "id": exercise_id,
        "title": definition.title,
        "concept_id": definition.concept,
        "type": definition.type,
        "difficulty": definition.difficulty,
        "points": definition.points,
        "estimated_time": definition.estimated_minutes,
    }
    return orjson.dumps(first).decode()[:-1] + ',"status":'


def count_tests(definition: AnyDefinition) -> int:
    """How many things are looked at: cases, questions or rubric points; of tests as code the functions, by name."""
    if isinstance(definition, QuizDefinition):
        return len(definition.questions)
    if isinstance(definition, DesignDefinition):
        return len(definition.rubric)
    if definition.cases:
        return len(definition.cases)
    texts = [text for text in (definition.tests, definition.hidden_tests) if text]
    return sum(_count_functions(text, definition.language) for text in texts)


_TEST_STARTS = {"python": ("def test",), "javascript": ("test(", "it("), "go": ("func Test",)}


def _count_functions(text: str, language: str) -> int:
    return sum(line.strip().startswith(_TEST_STARTS[language]) for line in text.splitlines())


def requirements_of(definition: AnyDefinition) -> list[str]:
    """What its author asks for, else what it takes to pass."""
    if definition.requirements:
        return definition.requirements
    count, share = count_tests(definition), round(definition.pass_share * 100)
    what = {"quiz": "questions", "design": "points of the rubric"}.get(definition.type, "tests")
    return [f"All {count} {what}" if share == 100 else f"At least {share} % of {count} {what}"]


def time_limit_seconds(definition: AnyDefinition) -> int:
    """0 where there is none."""
    return 60 * (definition.time_limit_minutes or 0)


def language_of(definition: AnyDefinition) -> str:
    """What a solution is written in."""
    if isinstance(definition, CodeDefinition):
        return definition.language
    return "answers" if isinstance(definition, QuizDefinition) else "markdown"


def view(task: Task, *, version: int) -> ExerciseView:
    """The exercise as this learner works on it."""
    definition = task.definition
    return ExerciseView(
        id=task.exercise_id,
        title=definition.title,
        type=definition.type,
        concept_id=definition.concept,
        difficulty=definition.difficulty,
        points=definition.points,
        estimated_time=definition.estimated_minutes,
        version=version,
        instructions=definition.instructions,
        requirements=requirements_of(definition),
        test_cases=count_tests(definition),
        time_limit=time_limit_seconds(definition),
        language=language_of(definition),
        explain=definition.explain,
        **_parts(task),
    )


def _parts(task: Task) -> dict[str, Any]:
    definition = task.definition
    if isinstance(definition, QuizDefinition):
        return {
            "starter_code": "",
            "questions": [_question(task, one, place) for place, one in enumerate(definition.questions, 1)],
        }
    if isinstance(definition, DesignDefinition):
        points = [ShownPoint(name=p.name, description=p.description, weight=p.weight) for p in definition.rubric]
        return {"starter_code": definition.starter, "rubric": points}
    return {
        "starter_code": definition.starter,
        "function": definition.function,
        "module": definition.module,
        "tests": definition.tests,
        "files": definition.files,
        "examples": _examples(definition),
    }


def _examples(definition: CodeDefinition) -> list[Example]:
    visible = [(number, case) for number, case in enumerate(definition.cases, 1) if not case.hidden]
    return [
        Example(
            name=case.name or f"case {number}",
            input=shown_call(case, definition.function, definition.language),
            expected=_expected(case, definition.language),
        )
        for number, case in visible[:EXAMPLES]
    ]


def _expected(case: Any, language: str) -> str:
    if case.expect_error is not None:
        return shown_error(case.expect_error, language)
    return case.expect_output if case.expect_output is not None else shown(case.expect, language)


def _question(task: Task, question: Any, place: int) -> ShownQuestion:
    choices: list[ShownChoice] = []
    if question.kind in ("single", "multiple", "ordering"):
        order = marking.shown_order(question, task.orders, place)
        texts = question.items if question.kind == "ordering" else [choice.text for choice in question.choices]
        choices = [ShownChoice(id=chr(ord("a") + at), text=texts[number]) for at, number in enumerate(order)]
    return ShownQuestion(
        id=marking.question_id(place),
        kind=question.kind,
        prompt=question.prompt,
        weight=question.weight,
        choices=choices,
        unit=question.unit if question.kind == "numeric" else "",
    )


def stored_result(found: Verdict, *, judged_by: Mapping[str, Any] | None = None) -> str:
    """The verdict as a submission keeps it."""
    items = [
        {key: value for key, value in vars(item).items() if value or key in ("name", "share", "weight")}
        for item in found.items
    ]
    kept: dict[str, Any] = {"items": items, "share": found.share, "problem": found.problem, "ran_out": found.ran_out}
    return orjson.dumps(kept | ({"judged_by": dict(judged_by)} if judged_by else {})).decode()


def read_items(result: Mapping[str, Any]) -> list[Item]:
    """The items of a stored verdict."""
    return [Item(**item) for item in result.get("items", ())]


def result_of(found: Verdict, *, points: int, status: ResultStatus | None = None) -> Result:
    """A verdict as the API tells it."""
    return Result(
        score=score(found.share, points),
        max_score=points,
        tests_passed=found.tests_passed,
        tests_total=len(found.items),
        status=status or ("passed" if found.passed else "failed"),
        execution_time=found.milliseconds,
    )


def score(share: float, points: int) -> float:
    """The points that a share is worth, to two decimals."""
    return round(share * points, 2)


def tests_of(items: Sequence[Item]) -> list[TestFeedback]:
    """What is told of the visible ones."""
    return [
        TestFeedback(
            name=item.name,
            passed=item.passed,
            share=round(item.share, 4),
            input=item.input,
            expected=item.expected,
            got=item.got,
            output=item.output,
            message=item.message,
            diff=item.diff,
        )
        for item in items
        if not item.is_hidden
    ]


def hidden_of(items: Sequence[Item]) -> HiddenTests:
    """The hidden ones, counted."""
    hidden = [item for item in items if item.is_hidden]
    return HiddenTests(passed=sum(item.passed for item in hidden), total=len(hidden))


def issues_of(items: Sequence[Item]) -> str:
    """JSON of the names of what failed, for statistics that the learner may see; hidden tests have none."""
    names = [item.name for item in items if not item.passed and not item.is_hidden]
    missed = any(item.is_hidden and not item.passed for item in items)
    return orjson.dumps(names + ([HIDDEN] if missed else [])).decode()


def strengths(items: Sequence[Item]) -> list[str]:
    """What was right, in words."""
    if not items:
        return []
    right = [item for item in items if item.passed]
    hidden = hidden_of(items)
    if len(right) == len(items) and len(items) > 1:
        return [f"All {len(items)} are right."]
    said = [_right(item) for item in right if not item.is_hidden][:MOST_REMARKS]
    if hidden.total and hidden.passed == hidden.total:
        said.append(f"All {hidden.total} hidden tests pass.")
    return said


def _right(item: Item) -> str:
    return f"{item.name}: right." + (f" {item.message}" if item.message else "")


def improvements(items: Sequence[Item], problem: str) -> list[str]:
    """What was not, in words."""
    if problem:
        return [problem]
    said = [_wrong(item) for item in items if not item.passed and not item.is_hidden][:MOST_REMARKS]
    hidden = hidden_of(items)
    if missing := hidden.total - hidden.passed:
        tests = "hidden test fails" if missing == 1 else "hidden tests fail"
        said.append(f"{missing} of {hidden.total} {tests}: think of inputs that the visible tests do not try.")
    return said


def _wrong(item: Item) -> str:
    if item.weight == 0:
        return f"{item.name}: {item.message}"
    if item.message:
        return f"{item.name}: {item.message}"
    if item.expected or item.got:
        given = f"{item.input} " if item.input and len(item.input) < 120 else ""
        came = f"but {item.got}" if is_ending(item.got) else f"and gave {item.got}"
        return f"{item.name}: {given}should give {item.expected}, {came}."
    return f"{item.name}: not yet." if 0 < item.share < 1 else f"{item.name}: not there."


def in_words(result: Result, items: Sequence[Item], problem: str) -> str:
    """The verdict in a few sentences."""
    if result.status == "pending":
        return "Your solution is stored and waits to be graded. Look at your attempts in a moment."
    if problem:
        return f"Your solution could not be run, so no test was tried. {problem}"
    gained = f"{result.score:g} of {result.max_score:g} points"
    count = f"{result.tests_passed} of {result.tests_total}"
    if result.status == "explanation_needed":
        return f"{count} are right. Explain your solution in your own words, and it counts: {gained}."
    if result.status == "passed":
        return f"Passed, with {gained}: {count} are right."
    ended = next((item.got for item in items if item.got.startswith(("it ran out", "the program ended"))), "")
    why = f" At some point {ended}." if ended else ""
    return f"Not passed yet: {count} are right, {gained}.{why}"
