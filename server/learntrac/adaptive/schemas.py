"""Bodies of the section "Adaptive Learning", and of placement and achievements, which the specification leaves out."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from learntrac.adaptive.feedback import Adjustment
from learntrac.adaptive.insights import Momentum, Pace
from learntrac.kit.fields import MAX_ID, ApiTime, Body, QueryInt, UserId
from learntrac.progress.choices import CHOICES_KEPT


class RecommendationsQuery(BaseModel):
    """How many, and how much time there is."""

    model_config = ConfigDict(extra="ignore")

    count: Annotated[QueryInt, Field(ge=1, le=CHOICES_KEPT)] = Field(5, description="How many to return, at most")
    timeframe: Annotated[QueryInt, Field(ge=1, le=10_080)] | None = Field(
        None, description="Minutes there are: what is recommended fits into them together"
    )


class Recommendation(BaseModel):
    """What to do next; `estimated_time` in minutes, `confidence` the chance of success at the next graded answer."""

    concept_id: int
    title: str
    kind: Literal["new", "review"]
    reason: str
    confidence: float
    estimated_time: int
    difficulty_match: float
    prerequisites_ready: bool
    learning_style_match: float


class LearningInsights(BaseModel):
    """What the learner's last weeks say."""

    current_level: Literal["beginner", "intermediate", "advanced"]
    momentum: Momentum
    suggested_pace: Pace
    strength_areas: list[str]
    focus_areas: list[str]


class AdaptivePath(BaseModel):
    """What comes next, what that opens, and where it leads."""

    short_term: list[int]
    medium_term: list[int]
    long_term_goal: str


class Recommendations(BaseModel):
    """Best first. `fits` is false where something could be done, but nothing within the timeframe."""

    recommendations: list[Recommendation]
    learning_insights: LearningInsights
    adaptive_path: AdaptivePath
    total_time: int
    fits: bool


Rating = Annotated[int, Field(ge=1, le=5)]
Kind = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=50)]


class FeedbackRequest(Body):
    """What a learner says of a concept. Ratings: difficulty 1 (too easy) to 5 (too hard), clarity 1 to 5 (clear)."""

    concept_id: Annotated[int, Field(ge=1, le=MAX_ID)]
    difficulty_rating: Rating | None = None
    clarity_rating: Rating | None = None
    pace_feedback: Literal["too_slow", "just_right", "too_fast"] | None = None
    preferred_resources: list[Kind] = Field(default_factory=list, max_length=20)
    time_sufficient: bool | None = None
    additional_comments: Annotated[str, Field(max_length=10_000)] | None = None


class Adjustments(BaseModel):
    """What became of the learner's profile."""

    difficulty_preference: Adjustment
    resource_weights: dict[str, float]
    pace_adjustment: Adjustment


class FeedbackReply(BaseModel):
    """`profile_updated`: whether the word changed anything; the same word again does not."""

    feedback_recorded: bool
    profile_updated: bool
    adjustments: Adjustments


class AchievementsQuery(BaseModel):
    """Whose achievements; an instructor's question."""

    model_config = ConfigDict(extra="ignore")

    user_id: UserId | None = Field(None, description="Another learner's, for instructors")


class EarnedAchievement(BaseModel):
    """An achievement that was earned, and the figures that earned it."""

    id: str
    title: str
    description: str
    earned_at: ApiTime
    evidence: dict[str, float]


class OpenAchievement(BaseModel):
    """One that was not earned yet; `progress` is 0 to 1."""

    id: str
    title: str
    description: str
    progress: float
    current: float
    target: float
    unit: str


class Achievements(BaseModel):
    """What was earned, oldest first, and how far the rest is."""

    user_id: str
    earned: list[EarnedAchievement]
    open: list[OpenAchievement]


class Question(BaseModel):
    """A question of a placement test, for the learner to answer honestly about themself."""

    concept_id: int
    title: str
    prompt: str
    objectives: list[str]


class PlacedConcept(BaseModel):
    """A concept with the probability that it is known."""

    concept_id: int
    title: str
    probability: float


class PlacementResult(BaseModel):
    """What seems known, where to begin, and what then. `known_count` counts all; the list names a hundred at most."""

    seems_known: list[PlacedConcept]
    known_count: int
    frontier: list[PlacedConcept]
    suggested_path: list[int]
    sure_of: float


class PlacementReply(BaseModel):
    """The next question, or the result. `expected_remaining` is an estimate of how many questions are left, at most."""

    placement_id: str
    done: bool
    question: Question | None
    asked: int
    expected_remaining: int
    result: PlacementResult | None


class PlacementAnswer(Body):
    """`answer` or `correct`; with `concept_id`, only an answer to that question is taken (else 409)."""

    answer: Literal["knows", "does_not_know"] | None = None
    correct: bool | None = None
    concept_id: Annotated[int, Field(ge=1, le=MAX_ID)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "PlacementAnswer":
        if (self.answer is None) == (self.correct is None):
            raise ValueError("give either answer or correct")
        return self

    @property
    def knows(self) -> bool:
        """What was answered."""
        return self.correct if self.correct is not None else self.answer == "knows"
