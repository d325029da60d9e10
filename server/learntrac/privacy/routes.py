"""The doors of privacy: the audit log for administrators, and everybody's own data for themselves."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from learntrac.accounts.callers import Caller, SignedIn
from learntrac.accounts.throttle import rate_limited
from learntrac.audit.requests import origin_of
from learntrac.audit.schemas import AuditList, AuditQuery
from learntrac.audit.service import list_entries, record
from learntrac.kit.http.doors import API
from learntrac.privacy.exporting import document
from learntrac.privacy.schemas import Export

EXPORTS_A_DAY, DAY_SECONDS = 10, 86_400

router = APIRouter(prefix=API, tags=["Privacy"])


@router.get("/audit", response_model=AuditList)
async def list_audit(request: Request, query: Annotated[AuditQuery, Query()], caller: SignedIn) -> AuditList:
    """List who signed in, and who saw or changed whose data

    For administrators; newest first. Each page is a look at others' data and so an entry itself: give `until` to keep
    the pages of one list apart from it.
    """
    caller.must_be("admin")
    state, subject = request.app.state, query.person or query.subject or query.actor
    async with state.database.read() as session:
        found = await list_entries(session, query=query)
    async with state.database.begin() as session:
        origin = origin_of(request)
        await record(
            session, actor=caller.user_id, action="audit.view", subject=subject, now=state.clock(), origin=origin
        )
    return found


@router.get("/users/me/export", response_model=Export)
async def export_own(request: Request, caller: SignedIn) -> StreamingResponse:
    """Get everything that LearnTrac holds about you; ten times a day at most"""
    state = request.app.state
    await _count_export(request, caller)
    now = state.clock()
    async with state.database.begin() as session:
        origin = origin_of(request)
        await record(
            session, actor=caller.user_id, action="user.export", subject=caller.user_id, now=now, origin=origin
        )
    return StreamingResponse(
        document(state.database, user_id=caller.user_id, now=now),
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="learntrac-export.json"'},
    )


async def _count_export(request: Request, caller: Caller) -> None:
    state = request.app.state
    window = await state.cache.hit(f"export:{caller.user_id}", limit=EXPORTS_A_DAY, window_seconds=DAY_SECONDS)
    if not window.allowed:
        raise rate_limited(window, f"More than {EXPORTS_A_DAY} exports in a day.", state.clock)
