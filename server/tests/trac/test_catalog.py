"""The catalog: the words that search compares, its rows, and what doctor reads back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from learntrac.trac import catalog
from learntrac.trac.catalog import Problem, list_problems, row_of
from learntrac.trac.mapping import Mapping, TicketRow, to_concept
from learntrac.trac.tables import CatalogConcept
from learntrac.trac.words import search_terms
from tests.concepts.trac_edits import by_sql
from tests.conftest import Api, eventually

CONCEPT = to_concept(TicketRow(7, None, 1, 2, "http", None, None, "Title", "Text", "a", None, {}), Mapping())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("Café crème", ["cafe", "creme"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("don't snake_case x2", ["don", "t", "snake", "case", "x2"]),
        ('"NEAR(a b)" * : ^ -c', ["near", "a", "b", "c"]),
        ("ﬁne Ⅻ ①", ["fine", "xii", "1"]),
        ("e\u0301te\u0301", ["ete"]),
        ("日本 😀", ["日本"]),
        ("x" * 150, ["x" * 100]),
        ("", []),
    ],
)
def test_words_as_both_databases_get_them(content: str, words: list[str]) -> None:
    assert search_terms(content) == words


@given(st.text())
def test_a_word_has_letters_and_digits_only(content: str) -> None:
    for word in search_terms(content):
        assert word.isalnum()
        assert len(word) <= 100


@given(st.text())
def test_words_of_words_are_themselves(content: str) -> None:
    words = search_terms(content)
    assert search_terms(" ".join(words)) == words


def test_a_row_has_every_column_of_the_table() -> None:
    row = row_of(CONCEPT, [(3, "f", "kept"), (4, "f", "cyclic"), (5, "f", "dangling")], "print")

    assert row.keys() == set(CatalogConcept.__table__.columns.keys())
    assert '"prerequisites":[3]' in row["doc_tail"]
    assert (row["level"], row["fingerprint"], row["sorted_title"]) == (3, "print", "Title")


def test_a_long_title_is_sorted_by_its_beginning() -> None:
    assert len(row_of(replace(CONCEPT, title="t" * 3000), [], "")["sorted_title"]) == 200


async def test_doctor_reads_what_could_not_be_read(api: Api) -> None:
    async def problems() -> list[Problem]:
        async with api.parts.database.read() as session:
            return await list_problems(session)

    async def found() -> bool:
        return len(await problems()) == 5

    assert await problems() == []
    await by_sql(
        api.trac,
        "CREATE TABLE mastertickets (source integer, dest integer, UNIQUE (source, dest))",
        "INSERT INTO mastertickets VALUES (77, 5)",
        "UPDATE ticket_custom SET value = 'hard' WHERE ticket = 2 AND name = 'learning_difficulty'",
        "INSERT INTO ticket_custom (ticket, name, value) VALUES (1, 'prerequisites', '#4 x 99')",
    )

    await eventually(found)
    assert await problems() == [
        Problem(1, "prerequisites 'x' is not a ticket number"),
        Problem(1, "prerequisite #99 (prerequisites) is no ticket: left out"),
        Problem(2, "learning_difficulty 'hard' could not be read"),
        Problem(4, "prerequisite #3 (prerequisites) would close a cycle: left out"),
        Problem(5, "prerequisite #77 (mastertickets) is no ticket: left out"),
    ]


async def test_what_goes_leaves_nothing_behind(api: Api) -> None:
    async def count(table: str) -> int:
        async with api.parts.database.read() as session:
            return int((await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())

    async with api.parts.database.begin() as session:
        await catalog.remove_concepts(session, range(3, 40_000))
    assert (await count("concept"), await count("concept_text"), await count("prerequisite")) == (2, 2, 0)
    async with api.parts.database.begin() as session:
        gone = (f"Page{number}" for number in range(40_000))
        await catalog.put_pages(session, [("A", 1, "what five words may say")], gone)
        await catalog.put_concepts(session, [], {}, {})
        assert (await catalog.known_pages(session))["A"] == 1
        assert (await catalog.known_fingerprints(session)).keys() == {1, 2}
