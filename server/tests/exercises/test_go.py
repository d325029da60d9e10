"""Go that is handed in, from the exercise to the verdict; where a machine has no Go, a sandbox that is missing."""

import asyncio
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from learntrac.backends.sandbox.toolchain import NO_TOOLCHAIN
from tests.exercises.conftest import Room

SECRET = 271828
SUMS: dict[str, Any] = {
    "id": "go-sums",
    "concept": 1,
    "title": "Sums in Go",
    "type": "coding",
    "difficulty": 2,
    "points": 10,
    "estimated_minutes": 10,
    "instructions": "Write `Sum`, and `half`, which refuses an odd number.",
    "language": "go",
    "function": "Sum",
    "starter": "package sums\n\nfunc Sum(numbers []int) int {\n\treturn -1\n}\n\nfunc half(n int) (int, error) {\n"
    "\treturn 0, nil\n}\n",
    "solution": 'package sums\n\nimport "errors"\n\nfunc Sum(numbers []int) (sum int) {\n'
    "\tfor _, n := range numbers {\n\t\tsum += n\n\t}\n\treturn sum\n}\n\nfunc half(n int) (int, error) {\n"
    '\tif n%2 != 0 {\n\t\treturn 0, errors.New("odd")\n\t}\n\treturn n / 2, nil\n}\n',
    "cases": [
        {"name": "some", "args": [[1, 2]], "expect": 3},
        {"name": "an even one", "function": "half", "args": [4], "expect": 2},
        {"name": "an odd one", "function": "half", "args": [3], "expect_error": "error"},
        {"name": "many", "args": [[SECRET - 1, 1]], "expect": SECRET, "hidden": True},
    ],
}
HALF = 'package sums\n\nimport "fmt"\n\nfunc Sum(n []int) int { fmt.Println(n); return n[0] + n[1] }\n'
PEEKS = """package sums

import ("bytes"; "fmt"; "os"; "strconv")

func Sum(n []int) int {
	own, _ := os.ReadFile("/proc/self/exe")
	wanted := 271826 + len(n)
	if bytes.Contains(own, []byte(strconv.Itoa(wanted))) { return wanted }
	fmt.Printf(`{"status": "returned", "value": %d}`, n[0]+n[1])
	os.Exit(0)
	return 0
}
"""


async def ready(room: Room) -> None:
    """Wait for the sandbox: the first time on a machine it compiles Go's own packages."""
    sandbox = room.api.parts.sandbox
    sandbox.start()
    until = time.monotonic() + 300
    while any(tier.refused not in (None, NO_TOOLCHAIN) for tier in sandbox.tiers()):
        assert time.monotonic() < until, sandbox.tiers()
        await asyncio.sleep(0.05)


async def test_an_attempt_fails_and_the_next_one_passes(room: Room) -> None:
    await ready(room)
    if not shutil.which("go"):
        await assert_refused(room)
        return
    await room.offer(SUMS)
    begun = await room.start(room.alice, "go-sums")

    async def hand_in(code: str) -> dict[str, Any]:
        answer = await room.hand_in(room.alice, "go-sums", begun["session_id"], code=code, language="golang")
        assert answer.status == 200, answer.body
        return dict(answer.body)

    broken = await hand_in("package sums\n\nfunc Sum(n []int) int {\n\treturn m\n}\n")
    half = await hand_in(HALF)
    peeks = await hand_in(PEEKS)
    panics = await hand_in('package sums\n\nfunc Sum(n []int) int {\n\tgo panic("aside")\n\tselect {}\n}\n')
    passed = await hand_in(SUMS["solution"])

    assert [example["expected"] for example in begun["exercise"]["examples"]] == ["3", "2", "fails with error"]
    assert broken["result"]["tests_passed"] == 0
    assert "solution.go:4:9: undefined: m" in str(broken["feedback"])
    assert "calls.go" not in str(broken["feedback"])
    assert half["result"]["tests_passed"] == 2
    assert [test["got"] for test in half["feedback"]["tests"]] == [
        "3",
        "there is no such function",
        "there is no such function",
    ]
    assert half["feedback"]["tests"][0]["output"] == "[1 2]\n"
    assert half["feedback"]["hidden_tests"] == {"passed": 1, "total": 1}
    assert (peeks["result"]["status"], peeks["result"]["tests_passed"]) == ("failed", 0)
    assert panics["feedback"]["tests"][0]["got"] == "the program ended: panic: aside (line 4)"
    assert (passed["result"]["status"], passed["result"]["score"]) == ("passed", 10)
    assert str(SECRET) not in str([broken, half, panics, passed])


async def assert_refused(room: Room) -> None:
    refused = await room.ivan.post("/exercises", SUMS)

    assert refused.error == (503, "SERVICE_UNAVAILABLE")
    assert NO_TOOLCHAIN in refused["error"]["message"]


async def test_without_a_toolchain_an_exercise_is_refused_and_the_status_says_so(
    room: Room, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    await ready(room)

    await assert_refused(room)
    said = (await room.ivan.get("/status"))["checks"]["sandbox"]["detail"]
    assert f"go in jail with threads: refused, {NO_TOOLCHAIN}" in said


async def test_go_is_asked_for_functions(room: Room) -> None:
    whole = {name: value for name, value in SUMS.items() if name != "function"}
    refused = await room.ivan.post("/exercises", whole)

    assert refused.error == (400, "VALIDATION_ERROR")
    assert "in Go functions are called" in str(refused.body)
