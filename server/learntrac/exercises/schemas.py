"""Bodies of the section "Practice & Exercises"."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from learntrac.kit.fields import ApiTime, Body, QueryFloat, TicketId, UserId
from learntrac.kit.paging import Limit, Offset

Kind = Literal["coding", "quiz", "design", "debug"]
Standing = Literal["available", "in_progress", "completed"]
ResultStatus = Literal["passed", "failed", "explanation_needed", "pending"]


class ExerciseQuery(BaseModel):
    """The filters of the list; all that are given must fit."""

    model_config = ConfigDict(extra="ignore")

    concept_id: TicketId | None = Field(None, description="Filter by concept")
    difficulty: Annotated[QueryFloat, Field(ge=1, le=5)] | None = Field(
        None, description="Filter by difficulty: a whole number stands for its level (3: from 3 to below 4)"
    )
    type: Kind | None = Field(None, description="Filter by type: coding, quiz, design, debug")
    status: Standing | None = Field(None, description="Filter by the learner's status")
    limit: Limit = 100
    offset: Offset = 0


class ExerciseItem(BaseModel):
    """An exercise in a list. `completion_rate`: the learners who completed it, as a share of those who began it."""

    id: str
    title: str
    concept_id: int
    type: Kind
    difficulty: float
    points: int
    estimated_time: int
    status: Standing
    completion_rate: float
    prerequisites_met: bool


class ExerciseList(BaseModel):
    """A page of exercises. `total` counts all that fit, `completed` those of them that the learner has completed,
    `available` the others.
    """

    exercises: list[ExerciseItem]
    total: int
    available: int
    completed: int


class Example(BaseModel):
    """A visible case: what goes in and what must come out, as the language writes it."""

    name: str
    input: str
    expected: str


class ShownChoice(BaseModel):
    """A choice, or a thing to be ordered, by the letter that answers name it with."""

    id: str
    text: str


class ShownQuestion(BaseModel):
    """A question. Answers: one letter (single), letters (multiple; ordering, in order), a number or a text."""

    id: str
    kind: Literal["single", "multiple", "numeric", "text", "ordering"]
    prompt: str
    weight: float
    choices: list[ShownChoice]
    unit: str = ""


class ShownPoint(BaseModel):
    """A point of a rubric, as a learner may know it."""

    name: str
    description: str
    weight: float


class ExerciseView(BaseModel):
    """An exercise as this learner works on it. `time_limit` in seconds, 0 where there is none."""

    id: str
    title: str
    type: Kind
    concept_id: int
    difficulty: float
    points: int
    estimated_time: int
    version: int
    instructions: str
    requirements: list[str]
    starter_code: str
    test_cases: int
    time_limit: int
    language: str
    function: str | None = None
    module: str | None = None
    examples: list[Example] = []
    tests: str | None = None
    files: dict[str, str] = {}
    questions: list[ShownQuestion] = []
    rubric: list[ShownPoint] = []
    explain: str | None = None


class StartReply(BaseModel):
    """A session, new or resumed. `last_code` is what was last handed in, to go on from."""

    session_id: str
    exercise: ExerciseView
    started_at: ApiTime
    ends_at: ApiTime | None
    resumed: bool
    attempts: int
    last_code: str | None


class Solution(Body):
    """What is handed in. Of a quiz `answers`, or the same as JSON in `code`. What a client says of tests it passed and
    of time it took is not read.
    """

    code: str = ""
    language: Annotated[str, Field(max_length=40)] | None = None
    answers: dict[str, Any] | None = None
    explanation: Annotated[str, Field(max_length=10_000)] = ""
    self_assessment: dict[Annotated[str, Field(max_length=500)], Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=dict, max_length=30
    )


class SubmitRequest(Body):
    """A solution for a session."""

    session_id: Annotated[str, Field(min_length=1, max_length=64)]
    solution: Solution
    request_feedback: bool = True


class Result(BaseModel):
    """The server's own verdict. `execution_time` in milliseconds."""

    score: float
    max_score: float
    tests_passed: int
    tests_total: int
    status: ResultStatus
    execution_time: int


class TestFeedback(BaseModel):
    """A visible test, question or rubric point, and what became of it."""

    __test__ = False  # no test of ours

    name: str
    passed: bool
    share: float
    input: str
    expected: str
    got: str
    output: str
    message: str
    diff: str


class HiddenTests(BaseModel):
    """Hidden tests are counted, and nothing else is told of them."""

    passed: int
    total: int


class Reading(BaseModel):
    """A concept to read again."""

    concept_id: int
    title: str


class Feedback(BaseModel):
    """What was good and what was not, in words and test by test. `graded_by`: tests, questions, checks, or
    checks and a model; `self_assessment` is what the learner thinks of each rubric point, which decides nothing.
    """

    strengths: list[str]
    improvements: list[str]
    detailed_feedback: str
    suggested_reading: list[Reading]
    tests: list[TestFeedback]
    hidden_tests: HiddenTests
    graded_by: str
    self_assessment: dict[str, float]


class Unlocked(BaseModel):
    """An achievement that was earned."""

    id: str
    title: str
    description: str


class SubmitReply(BaseModel):
    """The verdict, what to make of it, and what it earned."""

    attempt_id: int
    result: Result
    feedback: Feedback
    achievements: list[Unlocked]


class SessionRequest(Body):
    """The session that it is about."""

    session_id: Annotated[str, Field(min_length=1, max_length=64)]


class ExplainRequest(SessionRequest):
    """The learner's own explanation of a solution that is right."""

    explanation: Annotated[str, Field(min_length=1, max_length=10_000)]


class HintReply(BaseModel):
    """The next rung of the ladder; `more` says whether there is another. `weight`: what a pass now counts as evidence,
    as a share of one without help.
    """

    rung: int
    hint: str
    more: bool
    weight: float


class SolutionReply(BaseModel):
    """A worked solution, for whoever has passed. From now on another pass proves nothing."""

    exercise_id: str
    version: int
    language: str
    code: str
    explanation: str
    answers: dict[str, Any]


class AttemptItem(BaseModel):
    """An attempt at an exercise. `weight` is what it counted as evidence, null where it did not count."""

    attempt_id: int
    user_id: str
    session_id: str
    version: int
    submitted_at: ApiTime
    graded_at: ApiTime | None
    result: Result
    language: str
    code: str
    explanation: str
    hints: int
    weight: float | None
    regraded_by: str | None
    note: str
    tests: list[TestFeedback]
    hidden_tests: HiddenTests


class AttemptQuery(BaseModel):
    """Whose attempts; without `user_id` one's own, for an instructor everybody's."""

    model_config = ConfigDict(extra="ignore")

    user_id: UserId | None = Field(None, description="One learner's (instructors only)")
    limit: Limit = 20
    offset: Offset = 0


class AttemptList(BaseModel):
    """Attempts, the latest first."""

    attempts: list[AttemptItem]
    total: int
    limit: int
    offset: int


class VersionItem(BaseModel):
    """A version of an exercise."""

    version: int
    created_by: str
    created_at: ApiTime
    digest: str
    is_current: bool


class VersionList(BaseModel):
    """All versions, the latest first."""

    versions: list[VersionItem]


class VersionQuery(BaseModel):
    """Which version; the current one where none is named."""

    model_config = ConfigDict(extra="ignore")

    version: Annotated[int, Field(ge=1, le=1_000_000, strict=False)] | None = None


class DefinitionReply(BaseModel):
    """An exercise as its author wrote it."""

    id: str
    version: int
    is_retired: bool
    updated_at: ApiTime
    definition: dict[str, Any]


class ProofItem(BaseModel):
    """What came of running a variant's model solution and its starter."""

    variant: dict[str, Any]
    solution: Result
    starter: Result


class PreviewReply(BaseModel):
    """How learners would see each variant, and whether the exercise would be taken."""

    acceptable: bool
    problems: list[str]
    views: list[ExerciseView]
    proof: list[ProofItem]


class RegradeRequest(Body):
    """Run an attempt again against the current version (or its own), and say why."""

    version: Literal["current", "own"] = "current"
    note: Annotated[str, Field(max_length=2000)] = ""


class OverrideRequest(Body):
    """An instructor's own judgement of a design: shares by rubric point; points that are left out stay."""

    points: dict[Annotated[str, Field(max_length=500)], Annotated[float, Field(ge=0, le=1)]] = Field(
        min_length=1, max_length=30
    )
    note: Annotated[str, Field(min_length=1, max_length=2000)]


class SimilarQuery(BaseModel):
    """From which likeness on."""

    model_config = ConfigDict(extra="ignore")

    at_least: Annotated[QueryFloat, Field(ge=0.3, le=1)] = 0.7
    limit: Limit = 50


class SimilarPair(BaseModel):
    """Two learners' last attempts that are alike: `likeness` 0 to 1, and lines that both have."""

    attempts: tuple[int, int]
    users: tuple[str, str]
    likeness: float
    shared_fingerprints: int


class SimilarList(BaseModel):
    """Pairs, most alike first. Likeness is no accusation: short programs are alike, and people learn together."""

    pairs: list[SimilarPair]
    compared: int
    too_short: int
    remark: str


class RetiredReply(BaseModel):
    """What was retired."""

    id: str
    is_retired: bool


class LearnerStanding(BaseModel):
    """Where the caller stands with one exercise."""

    status: Standing
    best_score: float
    attempts: int
    hints: int
    completed_at: ApiTime | None


class ExerciseDetail(ExerciseItem):
    """One exercise, as it is known before it is begun."""

    requirements: list[str]
    test_cases: int
    time_limit: int
    language: str
    mine: LearnerStanding
