"""The doors of the knowledge graph."""

import asyncio

import orjson
from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.accounts.callers import GuardedRoute, SignedIn
from learntrac.concepts.viewing import Viewer, viewer_of
from learntrac.kit.http.doors import API
from learntrac.kit.http.query import describes, read_query
from learntrac.kit.http.writing import Write
from learntrac.knowledge import drawing, lint, queries, service
from learntrac.knowledge.schemas import (
    DoubtfulEdge,
    GraphQuery,
    GraphReply,
    LintEdge,
    LintReply,
    PathQuery,
    PathReply,
    RedundantEdge,
    RelationshipList,
    RelationshipQuery,
    RelationshipReply,
    RelationshipRequest,
    RemovedReply,
)

router = APIRouter(prefix=f"{API}/knowledge", tags=["Knowledge Graph"], route_class=GuardedRoute)

_DRAWINGS = {kind: {"schema": {"type": "string"}} for kind in (drawing.DOT, drawing.MERMAID)}


@router.get(
    "/graph",
    response_model=GraphReply,
    responses={200: {"content": _DRAWINGS}},
    openapi_extra=describes(GraphQuery, may_miss=True),
)
async def get_graph(request: Request, caller: SignedIn) -> Response:
    """Get knowledge graph visualization data; as Graphviz or Mermaid where `Accept` asks for it"""
    query, state = read_query(request, GraphQuery), request.app.state
    view = await service.get_view(
        state.database.hot,
        state.graph,
        viewer=_viewer(request, caller.user_id),
        user_id=caller.user_id,
        centre=query.center_concept,
        depth=query.depth,
    )
    asked = request.headers.get("accept", "")
    if drawing.DOT in asked:
        return Response(drawing.as_dot(view.concepts, view.edges), media_type=drawing.DOT)
    if drawing.MERMAID in asked:
        return Response(drawing.as_mermaid(view.concepts, view.edges), media_type=drawing.MERMAID)
    body = drawing.as_json(view.concepts, view.edges, truncated=view.truncated, with_mastery=query.include_mastery)
    return Response(orjson.dumps(body), media_type="application/json")


@router.get("/path", response_model=PathReply, openapi_extra=describes(PathQuery, may_miss=True))
async def get_path(request: Request, caller: SignedIn) -> PathReply:
    """Get optimal learning path"""
    query, state = read_query(request, PathQuery), request.app.state
    return await service.get_path(
        state.database.hot,
        state.graph,
        viewer=_viewer(request, caller.user_id),
        user_id=caller.user_id,
        query=query,
    )


@router.post(
    "/relationships", response_model=RelationshipReply, status_code=201, openapi_extra={"responses": {"404": {}}}
)
async def add_relationship(request: Request, body: RelationshipRequest, caller: SignedIn, write: Write) -> Response:
    """Add custom concept relationships"""
    caller.must_be("instructor")
    viewer, state = _viewer(request, caller.user_id), request.app.state

    async def add(session: AsyncSession) -> RelationshipReply:
        reply = await service.add_relationship(
            session, viewer=viewer, created_by=caller.user_id, request=body, now=state.clock()
        )
        await service.tell_graph(session, queue=state.queue, graph=state.graph)
        return reply

    return await write.run(add, status=201)


@router.get("/relationships", response_model=RelationshipList, openapi_extra=describes(RelationshipQuery))
async def list_relationships(request: Request, caller: SignedIn) -> RelationshipList:
    """List the relationships that were added here"""
    caller.must_be("instructor")
    query = read_query(request, RelationshipQuery)
    async with request.app.state.database.read() as session:
        return await service.list_relationships(session, viewer=_viewer(request, caller.user_id), query=query)


@router.delete("/relationships/{relationship_id}", response_model=RemovedReply)
async def remove_relationship(request: Request, relationship_id: str, caller: SignedIn, write: Write) -> Response:
    """Remove a relationship that was added here"""
    caller.must_be("instructor")
    state = request.app.state

    async def remove(session: AsyncSession) -> RemovedReply:
        reply = await service.remove_relationship(session, relationship_id=relationship_id, now=state.clock())
        await service.tell_graph(session, queue=state.queue, graph=state.graph)
        return reply

    return await write.run(remove)


@router.get("/lint", response_model=LintReply)
async def get_lint(request: Request, caller: SignedIn) -> LintReply:
    """List what is odd about the graph: cycles, orphans, redundant edges, edges the learners' data speaks against"""
    caller.must_be("instructor")
    reader, viewer = request.app.state.database.hot, _viewer(request, caller.user_id)
    concepts = set(viewer.seen(row[0] for row in await reader.slow_rows(queries.ALL_CONCEPTS)))
    edges = [tuple(row) for row in await reader.slow_rows(queries.ALL_EDGES) if row[1] in concepts]
    related = [tuple(row) for row in await reader.slow_rows(queries.ALL_RELATED)]
    counts = [tuple(row) for row in await reader.slow_rows(queries.FIRST_ANSWERS) if {row[0], row[1]} <= concepts]
    visible = [edge for edge in edges if edge[0] in concepts or edge[2] == "dangling"]
    report = await asyncio.to_thread(lint.look, concepts, visible, related)
    return _lint_reply(report, lint.doubts(counts), len(concepts), sum(edge[2] == "kept" for edge in visible))


def _lint_reply(report: lint.Report, doubts: list[lint.Doubt], concepts: int, prerequisites: int) -> LintReply:
    return LintReply(
        cycles=report.cycles,
        dangling=[LintEdge(prerequisite=one, concept=other) for one, other in report.dangling],
        orphans=report.orphans,
        redundant=[
            RedundantEdge(prerequisite=edge[0], concept=edge[1], by=between) for edge, between in report.redundant
        ],
        no_way_in=report.no_way_in,
        doubtful=[_doubtful(doubt) for doubt in doubts],
        concepts=concepts,
        prerequisites=prerequisites,
    )


def _doubtful(doubt: lint.Doubt) -> DoubtfulEdge:
    return DoubtfulEdge(
        prerequisite=doubt.edge[0],
        concept=doubt.edge[1],
        learners_with=doubt.learners_with,
        right_with=round(doubt.right_with, 4),
        learners_without=doubt.learners_without,
        right_without=round(doubt.right_without, 4),
        difference=round(doubt.right_with - doubt.right_without, 4),
        at_most=round(doubt.at_most, 4),
    )


def _viewer(request: Request, user_id: str) -> Viewer:
    return viewer_of(request.app.state.trac.permissions(), user_id)
