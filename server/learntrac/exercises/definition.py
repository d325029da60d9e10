"""An exercise as its author writes it: the same shape in the API's bodies, in files and in the database.

`coding` and `debug` ask for code, which is put to cases (inputs and expected values) or to tests written as code;
`quiz` asks questions; `design` asks for a text that a rubric looks at.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator, model_validator

from learntrac.backends.sandbox import LONGEST_SOURCE_BYTES
from learntrac.kit.errors import Detail, ValidationFailed
from learntrac.kit.fields import TicketId, refuse_unstorable

LANGUAGES = {"python": "py", "javascript": "js", "go": "go"}
"""{language: how its files end}; which of them can be run is the sandbox's to say."""
MOST_CASES = 100
MOST_VARIANTS = 12
"""All of a task's variants are proved before it is offered."""
DEEPEST_VALUE = 20
LONGEST_TEXT = 50_000
EXERCISE_ID = r"^[a-z0-9](?:[a-z0-9-]{0,78}[a-z0-9])?$"

Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
Line = Annotated[str, Field(min_length=1, max_length=500)]
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Share = Annotated[float, Field(ge=0, le=1)]
ExerciseId = Annotated[str, Field(pattern=EXERCISE_ID)]
Placeholder = Annotated[str, Field(pattern=r"^\{\{\s*[A-Za-z_][A-Za-z0-9_]*\s*\}\}$")]
"""Where a variant's number will stand."""
_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


class Part(BaseModel):
    """A part of a definition: strict types, and no key that nobody reads."""

    model_config = ConfigDict(strict=True, extra="forbid")


def _plain(value: Any) -> Any:
    """A JSON value of bounded depth; YAML knows more kinds than that."""
    waiting: list[tuple[Any, int]] = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        if depth > DEEPEST_VALUE:
            raise ValueError(f"must not be nested deeper than {DEEPEST_VALUE}")
        if isinstance(item, dict):
            if not all(isinstance(key, str) for key in item):
                raise ValueError("must have only text as keys")
            waiting += [(inner, depth + 1) for inner in item.values()]
        elif isinstance(item, list):
            waiting += [(inner, depth + 1) for inner in item]
        elif not (item is None or isinstance(item, bool | int | float | str)):
            raise ValueError("must be a plain value: a number, text, true, false, null, a list or a map")
    return value


class Case(Part):
    """One question to the code and what it must answer: exactly one of `expect`, `expect_error`, `expect_output`.

    Types are compared strictly: 1 is neither 1.0 nor true. With `tolerance` numbers may differ by so much.
    """

    name: Line | None = None
    function: Name | None = None
    args: list[Any] = Field(default_factory=list, max_length=20)
    stdin: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    expect: Any = None
    expect_error: Name | None = None
    expect_output: Annotated[str, Field(max_length=LONGEST_TEXT)] | None = None
    tolerance: Annotated[float, Field(gt=0, le=1e9)] | None = None
    hidden: bool = False

    @field_validator("args", "expect")
    @classmethod
    def _only_plain(cls, value: Any) -> Any:
        return _plain(value)

    @model_validator(mode="after")
    def _one_expectation(self) -> "Case":
        if len(self.model_fields_set & {"expect", "expect_error", "expect_output"}) != 1:
            raise ValueError("a case has exactly one of expect, expect_error and expect_output")
        return self


class Choice(Part):
    """A choice of a question, and what is said to whoever took it."""

    text: Line
    correct: bool = False
    feedback: str = Field("", max_length=2000)


class _Question(Part):
    name: Line | None = None
    prompt: Text
    weight: Annotated[float, Field(gt=0, le=100)] = 1.0
    feedback: str = Field("", max_length=2000)


class SingleQuestion(_Question):
    """One of the choices is right."""

    kind: Literal["single"]
    choices: list[Choice] = Field(min_length=2, max_length=20)
    shuffle: bool = True

    @model_validator(mode="after")
    def _one_correct(self) -> "SingleQuestion":
        if sum(choice.correct for choice in self.choices) != 1:
            raise ValueError("a question of kind single has exactly one correct choice")
        return self


class MultipleQuestion(_Question):
    """Any number of the choices is right; a wrong one takes back what a right one gave."""

    kind: Literal["multiple"]
    choices: list[Choice] = Field(min_length=2, max_length=20)
    shuffle: bool = True

    @model_validator(mode="after")
    def _some_correct(self) -> "MultipleQuestion":
        if not any(choice.correct for choice in self.choices):
            raise ValueError("a question of kind multiple has a correct choice")
        return self


class NumericQuestion(_Question):
    """A number, right within the tolerance."""

    kind: Literal["numeric"]
    answer: Annotated[float, Field(ge=-1e15, le=1e15)] | Placeholder
    tolerance: Annotated[float, Field(ge=0, le=1e15)] = 0.0
    unit: str = Field("", max_length=40)
    wrong_feedback: str = Field("", max_length=2000)


class TextQuestion(_Question):
    """A short text, compared after normalising: white space always, capitals, accents and punctuation as wanted."""

    kind: Literal["text"]
    accept: list[Line] = Field(min_length=1, max_length=50)
    ignore_case: bool = True
    ignore_accents: bool = True
    ignore_punctuation: bool = False
    wrong_feedback: str = Field("", max_length=2000)


class OrderingQuestion(_Question):
    """Things to be put in order; they are written here in the right one."""

    kind: Literal["ordering"]
    items: list[Line] = Field(min_length=2, max_length=12)
    wrong_feedback: str = Field("", max_length=2000)

    @field_validator("items")
    @classmethod
    def _different(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("must not name an item twice")
        return value


Question = Annotated[
    SingleQuestion | MultipleQuestion | NumericQuestion | TextQuestion | OrderingQuestion, Field(discriminator="kind")
]


class Check(Part):
    """Something that must be in a design's text, found without judgement. All that is given must hold.

    Letters are compared without regard to capitals. `any_of`, `all_of`: words or phrases; `heading`: words of a
    heading; `at_least`: so many of `any_of` must be there, each counted once; `code_block`: a fenced block.
    """

    any_of: list[Line] = Field(default_factory=list, max_length=50)
    all_of: list[Line] = Field(default_factory=list, max_length=50)
    at_least: Annotated[int, Field(ge=1, le=50)] = 1
    heading: Line | None = None
    min_words: Annotated[int, Field(ge=1, le=10_000)] | None = None
    code_block: bool = False

    @model_validator(mode="after")
    def _something(self) -> "Check":
        if not (self.any_of or self.all_of or self.heading or self.min_words or self.code_block):
            raise ValueError("a check has something to look for")
        if self.any_of and self.at_least > len(self.any_of):
            raise ValueError("at_least is more than any_of has")
        return self


class RubricPoint(Part):
    """A point of a rubric. Without checks it is for a model's or a person's judgement only."""

    name: Line
    description: Text
    weight: Annotated[float, Field(gt=0, le=100)] = 1.0
    checks: list[Check] = Field(default_factory=list, max_length=20)
    advice: str = Field("", max_length=2000)


class _Common(Part):
    id: ExerciseId | None = None
    concept: TicketId
    title: Line
    difficulty: Annotated[float, Field(ge=1, le=5)]
    points: Annotated[int, Field(ge=1, le=1000)] = 10
    estimated_minutes: Annotated[int, Field(ge=1, le=1440)]
    time_limit_minutes: Annotated[int, Field(ge=1, le=10_080)] | None = None
    instructions: Text
    requirements: list[Line] = Field(default_factory=list, max_length=30)
    hints: list[Text] = Field(default_factory=list, max_length=4)
    explain: Text | None = None
    worked_solution: Text | None = None
    suggested_reading: list[TicketId] = Field(default_factory=list, max_length=10)
    variants: list[dict[Name, Any]] = Field(default_factory=list, max_length=MOST_VARIANTS)

    @field_validator("variants")
    @classmethod
    def _alike(cls, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len({frozenset(row) for row in value}) > 1:
            raise ValueError("must have the same names in every row")
        return [_plain(row) for row in value]


class CodeDefinition(_Common):
    """Code is asked for. With `cases`, of a function or (without one) of a whole program; with `tests` or
    `hidden_tests`, tests as code that import the solution as `module`.
    """

    type: Literal["coding", "debug"]
    language: Literal["python", "javascript", "go"]
    starter: str = Field("", max_length=LONGEST_SOURCE_BYTES)
    solution: Annotated[str, Field(min_length=1, max_length=LONGEST_SOURCE_BYTES)]
    function: Name | None = None
    cases: list[Case] = Field(default_factory=list, max_length=MOST_CASES)
    module: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9_-]+$")] | None = None
    tests: Annotated[str, Field(min_length=1, max_length=4 * LONGEST_SOURCE_BYTES)] | None = None
    hidden_tests: Annotated[str, Field(min_length=1, max_length=4 * LONGEST_SOURCE_BYTES)] | None = None
    files: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,79}$")], str] = Field(
        default_factory=dict, max_length=10
    )
    threads: bool = False
    pass_share: Share = 1.0

    @model_validator(mode="after")
    def _can_be_graded(self) -> "CodeDefinition":
        as_code = self.tests is not None or self.hidden_tests is not None
        if bool(self.cases) == as_code:
            raise ValueError("code is graded either by cases or by tests as code")
        if as_code and self.module is None:
            raise ValueError("tests as code import the solution by a name: module is missing")
        if self.cases and all(case.hidden for case in self.cases):
            raise ValueError("at least one case must be visible")
        if as_code and self.language != "python":
            raise ValueError(f"tests as code are in Python only: in {self.language} write cases")
        if self.language == "go" and not (self.function or all(case.function for case in self.cases)):
            raise ValueError("in Go functions are called: each case has a function, or the exercise has one for all")
        return self


class QuizDefinition(_Common):
    """Questions are asked."""

    type: Literal["quiz"]
    questions: list[Question] = Field(min_length=1, max_length=50)
    pass_share: Share = 0.8


class DesignDefinition(_Common):
    """A text is asked for. `starter` is what the learner begins with, `solution` an answer that passes the checks."""

    type: Literal["design"]
    starter: str = Field("", max_length=LONGEST_TEXT)
    solution: Text
    rubric: list[RubricPoint] = Field(min_length=1, max_length=30)
    pass_share: Share = 0.7

    @model_validator(mode="after")
    def _some_checks(self) -> "DesignDefinition":
        if not any(point.checks for point in self.rubric):
            raise ValueError("at least one point of the rubric has checks")
        return self


Definition = Annotated[CodeDefinition | QuizDefinition | DesignDefinition, Field(discriminator="type")]
AnyDefinition = CodeDefinition | QuizDefinition | DesignDefinition
_ADAPTER: TypeAdapter[AnyDefinition] = TypeAdapter(Definition)


def check_definition(value: Any) -> AnyDefinition:
    """The definition that these plain values are. Raises pydantic's ValidationError, and ValueError."""
    refuse_unstorable(value)
    return _ADAPTER.validate_python(value)


def read_content(content: str | bytes) -> AnyDefinition:
    """A definition as `write_content` stored it."""
    return _ADAPTER.validate_json(content)


def write_content(definition: AnyDefinition) -> str:
    """The definition as JSON: what its author gave, and no defaults."""
    return _ADAPTER.dump_json(definition, exclude_unset=True).decode()


def plain(definition: AnyDefinition) -> dict[str, Any]:
    """The definition as plain values: what its author gave, and no defaults."""
    found: dict[str, Any] = _ADAPTER.dump_python(definition, mode="json", exclude_unset=True)
    return found


def filled_in(definition: AnyDefinition, row: dict[str, Any]) -> AnyDefinition:
    """The definition with `{{name}}` replaced by a variant's values. A text that is nothing but one placeholder
    becomes the value itself, a number for instance. Names that the variant lacks stay as they are written.
    """
    if not row:
        return definition
    values = {key: value for key, value in plain(definition).items() if key != "variants"}
    return check_definition(_filled(values, row))


def _filled(value: Any, row: dict[str, Any]) -> Any:
    if isinstance(value, str):
        whole = _PLACEHOLDER.fullmatch(value)
        if whole and whole[1] in row:
            return row[whole[1]]
        return _PLACEHOLDER.sub(lambda found: str(row.get(found[1], found[0])), value)
    if isinstance(value, list):
        return [_filled(item, row) for item in value]
    if isinstance(value, dict):
        return {key: _filled(item, row) for key, item in value.items()}
    return value


_OURS = "Value error, "
"""What pydantic puts before a sentence of our own."""


def refused(problem: ValueError, *, prefix: str = "") -> ValidationFailed:
    """What is wrong with a definition, as the API says it."""
    lines = getattr(problem, "errors", None)
    if lines is None:
        return ValidationFailed("This exercise cannot be taken.", details=[Detail(prefix, str(problem))])
    details = [
        Detail(
            ".".join([*filter(None, [prefix]), *(str(part) for part in line["loc"])]), line["msg"].removeprefix(_OURS)
        )
        for line in lines(include_url=False, include_input=False, include_context=False)
    ]
    return ValidationFailed("This exercise cannot be taken.", details=details)
