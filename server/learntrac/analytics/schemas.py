"""Bodies of the section "Analytics & Reporting"."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from learntrac.kit.fields import ApiTime, Body, QueryInt, UserId, written_date

Timeframe = Literal["week", "month", "quarter", "year"]
BodyDate = Annotated[date, BeforeValidator(written_date), Field(strict=False)]
BodyName = Annotated[str, Field(min_length=1, max_length=500)]


class DashboardQuery(BaseModel):
    """Which window, and whose."""

    model_config = ConfigDict(extra="ignore")

    timeframe: Timeframe = Field("month", description="The last 7, 30, 91 or 365 days, today included (UTC)")
    user_id: UserId | None = Field(None, description="One learner; for instructors. Learners see themselves")


class Summary(BaseModel):
    """The window in four figures."""

    active_learners: int
    concepts_completed: int
    average_mastery_score: float
    total_learning_hours: float


class Change(BaseModel):
    """A figure of this window and of the one before; `change_percentage` is 0 where there was nothing before."""

    current: float
    previous: float
    change_percentage: float


class Trends(BaseModel):
    """How the window compares with the one of equal length before it."""

    completion_rate: Change
    engagement_score: Change


class TopConcept(BaseModel):
    """A concept by how many learners completed it; `average_time` in seconds."""

    concept_id: int
    title: str
    completions: int
    average_time: int
    average_score: float


class StrugglingArea(BaseModel):
    """A concept in which many graded answers fail, and what fails most."""

    concept_id: int
    title: str
    failure_rate: float
    average_attempts: float
    common_issues: list[str]


class SuccessfulPath(BaseModel):
    """An order in which learners worked; `average_time` in seconds over all its concepts."""

    path: list[int]
    success_rate: float
    average_time: int


class LearningPaths(BaseModel):
    """Common orders that went best."""

    most_successful: list[SuccessfulPath]


class Dashboard(BaseModel):
    """What happened in the window, to all learners or to one."""

    summary: Summary
    trends: Trends
    top_concepts: list[TopConcept]
    struggling_areas: list[StrugglingArea]
    learning_paths: LearningPaths


class LearningProfile(BaseModel):
    """How somebody learns; `average_session_length` in minutes."""

    preferred_time: str
    average_session_length: int
    learning_style: str
    strength_areas: list[str]
    improvement_areas: list[str]


class PerformanceMetrics(BaseModel):
    """How well it goes."""

    overall_mastery: float
    concepts_per_week: float
    exercise_success_rate: float
    quiz_average: float


class EngagementPatterns(BaseModel):
    """When, and with what; hours and days are UTC."""

    most_active_days: list[str]
    peak_hours: list[str]
    resource_preferences: dict[str, float]


class MilestoneOutlook(BaseModel):
    """One milestone; `on_track` whether it is done by its date at the pace of the last four weeks."""

    milestone: str
    start_date: date | None
    target_date: date | None
    progress: float
    on_track: bool


class LearnerAdvice(BaseModel):
    """What could come next."""

    next_concepts: list[int]
    suggested_pace_adjustment: Literal["increase", "maintain", "decrease"]
    focus_areas: list[str]


class Peers(BaseModel):
    """The other learners who were active in the last thirty days, never fewer than ten: their means."""

    learners: int
    average_mastery_score: float
    concepts_per_week: float
    engagement_score: float


class LearnerAnalytics(BaseModel):
    """One learner in detail. `peers` is null for a group of fewer than ten."""

    user_id: str
    learning_profile: LearningProfile
    performance_metrics: PerformanceMetrics
    engagement_patterns: EngagementPatterns
    milestone_progress: list[MilestoneOutlook]
    recommendations: LearnerAdvice
    peers: Peers | None


class AtRiskQuery(BaseModel):
    """Which part of the list."""

    model_config = ConfigDict(extra="ignore")

    limit: QueryInt = Field(20, ge=1, le=100)
    offset: QueryInt = Field(0, ge=0, le=1_000_000)


class Reason(BaseModel):
    """Why somebody may need help, in words."""

    kind: Literal["failing", "away"]
    message: str
    since: ApiTime
    concept_id: int | None


class LearnerAtRisk(BaseModel):
    """A learner who may need help, `since` the earliest of the reasons."""

    user_id: str
    since: ApiTime
    last_active: ApiTime
    reasons: list[Reason]


class AtRisk(BaseModel):
    """The learners who may need help, latest trouble first."""

    learners: list[LearnerAtRisk]
    total: int
    limit: int
    offset: int


ReportType = Literal["learner_progress", "concept_analytics", "milestone_summary"]
Format = Literal["pdf", "csv", "xlsx"]
SectionName = Literal["summary", "detailed_progress", "recommendations"]
MOST_NAMES = 1000


class ExportFilters(Body):
    """What the report is about; without dates everything up to today, without names everybody and everything."""

    start_date: BodyDate | None = None
    end_date: BodyDate | None = None
    user_ids: list[BodyName] = Field(default_factory=list, max_length=MOST_NAMES)
    milestones: list[BodyName] = Field(default_factory=list, max_length=MOST_NAMES)

    @model_validator(mode="after")
    def _in_order(self) -> "ExportFilters":
        if self.start_date and self.end_date and self.start_date > self.end_date:
            raise ValueError("start_date must not be after end_date")
        return self


class ExportRequest(Body):
    """Which report, in which format, with which parts."""

    report_type: ReportType
    format: Format
    filters: ExportFilters = Field(default_factory=ExportFilters)
    include_sections: list[SectionName] = Field(["summary", "detailed_progress", "recommendations"], min_length=1)


class ExportStatus(BaseModel):
    """How far an export is: `progress` in percent, `estimated_time` in seconds, `size` in bytes.

    `download_url` from when it is completed until `expires_at`; `webhook_url` is where this is asked again.
    """

    export_id: str
    status: Literal["processing", "completed", "failed", "cancelled", "expired"]
    progress: int
    estimated_time: int
    download_url: str | None
    webhook_url: str
    report_type: ReportType
    format: Format
    error: str | None
    size: int
    created_at: ApiTime
    finished_at: ApiTime | None
    expires_at: ApiTime | None


class ExportList(BaseModel):
    """The caller's exports, newest first."""

    exports: list[ExportStatus]
    total: int
    limit: int
    offset: int


class ExportsQuery(BaseModel):
    """Which part of the list."""

    model_config = ConfigDict(extra="ignore")

    limit: QueryInt = Field(20, ge=1, le=100)
    offset: QueryInt = Field(0, ge=0, le=1_000_000)
