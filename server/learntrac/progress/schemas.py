"""Bodies of the section "Student Progress Tracking"."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from learntrac.kit.fields import ApiTime, QueryText, written_date

Timeframe = Literal["week", "month", "quarter", "year", "all"]
Granularity = Literal["day", "week", "month"]
Trend = Literal["increasing", "stable", "decreasing"]

QueryDate = Annotated[date, BeforeValidator(written_date)]


class ProgressQuery(BaseModel):
    """Which part of the learner's work is looked at."""

    model_config = ConfigDict(extra="ignore")

    timeframe: Timeframe = Field("all", description="Count what was begun, completed and mastered in this period")
    milestone: QueryText | None = Field(None, description="Only the concepts of this milestone")


class HistoryQuery(BaseModel):
    """Which days; both ends are included. Without them, the last thirty days."""

    model_config = ConfigDict(extra="ignore")

    start_date: QueryDate | None = Field(None, description="First day (ISO 8601)")
    end_date: QueryDate | None = Field(None, description="Last day (ISO 8601)")
    granularity: Granularity = Field("day", description="What one entry sums up; weeks begin on Monday")


class OverallProgress(BaseModel):
    """Counts over the concepts that the learner may view; percentages of all of them, with one decimal."""

    total_concepts: int
    completed_concepts: int
    mastered_concepts: int
    in_progress_concepts: int
    completion_percentage: float
    mastery_percentage: float


class MilestoneProgress(BaseModel):
    """One milestone; `estimated_completion` null without a pace, and when nothing is left."""

    name: str
    total_concepts: int
    completed: int
    progress_percentage: float
    estimated_completion: date | None


class Activity(BaseModel):
    """Something the learner did; `time_spent` in seconds."""

    concept_id: int
    title: str
    action: str
    timestamp: ApiTime
    time_spent: int


class Velocity(BaseModel):
    """The pace of the last four weeks."""

    concepts_per_week: float
    hours_per_week: float
    trend: Trend


class Strength(BaseModel):
    """A component the learner is good at."""

    area: str
    mastery_level: float
    concepts_mastered: int


class Recommendation(BaseModel):
    """A concept that is ready to be learned, or due for review."""

    concept_id: int
    title: str
    kind: Literal["new", "review"]
    reason: str
    difficulty_match: float


class Progress(BaseModel):
    """Where a learner stands."""

    user_id: str
    overall_progress: OverallProgress
    milestones: list[MilestoneProgress]
    recent_activity: list[Activity]
    learning_velocity: Velocity
    strengths: list[Strength]
    recommendations: list[Recommendation]


class HistoryEntry(BaseModel):
    """One day, week (named by its Monday) or month (by its first); `time_spent` in seconds."""

    date: date
    concepts_started: int
    concepts_completed: int
    concepts_mastered: int
    time_spent: int
    exercises_completed: int
    quiz_average: float


class HistoryTotals(BaseModel):
    """Over all the days asked for."""

    concepts_completed: int
    concepts_mastered: int
    total_time_spent: int
    average_mastery_score: float


class History(BaseModel):
    """The periods in which something happened, oldest first."""

    history: list[HistoryEntry]
    totals: HistoryTotals
