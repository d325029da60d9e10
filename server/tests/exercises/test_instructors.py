"""Instructors write exercises, change and retire them, grade again, judge designs and look for likeness."""

from typing import Any

import pytest
from sqlalchemy import text

from learntrac.exercises.attempts import Grader
from learntrac.exercises.definition import check_definition
from learntrac.exercises.pushing import push
from learntrac.exercises.service import (
    find_last_attempt,
    find_open_exercise,
    list_public_texts,
    list_secrets,
)
from learntrac.exercises.similarity import fingerprints, pairs
from tests.concepts.test_visibility import METHODS, use_authz
from tests.conftest import Api, TracCopy, serving
from tests.exercises.conftest import Room, right_answers
from tests.exercises.samples import CODING, DESIGN, QUIZ

NOT_FOUND, CONFLICT, INVALID, FORBIDDEN = (
    (404, "NOT_FOUND"),
    (409, "CONFLICT"),
    (400, "VALIDATION_ERROR"),
    (403, "AUTHORIZATION_ERROR"),
)


async def test_an_exercise_is_changed_and_sessions_keep_their_version(room: Room) -> None:
    await room.offer(QUIZ)
    begun = await room.start(room.alice, "verbs")

    changed = await room.ivan.send("PUT", "/exercises/verbs", json=QUIZ | {"title": "Verbs again", "points": 20})
    same = await room.ivan.send("PUT", "/exercises/verbs", json=QUIZ | {"title": "Verbs again", "points": 20})
    resumed = await room.start(room.alice, "verbs")
    fresh = await room.start(room.bob, "verbs")

    assert (changed["version"], same["version"]) == (2, 2)
    assert (resumed["exercise"]["title"], resumed["exercise"]["points"]) == ("Which verb?", 10)
    assert (fresh["exercise"]["title"], fresh["exercise"]["version"]) == ("Verbs again", 2)
    done = await room.hand_in(room.alice, "verbs", begun["session_id"], answers=right_answers(begun["exercise"]))
    assert done["result"]["max_score"] == 10
    versions = (await room.ivan.get("/exercises/verbs/versions"))["versions"]
    assert [(one["version"], one["created_by"], one["is_current"]) for one in versions] == [
        (2, "ivan", True),
        (1, "ivan", False),
    ]
    first = await room.ivan.get("/exercises/verbs/definition", version=1)
    assert first["definition"] == QUIZ | {"questions": first["definition"]["questions"]}


async def test_a_retired_exercise_is_gone_and_can_come_back(room: Room) -> None:
    await room.offer(QUIZ)
    begun = await room.start(room.alice, "verbs")

    gone = await room.ivan.send("DELETE", "/exercises/verbs")
    late = await room.hand_in(room.alice, "verbs", begun["session_id"], answers={})

    assert gone.body == {"id": "verbs", "is_retired": True}
    assert (await room.alice.get("/exercises")).body == {"exercises": [], "total": 0, "available": 0, "completed": 0}
    assert (await room.alice.post("/exercises/verbs/start")).error == NOT_FOUND
    assert late.error == NOT_FOUND
    assert (await room.ivan.send("DELETE", "/exercises/verbs")).error == NOT_FOUND
    assert (await room.alice.get("/concepts/1"))["exercises"] == []
    back = await room.ivan.send("PUT", "/exercises/verbs", json=QUIZ)
    assert (back["version"], back["is_retired"]) == (2, False)
    assert (await room.alice.get("/exercises"))["total"] == 1


BAD_DEFINITIONS: list[tuple[dict[str, Any], str]] = [
    ({"concept": 99}, "concept"),
    ({"type": "essay"}, ""),
    ({"difficulty": 6}, "quiz.difficulty"),
    ({"colour": "red"}, "quiz.colour"),
    ({"id": "Not A Slug"}, "quiz.id"),
    ({"questions": []}, "quiz.questions"),
    ({"questions": [{"kind": "single", "prompt": "?", "choices": [{"text": "a"}, {"text": "b"}]}]}, "quiz.questions.0"),
    ({"suggested_reading": [77]}, "suggested_reading"),
    ({"variants": [{"a": 1}, {"b": 2}]}, "quiz.variants"),
    ({"title": "a\0b"}, ""),
]


@pytest.mark.parametrize("language", ["javascript", "go"])
async def test_tests_as_code_are_in_python(room: Room, language: str) -> None:
    as_code = {name: value for name, value in CODING.items() if name not in ("cases", "function")}
    refused = await room.ivan.post("/exercises", as_code | {"language": language, "module": "x", "tests": "test()"})

    assert refused.error == INVALID
    assert f"tests as code are in Python only: in {language} write cases" in str(refused.body)


async def test_a_definition_that_is_wrong_is_refused_with_the_place(room: Room) -> None:
    for change, field in BAD_DEFINITIONS:
        answer = await room.ivan.post("/exercises", QUIZ | change)

        assert answer.error == INVALID
        assert any(line["field"].startswith(field) for line in answer["error"]["details"]), answer.body
    assert (await room.ivan.get("/exercises"))["total"] == 0


async def test_only_instructors_write_and_ids_are_taken_once(room: Room) -> None:
    await room.offer(QUIZ)

    assert (await room.ivan.post("/exercises", QUIZ)).error == CONFLICT
    assert (await room.ivan.post("/exercises", [1])).error == INVALID
    assert (await room.ivan.send("PUT", "/exercises/none", json=QUIZ)).error == NOT_FOUND
    assert (await room.ivan.send("PUT", "/exercises/verbs", json=QUIZ | {"id": "other"})).error == INVALID
    for method, path in (
        ("POST", "/exercises"),
        ("POST", "/exercises/preview"),
        ("PUT", "/exercises/verbs"),
        ("DELETE", "/exercises/verbs"),
    ):
        assert (await room.alice.send(method, path, json=QUIZ)).error == FORBIDDEN
    for path in ("definition", "versions", "similar"):
        assert (await room.alice.get(f"/exercises/verbs/{path}")).error == FORBIDDEN
    unnamed = await room.ivan.post("/exercises", {name: value for name, value in QUIZ.items() if name != "id"})
    assert unnamed["id"].startswith("ex-")


async def test_a_preview_shows_every_variant_and_keeps_nothing(room: Room) -> None:
    varied = QUIZ | {"variants": [{"code": 404}, {"code": 410}]}
    varied["questions"] = [
        {"kind": "numeric", "prompt": "Write {{code}}, not {{other}}", "answer": "{{code}}"},
    ]

    seen = await room.ivan.post("/exercises/preview", varied)
    broken = await room.ivan.post(
        "/exercises/preview", varied | {"questions": [varied["questions"][0] | {"answer": "{{missing}}"}]}
    )

    prompts = [view["questions"][0]["prompt"] for view in seen["views"]]
    assert prompts == ["Write 404, not {{other}}", "Write 410, not {{other}}"]
    assert (seen["acceptable"], [one["solution"]["status"] for one in seen["proof"]]) == (True, ["passed", "passed"])
    assert not broken["acceptable"]
    assert (await room.ivan.get("/exercises"))["total"] == 0


async def test_grading_again_strikes_the_old_evidence(room: Room, api: Api) -> None:
    wrong_key = [
        question | ({"answer": 400} if question["kind"] == "numeric" else {}) for question in QUIZ["questions"]
    ]
    await room.offer(QUIZ | {"questions": wrong_key, "pass_share": 1.0})
    begun = await room.start(room.alice, "verbs")
    done = await room.hand_in(room.alice, "verbs", begun["session_id"], answers=right_answers(begun["exercise"]))
    assert done["result"]["status"] == "failed"
    await room.ivan.send("PUT", "/exercises/verbs", json=QUIZ | {"pass_share": 1.0})

    path = f"/exercises/verbs/attempts/{done['attempt_id']}/regrade"
    answers_moved = (await room.alice.post(path, {})).error
    again = await room.ivan.post(path, {"version": "own", "note": "As it was"})
    by_new = await room.ivan.post(path, {"note": "The key was wrong"})

    assert answers_moved == FORBIDDEN
    assert again["result"]["status"] == "failed"
    assert (by_new["regraded_by"], by_new["note"], by_new["version"]) == ("ivan", "The key was wrong", 2)
    assert by_new["result"]["status"] == "passed"
    async with api.parts.database.read() as session:
        kept = await session.execute(text("SELECT voided FROM evidence ORDER BY id"))
        assert list(kept.scalars()) == [True, True, False]
    assert (await room.ivan.post("/exercises/verbs/attempts/999/regrade", {})).error == NOT_FOUND


async def test_grading_again_asks_for_an_explanation_too_and_finds_the_best_score_anew(room: Room) -> None:
    wrong_key = [*QUIZ["questions"][:2], QUIZ["questions"][2] | {"answer": 400}, *QUIZ["questions"][3:]]
    strict = QUIZ | {"pass_share": 1.0, "explain": "Why is GET safe?"}
    await room.offer(strict | {"questions": wrong_key})
    begun = await room.start(room.alice, "verbs")
    done = await room.hand_in(room.alice, "verbs", begun["session_id"], answers=right_answers(begun["exercise"]))
    await room.ivan.send("PUT", "/exercises/verbs", json=strict)
    before = (await room.alice.get("/exercises/verbs"))["mine"]

    again = await room.ivan.post(f"/exercises/verbs/attempts/{done['attempt_id']}/regrade", {"note": "Wrong key"})
    between = (await room.alice.get("/exercises/verbs"))["mine"]
    explained = await room.alice.post(
        "/exercises/verbs/explain",
        {"session_id": begun["session_id"], "explanation": "GET only reads, and every other one changes something."},
    )

    assert (before["best_score"], between["best_score"]) == (8.0, 10.0)
    assert (again["result"]["status"], between["status"]) == ("explanation_needed", "in_progress")
    assert explained["result"]["status"] == "passed"
    assert (await room.alice.get("/exercises/verbs"))["mine"]["status"] == "completed"


async def test_an_instructors_word_on_a_design_stays_when_it_is_graded_again(room: Room) -> None:
    await room.offer(DESIGN)
    begun = await room.start(room.alice, "loans-api")
    done = await room.hand_in(room.alice, "loans-api", begun["session_id"], code=DESIGN["solution"])
    path = f"/exercises/loans-api/attempts/{done['attempt_id']}"
    await room.ivan.post(f"{path}/override", {"points": {"Resources": 0.0}, "note": "Not as a resource"})
    await room.ivan.post(f"{path}/override", {"points": {"Clarity": 0.5}, "note": "Half clear"})

    again = await room.ivan.post(f"{path}/regrade", {"note": "Once more"})

    assert [(test["name"], test["share"]) for test in again["tests"]] == [
        ("Resources", 0.0),
        ("Errors", 1.0),
        ("Clarity", 0.5),
    ]
    assert again["result"]["score"] == 7.5
    assert (await room.alice.get("/exercises/loans-api"))["mine"]["best_score"] == 7.5


async def test_an_instructor_judges_a_design(room: Room) -> None:
    await room.offer(DESIGN)
    begun = await room.start(room.alice, "loans-api")
    done = await room.hand_in(room.alice, "loans-api", begun["session_id"], code=DESIGN["solution"])
    path = f"/exercises/loans-api/attempts/{done['attempt_id']}/override"

    judged = await room.ivan.post(path, {"points": {"Resources": 0.0, "Clarity": 0.5}, "note": "Not as a resource"})

    assert judged["result"]["status"] == "failed"
    assert judged["result"]["score"] == 7.5  # (2·0 + 1·1 + 1·½) ÷ 4 of 20 points
    assert (await room.alice.get("/exercises"))["completed"] == 0  # the only pass is none any more
    assert (await room.ivan.post(path, {"points": {"Beauty": 1.0}, "note": "x"})).error == INVALID
    assert (await room.alice.post(path, {"points": {"Clarity": 1.0}, "note": "x"})).error == FORBIDDEN
    (attempt,) = (await room.alice.get("/exercises/loans-api/attempts"))["attempts"]
    assert (attempt["regraded_by"], attempt["weight"]) == ("ivan", 1.0)


async def test_attempts_are_ones_own_and_an_instructors_look_is_written_down(room: Room) -> None:
    await room.offer(QUIZ)
    for person in (room.alice, room.bob):
        begun = await room.start(person, "verbs")
        await room.hand_in(person, "verbs", begun["session_id"], answers={"q3": 404})

    everybody = await room.ivan.get("/exercises/verbs/attempts")
    alices = await room.ivan.get("/exercises/verbs/attempts", user_id="alice")

    assert sorted(attempt["user_id"] for attempt in everybody["attempts"]) == ["alice", "bob"]
    assert [attempt["user_id"] for attempt in alices["attempts"]] == ["alice"]
    assert (await room.alice.get("/exercises/verbs/attempts", user_id="bob")).error == FORBIDDEN
    assert (await room.alice.get("/exercises/verbs/attempts"))["total"] == 1
    assert (await room.alice.get("/exercises/none/attempts")).error == NOT_FOUND


async def test_what_is_hidden_in_trac_has_no_exercises(trac_copy: TracCopy) -> None:
    use_authz(trac_copy, METHODS)
    async with serving(trac_copy) as api:
        ivan, alice = await api.sign_in("ivan"), await api.sign_in("alice")
        room = Room(api, ivan, alice, alice)
        await room.offer(QUIZ)
        await room.offer(QUIZ | {"id": "hidden", "concept": 3, "suggested_reading": [3]})

        assert [one["id"] for one in (await alice.get("/exercises"))["exercises"]] == ["verbs"]
        assert (await alice.get("/exercises"))["total"] == 1
        assert (await ivan.get("/exercises"))["total"] == 2
        assert (await alice.get("/exercises", concept_id=3))["total"] == 0
        for path in ("", "/attempts"):
            assert (await alice.get(f"/exercises/hidden{path}")).error == NOT_FOUND
        for path in ("/start", "/solution"):
            assert (await alice.post(f"/exercises/hidden{path}")).error == NOT_FOUND


async def test_what_the_tutor_asks(room: Room, api: Api) -> None:
    await room.offer(QUIZ)
    await room.offer(DESIGN)
    begun = await room.start(room.alice, "verbs")
    await room.hand_in(room.alice, "verbs", begun["session_id"], answers={"q3": 1})

    async with api.parts.database.read() as session:
        at_work = await find_open_exercise(session, user_id="alice", concept_id=1, now=api.clock())
        nobody = await find_open_exercise(session, user_id="bob", now=api.clock())
        texts = {one.exercise_id: one.text for one in await list_public_texts(session)}
        secrets = await list_secrets(session, "verbs")
        last = await find_last_attempt(session, user_id="alice", exercise_id="verbs")
        none = await list_secrets(session, "none")

    assert at_work is not None
    assert (at_work.exercise_id, at_work.attempts, nobody, none) == ("verbs", 1, None, [])
    assert "Which verb only reads?" in texts["verbs"]
    assert not any(secret in texts["verbs"] for secret in ("Content-Type", "safe methods", "404"))
    assert {"GET", "Content-Type", "404.0", "What changes on the server?"} <= set(secrets)
    assert last is not None
    assert (last.passed, last.status, last.code) == (False, "failed", '{"q3":1}')
    assert "The code of Not Found?" in last.issues


ONE = """
def total(loans, rate):
    result = 0
    for loan in loans:
        if loan["late"] > 0:
            result += loan["late"] * rate
        else:
            result += 1
    return round(result, 2)
"""
RENAMED = """
# all mine
def total(items, fee):
    summe = 0
    for each in items:
        if each['late'] > 0:
            summe += each['late'] * fee
        else:
            summe += 7
    return round(summe, 3)
"""
OTHER = """
def total(loans, rate):
    late = [loan["late"] for loan in loans]
    owed = sum(days * rate for days in late if days > 0)
    return round(owed + sum(1 for days in late if days <= 0), 2)
"""


def test_a_renamed_copy_is_alike_and_another_idea_is_not() -> None:
    found, too_short = pairs([ONE, OTHER, RENAMED, "pass"], at_least=0.6)

    assert [(pair.one, pair.other, pair.likeness) for pair in found] == [(0, 2, 1.0)]
    assert too_short == 1
    assert pairs([ONE, RENAMED], starter=ONE)[0] == []
    assert fingerprints("") == frozenset()


async def test_likeness_is_for_instructors(room: Room, api: Api) -> None:
    grader = Grader(api.parts.database, api.parts.sandbox, api.parts.model, api.clock)
    await push(grader, [check_definition(CODING)], author="ivan", proved=False)
    begun = {
        name: await room.start(person, "status-class") for name, person in (("alice", room.alice), ("bob", room.bob))
    }
    async with api.parts.database.begin() as session:
        for name, source in (("alice", ONE), ("bob", RENAMED)):
            await session.execute(
                text(
                    "INSERT INTO submission (user_id, exercise_id, concept_id, session_id, version, status, language,"
                    " source, explanation, self_assessment, digest, hints, passed, score, max_score, tests_passed,"
                    " tests_total, milliseconds, result, issues, submitted_at, note, claimed_until) VALUES (:user,"
                    " 'status-class', 1, :session, 1, 'graded', 'python', :source, '', '{}', :user, 0, true, 10, 10, 4,"
                    " 4, 5, '{}', '[]', 1, '', 0)"
                ),
                {"user": name, "session": begun[name]["session_id"], "source": source},
            )

    answer = await room.ivan.get("/exercises/status-class/similar")

    assert [(pair["users"], pair["likeness"]) for pair in answer["pairs"]] == [(["alice", "bob"], 1.0)]
    assert answer["compared"] == 2
