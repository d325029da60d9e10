"""The door's transaction: every POST runs its verb through `Writing`, which is also what makes it idempotent."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.kit.clock import Clock
from learntrac.kit.db import Database
from learntrac.kit.errors import Detail, LearnTracError, ValidationFailed
from learntrac.kit.http.errors import envelope
from learntrac.kit.idempotency import KeyConflict, Once, Reply, claim, find, keep

Verb = Callable[[AsyncSession], Awaitable[BaseModel]]

_STAYS = (403, 404, 409)
"""Refusals that the same request would meet again are replies too; a wrong body or a full queue is not."""


class Writing:
    """Runs a verb in one transaction, once for each `Idempotency-Key` of the caller."""

    def __init__(self, request: Request, database: Database, clock: Clock, secret: bytes) -> None:
        self._request = request
        self._database = database
        self._clock = clock
        self._secret = secret
        self.body: bytes | None = None
        """What stands for the body, for a door that has read it in pieces."""

    async def find_kept(self, *, about: str = "") -> Response | None:
        """The stored reply of this request, for a door that has something slow to do before its verb: what was done
        once is not done again. Raises Conflict for a misused key.
        """
        once = await self._once(about)
        if once is None:
            return None
        async with self._database.read() as session:
            known = await find(session, once, now=self._clock())
        return _response(known) if known is not None else None

    async def run(self, verb: Verb, *, status: int = 200, about: str = "") -> Response:
        """The verb's answer as JSON, or the stored one. Raises what the verb raises, and Conflict for a misused key.

        `about` is what the request is about where neither its path nor its body says so.
        """
        once = await self._once(about)
        if once is None:
            async with self._database.begin() as session:
                return _response(_reply(await verb(session), status))
        try:
            return _response(await self._run_once(once, verb, status))
        except LearnTracError as refusal:
            if refusal.status not in _STAYS or isinstance(refusal, KeyConflict):
                raise
            return _response(await self._refuse_once(once, refusal))

    async def find_known(self) -> Response | None:
        """The stored reply of this very request, for a door that has work to do before its verb. Raises Conflict for a
        misused key.
        """
        once = await self._once("")
        if once is None:
            return None
        async with self._database.begin() as session:
            known = await claim(session, once, now=self._clock())
        return _response(known) if known is not None else None

    async def find_name(self) -> str | None:
        """The name of this request, for a row that must not be written twice; None where it has no key."""
        once = await self._once("")
        return once.digest if once is not None else None

    async def _run_once(self, once: Once, verb: Verb, status: int) -> Reply:
        async with self._database.begin() as session:
            now = self._clock()
            known = await claim(session, once, now=now)
            if known is not None:
                return known
            reply = _reply(await verb(session), status)
            await keep(session, once, reply, now=now)
            return reply

    async def _refuse_once(self, once: Once, refusal: LearnTracError) -> Reply:
        now, request_id = self._clock(), self._request.scope["edge"].request_id
        reply = Reply(refusal.status, envelope(refusal, request_id=request_id, now=now))
        async with self._database.begin() as session:
            known = await claim(session, once, now=now)
            if known is None:
                await keep(session, once, reply, now=now)
            return known or reply

    async def _once(self, about: str) -> Once | None:
        key = self._request.headers.get("idempotency-key")
        if key is None:
            return None
        if not (0 < len(key) <= 255 and key.isascii() and key.isprintable()):
            raise ValidationFailed(
                "Invalid request parameters",
                details=[Detail("Idempotency-Key", "must be 1 to 255 printable ASCII characters")],
            )
        return Once.of(
            self._secret,
            caller=self._request.scope["edge"].user_id or "",
            route=f"{self._request.method} {self._request.url.path}",
            key=key,
            body=about.encode() + (await self._request.body() if self.body is None else self.body),
        )


def _reply(answer: BaseModel, status: int) -> Reply:
    return Reply(status, answer.model_dump_json().encode())


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, media_type="application/json")


async def _writing(request: Request) -> Writing:
    state = request.app.state
    return Writing(request, state.database, state.clock, state.secret)


Write = Annotated[Writing, Depends(_writing)]
