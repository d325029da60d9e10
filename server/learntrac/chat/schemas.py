"""Bodies of the section "AI Chat Interface". What the specification does not have is added, never put in its place."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, field_validator

from learntrac.kit.fields import ApiTime, Body, QueryBool, TicketId
from learntrac.kit.paging import Limit, Offset

Mode = Literal["tutoring", "debugging", "explaining", "practice"]
LONGEST_MESSAGE = 16_000


def _something(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


MessageText = Annotated[str, Field(min_length=1, max_length=LONGEST_MESSAGE)]


class ChatContext(Body):
    """What a talk is about."""

    concept_id: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    session_id: Annotated[str, Field(min_length=1, max_length=36)] | None = None
    mode: Mode = "tutoring"


class ChatStartRequest(Body):
    """A new talk. Without a first message the tutor opens it."""

    context: ChatContext = Field(default_factory=ChatContext)
    initial_message: MessageText | None = None

    _not_blank = field_validator("initial_message")(lambda value: value if value is None else _something(value))


class ChatMessageRequest(Body):
    """What the learner says."""

    message: MessageText
    include_code_examples: bool = False

    _not_blank = field_validator("message")(_something)


class CodeExample(BaseModel):
    """Code, of the course's own or a model's."""

    language: str
    title: str
    code: str


class ChatResource(BaseModel):
    """Something to look at: what the reply rests on. `version` is a wiki page's."""

    type: str
    title: str
    content: str
    url: str
    version: int | None


class CitationItem(BaseModel):
    """What the text refers to as `[number]`: a wiki page in a version, or a concept."""

    number: int
    source: Literal["concept", "page", "exercise"]
    title: str
    url: str
    heading: str
    version: int | None
    concept_id: int | None
    quote: str


class DecisionItem(BaseModel):
    """How the server decided what the tutor may say, and why."""

    kind: Literal["answer", "guide", "nothing", "talk"]
    reason: str
    aim: int | None
    missing: list[int]
    rung: str | None
    in_graded_exercise: bool


class InitialResponse(BaseModel):
    """The first reply."""

    message_id: str
    message: str
    suggestions: list[str]
    resources: list[ChatResource]
    code_examples: list[CodeExample]
    citations: list[CitationItem]


class ChatStartReply(BaseModel):
    """A talk has begun. `context_loaded`: the course has something about what it is to be about."""

    chat_id: str
    status: Literal["active"] = "active"
    ai_model: str
    context_loaded: bool
    initial_response: InitialResponse
    tokens_used: int
    context_retention: float
    decision: DecisionItem
    fell_back: bool
    withheld: bool


class TutorResponse(BaseModel):
    """What the tutor says."""

    message: str
    code_examples: list[CodeExample]
    follow_up_questions: list[str]
    citations: list[CitationItem]


class ChatMessageReply(BaseModel):
    """The tutor's reply. `context_retention` is the share of the talk's tokens that it was made with."""

    message_id: str
    response: TutorResponse
    tokens_used: int
    context_retention: float
    ai_model: str
    decision: DecisionItem
    fell_back: bool
    withheld: bool


class HistoryMessage(BaseModel):
    """A line of a talk. `is_cut`: the learner left before its end."""

    message_id: str
    role: Literal["user", "assistant", "instructor"]
    content: str
    timestamp: ApiTime
    ai_model: str | None
    is_cut: bool
    rating: int | None
    helpful: bool | None
    citations: list[CitationItem]


class ChatHistory(BaseModel):
    """A talk. `concept_coverage` names the concepts whose material was used."""

    chat_id: str
    started_at: ApiTime
    mode: Mode
    concept_id: int | None
    messages: list[HistoryMessage]
    total_messages: int
    concept_coverage: list[str]


class ChatItem(BaseModel):
    """A talk in the list of one's own."""

    chat_id: str
    mode: Mode
    concept_id: int | None
    title: str
    started_at: ApiTime
    updated_at: ApiTime
    total_messages: int


class ChatList(BaseModel):
    """One's own talks, the latest first."""

    chats: list[ChatItem]
    total: int
    limit: int
    offset: int


class ChatsQuery(BaseModel):
    """Which of one's talks."""

    concept_id: TicketId | None = Field(None, description="Only talks about this concept")
    limit: Limit = 20
    offset: Offset = 0


class DeletedReply(BaseModel):
    """It is gone."""

    deleted: bool = True
    chat_id: str


class ChatFeedbackRequest(Body):
    """What the learner says of a reply."""

    message_id: Annotated[str, Field(min_length=1, max_length=40)]
    rating: Annotated[int, Field(ge=1, le=5)] | None = None
    helpful: bool | None = None
    feedback: Annotated[str, Field(max_length=4000)] | None = None
    improvement_suggestions: Annotated[str, Field(max_length=4000)] | None = None


class ChatFeedbackReply(BaseModel):
    """It is kept."""

    feedback_recorded: bool = True
    thank_you_message: str


class HandoverRequest(Body):
    """A question for a person. Without one, the last message of the talk is handed over."""

    question: MessageText | None = None

    _not_blank = field_validator("question")(lambda value: value if value is None else _something(value))


class HandoverItem(BaseModel):
    """A question that was handed over, with what an instructor needs to answer it."""

    handover_id: int
    status: Literal["open", "answered"]
    chat_id: str | None
    user_id: str
    concept_id: int | None
    concept_title: str
    question: str
    talk: list[str]
    answer: str | None
    answered_by: str | None
    created_at: ApiTime
    answered_at: ApiTime | None


class HandoverList(BaseModel):
    """Questions that were handed over: one's own, or for an instructor all."""

    handovers: list[HandoverItem]
    total: int
    limit: int
    offset: int


class HandoversQuery(BaseModel):
    """Which questions."""

    status: Literal["open", "answered"] | None = Field(None, description="Only open or answered ones")
    mine: QueryBool = Field(default=False, description="Only one's own, for an instructor too")
    limit: Limit = 20
    offset: Offset = 0


class HandoverAnswer(Body):
    """An instructor's answer; it stands in the talk, and the learner finds it there."""

    answer: MessageText

    _not_blank = field_validator("answer")(_something)


class OfferItem(BaseModel):
    """Help that is offered because a learner failed several times in a row."""

    concept_id: int
    title: str
    failures_in_a_row: int
    message: str
    mode: Mode


class Offers(BaseModel):
    """Where help is offered just now."""

    offers: list[OfferItem]
