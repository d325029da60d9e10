"""The doors of progress."""

from fastapi import APIRouter, Request, Response

from learntrac.accounts.callers import Caller, GuardedRoute, SignedIn, whose
from learntrac.concepts.viewing import viewer_of
from learntrac.kit.fields import UserId
from learntrac.kit.http.doors import API
from learntrac.kit.http.query import describes, read_query
from learntrac.progress import service
from learntrac.progress.recommending import Asked
from learntrac.progress.schemas import History, HistoryQuery, Progress, ProgressQuery

router = APIRouter(prefix=f"{API}/progress", tags=["Progress"], route_class=GuardedRoute)


@router.get("", response_model=Progress, openapi_extra=describes(ProgressQuery))
async def get_progress(request: Request, caller: SignedIn) -> Response:
    """Get overall learning progress for current user"""
    return await _progress_of(request, caller, caller.user_id, read_query(request, ProgressQuery))


@router.get("/history", response_model=History, openapi_extra=describes(HistoryQuery))
async def get_history(request: Request, caller: SignedIn) -> Response:
    """Get detailed progress history"""
    query = read_query(request, HistoryQuery)
    state = request.app.state
    viewer = viewer_of(state.trac.permissions(), caller.user_id)
    body = await service.get_history(
        state.database.hot, viewer=viewer, user_id=caller.user_id, query=query, now=state.clock()
    )
    return Response(body, media_type="application/json")


@router.get("/{user_id}", response_model=Progress, openapi_extra=describes(ProgressQuery, may_miss=True))
async def get_progress_of(request: Request, user_id: UserId, caller: SignedIn) -> Response:
    """Get learning progress for specific user (instructor view)"""
    query = read_query(request, ProgressQuery)
    return await _progress_of(request, caller, await whose(request, caller, user_id, action="progress.view"), query)


async def _progress_of(request: Request, caller: Caller, user_id: str, query: ProgressQuery) -> Response:
    state = request.app.state
    # Seen with the caller's eyes: an instructor too does not learn of a ticket that Trac hides from them.
    viewer = viewer_of(state.trac.permissions(), caller.user_id)
    asked = Asked(user_id, viewer, state.clock(), state.model, state.course, query.milestone)
    progress = await service.get_progress(state.database.hot, asked, timeframe=query.timeframe)
    # As it is: FastAPI would check it again, field for field.
    return Response(progress.model_dump_json().encode(), media_type="application/json")
