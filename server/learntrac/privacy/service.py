"""The verbs of privacy: count, read and erase what is held about one person."""

from datetime import datetime

from sqlalchemy import delete, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.accounts.tables import Learner
from learntrac.audit.service import record
from learntrac.privacy.pseudonyms import pseudonym
from learntrac.privacy.sections import SECTIONS, Section, StoredRow

ROWS_AT_A_TIME = 500

Counts = dict[str, int]
"""{section: rows}, every section in the order of the export."""


async def count_rows(session: AsyncSession, *, user_id: str) -> Counts:
    """How much is held about a person; all zeros where nothing is."""
    return {
        section.name: (
            await session.execute(select(func.count()).select_from(section.table).where(section.is_about(user_id)))
        ).scalar_one()
        for section in SECTIONS
    }


async def read_rows(
    session: AsyncSession, section: Section, *, user_id: str, after: StoredRow | None
) -> list[StoredRow]:
    """The next rows of a section as they are stored, after the row `after`; empty at its end."""
    order = [section.table.c[name] for name in section.order]
    statement = select(section.table).where(section.is_about(user_id)).order_by(*order).limit(ROWS_AT_A_TIME)
    if after is not None:
        reached = (literal(after[column.name], column.type) for column in order)
        statement = statement.where(tuple_(*order) > tuple_(*reached))
    # A column that was given its name by hand has it in a class of its own, which JSON's writer refuses.
    return [{str(name): value for name, value in row.items()} for row in (await session.execute(statement)).mappings()]


async def erase(session: AsyncSession, *, user_id: str, actor: str, secret: bytes, now: datetime) -> Counts:
    """Take a person out of every table, their sign-ins included; what there was.

    An entry of the audit log remains that says so, under a pseudonym. Trac is not touched: as long as it has the
    account, the person may sign in again, and begins anew.
    """
    # A sign-in that comes at this moment waits here, and is a new beginning afterwards. SQLite has one writer anyway.
    await session.execute(select(Learner.user_id).where(Learner.user_id == user_id).with_for_update())
    counts, name = await count_rows(session, user_id=user_id), pseudonym(secret, user_id)
    for section in reversed(SECTIONS):
        if section.erased is None:
            await session.execute(delete(section.table).where(section.is_about(user_id)))
        else:
            await section.erased(session, user_id, name)
    await record(session, actor=actor, action="user.erase", subject=name, now=now, details=counts)
    return counts
