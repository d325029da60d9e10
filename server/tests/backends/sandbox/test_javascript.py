"""JavaScript answers questions as Python does, with its own ideas of what a number is."""

import pytest

from learntrac.backends.sandbox import Answer, Call, Ran, Run
from learntrac.backends.sandbox.boxed import BoxedSandbox

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOURCE = """
export function double(x) { console.log("doubling", x); return [x * 2, {half: x / 2}] }
const fail = () => {
  throw new TypeError("no")
}
const boxed = () => new Number(5)
function nothing() {}
"""


async def ask(sandbox: BoxedSandbox, source: str, *calls: Call) -> Ran:
    return await sandbox.run(Run("javascript", source, calls), user_id="alice")


async def test_each_call_is_answered_by_what_it_returned_and_printed(sandbox: BoxedSandbox) -> None:
    names = ("double", "fail", "boxed", "nothing", "triple")
    ran = await ask(sandbox, SOURCE, *(Call(name, (3,)) for name in names))

    assert ran.problem is None
    assert ran.answers == (
        Answer("returned", [6, {"half": 1.5}], output="doubling 3\n"),
        Answer("raised", error="TypeError: no", line=4),
        Answer("not_plain", error="an object of a class is not plain"),
        Answer("returned", None),
        Answer("missing"),
    )


async def test_a_whole_program_reads_and_prints(sandbox: BoxedSandbox) -> None:
    ran = await ask(sandbox, "console.log(Number(readline()) * 2)", Call(None, stdin="21\n"), Call(None, stdin="4\n"))

    assert [answer.output for answer in ran.answers] == ["42\n", "8\n"]


async def test_a_source_that_does_not_load_is_told_with_its_line(sandbox: BoxedSandbox) -> None:
    ran = await ask(sandbox, "let x = 1\nfunction f(] {}\n", Call("f"))

    assert (ran.problem or "").startswith("SyntaxError: ")
    assert (ran.problem or "").endswith("(line 2)")


async def test_a_name_is_not_run_as_code(sandbox: BoxedSandbox) -> None:
    with pytest.raises(ValueError, match="is no name of a function"):
        await ask(sandbox, SOURCE, Call("(() => 1)()"))
