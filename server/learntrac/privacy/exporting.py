"""One person's data as a readable JSON document, piece by piece: it may be longer than memory should hold."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime

import orjson

from learntrac import __version__
from learntrac.kit.clock import iso
from learntrac.kit.db import Database
from learntrac.privacy.sections import SECTIONS, Section, StoredRow
from learntrac.privacy.service import read_rows

NOTE = (
    "Everything LearnTrac holds about this user. Tickets, comments, wiki pages and the account itself are Trac's."
    " Passwords and tokens are kept as hashes only, which are left out."
)


def _ignore(_rows: int) -> None:
    return None


async def document(
    database: Database, *, user_id: str, now: datetime, on_rows: Callable[[int], None] = _ignore
) -> AsyncIterator[bytes]:
    """The document in pieces: `about`, then each section with its meaning and its rows, one row a line.

    Every piece is read in a transaction of its own, so that a slow reader holds nothing up; what is learned meanwhile
    may be in it or not. `on_rows` is told how many rows each piece brought.
    """
    about = {"user": user_id, "exported_at": iso(now), "learntrac": __version__, "note": NOTE}
    yield b'{\n"about": ' + orjson.dumps(about)
    for section in SECTIONS:
        head = orjson.dumps(section.name) + b': {"meaning": ' + orjson.dumps(section.meaning)
        yield b",\n\n" + head + b', "rows": ['
        separator = b"\n"
        async for rows in _pages(database, section, user_id):
            on_rows(len(rows))
            yield separator + b",\n".join(orjson.dumps(section.show(row, user_id)) for row in rows)
            separator = b",\n"
        yield b"]}"
    yield b"\n}\n"


async def _pages(database: Database, section: Section, user_id: str) -> AsyncIterator[list[StoredRow]]:
    last: StoredRow | None = None
    while True:
        async with database.read() as session:
            rows = await read_rows(session, section, user_id=user_id, after=last)
        if not rows:
            return
        yield rows
        last = rows[-1]
