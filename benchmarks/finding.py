"""How often a question finds the concept that answers it: by the words alone, and with a model for embeddings too.

    python -m benchmarks.finding [--track FOLDER] [--embeddings http://127.0.0.1:11434/v1 --model NAME]

Asked are the questions that objectives make, and questions in a learner's own words (`paraphrases`), on the demo's
course or on an Exercism track that lies outside the project; and questions that the course says nothing about.
Nothing of a model is part of LearnTrac: `--embeddings` names a server that speaks OpenAI's protocol.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.paraphrases import DEMO, ELSEWHERE, PYTHON
from learntrac.backends.llm import LanguageModel
from learntrac.backends.llm.budgets import Budgets, Ceilings
from learntrac.backends.llm.opening import Choice, open_llm
from learntrac.chat import indexing, questions, vectors
from learntrac.chat.benching import Measured, percentile
from learntrac.chat.planning import COVERED_FROM
from learntrac.chat.retrieval import Reader, search
from learntrac.chat.vectors import Meanings
from learntrac.concepts.viewing import Viewer
from learntrac.demo.reading import read_course
from learntrac.imports.exercism import read_track
from learntrac.kit.clock import utc_now
from learntrac.kit.db import Database
from learntrac.kit.metrics import Metrics
from learntrac.schema import migrate
from learntrac.trac.course import Course
from learntrac.trac.visibility import Visibility
from learntrac.trac.wikitext import read_links, read_objectives

SHOWN = 5
PLENTY = Ceilings(10**15, 10**15, 10**15, 10**15)
_WHO = Reader(Viewer("u", Visibility(default=True)), lambda _page: True)


@dataclass
class Tally:
    """Questions of one kind: how many found their concept first, and among the first five."""

    first: Measured = field(default_factory=Measured)
    among: Measured = field(default_factory=Measured)


def sources_of(course: Course) -> Iterator[indexing.Source]:
    """The course as it is indexed: concepts with their objectives, and pages."""
    for number, one in enumerate(course.concepts, 1):
        objectives = "\n".join(read_objectives(one.description))
        texts = [*indexing.texts_of(one.title, one.description)]
        texts += [indexing.Text(one.title, "", "objectives", objectives)] if objectives else []
        pages = dict.fromkeys(link.target for link in read_links(one.description) if link.kind == "wiki")
        named = texts or [indexing.Text(one.title, "", "prose", one.title)]
        yield indexing.Source("concept", str(number), "1", number, 0, tuple(named), tuple(pages))
    for page in course.pages:
        texts_of_page = tuple(indexing.texts_of(page.name, page.text, also=page.name.replace("/", " ")))
        yield indexing.Source("page", page.name, "1", None, 1, texts_of_page)


def asked_of(course: Course, own: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, str, int]]:
    """(kind, question, the concept that answers it)."""
    numbers = {one.key.removeprefix("concept:"): number for number, one in enumerate(course.concepts, 1)}
    for number, one in enumerate(course.concepts, 1):
        for objective in read_objectives(one.description):
            yield "an objective's own question", questions.ask(objective), number
    for key, asked in own.items():
        for question in asked:
            yield "in a learner's words", question, numbers[key]


async def look_up(
    database: Database, asked: Iterable[tuple[str, str, int]], meanings: Meanings | None
) -> tuple[dict[str, Tally], Measured, list[float]]:
    """What was found; of what the course has nothing about, how often that was seen; and milliseconds of a search."""
    tallies, silent, took = dict[str, Tally](), Measured(), list[float]()
    for kind, question, number in [*asked, *(("elsewhere", one, 0) for one in ELSEWHERE)]:
        meant = await meanings.find(question, user_id="u") if meanings is not None else None
        begun = time.perf_counter()
        found = await search(database.hot, question, who=_WHO, is_sqlite=True, meant=meant)
        took.append((time.perf_counter() - begun) * 1000)
        if kind == "elsewhere":
            silent.add(question, right=found.covered < COVERED_FROM or not found.concept_ids)
            continue
        tally = tallies.setdefault(kind, Tally())
        tally.first.add(question, right=found.concept_ids[:1] == [number])
        tally.among.add(question, right=number in found.concept_ids[:SHOWN])
    return tallies, silent, took


def show(how: str, found: tuple[dict[str, Tally], Measured, list[float]], *, wrong: bool) -> None:
    """Print the figures of one way of finding."""
    tallies, silent, took = found
    for kind, tally in tallies.items():
        low, high = tally.among.interval()
        print(
            f"{how}; {kind}: first {tally.first.share:.1%}, among the first {SHOWN} {tally.among.share:.1%}"
            f" of {tally.among.cases} ({low:.1%} to {high:.1%})"
        )
        for question in tally.among.wrong if wrong else ():
            print(f"    {question}")
    print(f"{how}; what the course has nothing about: seen as such {silent.right} of {silent.cases}")
    for question in silent.wrong if wrong else ():
        print(f"    {question}")
    print(f"{how}; a search: {percentile(took, 50):.1f} ms median, {percentile(took, 95):.1f} ms p95")


def model_at(url: str, name: str, database: Database) -> LanguageModel:
    """The model for embeddings at this server."""
    choice = Choice("openai_compatible", "none", url, None, name, None, None, None, None, timeout_seconds=60)
    return open_llm(choice, budgets=Budgets(database, utc_now, PLENTY), metrics=Metrics())


async def run(track: Path | None, url: str | None, name: str, *, wrong: bool) -> None:
    """Measure on a database of its own."""
    course, own = (read_track(track), PYTHON) if track is not None else (read_course(), DEMO)
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/finding.db")
        await migrate(database)
        async with database.begin() as session:
            await indexing.put(session, list(sources_of(course)))
        asked = list(asked_of(course, own))
        print(f"{course.title}: {len(course.concepts)} concepts, {len(asked)} questions")
        show("by words", await look_up(database, asked, None), wrong=wrong)
        if url is not None:
            model = model_at(url, name, database)
            begun = time.perf_counter()
            while await vectors.follow(database, model):
                pass
            print(f"vectors by {name} made in {time.perf_counter() - begun:.1f} s")
            meanings = Meanings(database, model, within_seconds=10)
            show("by words and meaning", await look_up(database, asked, meanings), wrong=wrong)
            await model.close()
        await database.close()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--track", type=Path)
    parser.add_argument("--embeddings")
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--wrong", action="store_true", help="print the questions that did not find theirs")
    given = parser.parse_args()
    asyncio.run(run(given.track, given.embeddings, given.model, wrong=given.wrong))


if __name__ == "__main__":
    main()
