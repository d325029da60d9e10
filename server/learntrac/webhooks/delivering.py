"""Delivering: what is due in the outbox is sent, many at a time, and what came of it is kept.

Of all processes over one database one delivers, by a lease that ends with its process. A delivery stays pending until
its answer is kept: whoever goes on after a crash sends it again, under the same id. Why these are not jobs of the
queue: docs/decisions/0041-delivering.md.
"""

import asyncio
import resource
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.audit.service import SYSTEM, record
from learntrac.kit.clock import Clock, from_micros, to_micros
from learntrac.kit.db import Database
from learntrac.kit.errors import Unavailable
from learntrac.kit.leases import make_lease
from learntrac.kit.logs import get_logger
from learntrac.kit.metrics import Metrics
from learntrac.kit.sealing import Sealer, Unsealable
from learntrac.webhooks import queries
from learntrac.webhooks.schedule import GIVEN_UP_AFTER_SECONDS, GONE, next_delay, wished_seconds
from learntrac.webhooks.slots import OTHERS_AT_ONCE, Health, Slots, health_of
from learntrac.webhooks.statements import Told
from learntrac.webhooks.trying import Due, Receiver, Tried, Trier, values_of

POLL_SECONDS = 0.5
"""How often to look by ourselves."""
AFTER_TROUBLE_SECONDS = 1.0
STATEMENTS_AT_ONCE = 100
_SECOND = 1_000_000
_WISHED_FILES, _OTHER_FILES = 4096, 400
_NOT_OPENED = "its secret was sealed with another LEARNTRAC_SECRET_KEY: rotate it"

_log = get_logger("learntrac.webhooks")


@dataclass(frozen=True)
class _Waiting:
    """A receiver to which something is due; no `receiver` where its secret cannot be opened."""

    id: int
    kind: str
    url: str
    secrets: tuple[str, ...] | None
    health: Health

    @property
    def receiver(self) -> Receiver:
        return Receiver(self.id, self.kind, self.url, self.secrets or ())


class Deliverer:
    """Delivers until cancelled, or until nothing is due."""

    def __init__(self, database: Database, trier: Trier, *, sealer: Sealer, clock: Clock, metrics: Metrics) -> None:
        self._database, self._trier, self._sealer, self._clock = database, trier, sealer, clock
        self._metrics = metrics
        self._lease = make_lease(database, "webhooks")
        self._slots = Slots()
        self._tries: set[asyncio.Task[None]] = set()
        self._ended: list[Tried] = []
        self._woken = asyncio.Event()
        self._trouble = False

    async def run(self) -> None:
        """Deliver until cancelled, whatever the database does."""
        self._slots.others_at_once = min(OTHERS_AT_ONCE, max(50, _files() - _OTHER_FILES))
        try:
            while True:
                self._woken.clear()
                await self._try_step()
                await self._pause()
        finally:
            await self._stop()

    async def drain(self) -> None:
        """Deliver what is due, once each, until nothing is; nothing where another process does."""
        try:
            while await self._step() or self._tries or self._ended:
                self._woken.clear()
                if self._tries and not self._ended:
                    await self._woken.wait()
        finally:
            await self._stop()

    async def _try_step(self) -> None:
        try:
            await self._step()
        except Exception as error:  # noqa: BLE001 - it goes on, whatever its database does
            if not self._trouble:
                expected = isinstance(error, Unavailable | OSError)
                _log.warning("webhooks have to wait", error=str(error), exc_info=None if expected else error)
            self._trouble = True
        else:
            self._trouble = False

    async def _pause(self) -> None:
        # Several ends are kept in one transaction: each costs a write to the disk.
        await asyncio.sleep(AFTER_TROUBLE_SECONDS if self._trouble else 0.02)
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._woken.wait()

    async def _stop(self) -> None:
        for task in self._tries:
            task.cancel()
        if self._tries:
            await asyncio.wait(self._tries)
        with suppress(Unavailable):
            await self._keep_ended()
        await self._lease.release()

    async def _step(self) -> int:
        """Keep what has ended, and begin what there is room for; how many tries began."""
        await self._keep_ended()
        if not await self._lease.holds():
            return 0
        begun = 0
        for waiting in await self._find_waiting():
            room = self._slots.room(waiting.id, waiting.health, time.monotonic())
            if room:
                begun += await self._begin(waiting, room)
        return begun

    async def _find_waiting(self) -> list[_Waiting]:
        rows = await self._database.hot.slow_rows(queries.DUE, to_micros(self._clock()))
        return [self._waiting(*row) for row in rows]

    def _waiting(
        self,
        number: int,
        kind: str,
        url: str,
        secret: str,
        old_secret: str | None,
        old_until: int | None,
        failures: int,
        has_succeeded: bool,  # noqa: FBT001 - a column
    ) -> _Waiting:
        sealed = [secret]
        if old_secret is not None and (old_until or 0) > to_micros(self._clock()):
            sealed.append(old_secret)
        health = health_of(failures=failures, has_succeeded=bool(has_succeeded))
        return _Waiting(number, kind, url, self._opened(number, kind, sealed), health)

    def _opened(self, number: int, kind: str, sealed: Sequence[str]) -> tuple[str, ...] | None:
        if kind == "xapi":
            return ()
        try:
            return tuple(self._sealer.open(one, about=f"webhook {number}") for one in sealed)
        except Unsealable:
            return None

    async def _begin(self, waiting: _Waiting, room: int) -> int:
        limit = STATEMENTS_AT_ONCE if waiting.kind == "xapi" else room + 16
        now = to_micros(self._clock())
        rows = await self._database.hot.rows(queries.DUE_TO, waiting.id, now, limit)
        due = [Due(row[0], row[2], Told(row[1], row[3], orjson.loads(row[4]), row[5])) for row in rows]
        due = [one for one in due if not self._slots.is_busy(one.id)]
        batches = [due] if waiting.kind == "xapi" else [[one] for one in due[:room]]
        for batch in filter(None, batches):
            self._start(waiting, batch)
        return len(due)

    def _start(self, waiting: _Waiting, batch: list[Due]) -> None:
        for one in batch:
            self._slots.take(one.id, waiting.id, waiting.health, time.monotonic())
        task = asyncio.create_task(self._try(waiting, batch))
        self._tries.add(task)
        task.add_done_callback(self._tries.discard)

    async def _try(self, waiting: _Waiting, batch: list[Due]) -> None:
        try:
            self._ended += await self._send(waiting, batch)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not hold the delivery up for ever
            _log.error("a delivery could not be tried", webhook=waiting.id, exc_info=error)
            self._ended += self._untried(waiting, batch, "it could not be tried")
        except asyncio.CancelledError:
            for one in batch:
                self._slots.free(one.id)
            raise
        self._woken.set()

    async def _send(self, waiting: _Waiting, batch: list[Due]) -> list[Tried]:
        if waiting.secrets is None:
            return self._untried(waiting, batch, _NOT_OPENED)
        if waiting.kind == "xapi":
            return await self._trier.send_statements(waiting.receiver, batch, await self._titles(batch))
        return [await self._trier.send(waiting.receiver, batch[0])]

    def _untried(self, waiting: _Waiting, batch: list[Due], why: str) -> list[Tried]:
        at = to_micros(self._clock())
        return [Tried(one, waiting.id, at, 0, {}, None, why, accepted=False) for one in batch]

    async def _titles(self, batch: list[Due]) -> dict[int, str]:
        numbers = {one.told.data["concept_id"] for one in batch if "concept_id" in one.told.data}
        hot = self._database.hot
        rows = await hot.rows(queries.TITLES.format(hot.among("id", 1)), hot.ids(numbers))
        return {row[0]: row[1] for row in rows}

    async def _keep_ended(self) -> None:
        """What came of tries, in one transaction; where that fails, it is kept the next time."""
        ended = list(self._ended)
        if not ended:
            return
        async with self._database.begin() as session:
            await self._keep(session, ended)
        del self._ended[: len(ended)]
        for tried in ended:
            self._slots.free(tried.due.id)
            self._metrics.observe_delivery("delivered" if tried.accepted else "failed")

    async def _keep(self, session: AsyncSession, ended: Sequence[Tried]) -> None:
        at = to_micros(self._clock())
        await session.execute(queries.ADD_ATTEMPT, [values_of(tried) for tried in ended])
        for tried in ended:
            if not tried.accepted:
                await self._keep_failure(session, tried, at)
        accepted = [tried for tried in ended if tried.accepted]
        if accepted:
            delivered = {"status": "delivered", "due_at": at, "ended_at": at}
            await session.execute(queries.KEEP_DELIVERY, [_key(tried) | delivered for tried in accepted])
        for webhook_id in {tried.receiver_id for tried in accepted}:
            await session.execute(queries.SUCCEEDED, {"webhook_id": webhook_id, "at": at})

    async def _keep_failure(self, session: AsyncSession, tried: Tried, at: int) -> None:
        of_webhook = {"webhook_id": tried.receiver_id, "at": at}
        failing_since = (await session.execute(queries.FAILED, of_webhook)).scalar_one_or_none() or at
        headers = tried.reply.headers if tried.reply else {}
        delay = next_delay(tried.due.attempts + 1, wished_seconds(headers, from_micros(at)))
        if delay is not None:
            due = {"status": "pending", "due_at": at + int(delay * _SECOND), "ended_at": None}
            await session.execute(queries.KEEP_DELIVERY, _key(tried) | due)
        else:
            ended = {"status": "failed", "due_at": at, "ended_at": at}
            await session.execute(queries.KEEP_DELIVERY, _key(tried) | ended)
        await self._judge(session, tried, failing_since, is_last=delay is None)

    async def _judge(self, session: AsyncSession, tried: Tried, failing_since: int, *, is_last: bool) -> None:
        """Disable a webhook that is gone, or has been given up."""
        now = self._clock()
        if tried.reply is not None and tried.reply.status == GONE:
            reason = "it answered 410 Gone"
        elif is_last and to_micros(now) - failing_since >= GIVEN_UP_AFTER_SECONDS * _SECOND:
            reason = "nothing was answered well for five days"
        else:
            return
        values = {"id": tried.receiver_id, "reason": reason, "now": to_micros(now)}
        owner = (await session.execute(queries.DISABLE, values)).scalar_one_or_none()
        if owner is None:
            return
        await session.execute(queries.UNSUBSCRIBE, values)
        await session.execute(queries.GIVE_UP_PENDING, values)
        details = {"webhook": tried.receiver_id, "reason": reason}
        await record(session, actor=SYSTEM, action="webhook.disable", subject=owner, now=now, details=details)


def _key(tried: Tried) -> dict[str, Any]:
    return {"delivery_id": tried.due.id, "number": tried.due.attempts + 1}


def _files() -> int:
    """How many files this process may open, after asking for as many as a thousand slow receivers take."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wished = _WISHED_FILES if hard == resource.RLIM_INFINITY else min(_WISHED_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wished:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wished, hard))
        return wished
    return _WISHED_FILES if soft == resource.RLIM_INFINITY else soft
