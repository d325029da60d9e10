"""The doors of adaptive learning."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, Field

from learntrac.accounts.callers import GuardedRoute, SignedIn, whose
from learntrac.adaptive import placing, service
from learntrac.adaptive.schemas import (
    Achievements,
    AchievementsQuery,
    FeedbackReply,
    FeedbackRequest,
    PlacementAnswer,
    PlacementReply,
    Recommendations,
    RecommendationsQuery,
)
from learntrac.concepts.service import Learner
from learntrac.concepts.viewing import Viewer, viewer_of
from learntrac.kit.fields import storable
from learntrac.kit.http.doors import API
from learntrac.kit.http.query import describes, read_query
from learntrac.kit.http.writing import Write
from learntrac.progress.recommending import Asked
from learntrac.progress.record import get_record

PlacementId = Annotated[str, AfterValidator(storable), Field(min_length=1, max_length=36)]

router = APIRouter(prefix=f"{API}/adaptive", tags=["Adaptive Learning"], route_class=GuardedRoute)


@router.get("/recommendations", response_model=Recommendations, openapi_extra=describes(RecommendationsQuery))
async def get_recommendations(request: Request, caller: SignedIn) -> Recommendations:
    """Get personalized learning recommendations"""
    query, state = read_query(request, RecommendationsQuery), request.app.state
    viewer = _viewer(request, caller.user_id)
    asked = Asked(caller.user_id, viewer, state.clock(), state.model, state.course, minutes=query.timeframe)
    record = await get_record(state.database.hot, caller.user_id)
    return await service.recommend(state.database.hot, asked=asked, record=record, query=query)


@router.post("/feedback", response_model=FeedbackReply, openapi_extra={"responses": {"404": {}}})
async def take_feedback(request: Request, body: FeedbackRequest, caller: SignedIn, write: Write) -> Response:
    """Provide learning feedback for adaptation: the latest word on a concept counts"""
    learner, now = Learner(caller.user_id, _viewer(request, caller.user_id)), request.app.state.clock()
    return await write.run(lambda session: service.take_feedback(session, learner=learner, request=body, now=now))


@router.get("/achievements", response_model=Achievements, openapi_extra=describes(AchievementsQuery, may_miss=True))
async def list_achievements(request: Request, caller: SignedIn) -> Achievements:
    """List achievements: what was earned, and how far the rest is"""
    asked = read_query(request, AchievementsQuery).user_id
    user_id = await whose(request, caller, asked, action="achievements.view")
    async with request.app.state.database.read() as session:
        return await service.list_achievements(session, user_id=user_id)


@router.post("/placement/start", response_model=PlacementReply)
async def start_placement(request: Request, caller: SignedIn, write: Write) -> Response:
    """Begin a placement test: a few questions about what you know already; one that is open ends"""
    state = request.app.state
    course = await placing.read_course(state.database.hot, _viewer(request, caller.user_id))
    turn = await placing.first_turn(state.database.hot, course, user_id=caller.user_id)
    return await write.run(lambda session: placing.open_placement(session, turn, now=state.clock()))


@router.post("/placement/{placement_id}/answer", response_model=PlacementReply)
async def answer_placement(
    request: Request, placement_id: PlacementId, body: PlacementAnswer, caller: SignedIn, write: Write
) -> Response:
    """Answer the question of a placement test, and get the next or the result"""
    state = request.app.state
    course = await placing.read_course(state.database.hot, _viewer(request, caller.user_id))
    turn = await placing.find_turn(
        state.database.hot,
        course,
        placement_id=placement_id,
        user_id=caller.user_id,
        knows=body.knows,
        concept_id=body.concept_id,
    )
    return await write.run(lambda session: placing.keep_answer(session, turn, now=state.clock()))


def _viewer(request: Request, user_id: str) -> Viewer:
    return viewer_of(request.app.state.trac.permissions(), user_id)
