"""The verdict on code, made outside the box: what was expected held against what came. Pure.

Strict: True is not 1, 1 is not 1.0, and what is no number (NaN) equals nothing. JavaScript has one kind of number, so
there 1 and 1.0 are one. With a tolerance numbers of either kind may differ by so much. Nothing that the submission
printed, and no way in which it ended, decides anything.
"""

import difflib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from learntrac.backends.sandbox import Answer, CaseResult, Plain

LONGEST_SHOWN = 2000
"""So much of an input, a value or an output is shown to the learner."""
_ENDINGS = {
    "missing": "there is no such function",
    "not_plain": "it is no plain value (number, text, true, false, nothing, list, map)",
    "timeout": "it ran out of time",
    "memory": "it ran out of memory",
    "crashed": "the program ended",
    "not_reached": "not reached: an earlier call ended the program",
}

_RAISING = {"python": "raises", "go": "fails with"}


class Expectation(Protocol):
    """What a case expects, as `definition.Case` has it."""

    name: str | None
    function: str | None
    args: list[Any]
    stdin: str
    expect: Any
    expect_error: str | None
    expect_output: str | None
    tolerance: float | None
    hidden: bool


@dataclass(frozen=True)
class Item:
    """One test, question or rubric point as it was marked: `share` 0 to 1 of its `weight`.

    The texts are for the learner, and are kept only of what is not hidden. `diff` is a readable difference of
    `expected` and `got` where they are long enough to need one.
    """

    name: str
    share: float
    weight: float = 1.0
    is_hidden: bool = False
    input: str = ""
    expected: str = ""
    got: str = ""
    output: str = ""
    message: str = ""
    diff: str = ""

    @property
    def passed(self) -> bool:
        """Whether it is wholly right."""
        return self.share >= 1


@dataclass(frozen=True)
class Verdict:
    """What became of a submission: `share` 0 to 1 of the points. `problem` says why nothing could be tried."""

    items: tuple[Item, ...]
    share: float
    passed: bool
    milliseconds: int = 0
    problem: str = ""
    ran_out: bool = False

    @property
    def tests_passed(self) -> int:
        """How many items are wholly right."""
        return sum(item.passed for item in self.items)


def verdict(
    items: Sequence[Item], *, pass_share: float, milliseconds: int = 0, problem: str = "", ran_out: bool = False
) -> Verdict:
    """The items weighed together."""
    total = sum(item.weight for item in items)
    share = sum(item.weight * item.share for item in items) / total if total else 0.0
    # Shares are sums of fractions: 0.1 ten times must not fall short of 1.
    passed = not problem and share >= pass_share - 1e-9 and bool(items)
    return Verdict(tuple(items), min(1.0, share), passed, milliseconds, problem, ran_out)


def same(expected: Plain, got: Plain, *, tolerance: float | None = None, one_number: bool = False) -> bool:
    """Whether two plain values are equal in kind and value. `one_number`: the language has one kind of number."""
    if isinstance(expected, bool) or isinstance(got, bool) or expected is None or got is None:
        return type(expected) is type(got) and expected == got
    if isinstance(expected, int | float) and isinstance(got, int | float):
        return _same_number(expected, got, tolerance, one_number=one_number)
    if type(expected) is not type(got):
        return False
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(
            same(one, other, tolerance=tolerance, one_number=one_number)
            for one, other in zip(expected, got, strict=True)
        )
    if isinstance(expected, dict) and isinstance(got, dict):
        return expected.keys() == got.keys() and all(
            same(value, got[key], tolerance=tolerance, one_number=one_number) for key, value in expected.items()
        )
    return isinstance(expected, str) and expected == got


def _same_number(expected: float, got: float, tolerance: float | None, *, one_number: bool) -> bool:
    if not (_finite(expected) and _finite(got)):
        return False
    if tolerance is not None:
        return near(expected, got, tolerance)
    return expected == got and (one_number or type(expected) is type(got))


def near(expected: float, got: float, tolerance: float) -> bool:
    """Whether two finite numbers differ by at most the tolerance. What decimal fractions lose does not count: 0.4 is
    within 0.1 of 0.3.
    """
    try:
        apart = abs(expected - got)
        exact = isinstance(expected, int) and isinstance(got, int)
        return apart <= tolerance + (0 if exact else 2 * math.ulp(max(abs(expected), abs(got))))
    except OverflowError:  # a whole number beyond every decimal one
        return False


def _finite(number: float) -> bool:
    # An int may be too large for a float, and is finite all the same.
    return isinstance(number, int) or math.isfinite(number)


def grade_case(case: Expectation, answer: Answer, *, number: int, function: str | None, language: str) -> Item:
    """One answer held against its case."""
    right = _is_right(case, answer, one_number=language == "javascript")
    name = case.name or f"case {number}"
    if case.hidden:
        return Item(name, 1.0 if right else 0.0, is_hidden=True)
    expected, got = _expected(case, language), _got(case, answer, language)
    return Item(
        name,
        1.0 if right else 0.0,
        input=shown_call(case, function, language),
        expected=expected,
        got=got,
        output="" if case.expect_output is not None else short(answer.output),
        message="" if right else _message(case, answer),
        diff=diff(expected, got) if answer.status == "returned" and not right else "",
    )


def _is_right(case: Expectation, answer: Answer, *, one_number: bool) -> bool:
    if case.expect_error is not None:
        return answer.status == "raised" and answer.error.partition(":")[0].strip() == case.expect_error
    if answer.status != "returned":
        return False
    if case.expect_output is not None:
        return _lines(answer.output) == _lines(case.expect_output)
    return same(case.expect, answer.value, tolerance=case.tolerance, one_number=one_number)


def _lines(output: str) -> list[str]:
    """The lines without blanks at their ends, nor empty lines at the end."""
    lines = [line.rstrip() for line in output.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _expected(case: Expectation, language: str) -> str:
    if case.expect_error is not None:
        return shown_error(case.expect_error, language)
    return short(case.expect_output) if case.expect_output is not None else shown(case.expect, language)


def _got(case: Expectation, answer: Answer, language: str) -> str:
    if answer.status == "raised":
        return short(answer.error)
    if answer.status == "crashed" and answer.error:
        return short(f"{_ENDINGS['crashed']}: {answer.error}")
    if answer.status != "returned":
        return _ENDINGS[answer.status]
    return short(answer.output) if case.expect_output is not None else shown(answer.value, language)


def is_ending(got: str) -> bool:
    """Whether this says that nothing came back, and why, in place of what came."""
    return got.startswith(tuple(_ENDINGS.values()))


def _message(case: Expectation, answer: Answer) -> str:
    if answer.status == "returned" and case.expect_error is None and case.expect_output is None:
        kinds = (_kind(case.expect), _kind(answer.value))
        return f"The kinds differ: {kinds[0]} was expected, {kinds[1]} came." if kinds[0] != kinds[1] else ""
    return ""


def _kind(value: Plain) -> str:
    for kind, name in (
        (bool, "a truth value"),
        (int, "a whole number"),
        (float, "a decimal number"),
        (str, "text"),
        (list, "a list"),
        (dict, "a map"),
    ):
        if isinstance(value, kind):
            return name
    return "nothing"


def grade_suite(results: Sequence[CaseResult], *, hidden: bool) -> list[Item]:
    """The results of tests as code; of hidden ones only whether they passed."""
    if hidden:
        return [Item(one.name, 1.0 if one.status == "passed" else 0.0, is_hidden=True) for one in results]
    return [_of_suite(one) for one in results]


def _of_suite(one: CaseResult) -> Item:
    expected, got, passed = short(one.expected or ""), short(one.got or ""), one.status == "passed"
    message = "" if passed else short(one.message) or _ENDINGS.get(one.status, "")
    return Item(
        one.name,
        1.0 if passed else 0.0,
        expected=expected,
        got=got,
        message=message,
        diff="" if passed else diff(expected, got),
    )


def shown_call(case: Expectation, function: str | None, language: str) -> str:
    """The call as one would write it."""
    name = case.function or function
    if name is None:
        return short(case.stdin)
    return short(f"{name}({', '.join(shown(one, language) for one in case.args)})")


def shown_error(name: str, language: str) -> str:
    """An expected error as one speaks of it in this language."""
    return f"{_RAISING.get(language, 'throws')} {name}"


def shown(value: Plain, language: str) -> str:
    """A plain value as its language writes it."""
    if language == "python":
        return short(repr(value))
    return short(json.dumps(value, ensure_ascii=False))


def short(text: str, most: int = LONGEST_SHOWN) -> str:
    """The text, cut where it is too long to show; no character that a database refuses."""
    clean = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return clean if len(clean) <= most else f"{clean[:most]} … ({len(clean) - most} more characters)"


def diff(expected: str, got: str) -> str:
    """What is missing (-) and too much (+), line by line, or where two short lines part."""
    if expected == got or not expected:
        return ""
    if "\n" in expected or "\n" in got:
        lines = difflib.unified_diff(expected.splitlines(), got.splitlines(), "expected", "got", lineterm="", n=2)
        return short("\n".join(lines))
    if max(len(expected), len(got)) < 12:
        return ""
    place = next((at for at, pair in enumerate(zip(expected, got, strict=False)) if pair[0] != pair[1]), None)
    place = min(len(expected), len(got)) if place is None else place
    return f"expected: {expected}\n     got: {got}\n{' ' * (10 + place)}^ from here on they differ"
