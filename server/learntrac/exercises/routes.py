"""The doors of exercises."""

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.accounts.callers import GuardedRoute, SignedIn, whose
from learntrac.exercises import authoring, listing, reviewing, service, submitting
from learntrac.exercises.attempts import Grader, run_stored
from learntrac.exercises.definition import AnyDefinition, check_definition, refused
from learntrac.exercises.listing import GENERATION, Listing
from learntrac.exercises.running import prove
from learntrac.exercises.schemas import (
    AttemptItem,
    AttemptList,
    AttemptQuery,
    DefinitionReply,
    ExerciseDetail,
    ExerciseList,
    ExerciseQuery,
    ExplainRequest,
    HintReply,
    OverrideRequest,
    PreviewReply,
    RegradeRequest,
    RetiredReply,
    SessionRequest,
    SimilarList,
    SimilarQuery,
    SolutionReply,
    StartReply,
    SubmitReply,
    SubmitRequest,
    VersionList,
    VersionQuery,
)
from learntrac.exercises.service import SessionOver
from learntrac.kit.fields import storable
from learntrac.kit.http.doors import API
from learntrac.kit.http.query import describes, read_query
from learntrac.kit.http.writing import Write
from learntrac.kit.readers import HotReader
from learntrac.trac.visibility import Visibility

router = APIRouter(prefix=f"{API}/exercises", tags=["Practice & Exercises"], route_class=GuardedRoute)

Id = Annotated[str, AfterValidator(storable), Field(max_length=200)]
AttemptId = Annotated[int, Field(ge=1, le=2**53)]
Written = dict[str, Any]
REMEMBERED_TOTALS = 10_000


class Totals:
    """How many exercises fit a filter, each for the generation of the catalog it was counted in."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], tuple[int, int]] = {}

    async def get(self, reader: HotReader, asked: Listing, generation: int) -> int:
        """How many fit the filters, whoever asks."""
        key = asked.total_key()
        known = self._known.get(key)
        if known is None or known[0] != generation:
            sql, args = asked.total()
            known = (generation, (await reader.slow_rows(sql, *args))[0][0])
            if len(self._known) >= REMEMBERED_TOTALS:
                self._known.clear()
            self._known[key] = known
        return known[1]


def _visibility(request: Request, user_id: str) -> Visibility:
    found: Visibility = request.app.state.trac.permissions().visibility(user_id)
    return found


def _grader(request: Request) -> Grader:
    state = request.app.state
    return Grader(state.database, state.sandbox, state.model, state.clock, state.llm)


@router.get("", response_model=ExerciseList, openapi_extra=describes(ExerciseQuery))
async def list_exercises(request: Request, caller: SignedIn) -> Response:
    """List available exercises"""
    query, state = read_query(request, ExerciseQuery), request.app.state
    reader, visibility = state.database.hot, _visibility(request, caller.user_id)
    asked = Listing(query, caller.user_id, visibility, await _exceptions(reader, visibility))
    sql, args = asked.page()
    rows = await reader.rows(sql, *args)
    generation = (await reader.rows(GENERATION))[0][0]
    every = await state.exercise_totals.get(reader, asked, generation)
    sql, args = asked.mine()
    mine = {row[0]: row[1] for row in await reader.rows(sql, *args)}
    total, completed = listing.counts(every, mine, query.status)
    exercises = ",".join([listing.item(row) for row in rows])
    body = f'{{"exercises":[{exercises}],"total":{total},"available":{total - completed},"completed":{completed}}}'
    return Response(body.encode(), media_type="application/json")


async def _exceptions(reader: HotReader, visibility: Visibility) -> frozenset[int]:
    """The concepts that Trac's rules treat otherwise than the rest."""
    if visibility.uniform or visibility.exceptions is not None:
        return visibility.exceptions or frozenset()
    rows = await reader.slow_rows("SELECT DISTINCT concept_id FROM exercise")
    return frozenset(row[0] for row in rows if visibility.allows(row[0]) != visibility.default)


@router.post("", response_model=DefinitionReply, status_code=201, openapi_extra={"responses": {"404": {}}})
async def create_exercise(request: Request, body: Written, caller: SignedIn, write: Write) -> Response:
    """Write an exercise. It is taken only if its model solution passes and its starter does not"""
    caller.must_be("instructor")
    if kept := await write.find_kept():
        return kept
    definition = _definition(body)
    exercise_id = definition.id or authoring.new_id()
    visibility = _visibility(request, caller.user_id)
    await _insist_on_concepts(request, visibility, definition)
    await _insist_on_proof(request, definition, caller.user_id)
    return await write.run(
        lambda session: authoring.create(
            session,
            visibility=visibility,
            author=caller.user_id,
            exercise_id=exercise_id,
            definition=definition,
            now=request.app.state.clock(),
        ),
        status=201,
    )


def _definition(body: Written, exercise_id: str | None = None) -> AnyDefinition:
    """The body as a definition; `exercise_id` is the one of the path. Raises ValidationFailed."""
    if exercise_id is not None and body.get("id", exercise_id) != exercise_id:
        raise refused(ValueError("must be the exercise's own"), prefix="id")
    try:
        return check_definition(body | ({"id": exercise_id} if exercise_id is not None else {}))
    except ValueError as error:
        raise refused(error) from None


async def _insist_on_concepts(request: Request, visibility: Visibility, definition: AnyDefinition) -> None:
    async with request.app.state.database.read() as session:
        await authoring.check_concepts(session, visibility=visibility, definition=definition)


async def _insist_on_proof(request: Request, definition: AnyDefinition, author: str) -> None:
    try:
        _, problems = await prove(request.app.state.sandbox, definition, author=author)
    except ValueError as error:  # of a variant, once it is filled in
        raise refused(error) from None
    if problems:
        raise authoring.NotProved(problems)


@router.post("/preview", response_model=PreviewReply)
async def preview_exercise(request: Request, body: Written, caller: SignedIn) -> PreviewReply:
    """See how learners would see an exercise, and what speaks against it. Nothing is kept"""
    caller.must_be("instructor")
    definition = _definition(body)
    await _insist_on_concepts(request, _visibility(request, caller.user_id), definition)
    try:
        proved, problems = await prove(request.app.state.sandbox, definition, author=caller.user_id)
    except ValueError as error:
        raise refused(error) from None
    return reviewing.preview(definition, proved, problems, user_id=caller.user_id)


@router.get("/{exercise_id}", response_model=ExerciseDetail, openapi_extra={"responses": {"404": {}}})
async def get_exercise(request: Request, exercise_id: Id, caller: SignedIn) -> ExerciseDetail:
    """Get an exercise as it is known before it is begun"""
    async with request.app.state.database.read() as session:
        return await reviewing.show_exercise(
            session,
            user_id=caller.user_id,
            visibility=_visibility(request, caller.user_id),
            exercise_id=exercise_id,
        )


@router.put("/{exercise_id}", response_model=DefinitionReply, openapi_extra={"responses": {"404": {}}})
async def change_exercise(request: Request, exercise_id: Id, body: Written, caller: SignedIn, write: Write) -> Response:
    """Give an exercise a new version. Whoever is at work on it goes on with theirs"""
    caller.must_be("instructor")
    if kept := await write.find_kept():
        return kept
    visibility = _visibility(request, caller.user_id)
    async with request.app.state.database.read() as session:
        await service.get_exercise(session, visibility=visibility, exercise_id=exercise_id, with_retired=True)
    definition = _definition(body, exercise_id)
    await _insist_on_concepts(request, visibility, definition)
    await _insist_on_proof(request, definition, caller.user_id)
    return await write.run(
        lambda session: authoring.change(
            session,
            visibility=visibility,
            author=caller.user_id,
            exercise_id=exercise_id,
            definition=definition,
            now=request.app.state.clock(),
        )
    )


@router.delete("/{exercise_id}", response_model=RetiredReply, openapi_extra={"responses": {"404": {}}})
async def retire_exercise(request: Request, exercise_id: Id, caller: SignedIn, write: Write) -> Response:
    """Retire an exercise: it is in no list any more. Attempts stay; PUT brings it back"""
    caller.must_be("instructor")
    visibility = _visibility(request, caller.user_id)
    now = request.app.state.clock()
    return await write.run(
        lambda session: authoring.retire(session, visibility=visibility, exercise_id=exercise_id, now=now)
    )


@router.get(
    "/{exercise_id}/definition",
    response_model=DefinitionReply,
    openapi_extra=describes(VersionQuery, may_miss=True),
)
async def get_definition(request: Request, exercise_id: Id, caller: SignedIn) -> DefinitionReply:
    """Get an exercise as its author wrote it, solution and all (instructors only)"""
    caller.must_be("instructor")
    query = read_query(request, VersionQuery)
    async with request.app.state.database.read() as session:
        return await authoring.show_definition(
            session,
            visibility=_visibility(request, caller.user_id),
            exercise_id=exercise_id,
            version=query.version,
        )


@router.get("/{exercise_id}/versions", response_model=VersionList, openapi_extra={"responses": {"404": {}}})
async def list_versions(request: Request, exercise_id: Id, caller: SignedIn) -> VersionList:
    """List an exercise's versions (instructors only)"""
    caller.must_be("instructor")
    async with request.app.state.database.read() as session:
        visibility = _visibility(request, caller.user_id)
        return await authoring.list_versions(session, visibility=visibility, exercise_id=exercise_id)


@router.post("/{exercise_id}/start", response_model=StartReply, openapi_extra={"responses": {"404": {}}})
async def start_exercise(request: Request, exercise_id: Id, caller: SignedIn, write: Write) -> Response:
    """Start an exercise, or go on with the session that is active"""
    visibility, now = _visibility(request, caller.user_id), request.app.state.clock()
    return await write.run(
        lambda session: service.start(
            session, user_id=caller.user_id, visibility=visibility, exercise_id=exercise_id, now=now
        )
    )


@router.post("/{exercise_id}/submit", response_model=SubmitReply, openapi_extra={"responses": {"404": {}}})
async def submit_exercise(
    request: Request, exercise_id: Id, body: SubmitRequest, caller: SignedIn, write: Write
) -> Response:
    """Submit a solution. The server runs it and decides; what the client says of tests and time is not read"""
    if kept := await write.find_kept():
        return kept
    grader, visibility = _grader(request), _visibility(request, caller.user_id)
    async with grader.database.begin() as session:
        stored = await submitting.store(
            session,
            user_id=caller.user_id,
            visibility=visibility,
            exercise_id=exercise_id,
            request=body,
            request_key=_key(request),
            now=grader.clock(),
        )
    if stored.is_over is not None:
        raise SessionOver(stored.is_over)
    graded = await run_stored(grader, stored, user_id=caller.user_id)

    async def finish(session: AsyncSession) -> BaseModel:
        if graded is not None:
            await submitting.record(
                session,
                submission_id=stored.id,
                task=stored.task,
                verdict=graded.verdict,
                judged_by=graded.judged_by,
                model=grader.model,
                now=grader.clock(),
            )
        else:
            await submitting.explain_along(
                session,
                submission_id=stored.id,
                explanation=body.solution.explanation,
                model=grader.model,
                now=grader.clock(),
            )
        return await submitting.reply_of(
            session, submission_id=stored.id, visibility=visibility, with_feedback=body.request_feedback
        )

    return await write.run(finish)


def _key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    return None if key is None else hashlib.sha256(key.encode()).hexdigest()


@router.post("/{exercise_id}/explain", response_model=SubmitReply, openapi_extra={"responses": {"404": {}}})
async def explain_solution(
    request: Request, exercise_id: Id, body: ExplainRequest, caller: SignedIn, write: Write
) -> Response:
    """Explain a solution that is right, where the exercise asks for it: it counts from then on"""
    visibility, state = _visibility(request, caller.user_id), request.app.state
    return await write.run(
        lambda session: submitting.explain(
            session,
            user_id=caller.user_id,
            visibility=visibility,
            exercise_id=exercise_id,
            request=body,
            model=state.model,
            now=state.clock(),
        )
    )


@router.post("/{exercise_id}/hint", response_model=HintReply, openapi_extra={"responses": {"404": {}}})
async def take_hint(
    request: Request, exercise_id: Id, body: SessionRequest, caller: SignedIn, write: Write
) -> Response:
    """Take the next hint. It lowers what a pass proves, never the score"""
    visibility, now = _visibility(request, caller.user_id), request.app.state.clock()
    return await write.run(
        lambda session: service.give_hint(
            session,
            user_id=caller.user_id,
            visibility=visibility,
            exercise_id=exercise_id,
            session_id=body.session_id,
            now=now,
        )
    )


@router.post("/{exercise_id}/solution", response_model=SolutionReply, openapi_extra={"responses": {"404": {}}})
async def show_solution(request: Request, exercise_id: Id, caller: SignedIn, write: Write) -> Response:
    """See a worked solution, once you have passed. After that another pass proves nothing"""
    visibility, now = _visibility(request, caller.user_id), request.app.state.clock()
    return await write.run(
        lambda session: service.show_solution(
            session, user_id=caller.user_id, visibility=visibility, exercise_id=exercise_id, now=now
        )
    )


@router.get("/{exercise_id}/attempts", response_model=AttemptList, openapi_extra=describes(AttemptQuery, may_miss=True))
async def list_attempts(request: Request, exercise_id: Id, caller: SignedIn) -> AttemptList:
    """List your attempts; as an instructor a learner's with `user_id`, or everybody's"""
    query = read_query(request, AttemptQuery)
    is_instructor = "instructor" in caller.roles
    user_id = (
        query.user_id
        if is_instructor and query.user_id is None
        else await whose(request, caller, query.user_id, action="exercises.attempts.view")
    )
    async with request.app.state.database.read() as session:
        return await service.list_attempts(
            session,
            visibility=_visibility(request, caller.user_id),
            exercise_id=exercise_id,
            user_id=user_id,
            query=query,
        )


@router.post(
    "/{exercise_id}/attempts/{attempt_id}/regrade",
    response_model=AttemptItem,
    openapi_extra={"responses": {"404": {}}},
)
async def regrade_attempt(
    request: Request, exercise_id: Id, attempt_id: AttemptId, body: RegradeRequest, caller: SignedIn, write: Write
) -> Response:
    """Grade an attempt again; the evidence it gave is struck, and the new verdict takes its place (instructors only)"""
    caller.must_be("instructor")
    if kept := await write.find_kept():
        return kept
    visibility, grader = _visibility(request, caller.user_id), _grader(request)
    async with grader.database.read() as session:
        again = await reviewing.prepare_regrade(
            session, visibility=visibility, exercise_id=exercise_id, attempt_id=attempt_id, request=body
        )
    verdict = await reviewing.run_again(grader.sandbox, again, instructor=caller.user_id)
    return await write.run(
        lambda session: reviewing.keep_regrade(
            session,
            again=again,
            verdict=verdict,
            instructor=caller.user_id,
            note=body.note,
            model=grader.model,
            now=grader.clock(),
        )
    )


@router.post(
    "/{exercise_id}/attempts/{attempt_id}/override",
    response_model=AttemptItem,
    openapi_extra={"responses": {"404": {}}},
)
async def override_attempt(
    request: Request, exercise_id: Id, attempt_id: AttemptId, body: OverrideRequest, caller: SignedIn, write: Write
) -> Response:
    """Judge a design yourself, point by point (instructors only)"""
    caller.must_be("instructor")
    visibility, state = _visibility(request, caller.user_id), request.app.state
    return await write.run(
        lambda session: reviewing.override(
            session,
            visibility=visibility,
            exercise_id=exercise_id,
            attempt_id=attempt_id,
            request=body,
            instructor=caller.user_id,
            model=state.model,
            now=state.clock(),
        )
    )


@router.get("/{exercise_id}/similar", response_model=SimilarList, openapi_extra=describes(SimilarQuery, may_miss=True))
async def list_similar(request: Request, exercise_id: Id, caller: SignedIn) -> SimilarList:
    """List pairs of learners whose solutions are much alike (instructors only). It accuses nobody"""
    caller.must_be("instructor")
    query = read_query(request, SimilarQuery)
    async with request.app.state.database.read() as session:
        return await reviewing.list_similar(
            session,
            visibility=_visibility(request, caller.user_id),
            exercise_id=exercise_id,
            query=query,
        )
