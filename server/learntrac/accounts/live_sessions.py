"""Which sign-ins are not over. The database is the truth, and the only one: Redis may be down, flushed or restored."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from learntrac.accounts import queries
from learntrac.accounts.tokens import Claims
from learntrac.kit.db import Database
from learntrac.kit.readers import HotReader, Row
from learntrac.kit.together import Together

REMEMBERED_SESSIONS = 50_000
REMEMBERED_SECONDS = 5.0
"""Where one process serves, what it read is remembered so long; its own logouts take effect at once."""

SIGNED_OUT = "accounts.signed_out"
"""The channel on which the id of a session that was ended is told to all processes. A message may be lost: whoever
serves a session for long asks the database as well.
"""

FindSession = Callable[[str], Awaitable[Row | None]]
"""(user id, role of the local account or None) of a session that is live now, by its id; None where it is over."""


def open_live_sessions(database: Database) -> "LiveSessions":
    """For this database: SQLite is served by one process, which may remember; at PostgreSQL any number may serve, and
    each request is checked there.
    """
    if database.is_sqlite:
        return LiveSessions(find_alone(database.hot), remember_seconds=REMEMBERED_SECONDS)
    return LiveSessions(find_together(database.hot), remember_seconds=0)


class LiveSessions:
    """Whether sign-ins are live, by asking `find` and remembering for `remember_seconds`; 0: it is asked each time."""

    def __init__(self, find: FindSession, *, remember_seconds: float) -> None:
        self._find = find
        self._remember_seconds = remember_seconds
        self._live: OrderedDict[str, tuple[float, str | None]] = OrderedDict()
        self._closed: OrderedDict[str, None] = OrderedDict()

    async def find_local_role(self, claims: Claims) -> tuple[bool, str | None]:
        """Whether the session is live, and the role of the user's local account, if there is one."""
        known = self._live.get(claims.session_id)
        if known is not None and known[0] > time.monotonic():
            return True, known[1]
        row = await self._find(claims.session_id)
        if row is None or row[0] != claims.user_id or claims.session_id in self._closed:
            return False, None
        self._remember(claims.session_id, row[1])
        return True, row[1]

    def close(self, session_id: str) -> None:
        """Forget a session that was closed, and do not let a reading that is under way bring it back."""
        self._live.pop(session_id, None)
        self._closed[session_id] = None
        if len(self._closed) > REMEMBERED_SESSIONS:
            self._closed.popitem(last=False)

    def forget(self) -> None:
        """Ask the database anew for everybody."""
        self._live.clear()

    def _remember(self, session_id: str, role: str | None) -> None:
        if self._remember_seconds > 0:
            self._live[session_id] = (time.monotonic() + self._remember_seconds, role)
            if len(self._live) > REMEMBERED_SESSIONS:
                self._live.popitem(last=False)


def find_alone(reader: HotReader) -> FindSession:
    """One reading for each question."""

    async def find(session_id: str) -> Row | None:
        rows = await reader.rows(queries.IS_LIVE, session_id)
        return rows[0] if rows else None

    return find


def find_together(reader: HotReader) -> FindSession:
    """One reading for all who came while the last one was under way."""

    async def find_all(session_ids: Sequence[str]) -> list[Row | None]:
        live = {row[2]: row for row in await reader.rows(queries.ARE_LIVE, list(session_ids))}
        return [live.get(session_id) for session_id in session_ids]

    return Together(find_all).ask
