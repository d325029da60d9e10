"""The keys that sign credentials: made here, kept sealed, published for ever."""

import base64
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.certificates import queries
from learntrac.certificates.credentials import Key, public_bytes
from learntrac.kit.clock import Clock, to_micros
from learntrac.kit.db import Database
from learntrac.kit.sealing import Sealer, Unsealable

_ABOUT = "signing key"


class Keys:
    """This installation's keys. The newest one signs; where none can be opened, another is made."""

    def __init__(self, database: Database, sealer: Sealer, clock: Clock) -> None:
        self._database, self._sealer, self._clock = database, sealer, clock

    async def public(self) -> dict[int, bytes]:
        """Every public key by its number; at least one."""
        await self.signing()
        return {row[0]: base64.b64decode(row[1]) for row in await self._database.hot.rows(queries.KEYS)}

    async def signing(self) -> Key:
        """The key that signs now, made where there is none."""
        rows = await self._database.hot.rows(queries.KEYS)
        found = self._opened(rows[-1][0], rows[-1][2]) if rows else None
        if found is not None:
            return found
        async with self._database.begin() as session:
            return await make_key(session, self._sealer, now=self._clock())

    def _opened(self, number: int, sealed: str) -> Key | None:
        try:
            raw = base64.b64decode(self._sealer.open(sealed, about=_ABOUT))
        except Unsealable:
            return None
        return Key(number, Ed25519PrivateKey.from_private_bytes(raw))


async def make_key(session: AsyncSession, sealer: Sealer, *, now: datetime) -> Key:
    """A new key, which signs from now on; the older ones stay published."""
    private = Ed25519PrivateKey.generate()
    values = {
        "public": base64.b64encode(public_bytes(private)).decode(),
        "private": sealer.seal(base64.b64encode(private.private_bytes_raw()).decode(), about=_ABOUT),
        "now": to_micros(now),
    }
    return Key((await session.execute(queries.ADD_KEY, values)).scalar_one(), private)
