"""The verbs of the audit log: write an entry, list entries, forget the old ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.audit import queries
from learntrac.audit.schemas import AuditEntryItem, AuditList, AuditQuery
from learntrac.kit.clock import from_micros, to_micros

CLI, SYSTEM = "cli", "system"
"""Actors that are no users: somebody at the server's command line, and LearnTrac by itself."""
LONGEST_ADDRESS = 64


@dataclass(frozen=True)
class Origin:
    """The request that an act came with, empty where it came with none."""

    request_id: str = ""
    address: str = ""


NO_REQUEST = Origin()


async def record(
    session: AsyncSession,
    *,
    actor: str,
    action: str,
    now: datetime,
    subject: str | None = None,
    origin: Origin = NO_REQUEST,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write an entry in the caller's transaction.

    A change is recorded in the transaction that makes it; a look at somebody else's data before the answer is given.
    Whoever looks at their own data is not recorded. `action` is a stable dotted name that the guide's page on privacy
    lists. `details` must hold no secret and name nobody: names stand in `actor` and `subject`, where an erasure finds
    them.
    """
    values = {
        "now": to_micros(now),
        "actor": actor,
        "action": action,
        "subject": subject,
        "request_id": origin.request_id,
        # A proxy that is trusted wrongly passes on whatever a client calls its address.
        "address": origin.address[:LONGEST_ADDRESS],
        "details": orjson.dumps(dict(details or {})).decode(),
    }
    await session.execute(queries.ADD, values)


async def list_entries(session: AsyncSession, *, query: AuditQuery) -> AuditList:
    """A page of the entries that fit every filter, newest first, and how many there are."""
    given = query.model_dump(exclude_none=True, exclude={"limit", "offset"})
    values = {name: to_micros(value) if isinstance(value, datetime) else value for name, value in given.items()}
    where = " WHERE " + " AND ".join(queries.FILTERS[name] for name in values) if values else ""
    page = {"limit": query.limit, "offset": query.offset}
    found = await session.execute(text(queries.PICK + where + queries.NEWEST_FIRST), values | page)
    total = await session.execute(text(queries.COUNT + where), values)
    entries = [
        AuditEntryItem(**row | {"at": from_micros(row["at"]), "details": orjson.loads(row["details"])})
        for row in map(dict, found.mappings())
    ]
    return AuditList(entries=entries, total=total.scalar_one(), limit=query.limit, offset=query.offset)


async def forget_old(session: AsyncSession, *, now: datetime, days: int) -> None:
    """Delete the entries that are older than so many days."""
    await session.execute(queries.FORGET, {"before": to_micros(now - timedelta(days=days))})
