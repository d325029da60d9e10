"""A submission answers questions: what arrives, and what it is told that does not."""

import pytest

from learntrac.backends.sandbox import Answer, Call, Limits, Ran, Run
from learntrac.backends.sandbox.boxed import BoxedSandbox

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOURCE = """
def double(x):
    print("doubling", x)
    return [x * 2, (1, "a")]

def divide(a, b):
    return a / b

def nothing_like_a_number():
    return float("nan")

def forever():
    while True:
        pass
"""


async def ask(sandbox: BoxedSandbox, source: str, *calls: Call, limits: Limits | None = None) -> Ran:
    return await sandbox.run(Run("python", source, calls, limits or Limits()), user_id="alice")


async def test_each_call_is_answered_by_what_it_returned_and_printed(sandbox: BoxedSandbox) -> None:
    ran = await ask(sandbox, SOURCE, Call("double", (3,)), Call("divide", (1, 0)), Call("triple", (3,)))

    assert ran.problem is None
    assert ran.answers == (
        Answer("returned", [6, [1, "a"]], output="doubling 3\n"),
        Answer("raised", error="ZeroDivisionError: division by zero", line=7),
        Answer("missing"),
    )
    assert 0 < ran.cpu_seconds < 3
    assert 0 < ran.wall_seconds < 5


async def test_a_source_that_does_not_load_is_told_with_its_line(sandbox: BoxedSandbox) -> None:
    ran = await ask(sandbox, "x = 1\ndef f(:\n", Call("f"))

    assert ran.problem == "SyntaxError: invalid syntax (line 2)"
    assert [answer.status for answer in ran.answers] == ["not_reached"]


async def test_a_whole_program_is_answered_by_what_it_prints(sandbox: BoxedSandbox) -> None:
    ran = await ask(sandbox, "print(int(input()) * 2)", Call(None, stdin="21\n"), Call(None, stdin="x\n"))

    assert ran.answers[0] == Answer("returned", output="42\n")
    assert ran.answers[1].error.startswith("ValueError: invalid literal")


async def test_what_never_ends_is_cut_off_and_the_rest_is_not_reached(sandbox: BoxedSandbox) -> None:
    limits = Limits(cpu_seconds=0.3, wall_seconds=1)
    ran = await ask(sandbox, SOURCE, Call("double", (1,)), Call("forever"), Call("double", (2,)), limits=limits)

    assert [answer.status for answer in ran.answers] == ["returned", "timeout", "not_reached"]
