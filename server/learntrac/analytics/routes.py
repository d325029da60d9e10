"""The doors of analytics."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, BaseModel, Field

from learntrac.accounts.callers import GuardedRoute, SignedIn, whose
from learntrac.activity.days import day_number
from learntrac.activity.service import keep_up
from learntrac.analytics import exports, queries
from learntrac.analytics.at_risk import list_at_risk
from learntrac.analytics.dashboard import get_dashboard
from learntrac.analytics.learner import About, get_learner
from learntrac.analytics.schemas import (
    AtRisk,
    AtRiskQuery,
    Dashboard,
    DashboardQuery,
    ExportList,
    ExportRequest,
    ExportsQuery,
    ExportStatus,
    LearnerAnalytics,
)
from learntrac.audit.requests import origin_of
from learntrac.audit.service import record
from learntrac.concepts.viewing import viewer_of
from learntrac.kit.fields import UserId, storable
from learntrac.kit.http.doors import API
from learntrac.kit.http.query import describes, read_query
from learntrac.kit.http.writing import Write

ExportId = Annotated[str, AfterValidator(storable), Field(min_length=1, max_length=48)]

router = APIRouter(prefix=f"{API}/analytics", tags=["Analytics"], route_class=GuardedRoute)


@router.get("/dashboard", response_model=Dashboard, openapi_extra=describes(DashboardQuery, may_miss=True))
async def show_dashboard(request: Request, caller: SignedIn) -> Response:
    """Get analytics dashboard data

    Instructors see all learners, or the one they name; everybody else sees themselves.
    """
    query, state = read_query(request, DashboardQuery), request.app.state
    viewer, now = viewer_of(state.trac.permissions(), caller.user_id), state.clock()
    if query.user_id is None and "instructor" in caller.roles:
        user_id, today = None, await keep_up(state.database, now=now)
    else:
        user_id = await whose(request, caller, query.user_id, action="dashboard.view")
        today = day_number(now)
    return _response(
        await get_dashboard(state.database.hot, viewer=viewer, user_id=user_id, timeframe=query.timeframe, today=today)
    )


@router.get("/learner/{user_id}", response_model=LearnerAnalytics)
async def show_learner(request: Request, user_id: UserId, caller: SignedIn) -> Response:
    """Get detailed learner analytics

    Of oneself, or for instructors of any learner. `peers` only where ten others were active.
    """
    user_id, state = await whose(request, caller, user_id, action="learner.view"), request.app.state
    now = state.clock()
    about = About(
        user_id=user_id,
        viewer=viewer_of(state.trac.permissions(), caller.user_id),
        now=now,
        model=state.model,
        course=state.course,
        milestone_dates=await state.trac.source.milestone_dates(),
        totals_until=await keep_up(state.database, now=now),
    )
    return _response(await get_learner(state.database.hot, about))


@router.get("/at-risk", response_model=AtRisk, openapi_extra=describes(AtRiskQuery))
async def show_at_risk(request: Request, caller: SignedIn) -> Response:
    """List learners who may need help, why, and since when; for instructors"""
    caller.must_be("instructor")
    query, state = read_query(request, AtRiskQuery), request.app.state
    viewer, now = viewer_of(state.trac.permissions(), caller.user_id), state.clock()
    await keep_up(state.database, now=now)
    async with state.database.begin() as session:
        await record(session, actor=caller.user_id, action="at_risk.view", now=now, origin=origin_of(request))
    return _response(await list_at_risk(state.database.hot, viewer=viewer, query=query, now=now))


@router.post("/export", response_model=ExportStatus)
async def order_export(request: Request, body: ExportRequest, caller: SignedIn, write: Write) -> Response:
    """Export analytics data: order a report; for instructors, ten a day"""
    caller.must_be("instructor")
    state = request.app.state
    now = state.clock()
    expected = await exports.expected_learners(state.database, body, now)
    return await write.run(
        lambda session: exports.order(
            session,
            owner=caller.user_id,
            request=body,
            expected_learners=expected,
            queue=state.queue,
            urls=_urls(request),
            origin=origin_of(request),
            now=now,
        )
    )


@router.get("/export", response_model=ExportList, openapi_extra=describes(ExportsQuery))
async def list_own_exports(request: Request, caller: SignedIn) -> ExportList:
    """List your exports of the last thirty days"""
    caller.must_be("instructor")
    query = read_query(request, ExportsQuery)
    async with request.app.state.database.read() as session:
        return await exports.list_exports(
            session, owner=caller.user_id, limit=query.limit, offset=query.offset, urls=_urls(request)
        )


@router.get("/export/{export_id}/status", response_model=ExportStatus)
async def show_export(request: Request, export_id: ExportId, caller: SignedIn) -> ExportStatus:
    """Get how far an export of yours is, and where its file is"""
    caller.must_be("instructor")
    async with request.app.state.database.read() as session:
        return await exports.get_status(session, export_id=export_id, owner=caller.user_id, urls=_urls(request))


@router.post(
    "/export/{export_id}/cancel", response_model=ExportStatus, openapi_extra={"responses": {"404": {}, "409": {}}}
)
async def cancel_export(request: Request, export_id: ExportId, caller: SignedIn, write: Write) -> Response:
    """Give up an export that is being made"""
    caller.must_be("instructor")
    now = request.app.state.clock()
    return await write.run(
        lambda session: exports.cancel(
            session,
            export_id=export_id,
            owner=caller.user_id,
            urls=_urls(request),
            origin=origin_of(request),
            now=now,
        )
    )


@router.get(
    "/export/{export_id}/download",
    response_class=StreamingResponse,
    responses={200: {"content": {name.partition(";")[0]: {} for name in exports.MEDIA_TYPES.values()}}},
    openapi_extra={"responses": {"404": {}, "409": {}}},
)
async def download_export(request: Request, export_id: ExportId, caller: SignedIn) -> Response:
    """Download the file of an export of yours, for a day after it was made"""
    caller.must_be("instructor")
    state = request.app.state
    now = state.clock()
    async with state.database.read() as session:
        row = await exports.get_file(session, export_id=export_id, owner=caller.user_id, now=now)
    first = await state.database.hot.slow_rows(queries.PIECE, export_id, 0)
    if not first:
        raise exports.ExportNotReady("expired")
    details = {"export": export_id, "report_type": row.report_type}
    async with state.database.begin() as session:
        await record(
            session, actor=caller.user_id, action="export.download", now=now, origin=origin_of(request), details=details
        )
    name = f"{row.report_type.replace('_', '-')}-{now:%Y-%m-%d}.{row.format}"
    return StreamingResponse(
        exports.pieces(state.database, export_id, bytes(first[0][0])),
        media_type=exports.MEDIA_TYPES[row.format],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Length": str(row.size),
            "X-Content-Type-Options": "nosniff",
        },
    )


def _urls(request: Request) -> exports.Urls:
    public = request.app.state.settings.public_url
    base = public.rstrip("/") if public else str(request.base_url).rstrip("/")
    path = request.scope["path"]
    return exports.Urls(base + path[: path.index("/analytics/")] + "/analytics/export")


def _response(answer: BaseModel) -> Response:
    # As it is: FastAPI would check it again, field for field.
    return Response(answer.model_dump_json().encode(), media_type="application/json")
