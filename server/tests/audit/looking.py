"""Reading the audit log straight from its table."""

from typing import Any

from sqlalchemy import text

from tests.conftest import Api


async def entries(api: Api, action: str = "") -> list[Any]:
    """The entries whose action begins so, oldest first."""
    async with api.parts.database.read() as session:
        rows = await session.execute(text("SELECT * FROM audit_entry ORDER BY at, id"))
        return [row for row in rows if row.action.startswith(action)]


async def acts(api: Api, action: str = "") -> list[tuple[str, str, str | None]]:
    """(actor, action, subject) of each."""
    return [(row.actor, row.action, row.subject) for row in await entries(api, action)]
