"""Bodies of the knowledge graph."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from learntrac.kit.fields import ApiTime, Body, QueryBool, QueryInt, TicketId
from learntrac.kit.paging import Limit, Offset

Kind = Literal["prerequisite_for", "related_to", "alternative_to"]
NodeStatus = Literal["mastered", "practicing", "learning", "available", "locked"]
Aim = Literal["time", "difficulty", "prerequisites"]


class GraphQuery(BaseModel):
    """Which part of the graph."""

    model_config = ConfigDict(extra="ignore")

    center_concept: TicketId | None = Field(None, description="Concept ID to center the graph on")
    depth: Annotated[QueryInt, Field(ge=1, le=5)] = Field(
        2, description="How many levels to include (default: 2, max: 5)"
    )
    include_mastery: QueryBool = Field(default=True, description="Include user's mastery data")


class NodeProperties(BaseModel):
    """What there is to know of a concept at a glance."""

    difficulty: float
    estimated_time: str
    component: str


class Node(BaseModel):
    """A concept. `mastery` and `status` are the caller's own, null where `include_mastery` is false."""

    id: str
    label: str
    type: Literal["concept"] = "concept"
    mastery: float | None
    status: NodeStatus | None
    properties: NodeProperties


class GraphEdge(BaseModel):
    """`source` is `relationship` `target`: a prerequisite points at what needs it."""

    source: str
    target: str
    relationship: Kind
    weight: float


class Cluster(BaseModel):
    """The concepts of a component among those shown, and the caller's mean mastery of them."""

    id: str
    label: str
    concepts: list[str]
    mastery: float | None


class GraphReply(BaseModel):
    """A part of the graph. `truncated`: there is more within reach than is shown."""

    nodes: list[Node]
    edges: list[GraphEdge]
    clusters: list[Cluster]
    truncated: bool


class PathQuery(BaseModel):
    """Where to, and by which aim."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    to: TicketId = Field(description="Target concept ID")
    from_: TicketId | None = Field(
        None, alias="from", description="Starting concept ID (optional, defaults to what the caller knows)"
    )
    optimize_for: Aim = Field("prerequisites", description="time, difficulty or prerequisites")


class PathStep(BaseModel):
    """A concept on the way; `estimated_time` in minutes, 0 for what is known already."""

    step: int
    concept_id: int
    title: str
    status: NodeStatus
    estimated_time: int
    reason: str


class AlternativePath(BaseModel):
    """Another way: concepts in order, minutes, mean difficulty of what is to be learned."""

    path: list[int]
    total_time: int
    difficulty_score: float


class PathReply(BaseModel):
    """The best way to the target by the aim, and up to three others."""

    path: list[PathStep]
    total_concepts: int
    total_estimated_time: int
    difficulty_progression: list[float]
    alternative_paths: list[AlternativePath]


class RelationshipRequest(Body):
    """A relationship to add: `source_concept` is `relationship_type` `target_concept`."""

    source_concept: int = Field(ge=1, le=2**31 - 1)
    target_concept: int = Field(ge=1, le=2**31 - 1)
    relationship_type: Kind
    weight: float = Field(1.0, ge=0, le=1)
    bidirectional: bool = False
    notes: str = Field("", max_length=2000)


class RelationshipReply(BaseModel):
    """A relationship that was added."""

    relationship_id: str
    source: int
    target: int
    type: Kind
    created_at: ApiTime


class RelationshipItem(RelationshipReply):
    """A relationship in a list."""

    weight: float
    bidirectional: bool
    notes: str
    created_by: str


class RelationshipQuery(BaseModel):
    """Which relationships."""

    model_config = ConfigDict(extra="ignore")

    concept: TicketId | None = Field(None, description="Only those at either end of which this concept is")
    type: Kind | None = Field(None, description="Only those of this type")
    limit: Limit = 20
    offset: Offset = 0


class RelationshipList(BaseModel):
    """Relationships that were added here, oldest first. Prerequisites written in Trac are in the graph, not here."""

    relationships: list[RelationshipItem]
    total: int
    limit: int
    offset: int


class RemovedReply(BaseModel):
    """A relationship that is no more."""

    relationship_id: str
    removed: Literal[True] = True


class LintEdge(BaseModel):
    """A prerequisite and the concept that names it."""

    prerequisite: int
    concept: int


class RedundantEdge(LintEdge):
    """An edge that says nothing new: `by` are the concepts on another way from the one to the other."""

    by: list[int]


class DoubtfulEdge(LintEdge):
    """An edge that the learners' data speaks against.

    Of the learners who answered the concept at all: how many had mastered the prerequisite before, and how many had
    not, with the share of right first answers of each; `difference` is the first share less the second, and
    `at_most` the upper end of its 95 % interval.
    """

    learners_with: int
    right_with: float
    learners_without: int
    right_without: float
    difference: float
    at_most: float


class LintReply(BaseModel):
    """What an instructor may want to look at in the graph."""

    cycles: list[list[int]]
    dangling: list[LintEdge]
    orphans: list[int]
    redundant: list[RedundantEdge]
    no_way_in: list[int]
    doubtful: list[DoubtfulEdge]
    concepts: int
    prerequisites: int
