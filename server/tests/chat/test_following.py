"""What the index still lacks is asked for in work that grows with the course, not with its square."""

import sqlite3

import pytest
from sqlalchemy import TextClause

from learntrac.chat import queries

TABLES = """
CREATE TABLE concept (id INTEGER PRIMARY KEY, fingerprint TEXT);
CREATE TABLE page (name TEXT PRIMARY KEY);
CREATE TABLE exercise (id TEXT PRIMARY KEY, version INTEGER, is_retired BOOLEAN);
CREATE TABLE passage_source (source TEXT, key TEXT, mark TEXT, PRIMARY KEY (source, key));
"""
MANY = 2_000
EACH = 100
"""Steps of SQLite's machine for a row are a few dozen; comparing each with each would take thousands."""


@pytest.mark.parametrize(
    "asked",
    [queries.OLD_CONCEPTS, queries.GONE_CONCEPTS, queries.GONE_PAGES, queries.OLD_EXERCISES, queries.GONE_EXERCISES],
    ids=["old concepts", "gone concepts", "gone pages", "old exercises", "gone exercises"],
)
def test_each_is_looked_up(asked: TextClause) -> None:
    rows, steps = sqlite3.connect(":memory:"), 0
    rows.executescript(TABLES)
    numbers = [(str(number),) for number in range(MANY)]
    rows.executemany("INSERT INTO concept VALUES (CAST(?1 AS integer), 'a')", numbers)
    rows.executemany("INSERT INTO page VALUES (?)", numbers)
    rows.executemany("INSERT INTO exercise VALUES (?, 1, 0)", numbers)
    for source in ("concept", "page", "exercise"):
        rows.executemany(f"INSERT INTO passage_source VALUES ('{source}', ?, 'a')", numbers)

    def step() -> None:
        nonlocal steps
        steps += 1

    rows.set_progress_handler(step, 1)
    rows.execute(asked.text).fetchall()

    assert MANY < steps < EACH * MANY
    rows.close()
