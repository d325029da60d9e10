"""A seeded Trac is whole, answers through the API like any other, and nothing else is ever touched."""

import json
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest

from learntrac.config import Settings
from learntrac.kit.db import SCHEMA
from learntrac.seeding.building import seed
from learntrac.seeding.bulk import Tables
from learntrac.seeding.learning import COLUMNS
from learntrac.seeding.order import MARKER, SQLITE, Order, Seeded
from learntrac.trac.author import write_course
from learntrac.trac.environment import EnvironmentProblem
from learntrac.trac.sync import Progress
from tests.conftest import WRITTEN_AT, Person, TracCopy, serving
from tests.contract.servers import quiet_bar
from tests.course import COURSE
from tests.environments import Postgres, make_trac16

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ORDER = Order(concepts=90, learners=25, events=900, seed=5, sign_ins=2)


def made(folder: Path, order: Order = ORDER, database: str = SQLITE, password: str | None = "seed-password") -> Seeded:
    settings = Settings(demo_password=password)
    return seed(folder, order, settings=settings, database=database, clock=lambda: NOON, progress_bar=quiet_bar)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def seeded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TracCopy]:
    """A seeded Trac on each database."""
    folder = tmp_path_factory.mktemp("seeded") / "trac"
    if request.param == "sqlite":
        made(folder)
        yield TracCopy(folder)
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    postgres.create_database("seeded")
    made(folder, database=postgres.url("seeded", "trac"))
    yield TracCopy(folder, postgres.url("seeded", "plain"))
    postgres.drop_database("seeded")


def learntrac(trac: TracCopy) -> Tables:
    return Tables(trac.plain_url or trac.folder / "db" / "learntrac.db", SCHEMA)


def count(trac: TracCopy, table: str) -> int:
    with closing(learntrac(trac)) as tables:
        return int(tables.execute(f"SELECT count(*) FROM {table}")[0][0])


def test_there_is_as_much_as_was_asked_for(seeded: TracCopy) -> None:
    assert seeded.execute("SELECT count(*) FROM ticket")[0][0] == count(seeded, "concept") == ORDER.concepts
    assert count(seeded, "learner") == ORDER.learners
    assert count(seeded, "learning_event") == ORDER.events
    assert count(seeded, "local_account") == 3
    assert count(seeded, "prerequisite WHERE state <> 'kept'") == 0
    assert count(seeded, "concept WHERE problems <> '[]'") == 0


def test_every_learner_has_a_row_where_a_sign_in_would_make_one(seeded: TracCopy) -> None:
    for table in COLUMNS:
        assert count(seeded, f"{table} WHERE user_id NOT IN (SELECT user_id FROM learner)") == 0


async def sign_in(anybody: Person, name: str) -> Person:
    answer = await anybody.post("/auth/login", {"username": name, "password": "seed-password"})
    return Person(anybody.client, answer["access_token"])


async def test_the_api_answers_over_it(seeded: TracCopy) -> None:
    async with serving(seeded) as api:
        learner, instructor = await sign_in(api.anybody, "learner-1"), await sign_in(api.anybody, "instructor-1")
        concepts, progress = await learner.get("/concepts"), await learner.get("/progress")
        seen = await instructor.get("/progress/learner-25")
        history = await learner.get("/progress/history", start_date="2025-12-01", end_date="2026-03-02")

    assert concepts["total"] == ORDER.concepts
    overall = progress["overall_progress"]
    assert overall["total_concepts"] == ORDER.concepts
    assert overall["completed_concepts"] == count(
        seeded, "standing WHERE user_id = 'learner-1' AND completed_at IS NOT NULL"
    )
    assert progress["recent_activity"]
    assert progress["recommendations"]
    assert seen["user_id"] == "learner-25"
    assert history["totals"]["concepts_completed"] == overall["completed_concepts"] > 0


async def test_an_invented_learner_can_go_on(seeded: TracCopy) -> None:
    async with serving(seeded) as api:
        learner = await sign_in(api.anybody, "learner-2")
        concept_id = (await learner.get("/concepts", status="new"))["concepts"][0]["id"]
        session_id = (await learner.post(f"/concepts/{concept_id}/start", {}))["session_id"]
        answer = await learner.post(f"/concepts/{concept_id}/complete", {"session_id": session_id})

    assert (answer.status, answer["status"]) == (200, "practicing")


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    first = made(tmp_path / "trac", password=None)
    before = {file: file.read_bytes() for file in (tmp_path / "trac").rglob("*") if file.is_file()}

    assert made(tmp_path / "trac", password=None) == first
    assert {file: file.read_bytes() for file in (tmp_path / "trac").rglob("*") if file.is_file()} == before
    assert len(first.password) >= 8
    assert (tmp_path / "trac" / "conf" / MARKER).stat().st_mode & 0o777 == 0o600


def test_the_same_seed_and_day_make_the_same(tmp_path: Path) -> None:
    made(tmp_path / "one")
    made(tmp_path / "other")

    for table in COLUMNS:
        one, other = (
            learntrac(TracCopy(tmp_path / name)).execute(f"SELECT * FROM {table} ORDER BY 1, 2")
            for name in ("one", "other")
        )
        assert one == other


def test_nothing_may_be_asked_for(tmp_path: Path) -> None:
    made(tmp_path / "empty", Order(0, 0, 0, sign_ins=0))
    made(tmp_path / "people", Order(0, 3, 0))

    assert count(TracCopy(tmp_path / "empty"), "local_account") == 0
    assert count(TracCopy(tmp_path / "people"), "learner") == 3
    assert count(TracCopy(tmp_path / "people"), "local_account") == 4


def test_other_numbers_need_another_folder(tmp_path: Path) -> None:
    made(tmp_path / "trac", Order(3, 0, 0))

    with pytest.raises(EnvironmentProblem, match="seeded with other numbers"):
        made(tmp_path / "trac", Order(3, 1, 1))


@pytest.mark.parametrize("order", [ORDER, Order(0, 10, 0), Order(0, 10, 0, sign_ins=0)])
def test_a_trac_that_somebody_uses_is_left_alone(sqlite_template: Path, tmp_path: Path, order: Order) -> None:
    shutil.copytree(sqlite_template, tmp_path / "trac")
    before = {file: file.read_bytes() for file in (tmp_path / "trac").rglob("*") if file.is_file()}

    with pytest.raises(EnvironmentProblem, match="was not made by `learntrac seed` and is left alone"):
        made(tmp_path / "trac", order)

    assert {file: file.read_bytes() for file in (tmp_path / "trac").rglob("*") if file.is_file()} == before


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("Chapter 1")

    with pytest.raises(EnvironmentProblem, match="left alone"):
        made(tmp_path / "thesis.txt")


def test_a_postgresql_that_has_tables_is_left_alone(postgres: Postgres, tmp_path: Path) -> None:
    postgres.create_database("in_use")
    make_trac16(tmp_path / "real", postgres.url("in_use", "trac"))

    with pytest.raises(EnvironmentProblem, match=r"in use \(it has a table trac\.attachment\)"):
        made(tmp_path / "trac", database=postgres.url("in_use", "trac"))
    with closing(Tables(postgres.url("in_use", "plain"))) as tables:
        tables.execute(f"CREATE SCHEMA {SCHEMA}")
        tables.execute(f"CREATE TABLE {SCHEMA}.learner (user_id text)")
        tables.commit()
    with pytest.raises(EnvironmentProblem, match=r"in use \(it has a table learntrac\.learner\)"):
        made(tmp_path / "trac", database=postgres.url("in_use", "trac").replace("schema=trac", "schema=other"))
    postgres.drop_database("in_use")

    assert not (tmp_path / "trac").exists()


def test_an_environment_of_somebody_elses_database_is_not_seeded(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/real.db")

    with pytest.raises(EnvironmentProblem, match="LEARNTRAC_DATABASE_URL is set"):
        seed(tmp_path / "trac", ORDER, settings=settings, clock=lambda: NOON, progress_bar=quiet_bar)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("database", "why"),
    [
        ("mysql://root@localhost/trac", "is Trac's URL"),
        ("sqlite:/home/somebody/trac.db", "is Trac's URL"),
        ("postgres://somebody:pw@127.0.0.1:port/trac", "not as Trac writes it"),
        ("postgres://somebody:pw@127.0.0.1:1/trac", "cannot be used"),
    ],
)
def test_a_database_that_cannot_be_is_told_without_its_password(tmp_path: Path, database: str, why: str) -> None:
    with pytest.raises(EnvironmentProblem, match=why) as refused:
        made(tmp_path / "trac", database=database)

    assert "pw@" not in str(refused.value)
    assert not (tmp_path / "trac").exists()


@pytest.mark.parametrize("order", [Order(0, 5, 5), Order(5, 0, 5), Order(3_000_000, 0, 0), Order(5, 1, 20_000)])
def test_an_order_that_cannot_be_is_refused(tmp_path: Path, order: Order) -> None:
    with pytest.raises(ValueError, match=r"concepts|events"):
        made(tmp_path / "trac", order)

    assert list(tmp_path.iterdir()) == []


def test_what_is_cut_off_leaves_nothing_behind(tmp_path: Path) -> None:
    def cut(label: str) -> AbstractContextManager[Progress]:
        if label == "Letting learners learn":
            raise KeyboardInterrupt
        return quiet_bar(label)

    (tmp_path / "trac").mkdir()
    with pytest.raises(KeyboardInterrupt):
        seed(tmp_path / "trac", ORDER, settings=Settings(), clock=lambda: NOON, progress_bar=cut)
    left = list(tmp_path.iterdir())
    made(tmp_path / "trac", Order(3, 1, 4))

    assert left == [tmp_path / "trac"]
    assert json.loads((tmp_path / "trac" / "conf" / MARKER).read_text())["order"]["concepts"] == 3


def test_the_progress_is_reported(tmp_path: Path) -> None:
    seen: dict[str, list[tuple[int, int]]] = {}

    def bar(label: str) -> AbstractContextManager[Progress]:
        return nullcontext(lambda done, total: seen.setdefault(label, []).append((done, total)))

    seed(tmp_path / "trac", ORDER, settings=Settings(), clock=lambda: NOON, progress_bar=bar)

    assert list(seen) == ["Writing tickets", "Reading Trac's tickets", "Letting learners learn"]
    assert all(reports[-1][0] == reports[-1][1] > 0 for reports in seen.values())


def test_trac_numbers_its_next_ticket_after_them(seeded: TracCopy) -> None:
    report = write_course(seeded.folder, COURSE, author="ivan", now=WRITTEN_AT)

    assert min(report.ticket_ids.values()) == ORDER.concepts + 1
