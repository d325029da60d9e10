"""A submission is stored before it is graded, graded once, and believed in nothing that it says of itself."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from learntrac.backends.sandbox import toolchain
from learntrac.backends.sandbox.toolchain import NoToolchain, Toolchain
from learntrac.exercises import jobs, submitting
from learntrac.exercises.attempts import Grader
from learntrac.exercises.definition import check_definition
from learntrac.exercises.pushing import push
from learntrac.exercises.schemas import Solution, SubmitRequest
from learntrac.trac.visibility import Visibility
from tests.conftest import Api
from tests.exercises.conftest import Room, right_answers
from tests.exercises.samples import CODING, DESIGN, QUIZ

NOT_FOUND, CONFLICT, INVALID = (404, "NOT_FOUND"), (409, "CONFLICT"), (400, "VALIDATION_ERROR")
EXPLAINED = "GET only reads, and every other one of these changes something on the server."


async def rows(api: Api, sql: str) -> list[tuple[Any, ...]]:
    async with api.parts.database.read() as session:
        return [tuple(row) for row in await session.execute(text(sql))]


async def test_a_pass_completes_the_exercise_and_is_evidence(room: Room, api: Api) -> None:
    await room.offer(QUIZ)
    begun = await room.start(room.alice, "verbs")

    done = await room.hand_in(room.alice, "verbs", begun["session_id"], answers=right_answers(begun["exercise"]))

    assert done["result"] == {
        "score": 10.0,
        "max_score": 10.0,
        "tests_passed": 5,
        "tests_total": 5,
        "status": "passed",
        "execution_time": 0,
    }
    assert done["feedback"]["strengths"] == ["All 5 are right."]
    assert done["feedback"]["graded_by"] == "questions"
    assert [one["id"] for one in done["achievements"]] == ["first_exercise"]
    evidence = (await room.alice.get("/mastery/1"))["evidence"]["items"]
    assert [(one["item"], one["outcome"], one["weight"], one["source"]) for one in evidence] == [
        ("exercise:verbs", 1.0, 1.0, "quiz")
    ]
    (day,) = (await room.alice.get("/progress/history"))["history"]
    assert (day["exercises_completed"], day["quiz_average"]) == (1, 1.0)


async def test_a_failure_says_what_was_wrong_and_the_session_goes_on(room: Room) -> None:
    await room.offer(QUIZ)
    begun = await room.start(room.alice, "verbs")

    failed = await room.hand_in(room.alice, "verbs", begun["session_id"], answers={"q3": 500, "q4": "content-type"})
    told = await room.alice.post(
        "/exercises/verbs/submit",
        {"session_id": begun["session_id"], "solution": {"code": '{"q3": 404}'}, "request_feedback": False},
    )

    assert (failed["result"]["status"], failed["result"]["score"], failed["result"]["tests_passed"]) == ("failed", 2, 1)
    assert "The code of Not Found?: It begins with 4." in failed["feedback"]["improvements"]
    assert failed["feedback"]["suggested_reading"] == [{"concept_id": 1, "title": "HTTP messages"}]
    assert "404" not in str(failed.body)
    assert (told["result"]["tests_passed"], told["feedback"]["tests"]) == (1, [])
    attempts = await room.alice.get("/exercises/verbs/attempts")
    assert [attempt["weight"] for attempt in attempts["attempts"]] == [0.5, 1.0]  # the second failure says half


async def test_what_the_client_claims_changes_nothing(room: Room) -> None:
    await room.offer(QUIZ)
    begun = await room.start(room.alice, "verbs")
    body = {
        "session_id": begun["session_id"],
        "solution": {"code": "{}", "tests_passed": 99, "execution_time": 1, "score": 10, "passed": True},
    }

    answer = await room.alice.post("/exercises/verbs/submit", body)

    assert (answer["result"]["score"], answer["result"]["tests_passed"]) == (0, 0)
    assert answer["result"]["status"] == "failed"


@pytest.mark.parametrize("with_key", [True, False], ids=["with a key", "without"])
async def test_identical_parallel_submissions_have_one_effect(room: Room, api: Api, with_key: bool) -> None:
    await room.offer(QUIZ)
    begun = await room.start(room.alice, "verbs")
    answers = right_answers(begun["exercise"])
    headers = {"Idempotency-Key": "once"} if with_key else None

    replies = await asyncio.gather(
        *(room.hand_in(room.alice, "verbs", begun["session_id"], answers=answers, headers=headers) for _ in range(12))
    )

    assert {reply.status for reply in replies} <= {200, 409}, "409 while the first one runs"
    told = [reply.body for reply in replies if reply.status == 200]
    assert told
    assert all(body == told[0] for body in told)
    assert await rows(api, "SELECT status, passed FROM submission") == [("graded", True)]
    assert len(await rows(api, "SELECT id FROM evidence")) == 1
    assert await rows(api, "SELECT started_by, completed_by FROM exercise") == [(1, 1)]


async def test_after_a_pass_a_session_takes_nothing_more(room: Room) -> None:
    await room.offer(QUIZ)
    begun = await room.start(room.alice, "verbs")
    answers = right_answers(begun["exercise"])
    await room.hand_in(room.alice, "verbs", begun["session_id"], answers=answers)

    same = await room.hand_in(room.alice, "verbs", begun["session_id"], answers=answers)
    other = await room.hand_in(room.alice, "verbs", begun["session_id"], answers={})
    again = await room.start(room.alice, "verbs")
    second = await room.hand_in(room.alice, "verbs", again["session_id"], answers=answers)

    assert (same.error, other.error) == (CONFLICT, CONFLICT)
    assert second["result"]["status"] == "passed"
    weights = [attempt["weight"] for attempt in (await room.alice.get("/exercises/verbs/attempts"))["attempts"]]
    assert weights == [0.3, 1.0]


async def test_what_a_dead_process_left_is_graded_later_once(room: Room, api: Api) -> None:
    await room.offer(QUIZ)
    begun = await room.start(room.alice, "verbs")
    answers = right_answers(begun["exercise"])
    request = SubmitRequest(session_id=begun["session_id"], solution=Solution(answers=answers))
    async with api.parts.database.begin() as session:  # and here the process dies
        await submitting.store(
            session,
            user_id="alice",
            visibility=Visibility(default=True),
            exercise_id="verbs",
            request=request,
            request_key=None,
            now=api.clock(),
        )
    parts = api.parts
    (task,) = jobs.tasks(Grader(parts.database, parts.sandbox, parts.model, parts.clock))

    await task.handler({})
    too_early = await rows(api, "SELECT status FROM submission")
    api.clock.forward(seconds=61)
    await asyncio.gather(task.handler({}), task.handler({}))

    assert too_early == [("stored",)]
    assert await rows(api, "SELECT status, passed FROM submission") == [("graded", True)]
    assert len(await rows(api, "SELECT id FROM evidence")) == 1
    assert (await room.alice.get("/exercises"))["completed"] == 1


async def test_the_request_that_finds_it_left_takes_it_over(room: Room, api: Api) -> None:
    await room.offer(QUIZ)
    begun = await room.start(room.alice, "verbs")
    answers = right_answers(begun["exercise"])
    await room.hand_in(room.alice, "verbs", begun["session_id"], answers={"q3": 1})
    async with api.parts.database.begin() as session:
        await session.execute(text("UPDATE submission SET status = 'stored', claimed_until = 0"))

    again = await room.hand_in(room.alice, "verbs", begun["session_id"], answers={"q3": 1})
    done = await room.hand_in(room.alice, "verbs", begun["session_id"], answers=answers)

    assert (again["result"]["status"], done["result"]["status"]) == ("failed", "passed")


async def test_an_explanation_is_asked_for_before_a_pass_counts(room: Room, api: Api) -> None:
    await room.offer(QUIZ | {"explain": "Why is GET safe?"})
    begun = await room.start(room.alice, "verbs")
    session = {"session_id": begun["session_id"]}
    early = await room.alice.post("/exercises/verbs/explain", session | {"explanation": EXPLAINED})

    done = await room.hand_in(room.alice, "verbs", begun["session_id"], answers=right_answers(begun["exercise"]))
    thin = await room.alice.post("/exercises/verbs/explain", session | {"explanation": "because"})
    assert await rows(api, "SELECT count(*) FROM evidence") == [(0,)]
    counted = await room.alice.post("/exercises/verbs/explain", session | {"explanation": EXPLAINED})

    assert begun["exercise"]["explain"] == "Why is GET safe?"
    assert (early.error, thin.error) == (INVALID, INVALID)
    assert done["result"]["status"] == "explanation_needed"
    assert counted["result"]["status"] == "passed"
    assert len(await rows(api, "SELECT id FROM evidence")) == 1
    (attempt,) = (await room.alice.get("/exercises/verbs/attempts"))["attempts"]
    assert attempt["explanation"] == EXPLAINED


async def test_an_explanation_may_come_with_the_same_solution_again(room: Room, api: Api) -> None:
    await room.offer(QUIZ | {"explain": "Why is GET safe?"})
    begun = await room.start(room.alice, "verbs")
    answers = right_answers(begun["exercise"])

    bare = await room.hand_in(room.alice, "verbs", begun["session_id"], answers=answers)
    thin = await room.hand_in(room.alice, "verbs", begun["session_id"], answers=answers, explanation="because")
    told = await room.hand_in(room.alice, "verbs", begun["session_id"], answers=answers, explanation=EXPLAINED)

    assert [answer["result"]["status"] for answer in (bare, thin)] == ["explanation_needed"] * 2
    assert (told["result"]["status"], told["attempt_id"]) == ("passed", bare["attempt_id"])
    assert len(await rows(api, "SELECT id FROM evidence")) == 1


async def test_a_hint_that_was_read_stays_read_when_the_time_is_over(room: Room, api: Api) -> None:
    await room.offer(QUIZ | {"time_limit_minutes": 10})
    first = await room.start(room.alice, "verbs")
    for _ in range(2):
        await room.alice.post("/exercises/verbs/hint", {"session_id": first["session_id"]})
        api.clock.forward(minutes=3)
    api.clock.forward(minutes=10)

    again = await room.start(room.alice, "verbs")
    await room.hand_in(room.alice, "verbs", again["session_id"], answers=right_answers(again["exercise"]))

    (attempt,) = (await room.alice.get("/exercises/verbs/attempts"))["attempts"]
    assert (attempt["hints"], attempt["weight"]) == (2, 0.7)


async def test_hints_are_a_ladder_that_wants_trying(room: Room, api: Api) -> None:
    await room.offer(QUIZ)
    begun = await room.start(room.alice, "verbs")
    session = {"session_id": begun["session_id"]}

    first = await room.alice.post("/exercises/verbs/hint", session)
    at_once = await room.alice.post("/exercises/verbs/hint", session)
    await room.hand_in(room.alice, "verbs", begun["session_id"], answers={"q3": 1})
    second = await room.alice.post("/exercises/verbs/hint", session)
    api.clock.forward(seconds=121)
    third = await room.alice.post("/exercises/verbs/hint", session)
    api.clock.forward(seconds=121)
    fourth = await room.alice.post("/exercises/verbs/hint", session)
    done = await room.hand_in(room.alice, "verbs", begun["session_id"], answers=right_answers(begun["exercise"]))

    assert first.body == {"rung": 1, "hint": "What changes on the server?", "more": True, "weight": 0.85}
    assert (at_once.error, fourth.error) == (CONFLICT, CONFLICT)
    assert [second["rung"], third["rung"], third["more"]] == [2, 3, False]
    assert done["result"]["score"] == 10  # never the score
    weights = [attempt["weight"] for attempt in (await room.alice.get("/exercises/verbs/attempts"))["attempts"]]
    assert weights == [0.5, 0.85]


async def test_without_hints_of_its_own_an_exercise_points_to_its_concept(room: Room) -> None:
    await room.offer({name: value for name, value in QUIZ.items() if name != "hints"})
    begun = await room.start(room.alice, "verbs")

    hint = await room.alice.post("/exercises/verbs/hint", {"session_id": begun["session_id"]})

    assert hint["hint"] == "Read “HTTP messages” again: what does it say about what is asked here?"


async def test_the_solution_is_for_whoever_has_passed_and_ends_what_passes_prove(room: Room) -> None:
    await room.offer(QUIZ)
    begun = await room.start(room.alice, "verbs")
    answers = right_answers(begun["exercise"])
    before = await room.alice.post("/exercises/verbs/solution")
    await room.hand_in(room.alice, "verbs", begun["session_id"], answers=answers)

    shown = await room.alice.post("/exercises/verbs/solution")
    again = await room.start(room.alice, "verbs")
    await room.hand_in(room.alice, "verbs", again["session_id"], answers=answers)

    assert before.error == CONFLICT
    assert shown["answers"]["q1"] == answers["q1"]
    (latest, _) = (await room.alice.get("/exercises/verbs/attempts"))["attempts"]
    assert latest["weight"] == 0


async def test_a_design_is_graded_by_its_checks_and_says_so(room: Room) -> None:
    await room.offer(DESIGN)
    begun = await room.start(room.alice, "loans-api")

    done = await room.hand_in(
        room.alice,
        "loans-api",
        begun["session_id"],
        code=DESIGN["solution"],
        language="markdown",
        self_assessment={"Clarity": 1.0},
    )

    assert done["result"]["status"] == "passed"
    assert done["feedback"]["graded_by"] == "checks"
    assert done["feedback"]["self_assessment"] == {"Clarity": 1.0}
    assert "Clarity: not judged: for a person or a model" in done["feedback"]["improvements"]
    assert "first_design" in [one["id"] for one in done["achievements"]]
    (attempt,) = (await room.alice.get("/exercises/loans-api/attempts"))["attempts"]
    assert attempt["weight"] == 0.5


@pytest.fixture
def without_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which there is no Go, from before the server starts."""

    def find() -> Toolchain:
        raise NoToolchain("no Go here")

    monkeypatch.setattr(toolchain, "find_toolchain", find)


async def test_without_a_sandbox_grading_is_refused_and_nothing_is_lost(without_go: None, room: Room, api: Api) -> None:
    await _offer_unproved(api)
    begun = await room.start(room.alice, "in-go")

    refused = await room.hand_in(room.alice, "in-go", begun["session_id"], code="package main", language="go")

    assert refused.error == (503, "SERVICE_UNAVAILABLE")
    assert (await room.alice.get("/exercises/in-go/attempts"))["total"] == 0
    again = await room.start(room.alice, "in-go")
    assert (again["resumed"], again["attempts"], again["last_code"]) == (True, 0, "package main")
    assert await rows(api, "SELECT count(*) FROM evidence") == [(0,)]


async def _offer_unproved(api: Api) -> None:
    definition = check_definition(CODING | {"id": "in-go", "language": "go"})
    grader = Grader(api.parts.database, api.parts.sandbox, api.parts.model, api.clock)
    assert (await push(grader, [definition], author="ivan", proved=False)).new == ["in-go"]


BAD_SOLUTIONS: list[tuple[Any, str]] = [
    ({"code": "x" * (100 * 1024 + 1)}, "solution.code"),
    ({"code": "é" * (60 * 1024)}, "solution.code"),
    ({"code": "\x07ELF\x01"}, "solution.code"),
    ({"code": "int main() {}", "language": "c"}, "solution.language"),
    ({"code": 5}, "solution.code"),
    ({"code": "a\0b"}, ""),
    ({"answers": [1]}, "solution.answers"),
    ({"self_assessment": {"x": 2}}, "solution.self_assessment.x"),
    ("print(1)", "solution"),
]


async def test_bad_solutions_are_refused_with_the_place(room: Room, api: Api) -> None:
    await _offer_unproved(api)
    begun = await room.start(room.alice, "in-go")

    for solution, field in BAD_SOLUTIONS:
        body = {"session_id": begun["session_id"], "solution": solution}
        answer = await room.alice.post("/exercises/in-go/submit", body)
        assert answer.error == INVALID
        assert [line["field"] for line in answer["error"]["details"]] == [field]

    assert await rows(api, "SELECT count(*) FROM submission") == [(0,)]


@pytest.mark.parametrize("answer", [10**30, -(2**63) - 1], ids=["large", "small"])
async def test_answers_that_are_no_answers_are_refused(room: Room, api: Api, answer: int) -> None:
    await room.offer(QUIZ)
    begun = await room.start(room.alice, "verbs")
    deep = '{"q5": ' + "[" * 500 + "]" * 500 + "}"

    for solution in ({"answers": {"q3": answer}}, {"code": deep}):
        refused = await room.hand_in(room.alice, "verbs", begun["session_id"], **solution)
        assert refused.error == INVALID
        assert [line["field"] for line in refused["error"]["details"]] == ["solution.answers"]
    assert await rows(api, "SELECT count(*) FROM submission") == [(0,)]


async def test_sessions_are_ones_own_and_of_one_exercise(room: Room) -> None:
    await room.offer(QUIZ)
    await room.offer(DESIGN)
    begun = await room.start(room.alice, "verbs")
    session = begun["session_id"]

    foreign = await room.hand_in(room.bob, "verbs", session, answers={})
    elsewhere = await room.hand_in(room.alice, "loans-api", session, code="x")
    unknown = await room.hand_in(room.alice, "verbs", "ex-session-none", answers={})
    nowhere = await room.hand_in(room.alice, "ex-none", session, answers={})
    missing = await room.alice.post("/exercises/verbs/submit", {"session_id": session})
    hint = await room.bob.post("/exercises/verbs/hint", {"session_id": session})

    assert [answer.error for answer in (foreign, elsewhere, unknown, nowhere, hint)] == [NOT_FOUND] * 5
    assert missing.error == INVALID
    assert (await room.alice.post("/exercises/ex-none/start")).error == NOT_FOUND
    assert (await room.alice.post(f"/exercises/{'x' * 300}/start")).error == INVALID
    assert (await room.api.anybody.post("/exercises/verbs/start")).error == (401, "AUTHENTICATION_ERROR")
