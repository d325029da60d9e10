"""Many rows at once, by SQL, into a database of one's own: SQLite by `executemany`, PostgreSQL by `COPY`."""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

Row = Sequence[Any]


class Tables:
    """One database: a SQLite file, or PostgreSQL's URL with the schema whose tables are meant."""

    def __init__(self, target: Path | str, schema: str = "public") -> None:
        self._connection: sqlite3.Connection | psycopg.Connection[tuple[Any, ...]]
        if isinstance(target, Path):
            self._connection = sqlite3.connect(target, timeout=30)
        else:
            self._connection = psycopg.connect(target)
            self._connection.execute(SQL("SET search_path TO {}").format(Identifier(schema)))
            self._connection.commit()

    def execute(self, sql: str, *values: object) -> list[Any]:
        """Run one statement with `?` parameters in the open transaction; its rows, if it has any."""
        if isinstance(self._connection, sqlite3.Connection):
            return self._connection.execute(sql, values).fetchall()
        cursor = self._connection.execute(sql.replace("?", "%s"), values or None)
        return cursor.fetchall() if cursor.description else []

    def fill(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Add many rows, which are not held in memory."""
        names = ", ".join(columns)
        if isinstance(self._connection, sqlite3.Connection):
            places = ", ".join("?" * len(columns))
            self._connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)  # noqa: S608 - our own names
            return
        with self._connection.cursor().copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def number_after(self, table: str, last: int) -> None:
        """Let the database number the next row after this one; SQLite does so by itself."""
        if last and not isinstance(self._connection, sqlite3.Connection):
            self.execute("SELECT setval(pg_get_serial_sequence(?, 'id'), ?)", table, last)

    def commit(self) -> None:
        """Make it last."""
        self._connection.commit()

    def vacuum(self) -> None:
        """What autovacuum does within a minute in a PostgreSQL that is left its defaults; nothing on SQLite."""
        self.commit()
        if not isinstance(self._connection, sqlite3.Connection):
            self._connection.autocommit = True
            self._connection.execute("VACUUM ANALYZE")
            self._connection.autocommit = False

    def close(self) -> None:
        """Give back the connection."""
        self._connection.close()
