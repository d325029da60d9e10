"""Fitting on the installation's own evidence, as `learntrac mastery fit` does, and states made anew from the log."""

import asyncio
import math
import random
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from learntrac.kit.clock import to_micros, utc_now
from learntrac.kit.db import Database
from learntrac.mastery.evaluation import read_parameters
from learntrac.mastery.own_log import is_held_out, read_learners, refit, replay_unread
from learntrac.mastery.parameter_file import Model, write
from learntrac.mastery.parameters import Parameters, Weights
from learntrac.mastery.service import get_where
from learntrac.schema import migrate

ADD = text(
    "INSERT INTO evidence (user_id, concept_id, item_id, outcome, weight, source, threshold, prerequisites, voided, at)"
    " VALUES (:user, :concept, :item, :outcome, :weight, :source, 0.8, '[]', :voided, :at)"
)


@pytest.fixture(scope="module")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("own-log") / "empty.db"

    async def make() -> None:
        database = Database(f"sqlite:///{file}")
        await migrate(database)
        await database.close()

    asyncio.run(make())
    return file


@pytest.fixture
async def database(empty_file: Path, tmp_path: Path) -> AsyncIterator[Database]:
    shutil.copy(empty_file, tmp_path / "learntrac.db")
    opened = Database(f"sqlite:///{tmp_path}/learntrac.db")
    yield opened
    await opened.close()


def row(user: str, concept: int, outcome: float, **more: Any) -> dict[str, Any]:
    known = {"item": f"i{concept}", "weight": 1.0, "source": "quiz", "voided": False, "at": to_micros(utc_now())}
    return {"user": user, "concept": concept, "outcome": outcome} | known | more


async def answered(database: Database, *rows: dict[str, Any]) -> None:
    async with database.begin() as session:
        await session.execute(ADD, list(rows))


def course(learners: int, answers: int) -> list[dict[str, Any]]:
    """Learners who differ, and concepts that differ in difficulty."""
    dice = random.Random(7)
    made = []
    for number in range(learners):
        ability = dice.gauss(0.5, 1)
        for _ in range(answers):
            concept = dice.randrange(1, 9)
            right = dice.random() < 1 / (1 + math.exp(0.5 * (concept - 4) - ability))
            made.append(row(f"learner {number}", concept, float(right)))
    return made


async def test_too_few_answers_teach_nothing(database: Database, tmp_path: Path) -> None:
    await answered(database, *course(30, 10))

    made = await refit(database, tmp_path / "model.json", now=utc_now())

    assert (made.answers, made.learners, made.enough, made.before, made.written) == (300, 30, False, None, False)
    assert not (tmp_path / "model.json").exists()


async def test_a_better_model_is_written_and_everybody_replayed(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    await answered(database, *course(40, 40))
    stages: list[str] = []

    made = await refit(database, file, now=utc_now(), progress=lambda stage, _done, _total: stages.append(stage))

    assert made.written
    assert made.before is not None
    assert made.after is not None
    assert made.after.log_loss < made.before.log_loss  # type: ignore[operator] # there are answers to judge by
    assert made.replayed == made.learners == 40
    assert set(stages) == {"counting", "tracing", "fitting", "replaying"}
    learned = read_parameters(file)
    taught = sum(1 for learner in await read_learners(database) if not is_held_out(learner.name))
    assert learned.tables.total[1] == 40 * taught < 40 * 40, "nothing is learned from those who were held out"
    states = await database.hot.rows("SELECT DISTINCT model FROM learner_state")
    assert [row[0] for row in states] == [Model(file).current.digest]


async def test_a_worse_model_is_not_written(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    await answered(database, *course(40, 40))
    await refit(database, file, now=utc_now())
    learned = file.read_text()
    # Whoever is learned from answers the other way round from now on; whoever is held out does not.
    async with database.begin() as session:
        for learner in await read_learners(database):
            if not is_held_out(learner.name):
                flip = text("UPDATE evidence SET outcome = 1 - outcome WHERE user_id = :user")
                await session.execute(flip, {"user": learner.name})

    made = await refit(database, file, now=utc_now())

    assert not made.written
    assert file.read_text() == learned


async def test_what_was_struck_weak_or_reported_is_read_for_what_it_is(database: Database) -> None:
    await answered(
        database,
        row("alice", 1, 1.0),
        row("alice", 1, 0.0, voided=True),
        row("alice", 1, 1.0, weight=0.4),
        row("alice", 2, 0.6),
        row("alice", 2, 0.3, source="reported", item="session:1"),
        row("bob", 1, 1.0, weight=0.0),
    )

    (alice,) = await read_learners(database)

    assert [(answer.item, answer.skills, answer.correct) for answer in alice.answers] == [
        ("i1", ("1",), True),
        ("", ("2",), False),
    ]


async def test_learners_of_a_version_before_are_read_by_a_job(database: Database) -> None:
    await answered(database, row("alice", 1, 1.0), row("alice", 1, 1.0), row("bob", 1, 1.0, weight=0.0))
    learned = Model().current

    assert await replay_unread(database, learned, now=utc_now()) == 1
    assert await replay_unread(database, learned, now=utc_now()) == 0

    async with database.read() as session:
        where = await get_where(session, user_id="alice", concept_id=1)
    assert (where.status, where.known.answers) == ("mastered", 2)
    assert where.known.score == pytest.approx(0.815, abs=1e-4)


async def test_a_master_stays_one_under_a_model_that_would_not_say_so(database: Database, tmp_path: Path) -> None:
    await answered(database, row("alice", 1, 1.0), row("alice", 1, 1.0))
    await replay_unread(database, Model().current, now=utc_now())
    write(Parameters(Weights(-2.0, 0, 1, 0, 0, 0, 1, 0, 0), 0.0), tmp_path / "model.json")
    async with database.begin() as session:
        await session.execute(text("DELETE FROM learner_state"))

    await replay_unread(database, Model(tmp_path / "model.json").current, now=utc_now())

    async with database.read() as session:
        where = await get_where(session, user_id="alice", concept_id=1)
    assert where.status == "mastered"
    assert where.known.score < 0.3
