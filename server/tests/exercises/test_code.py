"""Code that is handed in runs in real boxes; the server alone decides what it is worth."""

from typing import Any

import pytest

from tests.exercises.conftest import Room
from tests.exercises.samples import CODING

RIGHT = "def status_class(code):\n    print('looking at', code)\n    return code // 100\n"
HALF = "def status_class(code):\n    return 2 if code == 200 else 4.0\n"
FORGED = {"tests_passed": 99, "execution_time": 1}


pytestmark = pytest.mark.usefixtures("python_is_ready")


async def test_an_attempt_fails_and_the_next_one_passes(room: Room) -> None:
    await room.offer(CODING)
    begun = await room.start(room.alice, "status-class")
    assert [example["input"] for example in begun["exercise"]["examples"]] == ["status_class(200)", "status_class(404)"]
    assert "599" not in str(begun.body)

    failed = await room.hand_in(room.alice, "status-class", begun["session_id"], code=HALF, language="python", **FORGED)
    passed = await room.hand_in(room.alice, "status-class", begun["session_id"], code=RIGHT, language="python")

    assert failed["result"] | {"execution_time": 0} == {
        "score": 2.5,
        "max_score": 10,
        "tests_passed": 1,
        "tests_total": 4,
        "status": "failed",
        "execution_time": 0,
    }
    assert failed["feedback"]["tests"][1] == {
        "name": "not found",
        "passed": False,
        "share": 0.0,
        "input": "status_class(404)",
        "expected": "4",
        "got": "4.0",
        "output": "",
        "message": "The kinds differ: a whole number was expected, a decimal number came.",
        "diff": "",
    }
    assert failed["feedback"]["hidden_tests"] == {"passed": 0, "total": 2}
    assert failed["feedback"]["suggested_reading"] == [{"concept_id": 1, "title": "HTTP messages"}]
    assert passed["result"]["status"] == "passed"
    assert passed["result"]["score"] == 10
    assert passed["feedback"]["tests"][0]["output"] == "looking at 200\n"
    assert "599" not in str(passed.body)  # what was printed while a hidden test ran is not shown either
    assert [one["id"] for one in passed["achievements"]] == ["first_exercise"]
    listed = (await room.alice.get("/exercises"))["exercises"][0]
    assert (listed["status"], listed["completion_rate"]) == ("completed", 1.0)


async def test_an_exercise_that_proves_nothing_is_refused(room: Room) -> None:
    broken: dict[str, Any] = CODING | {"solution": "def status_class(code):\n    return str(code)[0]\n"}
    trivial = CODING | {"starter": CODING["solution"]}

    answers = [await room.ivan.post("/exercises", one) for one in (broken, trivial)]

    assert [answer.error for answer in answers] == [(400, "VALIDATION_ERROR")] * 2
    said = [answer["error"]["details"][0]["message"] for answer in answers]
    assert said[0].startswith("The model solution does not pass: 4 of 4 fail; a success: The kinds differ")
    assert said[1] == "The starter passes as it is: there is nothing to do."
    assert (await room.ivan.get("/exercises"))["total"] == 0


async def test_cases_may_need_threads(room: Room) -> None:
    solution = (
        "import threading\n\n\ndef status_class(code):\n    found = []\n"
        "    thread = threading.Thread(target=lambda: found.append(code // 100))\n"
        "    thread.start()\n    thread.join()\n    return found[0]\n"
    )
    without = await room.ivan.post("/exercises", CODING | {"solution": solution})
    await room.offer(CODING | {"solution": solution, "threads": True})
    begun = await room.start(room.alice, "status-class")

    done = await room.hand_in(room.alice, "status-class", begun["session_id"], code=solution)

    assert "can't start new thread" in without["error"]["details"][0]["message"]
    assert done["result"]["status"] == "passed"
