"""Hidden tests decide, and nothing but their number is told; a submission that ends before them has not passed them."""

from typing import Any

import pytest

from learntrac.analytics.issues import read_common_issues
from tests.conftest import Api
from tests.exercises.conftest import Room
from tests.exercises.samples import CODING

AS_CODE: dict[str, Any] = {name: value for name, value in CODING.items() if name not in ("cases", "function")} | {
    "id": "as-code",
    "module": "status",
    "tests": "from status import status_class\n\n\ndef test_success():\n    assert status_class(200) == 2\n",
    "hidden_tests": (
        "import pytest\nfrom status import status_class\n\nHIGHEST = status_class(599)\n\n\n"
        "def test_secret_highest():\n    assert HIGHEST == 5\n\n\n"
        "@pytest.mark.parametrize('code', [404, 410])\ndef test_secret_errors(code):\n"
        "    assert status_class(code) == 4\n"
    ),
}
PASSES_THE_VISIBLE = "def status_class(code):\n    if code == 200: return 2\n    {}\n"


pytestmark = pytest.mark.usefixtures("python_is_ready")


@pytest.mark.parametrize("end", ["while True: pass", "import os; os._exit(0)", "raise SystemExit", "return None"])
async def test_a_submission_that_ends_before_the_hidden_tests_has_not_passed_them(room: Room, end: str) -> None:
    await room.offer(AS_CODE)
    begun = await room.start(room.alice, "as-code")

    done = await room.hand_in(room.alice, "as-code", begun["session_id"], code=PASSES_THE_VISIBLE.format(end))

    assert (done["result"]["status"], done["result"]["tests_passed"]) == ("failed", 1)
    assert done["feedback"]["hidden_tests"]["passed"] == 0
    assert done["feedback"]["hidden_tests"]["total"] >= 2
    assert "secret" not in str(done.body)


async def test_a_submission_that_cannot_be_loaded_has_failed_all_its_tests(room: Room) -> None:
    await room.offer(AS_CODE)
    begun = await room.start(room.alice, "as-code")

    done = await room.hand_in(room.alice, "as-code", begun["session_id"], code="def status_class(code:\n")

    assert (done["result"]["tests_passed"], done["result"]["tests_total"]) == (0, 3)
    assert done["feedback"]["improvements"][0].startswith("SyntaxError: ")
    assert [test["name"] for test in done["feedback"]["tests"]] == ["test_success"]
    assert "secret" not in str(done.body)


async def test_the_author_hears_what_is_wrong_with_hidden_tests(room: Room) -> None:
    as_code = await room.ivan.post("/exercises", AS_CODE | {"hidden_tests": "from status import nothing\n"})
    cases = await room.ivan.post(
        "/exercises", CODING | {"cases": [*CODING["cases"], {"args": [700], "expect": 8, "hidden": True}]}
    )

    assert "cannot import name 'nothing'" in as_code["error"]["details"][0]["message"]
    assert cases["error"]["details"][0]["message"].endswith("1 of 5 fail; case 5: expected 8, got 7")


async def test_a_learners_own_statistics_do_not_name_hidden_tests(room: Room, api: Api) -> None:
    await room.offer(CODING)
    begun = await room.start(room.alice, "status-class")
    for code in ("def status_class(code): return 2\n", "def status_class(code): return 4\n"):
        await room.hand_in(room.alice, "status-class", begun["session_id"], code=code)

    seen = await read_common_issues(api.parts.database.hot, [1], first=0, last=100_000, user_id="alice")

    assert seen == {1: ["hidden tests", "a success", "not found"]}


async def test_a_case_has_one_number_wherever_it_is_shown(room: Room) -> None:
    hidden_first = [{"args": [599], "expect": 5, "hidden": True}, {"args": [200], "expect": 2}]
    await room.offer(CODING | {"cases": hidden_first})
    begun = await room.start(room.alice, "status-class")

    done = await room.hand_in(room.alice, "status-class", begun["session_id"], code="def status_class(code): return 9")

    assert [example["name"] for example in begun["exercise"]["examples"]] == ["case 2"]
    assert [test["name"] for test in done["feedback"]["tests"]] == ["case 2"]


async def test_a_class_where_a_function_is_asked_for_is_not_shown_what_is_expected(room: Room) -> None:
    near = "from status import status_class\n\n\ndef test_near():\n    assert abs(status_class(599) - 5) < 0.1\n"
    liar = "class status_class:\n    def __init__(self, code): pass\n    def __sub__(self, other): return 0\n"
    await room.offer(AS_CODE | {"tests": near, "hidden_tests": near})
    begun = await room.start(room.alice, "as-code")

    done = await room.hand_in(room.alice, "as-code", begun["session_id"], code=liar)

    assert (done["result"]["status"], done["result"]["tests_passed"]) == ("failed", 0)
