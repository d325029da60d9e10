"""The doors of certificates: under the API for those who are signed in, under `/certificates` for everybody who has
an address of one.
"""

import asyncio
import re
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from sqlalchemy import Row

from learntrac.accounts.callers import GuardedRoute, MaybeSignedIn, SignedIn, whose
from learntrac.audit.requests import origin_of
from learntrac.certificates import page, service
from learntrac.certificates.credentials import (
    LIST_BITS,
    Award,
    Issuer,
    as_jwt,
    credential,
    did_document,
    facts,
    narrative,
    signed,
    status_list,
)
from learntrac.certificates.document import Printed, as_pdf, long_date
from learntrac.certificates.queries import REVOKED
from learntrac.certificates.schemas import (
    CertificateItem,
    CertificateList,
    CertificateQuery,
    CertificateRequest,
    NameRequest,
    RevokeRequest,
    number_of,
)
from learntrac.certificates.service import CertificateNotFound
from learntrac.kit.clock import from_micros
from learntrac.kit.errors import Unavailable
from learntrac.kit.http.doors import API
from learntrac.kit.http.query import describes, read_query
from learntrac.kit.http.writing import Write

router = APIRouter(prefix=f"{API}/certificates", tags=["Certificates"], route_class=GuardedRoute)
public = APIRouter(prefix="/certificates", include_in_schema=False)

_CODE = re.compile(r"[a-z2-7]{26}")
_FILE = re.compile(r"([a-z0-9_]{1,64})-([0-9a-f]{8})")
_HEADINGS = {"concept": "Certificate of Mastery", "achievement": "Badge of Achievement"}
_DONE = {"concept": "has mastered", "achievement": "has earned"}


@router.get("", response_model=CertificateList, openapi_extra=describes(CertificateQuery, may_miss=True))
async def list_certificates(request: Request, caller: SignedIn) -> CertificateList:
    """List your certificates and badges"""
    query = read_query(request, CertificateQuery)
    user_id = await whose(request, caller, query.user_id, action="certificates.view")
    async with request.app.state.database.read() as session:
        return await service.list_certificates(session, user_id=user_id, query=query, base=_base(request))


@router.post("", response_model=CertificateItem, status_code=201)
async def claim_certificate(request: Request, body: CertificateRequest, caller: SignedIn, write: Write) -> Response:
    """Get a certificate for a concept that you have mastered, or a badge for an achievement

    A concept that is completed when it is mastered has its certificate already.
    """
    now, base = request.app.state.clock(), _base(request)
    return await write.run(
        lambda session: service.claim(session, user_id=caller.user_id, request=body, base=base, now=now), status=201
    )


@router.put("/{certificate_id}", response_model=CertificateItem)
async def show_name(
    request: Request, certificate_id: str, body: NameRequest, caller: SignedIn, write: Write
) -> Response:
    """Have a certificate's public page and credential name you, or not"""
    number, base = number_of(certificate_id), _base(request)
    return await write.run(
        lambda session: service.show_name(
            session, user_id=caller.user_id, certificate_id=number, shown_=body.show_name, base=base
        )
    )


@router.post("/{certificate_id}/revoke", response_model=CertificateItem)
async def revoke_certificate(
    request: Request, certificate_id: str, body: RevokeRequest, caller: SignedIn, write: Write
) -> Response:
    """Take a certificate back, for good; its page and the list of revocations say so"""
    caller.must_be("instructor")
    number, base = number_of(certificate_id), _base(request)
    now, origin = request.app.state.clock(), origin_of(request)
    return await write.run(
        lambda session: service.revoke(
            session,
            certificate_id=number,
            revoked_by=caller.user_id,
            reason=body.reason,
            base=base,
            now=now,
            origin=origin,
        )
    )


@public.get("/did.json")
async def get_did(request: Request) -> Response:
    """The issuer's document: its keys, old ones included."""
    return JSONResponse(
        did_document(_issuer(request), await request.app.state.signing_keys.public()),
        media_type="application/did+json",
    )


@public.get("/issuer")
async def get_issuer(request: Request) -> Response:
    """The issuer's profile, as Open Badges have it."""
    issuer = _issuer(request)
    return JSONResponse({"id": issuer.did, "type": ["Profile"], "name": issuer.name, "url": issuer.base})


@public.get("/status/{number}")
async def get_status_list(request: Request, number: str) -> Response:
    """A signed list of which credentials are revoked."""
    if not re.fullmatch(r"[1-9][0-9]{0,5}", number):
        raise CertificateNotFound
    state, issuer = request.app.state, _issuer(request)
    first = (int(number) - 1) * LIST_BITS
    rows = await state.database.hot.slow_rows(REVOKED, first, first + LIST_BITS)
    now = state.clock()
    listed = status_list(int(number), [row[0] - 1 - first for row in rows], issuer, now)
    return _credential(signed(listed, issuer, await state.signing_keys.signing(), now))


@public.get("/{name}.pdf")
async def get_pdf(request: Request, name: str, caller: MaybeSignedIn) -> Response:
    """The document to print: for whoever has its token, or is its holder."""
    row = await _find_document(request, name, caller.user_id if caller else None)
    issuer = _issuer(request, or_here=True)
    pdf = await asyncio.to_thread(as_pdf, _printed(row, issuer))
    headers = {"content-disposition": f'inline; filename="{name}.pdf"'}
    return Response(pdf, media_type="application/pdf", headers=headers)


@public.get("/{code}.json")
async def get_badge(request: Request, code: str) -> Response:
    """The credential with its proof, as JSON."""
    row, issuer = await _get_by_code(request, code), _issuer(request)
    key = await request.app.state.signing_keys.signing()
    made = signed(credential(_award(row), issuer), issuer, key, from_micros(row.issued_at))
    return _credential(made, filename=f"badge-{row.subject}.json")


@public.get("/{code}.jwt")
async def get_badge_jwt(request: Request, code: str) -> Response:
    """The credential as a JWT."""
    row, issuer = await _get_by_code(request, code), _issuer(request)
    key = await request.app.state.signing_keys.signing()
    made = as_jwt(credential(_award(row), issuer), issuer, key, from_micros(row.issued_at))
    return PlainTextResponse(made, media_type="application/vc+jwt")


@public.get("/{code}")
async def verify_certificate(request: Request, code: str) -> Response:
    """The page that shows whether a certificate is true."""
    issuer = _issuer(request, or_here=True)
    try:
        row = await _get_by_code(request, code)
    except CertificateNotFound:
        return HTMLResponse(page.as_html(_unknown(issuer)), 404, headers=page.HEADERS)
    return HTMLResponse(page.as_html(_shown(row, issuer)), headers=page.HEADERS)


async def _get_by_code(request: Request, code: str) -> Row[Any]:
    row = None
    if _CODE.fullmatch(code):
        async with request.app.state.database.read() as session:
            row = await service.find_by_code(session, code)
    if row is None:
        raise CertificateNotFound
    return row


async def _find_document(request: Request, name: str, user_id: str | None) -> Row[Any]:
    found, token = _FILE.fullmatch(name), request.query_params.get("token")
    if found is None:
        raise CertificateNotFound
    if token is not None:
        row = await _get_by_code(request, token)
        if (row.subject, row.prefix) != found.groups():
            raise CertificateNotFound
        return row
    if user_id is None:
        raise CertificateNotFound
    async with request.app.state.database.read() as session:
        own = await service.find_own(session, user_id=user_id, subject=found[1], prefix=found[2])
    if own is None:
        raise CertificateNotFound
    return own


def _base(request: Request) -> str:
    """This installation's public address: the setting, or where the request came."""
    return (request.app.state.settings.public_url or str(request.base_url)).rstrip("/")


def _issuer(request: Request, *, or_here: bool = False) -> Issuer:
    """Who certifies. What is signed names the public address, never what a request calls us."""
    state = request.app.state
    if state.settings.public_url is None and not or_here:
        raise Unavailable("Credentials name their issuer by its address: LEARNTRAC_PUBLIC_URL has to be set.")
    name = state.trac.ini.get("project", "name").strip()
    return Issuer(_base(request), name if name and name != "My Project" else "LearnTrac")


def _award(row: Row[Any]) -> Award:
    return Award(
        code=row.code,
        kind=row.kind,
        subject=row.subject,
        title=row.title,
        description=row.description,
        name=row.full_name if row.is_name_shown else None,
        narrative=_narrative(row),
        awarded_at=from_micros(row.issued_at),
        status_index=row.id - 1,
    )


def _narrative(row: Row[Any]) -> str:
    return narrative(row.kind, score=row.score, threshold=row.threshold, answers=row.answers, rule=row.description)


def _facts(row: Row[Any]) -> tuple[tuple[str, str], ...]:
    return tuple(facts(score=row.score, threshold=row.threshold, answers=row.answers))


def _printed(row: Row[Any], issuer: Issuer) -> Printed:
    return Printed(
        heading=_HEADINGS[row.kind],
        issuer=issuer.name,
        to="This certifies that",
        name=row.full_name,
        has=_DONE[row.kind],
        title=row.title,
        facts=_facts(row) or (("For", row.description),),
        awarded_at=from_micros(row.earned_at),
        verify=f"{issuer.base}/certificates/{row.code}",
        revoked_at=from_micros(row.revoked_at) if row.revoked_at is not None else None,
    )


def _shown(row: Row[Any], issuer: Issuer) -> page.Shown:
    valid, done = row.revoked_at is None, _DONE[row.kind].removeprefix("has ").capitalize()
    lines = [
        ("Holder", row.full_name if row.is_name_shown else "The holder has chosen not to be named here"),
        (f"{done} on", long_date(from_micros(row.earned_at))),
        *_facts(row),
        ("What it took", _narrative(row)),
        ("Issued by", f"{issuer.name}, {issuer.base}"),
    ]
    verdict = f"Valid. {_HEADINGS[row.kind]}"
    if not valid:
        verdict = "Revoked"
        lines[:0] = [("Revoked on", long_date(from_micros(row.revoked_at))), ("Reason", row.reason)]
    links = [(f"{row.code}.json", "Open Badge (JSON)"), (f"{row.code}.jwt", "Open Badge (JWT)")]
    note = "This page is made from the issuer's own records each time it is opened. What counts is that its address is"
    note += " that of the issuer."
    return page.Shown(issuer.name, _HEADINGS[row.kind], row.title, valid, verdict, lines, note, links if valid else ())


def _unknown(issuer: Issuer) -> page.Shown:
    note = "The address may be incomplete, or the holder has had their data erased."
    return page.Shown(
        issuer=issuer.name,
        heading="Not known",
        title="No such certificate",
        is_valid=False,
        verdict="There is no certificate at this address",
        lines=(),
        note=note,
        links=(),
    )


def _credential(made: dict[str, Any], *, filename: str | None = None) -> Response:
    headers = {"content-disposition": f'attachment; filename="{filename}"'} if filename else {}
    return JSONResponse(made, media_type="application/vc", headers=headers)
