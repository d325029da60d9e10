"""The doors of concepts."""

from fastapi import APIRouter, Request, Response

from learntrac.accounts.callers import GuardedRoute, MaybeSignedIn, SignedIn
from learntrac.concepts import service
from learntrac.concepts.listing import GENERATION, Listing
from learntrac.concepts.schemas import (
    CompleteReply,
    CompleteRequest,
    ConceptDetail,
    ConceptList,
    ConceptQuery,
    StartReply,
    StartRequest,
)
from learntrac.concepts.service import Learner
from learntrac.concepts.viewing import Viewer, viewer_of
from learntrac.kit.fields import TicketId
from learntrac.kit.http.doors import API
from learntrac.kit.http.query import describes, read_query
from learntrac.kit.http.writing import Write
from learntrac.kit.readers import HotReader
from learntrac.trac.mapping import read_tail, write_tail

router = APIRouter(prefix=f"{API}/concepts", tags=["Concepts"], route_class=GuardedRoute)

REMEMBERED_TOTALS = 10_000


class Totals:
    """Totals by filter, each for the generation of the catalog it was counted in."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], tuple[int, int]] = {}

    async def get(self, reader: HotReader, listing: Listing, generation: int) -> int:
        """How many concepts fit the filters, whoever asks."""
        key = listing.total_key()
        known = self._known.get(key)
        if known is None or known[0] != generation:
            sql, args = listing.total()
            known = (generation, (await reader.slow_rows(sql, *args))[0][0])
            if len(self._known) >= REMEMBERED_TOTALS:
                self._known.clear()
            self._known[key] = known
        return known[1]


@router.get("", response_model=ConceptList, openapi_extra=describes(ConceptQuery))
async def list_concepts(request: Request, caller: MaybeSignedIn) -> Response:
    """List all learning concepts (transformed from Trac tickets)"""
    query = read_query(request, ConceptQuery)
    database = request.app.state.database
    viewer = _viewer(request, caller.user_id if caller else None)
    dialect = "sqlite" if database.is_sqlite else "postgresql"
    listing = Listing(query, viewer, dialect, await _exceptions(database.hot, viewer))
    read = database.hot.slow_rows if query.q else database.hot.rows
    sql, args = listing.page()
    rows = await read(sql, *args)
    generation = rows[0][0] if rows else (await database.hot.rows(GENERATION))[0][0]
    total = await _total(request.app.state.concept_totals, database.hot, listing, generation)
    concepts = ",".join([f"{row[2]}{row[3] or 'new'}{_tail(row[4], viewer)}" for row in rows])
    body = f'{{"concepts":[{concepts}],"total":{total},"limit":{query.limit},"offset":{query.offset}}}'
    return Response(body.encode(), media_type="application/json")


def _viewer(request: Request, user_id: str | None) -> Viewer:
    return viewer_of(request.app.state.trac.permissions(), user_id)


async def _exceptions(reader: HotReader, viewer: Viewer) -> frozenset[int]:
    """The concepts that Trac's rules treat otherwise than the rest, for this viewer."""
    visibility = viewer.visibility
    if visibility.uniform or visibility.exceptions is not None:
        return visibility.exceptions or frozenset()
    # A rule with a wildcard in the ticket's number: rare enough to try it on every concept.
    rows = await reader.slow_rows("SELECT id FROM concept")
    return frozenset(row[0] for row in rows if visibility.allows(row[0]) != visibility.default)


async def _total(totals: Totals, reader: HotReader, listing: Listing, generation: int) -> int:
    begun = listing.begun()
    if begun is None:
        return await totals.get(reader, listing, generation)
    sql, args = begun
    count: int = (await reader.rows(sql, *args))[0][0]
    return await totals.get(reader, listing, generation) - count if listing.query.status == "new" else count


def _tail(doc_tail: str, viewer: Viewer) -> str:
    """The rest of a concept's JSON, without prerequisites that the viewer may not know of."""
    if viewer.visibility.uniform:
        return doc_tail
    rest = read_tail(doc_tail)
    return write_tail(rest | {"prerequisites": viewer.seen(rest["prerequisites"])})


@router.get("/{concept_id}", response_model=ConceptDetail)
async def get_concept(request: Request, concept_id: TicketId, caller: MaybeSignedIn) -> Response:
    """Get detailed concept information"""
    viewer = _viewer(request, caller.user_id if caller else None)
    body = await service.get_detail(request.app.state.database.hot, viewer=viewer, concept_id=concept_id)
    return Response(body, media_type="application/json")


@router.post("/{concept_id}/start", response_model=StartReply)
async def start_concept(
    request: Request, concept_id: TicketId, body: StartRequest, caller: SignedIn, write: Write
) -> Response:
    """Start learning a concept: 409 while a session of yours with it is active"""
    learner = Learner(caller.user_id, _viewer(request, caller.user_id))
    now = request.app.state.clock()
    return await write.run(
        lambda session: service.start(session, learner=learner, concept_id=concept_id, request=body, now=now)
    )


@router.post("/{concept_id}/complete", response_model=CompleteReply)
async def complete_concept(
    request: Request, concept_id: TicketId, body: CompleteRequest, caller: SignedIn, write: Write
) -> Response:
    """End a session. The server decides the status: what the client reports is kept, but proves nothing"""
    learner = Learner(caller.user_id, _viewer(request, caller.user_id))
    state = request.app.state
    return await write.run(
        lambda session: service.complete(
            session,
            learner=learner,
            concept_id=concept_id,
            request=body,
            reported_quiz_weight=state.settings.reported_quiz_weight,
            model=state.model,
            now=state.clock(),
        )
    )
