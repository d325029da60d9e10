"""What is recommended is found without reading the whole course into memory; here the whole course is looked at."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from learntrac.config import Settings
from learntrac.seeding.building import seed
from learntrac.seeding.order import Order
from tests.conftest import Api, TracCopy, eventually, serving
from tests.contract.servers import quiet_bar
from tests.environments import Postgres

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
READY = (
    "SELECT c.id FROM concept c LEFT JOIN standing mine ON mine.user_id = $1 AND mine.concept_id = c.id"
    " WHERE coalesce(mine.status, 'new') <> 'mastered'"
    " AND (mine.completed_at IS NULL OR EXISTS (SELECT 1 FROM evidence e"
    "  WHERE e.user_id = $1 AND e.concept_id = c.id AND e.weight > 0))"
    " AND (CAST($2 AS text) IS NULL OR c.milestone = $2)"
    " AND NOT EXISTS (SELECT 1 FROM prerequisite o"
    "  LEFT JOIN standing s ON s.user_id = $1 AND s.concept_id = o.prerequisite_id"
    "  WHERE o.concept_id = c.id AND o.state = 'kept'"
    "  AND coalesce(s.status, 'new') <> 'mastered' AND s.completed_at IS NULL)"
)
LEARNERS = 12


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def course(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TracCopy]:
    """A course in which learners stand in many ways, on each database."""
    folder, url, database = tmp_path_factory.mktemp("ready") / "trac", None, "sqlite:db/trac.db"
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        postgres.create_database("ready")
        database, url = postgres.url("ready", "trac"), postgres.url("ready", "plain")
    order = Order(120, LEARNERS, 700, sign_ins=1)
    settings = Settings(demo_password="seed-password")
    seed(folder, order, settings=settings, database=database, clock=lambda: NOON, progress_bar=quiet_bar)
    yield TracCopy(folder, url)
    if url:
        postgres.drop_database("ready")


async def ready(api: Api, user_id: str, milestone: str | None) -> set[int]:
    return {row[0] for row in await api.parts.database.hot.rows(READY, user_id, milestone)}


@pytest.mark.parametrize("milestone", [None, "Week 01", "Week 04", "Week 99"])
async def test_it_is_ready_and_five_of_it_where_there_are_five(course: TracCopy, milestone: str | None) -> None:
    async with serving(course) as api:
        login = await api.anybody.post("/auth/login", {"username": "instructor-1", "password": "seed-password"})
        api.client.headers["Authorization"] = f"Bearer {login['access_token']}"
        for number in range(1, LEARNERS + 1):
            asked = {"milestone": milestone} if milestone else {}
            progress = await api.anybody.get(f"/progress/learner-{number}", **asked)
            recommended = [item["concept_id"] for item in progress["recommendations"]]
            new = {item["concept_id"] for item in progress["recommendations"] if item["kind"] == "new"}
            there = await ready(api, f"learner-{number}", milestone)
            assert new <= there
            assert len(recommended) == len(set(recommended)) <= 5
            assert len(recommended) == 5 or new == there, "where there is room, nothing that is ready is left out"


async def test_a_course_that_changes_is_looked_at_again(course: TracCopy) -> None:
    async with serving(course) as api:
        login = await api.anybody.post("/auth/login", {"username": "learner-1", "password": "seed-password"})
        api.client.headers["Authorization"] = f"Bearer {login['access_token']}"
        before = (await api.anybody.get("/progress"))["overall_progress"]["total_concepts"]
        ticket = "INSERT INTO ticket (id, summary, milestone, time, changetime) VALUES (500, 'New', 'Week 02', 1, 1)"
        # In a thread: the first look at Trac is under way, and must be able to finish.
        await asyncio.to_thread(course.execute, ticket)

        async def is_seen() -> bool:
            return bool((await api.anybody.get("/progress"))["overall_progress"]["total_concepts"] == before + 1)

        await eventually(is_seen)
