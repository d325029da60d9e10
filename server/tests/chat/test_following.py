"""What the index still lacks is asked for in work that grows with the course, not with its square."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from sqlalchemy import TextClause

from learntrac.chat import queries
from tests.environments import Postgres

TABLES = """
CREATE TABLE concept (id INTEGER PRIMARY KEY, fingerprint TEXT);
CREATE TABLE page (name TEXT PRIMARY KEY);
CREATE TABLE exercise (id TEXT PRIMARY KEY, version INTEGER, is_retired BOOLEAN);
CREATE TABLE passage_source (source TEXT, key TEXT, mark TEXT, PRIMARY KEY (source, key));
"""
FULL = """
INSERT INTO concept {numbers} SELECT number, 'a' FROM numbers;
INSERT INTO page {numbers} SELECT CAST(number AS text) FROM numbers;
INSERT INTO exercise {numbers} SELECT CAST(number AS text), 1, false FROM numbers;
INSERT INTO passage_source {numbers} SELECT 'concept', CAST(number AS text), 'a' FROM numbers;
INSERT INTO passage_source {numbers} SELECT 'page', CAST(number AS text), 'a' FROM numbers;
INSERT INTO passage_source {numbers} SELECT 'exercise', CAST(number AS text), '1' FROM numbers;
"""
MANY = 2_000
NUMBERS = f"WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {MANY})"
EACH = 100
"""Steps of SQLite's machine for a row are a few dozen; comparing each with each would take thousands."""

all_that_is_asked = pytest.mark.parametrize(
    "asked",
    [queries.OLD_CONCEPTS, queries.GONE_CONCEPTS, queries.GONE_PAGES, queries.OLD_EXERCISES, queries.GONE_EXERCISES],
    ids=["old concepts", "gone concepts", "gone pages", "old exercises", "gone exercises"],
)


@all_that_is_asked
def test_sqlite_looks_each_up(asked: TextClause) -> None:
    rows, steps = sqlite3.connect(":memory:"), 0
    rows.executescript(TABLES + FULL.format(numbers=NUMBERS))

    def step() -> None:
        nonlocal steps
        steps += 1

    rows.set_progress_handler(step, 1)
    assert rows.execute(asked.text).fetchall() == []

    assert MANY < steps < EACH * MANY
    rows.close()


@pytest.fixture
def new_course(postgres: Postgres) -> Iterator[Any]:
    """A course of which nothing is indexed."""
    postgres.create_database("following")
    connection = psycopg2.connect(postgres.url("following", "plain"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"{TABLES} ANALYZE")
        yield cursor
    connection.close()
    postgres.drop_database("following")


@all_that_is_asked
def test_postgresql_does_so_by_the_plan_that_it_made_before_anything_was_indexed(
    asked: TextClause, new_course: Any
) -> None:
    new_course.execute(f"PREPARE asked AS {asked.text}")
    new_course.execute("EXECUTE asked")

    new_course.execute(FULL.format(numbers=NUMBERS))
    new_course.execute("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE asked")
    ((((explained,),),),) = (new_course.fetchall(),)

    assert MANY < rows_handled(explained["Plan"]) < EACH * MANY


def rows_handled(plan: dict[str, Any]) -> int:
    """All that the steps of a plan have read or thrown away."""
    removed = sum(plan.get(f"Rows Removed by {what}", 0) for what in ("Filter", "Join Filter", "Index Recheck"))
    handled = round((plan["Actual Rows"] + removed) * plan["Actual Loops"])
    return sum(map(rows_handled, plan.get("Plans", ())), start=handled)
