"""The doors of mastery."""

from fastapi import APIRouter, Request, Response

from learntrac.accounts.callers import GuardedRoute, SignedIn, whose
from learntrac.kit.fields import TicketId
from learntrac.kit.http.doors import API
from learntrac.kit.http.query import describes, read_query
from learntrac.kit.http.writing import Write
from learntrac.mastery import contests, reports
from learntrac.mastery.schemas import (
    ContestDecided,
    ContestItem,
    ContestList,
    ContestQuery,
    ContestRequest,
    DecisionRequest,
    MasteryList,
    MasteryQuery,
    MasteryReceipt,
    ReceiptQuery,
    RowId,
)
from learntrac.trac.visibility import Visibility

router = APIRouter(prefix=f"{API}/mastery", tags=["Mastery"], route_class=GuardedRoute)


@router.get("", response_model=MasteryList, openapi_extra=describes(MasteryQuery, may_miss=True))
async def list_mastery(request: Request, caller: SignedIn) -> MasteryList:
    """List the concepts you have begun with your score now, and what is due for review"""
    query, state = read_query(request, MasteryQuery), request.app.state
    user_id = await whose(request, caller, query.user_id, action="mastery.view")
    async with state.database.read() as session:
        return await reports.list_mastery(
            session, visibility=_visible(request, caller.user_id), user_id=user_id, query=query, now=state.clock()
        )


@router.get("/contests", response_model=ContestList, openapi_extra=describes(ContestQuery))
async def list_contests(request: Request, caller: SignedIn) -> ContestList:
    """List the answers that learners contest (instructor view)"""
    caller.must_be("instructor")
    query = read_query(request, ContestQuery)
    async with request.app.state.database.read() as session:
        return await contests.list_contests(session, visibility=_visible(request, caller.user_id), query=query)


@router.get("/{concept_id}", response_model=MasteryReceipt, openapi_extra=describes(ReceiptQuery, may_miss=True))
async def get_receipt(request: Request, concept_id: TicketId, caller: SignedIn) -> MasteryReceipt:
    """Get a score with its receipt: what it is made of, how sure it is, and the evidence"""
    query, state = read_query(request, ReceiptQuery), request.app.state
    user_id = await whose(request, caller, query.user_id, action="mastery.view")
    async with state.database.read() as session:
        return await reports.get_receipt(
            session,
            visibility=_visible(request, caller.user_id),
            user_id=user_id,
            concept_id=concept_id,
            query=query,
            now=state.clock(),
        )


@router.post("/evidence/{evidence_id}/contest", response_model=ContestItem, status_code=201)
async def contest_evidence(
    request: Request, evidence_id: RowId, body: ContestRequest, caller: SignedIn, write: Write
) -> Response:
    """Contest the grade of an answer of yours, once"""
    visibility, now = _visible(request, caller.user_id), request.app.state.clock()
    return await write.run(
        lambda session: contests.contest(
            session,
            visibility=visibility,
            user_id=caller.user_id,
            evidence_id=evidence_id,
            reason=body.reason,
            now=now,
        ),
        status=201,
    )


@router.post("/contests/{contest_id}/decide", response_model=ContestDecided)
async def decide_contest(
    request: Request, contest_id: RowId, body: DecisionRequest, caller: SignedIn, write: Write
) -> Response:
    """Decide a contest: an accepted one strikes the answer, and the learner's scores are made anew without it"""
    caller.must_be("instructor")
    state, visibility = request.app.state, _visible(request, caller.user_id)
    return await write.run(
        lambda session: contests.decide(
            session,
            visibility=visibility,
            decided_by=caller.user_id,
            contest_id=contest_id,
            request=body,
            model=state.model,
            now=state.clock(),
        )
    )


def _visible(request: Request, user_id: str) -> Visibility:
    # Seen with the caller's eyes: an instructor too does not learn of a ticket that Trac hides from them.
    visible: Visibility = request.app.state.trac.permissions().visibility(user_id)
    return visible
