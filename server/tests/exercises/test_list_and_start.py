"""Exercises are listed with the learner's own standing, started, resumed, and ended by their time limit."""

from typing import Any

from sqlalchemy import text

from tests.conftest import Api
from tests.exercises.conftest import Room, right_answers
from tests.exercises.samples import DESIGN, QUIZ


async def test_the_list_has_what_the_specification_shows(room: Room) -> None:
    await room.offer(QUIZ)

    answer = await room.alice.get("/exercises")

    assert answer.body == {
        "exercises": [
            {
                "id": "verbs",
                "title": "Which verb?",
                "concept_id": 1,
                "type": "quiz",
                "difficulty": 2.0,
                "points": 10,
                "estimated_time": 5,
                "status": "available",
                "completion_rate": 0.0,
                "prerequisites_met": True,
            }
        ],
        "total": 1,
        "available": 1,
        "completed": 0,
    }


async def test_filters_and_counts(room: Room) -> None:
    await room.offer(QUIZ)
    await room.offer(DESIGN)
    await room.offer(QUIZ | {"id": "verbs-2", "concept": 3, "difficulty": 3.5})
    begun = await room.start(room.alice, "verbs")
    await room.hand_in(room.alice, "verbs", begun["session_id"], answers=right_answers(begun["exercise"]))
    await room.start(room.alice, "loans-api")

    async def ask(**filters: Any) -> tuple[list[str], int, int, int]:
        answer = await room.alice.get("/exercises", **filters)
        ids = [exercise["id"] for exercise in answer["exercises"]]
        return ids, answer["total"], answer["available"], answer["completed"]

    assert await ask() == (["verbs", "loans-api", "verbs-2"], 3, 2, 1)
    assert await ask(concept_id=1) == (["verbs", "loans-api"], 2, 1, 1)
    assert await ask(concept_id=2) == ([], 0, 0, 0)
    assert await ask(type="quiz") == (["verbs", "verbs-2"], 2, 1, 1)
    assert await ask(difficulty=3) == (["loans-api", "verbs-2"], 2, 2, 0)
    assert await ask(difficulty=3.5) == (["verbs-2"], 1, 1, 0)
    assert await ask(status="completed") == (["verbs"], 1, 0, 1)
    assert await ask(status="in_progress") == (["loans-api"], 1, 1, 0)
    assert await ask(status="available") == (["verbs-2"], 1, 1, 0)
    assert await ask(limit=1, offset=1) == (["loans-api"], 3, 2, 1)
    listed = {one["id"]: one for one in (await room.alice.get("/exercises"))["exercises"]}
    assert (listed["verbs"]["completion_rate"], listed["loans-api"]["completion_rate"]) == (1.0, 0.0)
    assert [listed[one]["prerequisites_met"] for one in ("verbs", "verbs-2")] == [True, False]


async def test_starting_shows_the_exercise_and_nothing_of_its_answers(room: Room) -> None:
    await room.offer(QUIZ)

    begun = await room.start(room.alice, "verbs")

    view = begun["exercise"]
    assert begun["session_id"].startswith("ex-session-")
    assert (view["id"], view["test_cases"], view["time_limit"], view["starter_code"]) == ("verbs", 5, 0, "")
    assert [question["kind"] for question in view["questions"]] == ["single", "multiple", "numeric", "text", "ordering"]
    written = str(begun.body)
    assert not any(secret in written for secret in ("correct", "It is safe.", "Content-Type", "404", "Read about safe"))


async def test_starting_again_goes_on(room: Room) -> None:
    await room.offer(DESIGN)
    begun = await room.start(room.alice, "loans-api")
    await room.hand_in(room.alice, "loans-api", begun["session_id"], code="# mine", language="markdown")

    again = await room.start(room.alice, "loans-api")
    other = await room.start(room.bob, "loans-api")

    assert (begun["resumed"], again["resumed"]) == (False, True)
    assert again["session_id"] == begun["session_id"] != other["session_id"]
    assert (again["attempts"], again["last_code"]) == (1, "# mine")
    assert (begun["exercise"]["time_limit"], begun["last_code"]) == (3600, None)


async def test_the_time_limit_ends_a_session(room: Room, api: Api) -> None:
    await room.offer(DESIGN | {"time_limit_minutes": 20})
    begun = await room.start(room.alice, "loans-api")
    api.clock.forward(minutes=21)

    late = await room.hand_in(room.alice, "loans-api", begun["session_id"], code="# too late", language="markdown")
    again = await room.start(room.alice, "loans-api")

    assert late.error == (409, "CONFLICT")
    assert again["session_id"] != begun["session_id"]
    assert again["last_code"] == "# too late"  # kept, though it does not count
    assert (await room.alice.get("/exercises/loans-api/attempts"))["total"] == 0
    async with api.parts.database.read() as session:
        ended = await session.execute(text("SELECT status FROM exercise_session ORDER BY started_at"))
        assert list(ended.scalars()) == ["expired", "active"]


async def test_a_concept_shows_its_exercises_and_its_path_leads_to_them(room: Room) -> None:
    await room.offer(QUIZ)

    detail = await room.alice.get("/concepts/1")
    begun = await room.alice.post("/concepts/1/start", {"learning_mode": "guided"})

    assert detail["exercises"] == [{"id": "verbs", "title": "Which verb?", "type": "quiz", "points": 10}]
    practice = [step for step in begun["learning_path"] if step["type"] == "practice"]
    assert [step["exercise"] for step in practice] == [
        {"id": "verbs", "title": "Which verb?", "instructions": "Answer from memory.", "estimated_time": 5}
    ]
    assert practice[0]["resource"]["type"] == "exercise"
