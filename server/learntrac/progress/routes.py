"""The doors of progress."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from learntrac.accounts.callers import Caller, SignedIn
from learntrac.accounts.service import find_learner
from learntrac.concepts.viewing import viewer_of
from learntrac.kit.fields import UserId
from learntrac.progress import service
from learntrac.progress.schemas import History, HistoryQuery, Progress, ProgressQuery

router = APIRouter(prefix="/progress", tags=["Progress"])


@router.get("", response_model=Progress)
async def get_progress(request: Request, query: Annotated[ProgressQuery, Query()], caller: SignedIn) -> Progress:
    """Get overall learning progress for current user"""
    return await _progress_of(request, caller, caller.user_id, query)


@router.get("/history", response_model=History)
async def get_history(request: Request, query: Annotated[HistoryQuery, Query()], caller: SignedIn) -> History:
    """Get detailed progress history"""
    state = request.app.state
    viewer = viewer_of(state.trac.permissions(), caller.user_id)
    async with state.database.read() as session:
        return await service.get_history(session, viewer=viewer, user_id=caller.user_id, query=query, now=state.clock())


@router.get("/{user_id}", response_model=Progress)
async def get_progress_of(
    request: Request, user_id: UserId, query: Annotated[ProgressQuery, Query()], caller: SignedIn
) -> Progress:
    """Get learning progress for specific user (instructor view)"""
    if user_id != caller.user_id:
        caller.must_be("instructor")
        await _must_exist(request, user_id)
    return await _progress_of(request, caller, user_id, query)


async def _progress_of(request: Request, caller: Caller, user_id: str, query: ProgressQuery) -> Progress:
    state = request.app.state
    # Seen with the caller's eyes: an instructor too does not learn of a ticket that Trac hides from them.
    viewer = viewer_of(state.trac.permissions(), caller.user_id)
    async with state.database.read() as session:
        return await service.get_progress(session, viewer=viewer, user_id=user_id, query=query, now=state.clock())


async def _must_exist(request: Request, user_id: str) -> None:
    """404 unless somebody of that name has signed in here or has an account in Trac."""
    async with request.app.state.database.read() as session:
        learner = await find_learner(session, user_id=user_id)
    if learner is None and not await request.app.state.directory.has_account(user_id):
        raise service.LearnerNotFound
