"""What an entry says of the request it came with; for doors."""

from starlette.requests import Request

from learntrac.audit.service import Origin


def origin_of(request: Request) -> Origin:
    """The request's id and the address it came from, behind a trusted proxy the client's own."""
    return Origin(request.scope["edge"].request_id, request.client.host if request.client else "")
