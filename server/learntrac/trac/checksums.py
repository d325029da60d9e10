"""Checksums of Trac's rows as SQL, of a hundred tickets together and of each by itself. Pure.

They tell of changes that left no trace, and are compared with those of the same process only. PostgreSQL adds up a
hash of every row. SQLite has none to offer, so a function of ours is called there, `learntrac_hash`: once for many
rows, because each call waits until the rest of the process lets go of Python.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from learntrac.trac.values import MAX_TICKET_ID

BLOCK = 100
"""Tickets of one checksum: few, as an edit anywhere in a block makes the sweep look at each of its tickets."""


@dataclass(frozen=True)
class Checked:
    """A table and the columns that matter; `key` holds the number of the ticket that a row belongs to.

    `is_sorted`: rows of neighbouring tickets can be read without reading the others.
    """

    table: str
    key: str
    columns: tuple[str, ...]
    is_sorted: bool = True


TICKETS = Checked(
    "ticket",
    "id",
    (
        *("id", "time", "changetime", "type", "component"),
        *("milestone", "owner", "status", "summary", "keywords", "description"),
    ),
)
CUSTOM = Checked("ticket_custom", "ticket", ("ticket", "name", "value"))


def by_block(checked: Checked, *, is_sqlite: bool) -> str:
    """SQL for the rows (block, checksum) of every block that has any row."""
    table, key = checked.table, checked.key
    block, checksum = f"CAST({key} / {BLOCK} AS INTEGER)", _checksum(checked, is_sqlite=is_sqlite)
    if not (is_sqlite and checked.is_sorted):
        return f"SELECT {block}, {checksum} FROM {table} WHERE {key} IS NOT NULL GROUP BY 1"  # noqa: S608 - our own names
    # SQLite would sort all the rows by block, descriptions included.
    within = f"{key} >= n * {BLOCK} AND {key} < (n + 1) * {BLOCK}"
    blocks = f"SELECT DISTINCT {block} AS n FROM {table} WHERE {key} IS NOT NULL"  # noqa: S608 - our own names
    return f"SELECT n, (SELECT {checksum} FROM {table} WHERE {within}) FROM ({blocks}) blocks"  # noqa: S608 - our own names


def by_ticket(checked: Checked, blocks: Iterable[int] | None, *, is_sqlite: bool) -> str:
    """SQL for the rows (ticket, checksum) of these blocks, or of all."""
    ranges = [(0, MAX_TICKET_ID)] if blocks is None else _ranges(blocks)
    where = " OR ".join(f"{checked.key} BETWEEN {first} AND {last}" for first, last in ranges)
    what = f"{checked.key}, {_checksum(checked, is_sqlite=is_sqlite)}"
    return f"SELECT {what} FROM {checked.table} WHERE {where} GROUP BY {checked.key}"  # noqa: S608 - our own names and numbers


def _ranges(blocks: Iterable[int]) -> list[tuple[int, int]]:
    """(first, last) ticket of each stretch of neighbouring blocks."""
    found: list[tuple[int, int]] = []
    for block in sorted(blocks):
        first, last = block * BLOCK, block * BLOCK + BLOCK - 1
        if found and found[-1][1] == first - 1:
            found[-1] = found[-1][0], last
        else:
            found.append((first, last))
    return found


def _checksum(checked: Checked, *, is_sqlite: bool) -> str:
    if is_sqlite:
        joined = " || '|' || ".join(f"coalesce({column}, '')" for column in checked.columns)
        # As bytes, because SQLite may hold text that is none.
        return f"learntrac_hash(CAST(group_concat({joined}, '|') AS BLOB))"
    hashed = f"CAST({checked.key} AS bigint)"
    for column in checked.columns:
        hashed = f"hashtextextended(coalesce(CAST({column} AS text), ''), {hashed})"
    return f"sum({hashed})"
