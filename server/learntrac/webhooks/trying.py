"""One try: what is sent to a receiver, and what came of it."""

import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from learntrac import __version__
from learntrac.backends.receivers import NotSent, Replied
from learntrac.backends.receivers.sending import Receivers
from learntrac.kit.clock import Clock, iso_micros, to_micros
from learntrac.kit.redaction import HIDDEN, is_telling, redact
from learntrac.webhooks import signing
from learntrac.webhooks.statements import VERSION, Told, statement

_JSON = {"content-type": "application/json", "user-agent": f"LearnTrac/{__version__}", "accept-encoding": "identity"}
_CONFLICT, _BAD = 409, 400


@dataclass(frozen=True)
class Due:
    """A delivery that is to be tried now, after so many `attempts`."""

    id: int
    attempts: int
    told: Told


@dataclass(frozen=True)
class Receiver:
    """Whom to send to: `secrets` sign, the newest first; `kind` is webhook or xapi."""

    id: int
    kind: str
    url: str
    secrets: tuple[str, ...]


@dataclass(frozen=True)
class Store:
    """The learning record store of the settings, and this installation's own address."""

    endpoint: str
    key: str
    secret: str
    home: str


@dataclass(frozen=True)
class Tried:
    """What came of a try. `at` is in microseconds since 1970; headers and body are as an owner may read them."""

    due: Due
    receiver_id: int
    at: int
    duration_ms: int
    request_headers: Mapping[str, str]
    reply: Replied | None
    error: str | None
    accepted: bool


class Trier:
    """Tries deliveries over the network; never inside a transaction."""

    def __init__(self, receivers: Receivers, *, clock: Clock, store: Store | None) -> None:
        self._receivers, self._clock, self._store = receivers, clock, store

    async def send(self, receiver: Receiver, due: Due) -> Tried:
        """One event to one webhook."""
        now, told = self._clock(), due.told
        raw = signing.body(receiver.secrets[0], told.event, iso_micros(told.at), told.data)
        signed = signing.headers(receiver.secrets, message_id=told.id, at_seconds=int(now.timestamp()), raw=raw)
        return (await self._post(receiver, [due], _JSON | signed, raw, is_trusted=False))[0]

    async def send_statements(self, receiver: Receiver, due: Sequence[Due], titles: Mapping[int, str]) -> list[Tried]:
        """Several events to the store at once; one by one where it refuses them together."""
        store = self._store
        if store is None:
            raise LookupError("no store is configured")
        made = [statement(one.told, home=store.home, titles=titles) for one in due]
        login = b64encode(f"{store.key}:{store.secret}".encode()).decode()
        headers = _JSON | {"x-experience-api-version": VERSION, "authorization": f"Basic {login}"}
        tried = await self._post(receiver, due, headers, orjson.dumps(made), is_trusted=True)
        reply = tried[0].reply
        if len(due) == 1 or reply is None or reply.status not in (_CONFLICT, _BAD):
            return tried
        return [one for each in due for one in await self.send_statements(receiver, [each], titles)]

    async def _post(
        self, receiver: Receiver, due: Sequence[Due], headers: Mapping[str, str], raw: bytes, *, is_trusted: bool
    ) -> list[Tried]:
        at, begun = to_micros(self._clock()), time.monotonic()
        reply, error = None, None
        try:
            reply = await self._receivers.send(receiver.url, headers=headers, content=raw, is_trusted=is_trusted)
        except NotSent as failure:
            error = str(failure)
        took = round((time.monotonic() - begun) * 1000)
        accepted = reply is not None and _is_accepted(receiver, reply.status)
        return [Tried(one, receiver.id, at, took, _shown(headers), reply, error, accepted) for one in due]


def _is_accepted(receiver: Receiver, status: int) -> bool:
    # A store that has a statement of this id has been told: the answer to the first try was lost.
    return 200 <= status < 300 or (receiver.kind == "xapi" and status == _CONFLICT)


def values_of(tried: Tried) -> dict[str, Any]:
    """The columns of an attempt."""
    reply = tried.reply or Replied(0)
    return {
        "delivery_id": tried.due.id,
        "number": tried.due.attempts + 1,
        "at": tried.at,
        "duration_ms": tried.duration_ms,
        "request_headers": orjson.dumps(dict(tried.request_headers)).decode(),
        "response_status": reply.status or None,
        "response_headers": orjson.dumps(_shown(reply.headers)).decode(),
        "response_body": redact(reply.body.decode("utf-8", "replace").replace("\0", "\ufffd")),
        "error": tried.error,
    }


def _shown(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers without what lets somebody in."""
    return {name: HIDDEN if is_telling(name) else redact(value) for name, value in headers.items()}
