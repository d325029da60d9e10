"""Bodies of mastery."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from learntrac.kit.fields import ApiTime, Body, QueryBool, QueryInt, QueryText, TicketId, UserId
from learntrac.kit.paging import Limit, Offset
from learntrac.mastery.model import Status
from learntrac.mastery.receipts import Trend

RowId = Annotated[QueryInt, Field(ge=1, le=2**53)]
ContestStatus = Literal["pending", "accepted", "rejected"]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class MasteryQuery(BaseModel):
    """Which concepts, and whose."""

    model_config = ConfigDict(extra="ignore")

    user_id: UserId | None = Field(None, description="Whose; instructors only, by default the caller's own")
    due: QueryBool | None = Field(None, description="Only those that are due for review, or only those that are not")
    component: QueryText | None = Field(None, description="Only those of this component")
    limit: Limit = 20
    offset: Offset = 0


class ReceiptQuery(BaseModel):
    """Whose, and which page of the evidence."""

    model_config = ConfigDict(extra="ignore")

    user_id: UserId | None = Field(None, description="Whose; instructors only, by default the caller's own")
    limit: Limit = 20
    offset: Offset = 0


class MasteryItem(BaseModel):
    """A concept and its score now, which is `score_at_last_answer` faded since.

    `due_at` is when what is mastered falls, or fell, below the threshold; null where nothing is due.
    """

    concept_id: TicketId
    title: str
    component: str
    status: Status
    mastery_score: float
    score_at_last_answer: float
    threshold: float
    answers: int
    due: bool
    due_at: ApiTime | None
    mastered_at: ApiTime | None


class MasteryList(BaseModel):
    """The concepts a learner has begun, by number; those that are due, the longest due first."""

    user_id: str
    concepts: list[MasteryItem]
    total: int
    limit: int
    offset: int


class Expectation(BaseModel):
    """The score as something to check: how many of ten questions the learner will get right."""

    right: int
    of: Literal[10] = 10
    words: str


class Uncertainty(BaseModel):
    """What range the score is known to, by the number of answers (Wilson's interval)."""

    low: float
    high: float
    level: float


class TermItem(BaseModel):
    """A part of the score: its name, its meaning, and what it adds in logits."""

    term: str
    meaning: str
    logits: float


class Receipt(BaseModel):
    """What the score is made of: the terms add up to `sum_logits`, whose logistic function is `score_at_last_answer`;
    that times `retention`, the chance that nothing was forgotten since, is `mastery_score`.
    """

    terms: list[TermItem]
    sum_logits: float | None
    score_at_last_answer: float
    retention: float
    mastery_score: float


class EvidenceItem(BaseModel):
    """A graded answer: what the model had predicted, what came, and what that did to the score.

    One of weight 0 is kept and counts for nothing; one that was struck is `voided`.
    """

    id: int
    item: str
    outcome: float
    weight: float
    source: str
    at: ApiTime
    right: bool
    predicted: float | None
    effect: float
    score_after: float | None
    voided: bool
    contest: ContestStatus | None


class EvidencePage(BaseModel):
    """The answers to a concept, newest first."""

    items: list[EvidenceItem]
    total: int
    limit: int
    offset: int


class MasteryReceipt(MasteryItem):
    """All that is known of a learner and a concept, and why."""

    user_id: str
    expectation: Expectation
    uncertainty: Uncertainty
    trend: Trend
    receipt: Receipt
    evidence: EvidencePage


class ContestRequest(Body):
    """Why an answer was graded wrongly."""

    reason: Words


class DecisionRequest(Body):
    """Whether the answer is struck, and a word to the learner."""

    accept: bool
    note: str = Field("", max_length=2000)


class ContestItem(BaseModel):
    """A learner's objection to the grade of an answer, and what became of it."""

    contest_id: int
    user_id: str
    concept_id: int
    reason: str
    status: ContestStatus
    created_at: ApiTime
    decided_by: str | None
    decided_at: ApiTime | None
    note: str
    evidence_id: int
    item: str
    outcome: float
    weight: float
    source: str
    at: ApiTime
    predicted: float | None
    effect: float


class ContestDecided(ContestItem):
    """A contest that was decided, and where the learner stands with the concept now."""

    concept_status: Status
    mastery_score: float


class ContestQuery(BaseModel):
    """Which contests."""

    model_config = ConfigDict(extra="ignore")

    status: ContestStatus | None = Field(None, description="Only those with this status")
    limit: Limit = 20
    offset: Offset = 0


class ContestList(BaseModel):
    """Contests, oldest first."""

    contests: list[ContestItem]
    total: int
    limit: int
    offset: int
