"""Trac's tables, read: the only SQL that names them. Short statements of their own, no transaction held, nothing
written.
"""

import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import URL, TextClause, bindparam, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from learntrac.kit.clock import from_micros
from learntrac.kit.db import replace_dead_connections
from learntrac.kit.errors import Unavailable
from learntrac.trac import checksums
from learntrac.trac.mapping import TicketRow
from learntrac.trac.values import MAX_TICKET_ID

LACKS_GRANT = "42501"
"""PostgreSQL's SQLSTATE for a right that the role does not have."""
AT_ONCE = 10_000
"""Ticket numbers in one statement: PostgreSQL takes 32,767 parameters, SQLite a few less."""
RANGES = 200
"""Ranges of ticket numbers in one statement: SQLite takes a few less than a thousand."""

_LATEST_DUE = 10**17
"""In microseconds since 1970: the year 5138. Trac takes any number."""
_TICKET = "id, type, time, changetime, component, owner, status, summary, description, keywords, milestone"

_NEEDED = {
    "system": "name, value",
    "ticket": _TICKET,
    "ticket_custom": "ticket, name, value",
    "ticket_change": "ticket, time",
    "wiki": "name, version, text, time",
    "permission": "username, action",
    "session_attribute": "sid, authenticated, name, value",
}


def _in(sql: str, name: str = "ids") -> TextClause:
    return text(sql).bindparams(bindparam(name, expanding=True))


_TICKETS = _in(f"SELECT {_TICKET} FROM ticket WHERE id IN :ids ORDER BY id")  # noqa: S608 - our own column list
_CUSTOM = _in(
    "SELECT ticket, name, value FROM ticket_custom WHERE ticket IN :ids AND name IS NOT NULL ORDER BY ticket, name"
)
_CUSTOM_OF_FIELDS = _in("SELECT ticket, name, value FROM ticket_custom WHERE name IN :names", "names")
_LINKS = {
    "mastertickets": ("source", "dest"),
    "subtickets": ("child", "parent"),
}
_CHANGED = text(
    "SELECT t.id, t.changetime FROM ticket t"
    " JOIN (SELECT DISTINCT ticket FROM ticket_change WHERE time >= :since) c ON c.ticket = t.id"
    " UNION SELECT id, changetime FROM ticket WHERE time >= :since"
    " UNION SELECT id, changetime FROM ticket WHERE id > :after"
)
_LAST_CHANGE = text(
    "SELECT coalesce((SELECT max(time) FROM ticket_change), 0), coalesce((SELECT max(time) FROM ticket), 0)"
)
_PAGES = text(
    "SELECT w.name, w.version, w.text FROM wiki w"
    " JOIN (SELECT name, max(version) AS version FROM wiki GROUP BY name) last"
    " ON last.name = w.name AND last.version = w.version WHERE length(w.name) <= 500"
)
"""No index holds a much longer name, nor does anybody link to it."""
_ROLE = text(
    "SELECT current_user,"
    " coalesce((SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = :schema), true)"
)
_MAY_READ = _in(
    "SELECT relname, has_any_column_privilege(oid, 'SELECT') FROM pg_class WHERE relname IN :names"
    " AND relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname = :schema) ORDER BY relname",
    "names",
)
"""Of the tables by these names: PostgreSQL's own catalog tells of those, too, that this login may not see."""
_PAGE_VERSIONS = text("SELECT name, max(version), max(time) FROM wiki WHERE length(name) <= 500 GROUP BY name")


class TracSource:
    """A connection to Trac's database that only reads. Every call raises Unavailable where the database is gone."""

    def __init__(self, url: URL, *, schema: str | None = None) -> None:
        self.is_sqlite = url.drivername.startswith("sqlite")
        self._schema = schema or "public"
        self._file = Path(url.database or "")
        self._file_mark = _mark_of(self._file)
        self._engine = _sqlite_engine(url) if self.is_sqlite else _postgres_engine(url, self._schema)

    @property
    def engine(self) -> AsyncEngine:
        """What the statements go through, for whoever watches them."""
        return self._engine

    async def close(self) -> None:
        """Close the connections."""
        await self._engine.dispose()

    async def version(self) -> int:
        """Trac's `database_version`. Raises LookupError where the table has none."""
        rows = await self._rows(text("SELECT value FROM system WHERE name = 'database_version'"))
        if not rows:
            raise LookupError("there is no database_version")
        return int(rows[0][0])

    async def find_missing(self) -> list[str]:
        """Tables that LearnTrac needs and cannot read as it expects them: none in a sound Trac 1.2 to 1.6."""
        return [name for name, columns in _NEEDED.items() if not await self._is_readable(name, columns)]

    async def find_lacking_grants(self) -> str | None:
        """What this login lacks to read the tables that LearnTrac needs, in one sentence; None where it may read."""
        if self.is_sqlite:
            return None
        role, may_use = (await self._rows(_ROLE, schema=self._schema))[0]
        refused = [name for name, granted in await self._may_read(_NEEDED) if not granted]
        lacking = [] if may_use else [f"USAGE on the schema {self._schema}"]
        lacking += [f"SELECT on {', '.join(refused)}"] if refused else []
        return f"PostgreSQL's role {role} lacks {' and '.join(lacking)}." if lacking else None

    async def find_writer(self) -> str | None:
        """The login's name where it may write Trac's tickets as well, which LearnTrac has no use for."""
        if self.is_sqlite:
            return None
        sql = "SELECT current_user WHERE has_any_column_privilege('ticket', 'UPDATE')"
        rows = await self._rows(text(sql))
        return str(rows[0][0]) if rows else None

    async def link_tables(self, wanted: Iterable[str] = tuple(_LINKS)) -> set[str]:
        """Those of the tables of ticket links (mastertickets, subtickets) that are there. Raises Unavailable for one
        that is, and that this login may not read: its prerequisites must not vanish unsaid.
        """
        names = set(wanted)
        # Looked up first: PostgreSQL logs every statement that names a missing table as an error.
        in_sqlite = text("SELECT name FROM sqlite_master")
        rows = await (self._rows(in_sqlite) if self.is_sqlite else self._may_read(names))
        there = {row[0] for row in rows}
        return {name for name in there & names if await self._is_readable(name, ", ".join(_LINKS[name]))}

    async def change_mark(self) -> object:
        """A cheap value that differs once anybody has written to the database; equal: nothing changed."""
        if not self.is_sqlite:
            # The snapshot moves with every transaction that wrote.
            return (await self._rows(text("SELECT pg_current_snapshot()::text")))[0][0]
        await self._follow_file()
        # Other connections' commits, as this connection counts them.
        return self._file_mark, (await self._rows(text("PRAGMA data_version")))[0][0]

    async def all_tickets(self) -> dict[int, int]:
        """{number: changetime} of every ticket."""
        return {row[0]: row[1] or 0 for row in await self._rows(text("SELECT id, changetime FROM ticket"))}

    async def count_tickets(self) -> int:
        """How many tickets there are."""
        return int((await self._rows(text("SELECT count(*) FROM ticket")))[0][0])

    async def last_change(self) -> int:
        """The latest time that Trac wrote at a ticket."""
        return int(max((await self._rows(_LAST_CHANGE))[0]))

    async def changed_since(self, since: int, *, after: int) -> dict[int, int]:
        """{number: changetime} of tickets written at since that time, or numbered above `after`: by Trac's own
        indexes.
        """
        return {row[0]: row[1] or 0 for row in await self._rows(_CHANGED, since=since, after=after)}

    async def tickets(self, numbers: Sequence[int]) -> list[TicketRow]:
        """These tickets with their custom fields; those that are gone are left out."""
        found: list[TicketRow] = []
        for begin in range(0, len(numbers), AT_ONCE):
            ids = list(numbers[begin : begin + AT_ONCE])
            custom: dict[int, dict[str, str]] = {}
            for ticket, name, value in await self._rows(_CUSTOM, ids=ids):
                custom.setdefault(ticket, {})[name] = value or ""
            rows = await self._rows(_TICKETS, ids=ids)
            found += [TicketRow(**row._asdict(), custom=custom.get(row.id, {})) for row in rows]
        return found

    async def custom_of(self, names: Sequence[str]) -> dict[int, dict[str, str]]:
        """{ticket: {name: value}} of some custom fields over all tickets."""
        found: dict[int, dict[str, str]] = {}
        for ticket, name, value in await self._rows(_CUSTOM_OF_FIELDS, names=list(names)):
            found.setdefault(ticket, {})[name] = value or ""
        return found

    async def links(self, table: str, numbers: Sequence[int] | None = None) -> list[tuple[int, int]]:
        """(prerequisite, concept) of a table of ticket links, all or those at these concepts."""
        prerequisite, concept = _LINKS[table]
        # SQLite keeps anything: NULL at either end, numbers that no ticket can have.
        sound = f"{prerequisite} BETWEEN 1 AND {MAX_TICKET_ID} AND {concept} IS NOT NULL"
        sql = f"SELECT {prerequisite}, {concept} FROM {table} WHERE {sound}"  # noqa: S608 - names from our own table
        rows = (
            await self._rows(text(sql))
            if numbers is None
            else await self._rows(_in(f"{sql} AND {concept} IN :ids"), ids=list(numbers))
        )
        return [(row[0], row[1]) for row in rows]

    async def fingerprints(self, link_tables: Iterable[str]) -> dict[tuple[str, int], int]:
        """{(table, block): what changes when any row of that block does} over tickets, custom fields and links."""
        found: dict[tuple[str, int], int] = {}
        for checked in _checked(link_tables):
            for block, checksum in await self._rows(text(checksums.by_block(checked, is_sqlite=self.is_sqlite))):
                found[checked.table, int(block)] = int(checksum)
        return found

    async def ticket_fingerprints(
        self, link_tables: Iterable[str], blocks: Collection[int] | None = None
    ) -> dict[int, int]:
        """{number: what changes when any row of that ticket does} of the tickets in these blocks, or of all."""
        found: defaultdict[int, int] = defaultdict(int)
        wanted = None if blocks is None else sorted(blocks)
        parts = [None] if wanted is None else [wanted[n : n + RANGES] for n in range(0, len(wanted), RANGES)]
        for checked, part in itertools.product(_checked(link_tables), parts):
            sql = checksums.by_ticket(checked, part, is_sqlite=self.is_sqlite)
            for number, checksum in await self._rows(text(sql)):
                found[int(number)] += int(checksum)
        return found

    async def pages(self) -> list[tuple[str, int, str]]:
        """(name, version, text) of the newest version of every wiki page."""
        return [(name, version, content or "") for name, version, content in await self._rows(_PAGES)]

    async def page_versions(self) -> dict[str, tuple[int, int]]:
        """{name: (newest version, its time)} of every wiki page."""
        return {name: (version, time or 0) for name, version, time in await self._rows(_PAGE_VERSIONS)}

    async def milestone_dates(self) -> dict[str, datetime]:
        """{milestone: when it is due}, of those that have a date; none where this login may not read them."""
        if not await self._is_readable("milestone", "name, due"):
            return {}
        rows = await self._rows(text("SELECT name, due FROM milestone WHERE due > 0"))
        return {name: from_micros(due) for name, due in rows if due < _LATEST_DUE}

    async def permissions(self) -> list[tuple[str, str]]:
        """(username, action) of Trac's permission table."""
        rows = await self._rows(text("SELECT username, action FROM permission"))
        return [(username, action) for username, action in rows if username and action]

    async def session_attributes(self, user_id: str) -> dict[str, str]:
        """What Trac keeps of a signed-in user: name, email, and the password hash of AccountManager's session store."""
        sql = "SELECT name, value FROM session_attribute WHERE sid = :sid AND authenticated = 1"
        return {name: value or "" for name, value in await self._rows(text(sql), sid=user_id)}

    async def find_any_session_hash(self) -> str | None:
        """Some stored password hash of the session store, to spend the same time on unknown users."""
        sql = "SELECT value FROM session_attribute WHERE name = 'password' AND authenticated = 1 LIMIT 1"
        rows = await self._rows(text(sql))
        return str(rows[0][0]) if rows else None

    async def _may_read(self, names: Iterable[str]) -> Sequence[Any]:
        """(table, whether this login may read it) of those that are in Trac's schema of PostgreSQL."""
        return await self._rows(_MAY_READ, schema=self._schema, names=list(names))

    async def _is_readable(self, table: str, columns: str) -> bool:
        try:
            await self._rows(text(f"SELECT {columns} FROM {table} LIMIT 0"))  # noqa: S608 - names from our own table
        except DBAPIError:
            return False
        return True

    async def _follow_file(self) -> None:
        """A file that was put in the place of the one that is open, as from a backup, is opened instead of it."""
        mark = _mark_of(self._file)
        if mark is None:
            raise _unavailable()
        if mark != self._file_mark:
            await self._engine.dispose()
            self._file_mark = mark

    async def _rows(self, statement: TextClause, **values: object) -> Sequence[Any]:
        async with self._connection() as connection:
            return (await connection.execute(statement, values)).all()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        connected = False
        try:
            async with self._engine.connect() as connection:
                connected = True
                yield connection
        except (OSError, asyncpg.PostgresConnectionError, TimeoutError, PoolTimeoutError) as error:
            raise _unavailable() from error
        except DBAPIError as error:
            if not connected or error.connection_invalidated or _is_gone(error):
                raise _unavailable() from error
            if getattr(error.orig, "sqlstate", None) == LACKS_GRANT:
                raise _refused(error) from error
            raise


def _unavailable() -> Unavailable:
    return Unavailable("Trac's database does not answer.", retry_after_seconds=5)


def _refused(error: DBAPIError) -> Unavailable:
    # The driver puts its class in front of what PostgreSQL said.
    cause = str(error.orig).partition("\n")[0].rpartition(">: ")[2]
    return Unavailable(f"Trac's tables may not be read ({cause}): deploy/postgresql/roles.sql grants it.")


def _mark_of(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _checked(link_tables: Iterable[str]) -> list[checksums.Checked]:
    links = [checksums.Checked(name, _LINKS[name][1], _LINKS[name], is_sorted=False) for name in sorted(link_tables)]
    return [checksums.TICKETS, checksums.CUSTOM, *links]


def _as_text(data: bytes) -> str:
    """Text as every database and JSON can carry it: SQLite may hold NUL, and bytes that are no UTF-8."""
    return data.decode("utf-8", "replace").replace("\0", "\ufffd")


def _is_gone(error: DBAPIError) -> bool:
    words = ("unable to open", "locked", "disk I/O", "malformed", "not a database")
    return any(word in str(error.orig) for word in words)


def _sqlite_engine(url: URL) -> AsyncEngine:
    # `mode=ro`: not even the file is made where it is missing. One connection, as `data_version` belongs to one.
    target = url.set(
        database=f"file:{_quoted(url.database or '')}", query={"mode": "ro", "uri": "true", "timeout": "5"}
    )
    engine = create_async_engine(target, pool_size=1, max_overflow=0, pool_timeout=30, hide_parameters=True)

    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        connection.driver_connection.text_factory = _as_text
        make: Callable[..., None] = connection.create_function
        # Good for this process only, as the seed of its hashes is.
        make("learntrac_hash", 1, hash, deterministic=True)

    return engine


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _postgres_engine(url: URL, schema: str) -> AsyncEngine:
    settings = {
        "search_path": f'"{schema}"',
        "default_transaction_read_only": "on",
        "statement_timeout": "30000",
        # Trac's upgrades wait for whoever holds a table open.
        "idle_in_transaction_session_timeout": "30000",
    }
    # PostgreSQL itself ends what takes too long; where it does not even do that, it does not answer.
    arguments: dict[str, Any] = {"server_settings": settings, "timeout": 5, "command_timeout": 35}
    engine = create_async_engine(
        url,
        pool_size=2,
        max_overflow=0,
        pool_timeout=10,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
        connect_args=arguments,
    )
    replace_dead_connections(engine)
    return engine
