"""Writing the catalog: the statements that put concepts, edges and pages, and what doctor reads back from it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.kit.clock import from_micros, to_micros
from learntrac.trac.mapping import Concept, list_json
from learntrac.trac.tables import CatalogConcept
from learntrac.trac.wikitext import count_words
from learntrac.trac.words import search_terms

Edge = tuple[int, str, str]
"""(prerequisite, source, state)"""

_COLUMNS = [column.name for column in CatalogConcept.__table__.columns]
_PUT = text(
    f"INSERT INTO concept ({', '.join(_COLUMNS)}) VALUES ({', '.join(':' + name for name in _COLUMNS)})"  # noqa: S608 - our own columns
    " ON CONFLICT (id) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name != "id")
)
_PUT_EDGE = text(
    "INSERT INTO prerequisite (concept_id, prerequisite_id, source, state)"
    " VALUES (:concept_id, :prerequisite_id, :source, :state)"
)
_PUT_PAGE = text(
    "INSERT INTO page (name, version, words, content) VALUES (:name, :version, :words, :content)"
    " ON CONFLICT (name) DO UPDATE SET version = excluded.version, words = excluded.words, content = excluded.content"
)
_PUT_TEXT = {
    "sqlite": text("INSERT INTO concept_text (rowid, title, body) VALUES (:id, :title, :body)"),
    "postgresql": text(
        "INSERT INTO concept_text (concept_id, title, body)"
        " VALUES (:id, to_tsvector('simple', CAST(:title AS text)), to_tsvector('simple', CAST(:body AS text)))"
    ),
}
_TEXT_KEY = {"sqlite": "rowid", "postgresql": "concept_id"}
_MARK = text(
    "UPDATE catalog_state SET generation = generation + 1, changed_at = :now WHERE id = 1 RETURNING generation"
)
_NOTE = text(
    "INSERT INTO catalog_change (concept_id, generation) VALUES (:id, :generation)"
    " ON CONFLICT (concept_id) DO UPDATE SET generation = excluded.generation"
)
_TELL = text("UPDATE catalog_state SET synced_at = :now WHERE id = 1")
_PROBLEMS = text("SELECT id, problems FROM concept WHERE problems <> '[]' ORDER BY id")
_BAD_EDGES = text(
    "SELECT concept_id, prerequisite_id, source, state FROM prerequisite WHERE state <> 'kept'"
    " ORDER BY concept_id, prerequisite_id"
)
_LONGEST_TEXT = 200_000
"""Characters of words that are kept for search. However long each is in UTF-8, PostgreSQL's megabyte holds them."""
_LONGEST_SORTED = 200


@dataclass(frozen=True)
class Problem:
    """Something of a ticket that could not be read as it was meant."""

    ticket: int
    message: str


def row_of(concept: Concept, edges: Sequence[Edge], fingerprint: str) -> dict[str, Any]:
    """The catalog's row of a concept."""
    head, tail = list_json(concept, [number for number, _, state in edges if state == "kept"])
    row = {name: getattr(concept, name) for name in _COLUMNS if hasattr(concept, name)}
    return row | {
        "level": int(concept.difficulty),
        "sorted_title": concept.title[:_LONGEST_SORTED],
        "objectives": _dumps(concept.objectives),
        "links": _dumps([[link.kind, link.target, link.text] for link in concept.links]),
        "custom_fields": _dumps(dict(concept.custom_fields)),
        "problems": _dumps(concept.problems),
        "doc_head": head,
        "doc_tail": tail,
        "fingerprint": fingerprint,
    }


async def put_concepts(
    session: AsyncSession,
    concepts: Sequence[Concept],
    edges: Mapping[int, Sequence[Edge]],
    prints: Mapping[int, str],
) -> None:
    """Write these concepts and the edges written at them, in place of what the catalog had."""
    if not concepts:
        return
    numbers = [concept.id for concept in concepts]
    await session.execute(_PUT, [row_of(concept, edges[concept.id], prints[concept.id]) for concept in concepts])
    await _delete(session, "prerequisite", "concept_id", numbers)
    rows = [
        {"concept_id": number, "prerequisite_id": other, "source": source, "state": state}
        for number in numbers
        for other, source, state in edges[number]
    ]
    if rows:
        await session.execute(_PUT_EDGE, rows)
    await _put_text(session, concepts)


async def _put_text(session: AsyncSession, concepts: Sequence[Concept]) -> None:
    dialect = session.get_bind().dialect.name
    await _delete(session, "concept_text", _TEXT_KEY[dialect], [concept.id for concept in concepts])
    rows = [
        {
            "id": concept.id,
            "title": _words(concept.title),
            "body": _words(concept.title, *concept.tags, concept.description),
        }
        for concept in concepts
    ]
    await session.execute(_PUT_TEXT[dialect], rows)


def _words(*texts: str) -> str:
    content = " ".join(texts)[:_LONGEST_TEXT]
    return " ".join(search_terms(content))[:_LONGEST_TEXT]


async def remove_concepts(session: AsyncSession, numbers: Iterable[int]) -> None:
    """Take concepts out of the catalog, with the edges written at them."""
    gone = list(numbers)
    await _delete(session, "concept", "id", gone)
    await _delete(session, "prerequisite", "concept_id", gone)
    await _delete(session, "concept_text", _TEXT_KEY[session.get_bind().dialect.name], gone)


async def put_pages(session: AsyncSession, pages: Sequence[tuple[str, int, str]], gone: Iterable[str]) -> None:
    """Write (name, version, content) of wiki pages, and forget those that are gone."""
    if pages:
        rows = [
            {"name": name, "version": version, "words": count_words(content), "content": content.replace("\0", "")}
            for name, version, content in pages
        ]
        await session.execute(_PUT_PAGE, rows)
    await _delete(session, "page", "name", list(gone))


async def mark(session: AsyncSession, *, now: datetime, changed: Iterable[int] = ()) -> None:
    """Say that the catalog changed, and at which concepts, in the transaction that changes it.

    The row of the state stays locked until the transaction ends, so that generations become visible in their order.
    """
    generation = (await session.execute(_MARK, {"now": to_micros(now)})).scalar_one()
    if notes := [{"id": number, "generation": generation} for number in sorted(changed)]:
        await session.execute(_NOTE, notes)


async def tell_synced(session: AsyncSession, *, now: datetime) -> None:
    """Write down that the catalog is in step with Trac."""
    await session.execute(_TELL, {"now": to_micros(now)})


async def last_synced(session: AsyncSession) -> datetime | None:
    """When that was last written down; None: never."""
    told = (await session.execute(text("SELECT synced_at FROM catalog_state"))).scalar_one()
    return from_micros(told) if told else None


async def known_fingerprints(session: AsyncSession) -> dict[int, str]:
    """{concept: fingerprint} of what the catalog holds."""
    rows = await session.execute(text("SELECT id, fingerprint FROM concept"))
    return {row.id: row.fingerprint for row in rows}


async def known_pages(session: AsyncSession) -> dict[str, int]:
    """{page: version} of what the catalog holds."""
    return {row.name: row.version for row in await session.execute(text("SELECT name, version FROM page"))}


async def list_problems(session: AsyncSession) -> list[Problem]:
    """Everything about tickets that `learntrac doctor` should name, by ticket."""
    problems = [
        Problem(row.id, message) for row in await session.execute(_PROBLEMS) for message in orjson.loads(row.problems)
    ]
    for row in await session.execute(_BAD_EDGES):
        reason = "is no ticket" if row.state == "dangling" else "would close a cycle"
        problems.append(
            Problem(row.concept_id, f"prerequisite #{row.prerequisite_id} ({row.source}) {reason}: left out")
        )
    return sorted(problems, key=lambda problem: problem.ticket)


async def _delete(session: AsyncSession, table: str, key: str, values: list[Any]) -> None:
    statement = text(f"DELETE FROM {table} WHERE {key} = :value")  # noqa: S608 - our own names
    if values:
        await session.execute(statement, [{"value": value} for value in values])


def _dumps(value: object) -> str:
    return orjson.dumps(value).decode()
