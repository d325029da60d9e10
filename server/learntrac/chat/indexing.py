"""Keeping the index of passages in step with the catalog: what changed since it was indexed is cut and counted anew.

Each chunk is one transaction, and one writer at a time holds the index; a run that was cut off goes on where it was.
"""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.chat import queries, ranking
from learntrac.chat.meaning import hash_of
from learntrac.exercises.service import PublicText, list_public_texts
from learntrac.kit.db import Database
from learntrac.trac.passages import split
from learntrac.trac.words import search_terms

CHUNK = 100
LONGEST_TITLE = 300
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True)
class Text:
    """A passage to be indexed: what `Passage` holds, and the words it is found by beside its own."""

    title: str
    heading: str
    kind: str
    content: str
    language: str = ""
    also: str = ""

    def words(self) -> list[str]:
        """The stems it is found by. Title and heading count twice: they say what it is about."""
        named = f"{self.title} {self.heading} {self.also} "
        return ranking.stems(search_terms(named * 2 + self.content))


@dataclass(frozen=True)
class Source:
    """What is indexed as one: a concept, a page or an exercise, with its passages; `mark` tells when it is old."""

    source: str
    key: str
    mark: str
    concept_id: int | None
    version: int
    texts: tuple[Text, ...]
    pages: tuple[str, ...] = ()


Then = Callable[[AsyncSession], Awaitable[None]]
"""What is written in the transaction of a change."""


async def _nothing(_session: AsyncSession) -> None:
    pass


async def follow(database: Database, *, then: Then = _nothing) -> int:
    """Bring the index up to the catalog; how many concepts and pages were indexed."""
    async with database.read() as session:
        concepts = list((await session.execute(queries.OLD_CONCEPTS)).scalars())
        pages = await _old_pages(session)
        gone = [("concept", key) for key in (await session.execute(queries.GONE_CONCEPTS)).scalars()]
        gone += [("page", key) for key in (await session.execute(queries.GONE_PAGES)).scalars()]
        gone += [("exercise", key) for key in (await session.execute(queries.GONE_EXERCISES)).scalars()]
        exercises = {row.id: row.version for row in await session.execute(queries.OLD_EXERCISES)}
    for chunk in _chunks(gone):
        async with database.begin_step() as session:
            await _remove(session, chunk)
    for chunk in _chunks(concepts):
        async with database.begin_step() as session:
            rows = (await session.execute(queries.CONCEPT_TEXTS, {"ids": chunk})).all()
            await put(session, [_concept(row) for row in rows])
            await then(session)
    for chunk in _chunks(pages):
        async with database.begin_step() as session:
            rows = (await session.execute(queries.PAGE_TEXTS, {"names": chunk})).all()
            await put(session, [_page(row) for row in rows])
            await then(session)
    if exercises:
        async with database.begin() as session:
            texts = [one for one in await list_public_texts(session) if one.exercise_id in exercises]
            await put(session, [_exercise(one, exercises[one.exercise_id]) for one in texts])
            await then(session)
    return len(concepts) + len(pages) + len(exercises)


async def _old_pages(session: AsyncSession) -> list[str]:
    known = {row.key: row.mark for row in await session.execute(queries.PAGE_MARKS)}
    return [row.name for row in await session.execute(queries.PAGES) if known.get(row.name) != _mark(row)]


def _mark(row: Row[Any]) -> str:
    return f"{row.version}.{row.words}.{row.characters}"


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for begin in range(0, len(items), CHUNK):
        yield items[begin : begin + CHUNK]


def _concept(row: Row[Any]) -> Source:
    title, objectives = row.title[:LONGEST_TITLE], orjson.loads(row.objectives)
    texts = list(texts_of(title, row.description))
    if objectives:
        texts.append(Text(title, "", "objectives", "\n".join(objectives)))
    if not texts:
        texts.append(Text(title, "", "prose", title))
    pages = {target: None for kind, target, _ in orjson.loads(row.links) if kind == "wiki"}
    return Source("concept", str(row.id), row.fingerprint, row.id, 0, tuple(texts), tuple(pages))


def _page(row: Row[Any]) -> Source:
    also = " ".join(_CAMEL.sub(" ", part) for part in row.name.split("/"))
    title = row.name[:LONGEST_TITLE]
    return Source("page", row.name, _mark(row), None, row.version, tuple(texts_of(title, row.content, also=also)))


def texts_of(title: str, content: str, *, also: str = "") -> Iterator[Text]:
    """The passages of a wiki text."""
    for piece in split(content):
        yield Text(title, piece.heading, piece.kind, piece.text, piece.language[:40], also)


def _exercise(one: PublicText, version: str) -> Source:
    title = one.title[:LONGEST_TITLE]
    return Source("exercise", one.exercise_id, version, one.concept_id, 0, tuple(texts_of(title, one.text)))


async def put(session: AsyncSession, sources: Sequence[Source]) -> None:
    """Index these, in place of what was indexed of them."""
    await _remove(session, [(one.source, one.key) for one in sources])
    next_id = (await session.execute(queries.NEXT_PASSAGE)).scalar_one()
    rows = list(_rows(sources, next_id))
    await _execute(session, queries.PUT_SOURCE, [_source(one) for one in sources])
    links = [{"concept_id": one.concept_id, "page": page} for one in sources for page in one.pages]
    await _execute(session, queries.PUT_LINK, links)
    await _execute(session, queries.PUT_PASSAGE, rows)
    dialect = session.get_bind().dialect.name
    await _execute(session, queries.PUT_TEXT[dialect], [{"id": row["id"], "words": row["words"]} for row in rows])
    await _count(session, (row["words"] for row in rows), sign=1)


def _source(one: Source) -> dict[str, object]:
    return {"source": one.source, "key": one.key, "mark": one.mark}


def _rows(sources: Iterable[Source], next_id: int) -> Iterator[dict[str, Any]]:
    numbered = enumerate(((one, text) for one in sources for text in one.texts), next_id)
    for number, (one, text) in numbered:
        words = text.words()
        yield {
            "id": number,
            "source": one.source,
            "key": one.key,
            "concept_id": one.concept_id,
            "version": one.version,
            "title": text.title,
            "heading": text.heading,
            "kind": text.kind,
            "language": text.language,
            "content": text.content,
            "words": " ".join(words),
            "length": len(words),
            "hash": hash_of(text.title, text.heading, text.content),
        }


async def _remove(session: AsyncSession, keys: Sequence[tuple[str, str]]) -> None:
    """Take these out of the index. Held from here on until the transaction ends."""
    await session.execute(queries.HOLD_INDEX)
    dialect = session.get_bind().dialect.name
    ids, words = list[dict[str, int]](), list[str]()
    for source, key in keys:
        for row in await session.execute(queries.PASSAGES_OF, {"source": source, "key": key}):
            ids.append({"id": row.id})
            words.append(row.words)
    named = [{"source": source, "key": key} for source, key in keys]
    await _execute(session, queries.REMOVE_TEXT[dialect], ids)
    await _execute(session, queries.REMOVE_PASSAGES, named)
    await _execute(session, queries.REMOVE_SOURCE, named)
    await _execute(session, queries.REMOVE_LINKS, [{"id": int(key)} for source, key in keys if source == "concept"])
    await _count(session, words, sign=-1)


async def _count(session: AsyncSession, words: Iterable[str], *, sign: int) -> None:
    """Count passages by word, and all together."""
    holding, passages, total = Counter[str](), 0, 0
    for line in words:
        found = line.split()
        holding.update(set(found))
        passages, total = passages + 1, total + len(found)
    counted = [{"word": word, "by": sign * count} for word, count in sorted(holding.items())]
    await _execute(session, queries.COUNT_WORD, counted)
    if passages:
        await session.execute(queries.COUNT_ALL, {"passages": sign * passages, "words": sign * total})


async def _execute(session: AsyncSession, statement: Any, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        await session.execute(statement, list(rows))
