"""When is a database away, and what does a caller hear of it: the same for both databases and every driver."""

import re
import sqlite3

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from learntrac.kit.errors import Unavailable


class unavailable_when_gone:  # noqa: N801 - reads as a phrase where it is used
    """Turns a database that is away, locked or full into a 503; a statement that was wrong stays what it is."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None and (is_away(error) or _is_lost(error)):
            raise Unavailable("The database does not answer.", retry_after_seconds=2) from error


def cause_of(error: BaseException) -> str:
    """What the driver said of a database that is away or refuses, in one line; empty where it said nothing."""
    cause = error.__cause__ or error
    said = str(getattr(cause, "orig", cause) or "").partition("\n")[0]
    return re.sub(r"^<class '[^']*'>: ", "", said)  # SQLAlchemy puts it in front


def _is_lost(error: BaseException) -> bool:
    return isinstance(error, DBAPIError) and (error.connection_invalidated or is_away(error.orig))


def is_away(error: BaseException | None) -> bool:
    """Does this say that the database cannot be had now, rather than that a statement was wrong?"""
    if isinstance(error, OSError | NoConnectionFree | asyncpg.InterfaceError | asyncpg.InternalClientError):
        return True
    state = str(getattr(error, "sqlstate", None) or "")
    return state.startswith(_POSTGRES_AWAY) or getattr(error, "sqlite_errorcode", 0) & 0xFF in _SQLITE_AWAY


_POSTGRES_AWAY = ("08", "28", "3D", "53", "57P", "58")
"""SQLSTATE: connection, authorisation, no such database, out of resources, shut down or starting, system error."""
_SQLITE_AWAY = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
