"""What the demo's learners did: believable, the same for a day, and something to show in every list."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from learntrac.config import Settings
from learntrac.demo.history import STUDENTS, TRIED_BY_HAND, WEEKS, fill, find_waiting
from learntrac.kit.clock import to_micros
from learntrac.kit.db import Database
from learntrac.kit.http.doors import API
from learntrac.main import create_app, opened, site
from tests.contract.servers import PASSWORD, made_demo

NOON = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)
LEARNED = (
    *("standing", "evidence", "contest", "learner_state", "learning_event", "learning_session", "learner"),
    *("achievement", "concept_feedback", "learning_preference"),
)
Look = Callable[[str], list[Any]]


def emptied(demo: Path, file: Path) -> Path:
    """The demo's database from before anybody learned."""
    shutil.copy(demo / "db" / "learntrac.db", file)
    with sqlite3.connect(file) as connection:
        for table in LEARNED:
            connection.execute(f"DELETE FROM {table}")
    connection.close()
    return file


def learned(demo: Path, file: Path, now: datetime) -> Look:
    """Let everybody learn up to `now`; returns what looks into the database."""

    async def work() -> None:
        database = Database(f"sqlite:///{emptied(demo, file)}")
        students = await find_waiting(database)
        await fill(database, students, now=now, on_progress=lambda _done, _total: None)
        assert await find_waiting(database) == []
        await database.close()

    asyncio.run(work())

    def look(sql: str) -> list[Any]:
        with sqlite3.connect(file) as connection:
            found = connection.execute(sql).fetchall()
        connection.close()
        return found

    return look


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_demo(tmp_path_factory)


@pytest.fixture(scope="module")
def noon(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Look:
    """What was learned up to a certain noon."""
    return learned(demo, tmp_path_factory.mktemp("history") / "noon.db", NOON)


SESSIONS = "SELECT user_id, started_at, ended_at FROM learning_session ORDER BY user_id, started_at"
EVENTS = "SELECT user_id, concept_id, kind, seconds, score, at FROM learning_event ORDER BY id"


def assert_believable(look: Look, now: datetime) -> None:
    times = [row[0] for row in look("SELECT at FROM learning_event UNION SELECT started_at FROM learning_session")]
    assert to_micros(now - timedelta(weeks=WEEKS, days=1)) < min(times)
    assert max(times) <= to_micros(now)
    for (user, _, ended), (next_user, begun, _) in pairwise(look(SESSIONS)):
        assert user != next_user or (ended is not None and ended < begun), user


def test_nobody_is_in_the_future_or_in_two_sessions_at_once(noon: Look) -> None:
    assert_believable(noon, NOON)
    assert {row[0] for row in noon(SESSIONS)} == {student.user_id for student in STUDENTS}


@pytest.mark.parametrize("now", [NOON.replace(hour=0, minute=0), NOON.replace(hour=23, minute=59)])
def test_a_day_decides_and_not_the_hour(demo: Path, noon: Look, tmp_path: Path, now: datetime) -> None:
    same_day = learned(demo, tmp_path / "same.db", now)

    assert_believable(same_day, now)
    assert same_day(EVENTS) == noon(EVENTS)


def test_another_day_is_the_same_a_day_later(demo: Path, noon: Look, tmp_path: Path) -> None:
    later = learned(demo, tmp_path / "later.db", NOON + timedelta(days=1))

    shifted = [(*row[:-1], row[-1] + 86_400_000_000) for row in noon(EVENTS)]
    assert later(EVENTS) == shifted


def test_students_differ_as_people_do(noon: Look) -> None:
    mastered = dict(noon("SELECT user_id, sum(status = 'mastered') FROM standing GROUP BY user_id"))
    last_seen = dict(noon("SELECT user_id, max(at) FROM learning_event GROUP BY user_id"))

    assert max(mastered.values()) >= 3 * max(1, min(mastered.values()))
    assert last_seen["jorge"] < to_micros(NOON - timedelta(weeks=3)), "somebody stopped coming"
    assert last_seen["alice"] > to_micros(NOON - timedelta(days=2))
    kinds = {row[0] for row in noon("SELECT DISTINCT kind FROM learning_event")}
    assert kinds == {
        *("started", "answered", "mastered", "completed", "abandoned", "contested"),
        *("solved", "struggled", "milestone"),
    }


def test_something_is_left_to_try(noon: Look) -> None:
    roots = [
        row[0]
        for row in noon("SELECT id FROM concept WHERE id NOT IN (SELECT concept_id FROM prerequisite) ORDER BY id")
    ]
    for user in TRIED_BY_HAND:
        begun = {row[0] for row in noon(f"SELECT concept_id FROM standing WHERE user_id = '{user}'")}
        assert set(roots) - begun, f"{user} has begun every concept that builds on nothing"
    active = {row[0] for row in noon("SELECT concept_id FROM learning_session WHERE status = 'active'")}
    assert active
    assert roots[0] not in active


def test_a_start_that_was_cut_off_lets_the_rest_learn(demo: Path, tmp_path: Path) -> None:
    file = emptied(demo, tmp_path / "cut off.db")

    async def work() -> list[str]:
        database = Database(f"sqlite:///{file}")
        await fill(database, STUDENTS[:2], now=NOON, on_progress=lambda _done, _total: None)
        waiting = await find_waiting(database)
        await database.close()
        return [student.user_id for student in waiting]

    assert asyncio.run(work()) == [student.user_id for student in STUDENTS[2:]]


@asynccontextmanager
async def signed_in(demo: Path, name: str) -> AsyncIterator[Callable[[str], Awaitable[Any]]]:
    """The API over this demo, as one of its people: what fetches the JSON at an address."""
    settings = Settings(trac_env=demo)
    async with opened(settings) as parts:
        transport = httpx.ASGITransport(site(create_app(parts), settings))
        async with httpx.AsyncClient(transport=transport, base_url="http://learn.test" + API) as client:
            login = await client.post("/auth/login", json={"username": name, "password": PASSWORD})
            client.headers["Authorization"] = f"Bearer {login.json()['access_token']}"

            async def fetch(path: str) -> Any:
                return (await client.get(path)).json()

            yield fetch


async def test_scores_have_receipts_and_instructors_something_to_decide(demo: Path, tmp_path: Path) -> None:
    shutil.copytree(demo, tmp_path / "demo")
    async with signed_in(tmp_path / "demo", "alice") as fetch:
        begun = await fetch("/mastery?limit=100")
        due = await fetch("/mastery?due=true")
        one = await fetch(f"/mastery/{due['concepts'][0]['concept_id']}")
    assert 10 <= begun["total"] <= 16
    assert 5 <= sum(item["status"] == "mastered" for item in begun["concepts"]) <= 10
    assert one["evidence"]["items"]
    assert one["receipt"]["retention"] < 1

    async with signed_in(tmp_path / "demo", "ivan") as fetch:
        pending = await fetch("/mastery/contests?status=pending")
    assert {item["user_id"] for item in pending["contests"]} == set(TRIED_BY_HAND)


async def test_alice_has_something_in_every_list(demo: Path, tmp_path: Path) -> None:
    shutil.copytree(demo, tmp_path / "demo")
    async with signed_in(tmp_path / "demo", "alice") as fetch:
        progress, history = await fetch("/progress"), await fetch("/progress/history")
        profile = (await fetch("/auth/me"))["learning_profile"]
        recommended, achievements = await fetch("/adaptive/recommendations"), await fetch("/adaptive/achievements")

    lists = {name: value for name, value in progress.items() if isinstance(value, list)}
    assert set(lists) == {"milestones", "recent_activity", "strengths", "recommendations"}
    assert all(lists.values()), lists
    assert any(line["estimated_completion"] for line in progress["milestones"])
    overall = progress["overall_progress"]
    assert min(overall.values()) > 0, overall
    assert overall["total_concepts"] > overall["completed_concepts"] > overall["mastered_concepts"]
    velocity = progress["learning_velocity"]
    assert 0.5 < velocity["concepts_per_week"] < 7
    assert 0.5 < velocity["hours_per_week"] < 15
    assert profile["strengths"]
    assert profile["areas_for_improvement"]
    assert profile["preferred_learning_style"] != "unknown"
    assert len(history["history"]) > 3
    assert 0 < history["totals"]["average_mastery_score"] < 1
    lists_ = (recommended["recommendations"], *recommended["adaptive_path"].values())
    insights = recommended["learning_insights"]
    assert all((*lists_, insights["strength_areas"], insights["focus_areas"])), recommended
    assert (insights["momentum"], insights["suggested_pace"]) != ("none", "slow_down")
    assert {"first_step", "first_mastery", "three_days"} <= {one["id"] for one in achievements["earned"]}
    assert "week_streak" in {one["id"] for one in achievements["open"]}
    assert any(entry["exercises_completed"] and entry["quiz_average"] for entry in history["history"])
