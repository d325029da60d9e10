"""The tutor at 10,000 passages: how soon its first words come, and what gate, retrieval and check take before a model
would be asked.

    python -m benchmarks.tutor [--passages N] [--track FOLDER]

With `--track`, an Exercism track that lies outside the project is read, and the question that each objective asks is
looked up: how often its own concept is among the first five.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from learntrac.chat import indexing, questions
from learntrac.chat.answering import answer
from learntrac.chat.benching import percentile
from learntrac.chat.events import Delta, Turn
from learntrac.chat.memory import Said
from learntrac.chat.planning import Tutor, make_plan
from learntrac.chat.retrieval import Reader, search
from learntrac.concepts.viewing import Viewer
from learntrac.imports.exercism import read_track
from learntrac.kit.clock import utc_now
from learntrac.kit.db import Database
from learntrac.schema import migrate
from learntrac.trac.permissions import Permissions
from learntrac.trac.visibility import Visibility
from learntrac.trac.wikitext import read_objectives

WORDS = 6000
ASKED = 200


def invented(dice: random.Random, words: int) -> str:
    """A text of invented words, the common ones often, as in any language."""
    return " ".join(f"w{min(WORDS, int(dice.paretovariate(0.9)))}x" for _ in range(words))


async def fill(database: Database, passages: int) -> None:
    """An index of so many passages, six of each concept."""
    dice = random.Random(11)
    sources = [
        indexing.Source(
            "concept",
            str(number),
            "1",
            number,
            0,
            tuple(
                indexing.Text(
                    f"Concept {invented(dice, 3)}",
                    invented(dice, 2),
                    "prose",
                    invented(dice, 90),
                )
                for _ in range(6)
            ),
        )
        for number in range(1, passages // 6 + 1)
    ]
    for begin in range(0, len(sources), indexing.CHUNK):
        async with database.begin() as session:
            await indexing.put(session, sources[begin : begin + indexing.CHUNK])


async def measure(database: Database, concepts: int) -> None:
    """Print how long plans and first words take."""
    tutor = Tutor(database, lambda: Permissions.build([("anonymous", "TICKET_VIEW")]), utc_now)
    dice = random.Random(12)
    plans, firsts, wholes = list[float](), list[float](), list[float]()
    for number in range(ASKED):
        text = f"What is {invented(dice, 6)}?"
        turn = Turn(
            "c",
            "u",
            "explaining",
            dice.randint(1, concepts),
            "m",
            2,
            text,
            (Said("user", text),),
        )
        begun = time.perf_counter()
        await make_plan(tutor, turn)
        plans.append((time.perf_counter() - begun) * 1000)
        begun, first = time.perf_counter(), None
        async for event in answer(tutor, replace(turn, reply_id=str(number))):
            if first is None and isinstance(event, Delta):
                first = time.perf_counter()
        firsts.append(((first or time.perf_counter()) - begun) * 1000)
        wholes.append((time.perf_counter() - begun) * 1000)
    for name, found in (
        ("gate and retrieval", plans),
        ("first words", firsts),
        ("whole reply", wholes),
    ):
        print(f"{name}: {percentile(found, 50):.1f} ms median, {percentile(found, 95):.1f} ms p95")


async def look_up(folder: Path, database: Database) -> None:
    """Print how often an objective's own question finds its concept."""
    course = read_track(folder)
    names = {one.key: number for number, one in enumerate(course.concepts, 1)}
    async with database.begin() as session:
        await indexing.put(
            session,
            [
                indexing.Source(
                    "concept",
                    str(names[one.key]),
                    "1",
                    names[one.key],
                    0,
                    (
                        *indexing.texts_of(one.title, one.description),
                        indexing.Text(
                            one.title,
                            "",
                            "objectives",
                            "\n".join(read_objectives(one.description)),
                        ),
                    ),
                )
                for one in course.concepts
            ],
        )
    who = Reader(Viewer("u", Visibility(default=True)), lambda _page: True)
    hits = asked = 0
    for one in course.concepts:
        for objective in read_objectives(one.description):
            found = await search(
                database.hot,
                questions.ask(objective),
                who=who,
                is_sqlite=database.is_sqlite,
            )
            hits += names[one.key] in found.concept_ids[:5]
            asked += 1
    print(f"objectives' own questions: {hits} of {asked} find their concept among the first five ({hits / asked:.1%})")


async def run(passages: int, track: Path | None) -> None:
    """Measure on a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/tutor.db")
        await migrate(database)
        begun = time.perf_counter()
        await fill(database, passages)
        print(f"{passages} passages indexed in {time.perf_counter() - begun:.1f} s")
        await measure(database, passages // 6)
        await database.close()
    if track is not None:
        with tempfile.TemporaryDirectory() as folder:
            database = Database(f"sqlite:///{folder}/tutor.db")
            await migrate(database)
            await look_up(track, database)
            await database.close()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--track", type=Path)
    given = parser.parse_args()
    asyncio.run(run(given.passages, given.track))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
