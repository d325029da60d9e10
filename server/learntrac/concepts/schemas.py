"""Bodies of the section "Learning Concepts Management"."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from learntrac.kit.fields import ApiTime, Body, QueryFloat, QueryText
from learntrac.kit.paging import Limit, Offset

Status = Literal["new", "learning", "practicing", "mastered"]
Sort = Literal[
    "id", "-id", "title", "-title", "difficulty", "-difficulty", "created_at", "-created_at",
    "updated_at", "-updated_at", "estimated_time", "-estimated_time", "relevance",
]  # fmt: skip


class ConceptQuery(BaseModel):
    """The filters of the list; all that are given must fit."""

    model_config = ConfigDict(extra="ignore")

    status: Status | None = Field(None, description="Filter by the learner's status; without a token, the ticket's")
    type: QueryText | None = Field(None, description="Filter by concept type (task, bug, feature, enhancement, …)")
    difficulty: Annotated[QueryFloat, Field(ge=1, le=5)] | None = Field(
        None, description="Filter by difficulty: a whole number stands for its level (3: from 3 to below 4)"
    )
    component: QueryText | None = Field(None, description="Filter by component")
    milestone: QueryText | None = Field(None, description="Filter by milestone")
    owner: QueryText | None = Field(None, description="Filter by assigned student")
    q: QueryText | None = Field(
        None, description="Words that title, description or tags must contain; each may be a beginning"
    )
    sort: Sort | None = Field(
        None, description="Order; a leading minus turns it round. Default: relevance with q, else id"
    )
    limit: Limit = 20
    offset: Offset = 0

    @field_validator("q")
    @classmethod
    def _some_word(cls, value: str | None) -> str | None:
        return value if value and value.strip() else None


class ConceptItem(BaseModel):
    """A concept in a list."""

    id: int
    title: str
    description: str
    type: str
    status: Status
    difficulty: float
    mastery_threshold: float
    component: str
    milestone: str
    owner: str
    prerequisites: list[int]
    estimated_time: str
    tags: list[str]
    created_at: ApiTime
    updated_at: ApiTime


class ConceptList(BaseModel):
    """A page of concepts; `total` counts all that fit."""

    concepts: list[ConceptItem]
    total: int
    limit: int
    offset: int


class PrerequisiteItem(BaseModel):
    """A prerequisite and where the learner stands with it."""

    id: int
    title: str
    status: Status


class Resource(BaseModel):
    """Something to read, watch or open."""

    type: str
    title: str
    url: str


class TimedResource(Resource):
    """A resource in a learning path; `estimated_time` in minutes, 0 where nobody knows."""

    estimated_time: int


class ExerciseItem(BaseModel):
    """An exercise of a concept."""

    id: str
    title: str
    type: str
    points: int


class ConceptMetadata(BaseModel):
    """Where the concept comes from."""

    trac_ticket_id: int
    custom_fields: dict[str, str]


class ConceptDetail(BaseModel):
    """A concept with all that belongs to it."""

    id: int
    title: str
    description: str
    type: str
    status: Status
    difficulty: float
    mastery_threshold: float
    component: str
    milestone: str
    owner: str
    estimated_time: str
    tags: list[str]
    created_at: ApiTime
    updated_at: ApiTime
    prerequisites: list[PrerequisiteItem]
    learning_objectives: list[str]
    resources: list[Resource]
    exercises: list[ExerciseItem]
    metadata: ConceptMetadata


class StartRequest(Body):
    """How the learner wants to work; `time_commitment` in minutes."""

    learning_mode: Literal["guided", "self-paced", "challenge"] = "guided"
    time_commitment: Annotated[int, Field(ge=1, le=10_080)] | None = None
    preferred_resources: list[Annotated[str, Field(max_length=50)]] = Field(default_factory=list, max_length=20)


class ExerciseStep(BaseModel):
    """An exercise in a learning path; `estimated_time` in minutes."""

    id: str
    title: str
    instructions: str
    estimated_time: int


class Step(BaseModel):
    """A step of a learning path. What there is to do it with is in `resource`, and of `practice` in `exercise` too."""

    step: int
    type: Literal["read", "watch", "open", "reflect", "check", "practice"]
    resource: TimedResource
    exercise: ExerciseStep | None = None
    objectives: list[str] | None = None


class StartReply(BaseModel):
    """A session that has begun, and the way through it."""

    session_id: str
    concept_id: int
    status: Literal["active"] = "active"
    started_at: ApiTime
    learning_path: list[Step]
    ai_tutor_available: bool


class CompleteRequest(Body):
    """How a session ended, as the client tells it; `time_spent` in seconds."""

    session_id: Annotated[str, Field(min_length=1, max_length=64)]
    completion_type: Literal["completed", "mastered", "abandoned"] = "completed"
    time_spent: Annotated[int, Field(ge=0, le=31_536_000)] | None = None
    exercises_completed: list[Annotated[str, Field(max_length=100)]] = Field(default_factory=list, max_length=500)
    quiz_score: Annotated[float, Field(ge=0, le=1)] | None = None
    feedback: Annotated[str, Field(max_length=10_000)] | None = None


class AchievementItem(BaseModel):
    """An achievement that was earned."""

    id: str
    title: str
    description: str


class CompleteReply(BaseModel):
    """What the server makes of it: status and score are its own, whatever the client claims."""

    concept_id: int
    status: Status
    mastery_score: float
    time_spent: int
    completion_date: ApiTime
    achievements_unlocked: list[AchievementItem]
    next_concepts: list[int]
    certificate_url: str | None
