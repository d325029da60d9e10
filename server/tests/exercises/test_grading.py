"""The verdict on code: strict about kinds, deaf to what a submission says of itself."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.backends.sandbox import Answer, CaseResult
from learntrac.exercises.definition import Case
from learntrac.exercises.grading import diff, grade_case, grade_suite, same, short, verdict

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
PLAIN = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


def graded(case: dict[str, Any], answer: Answer, language: str = "python") -> Any:
    return grade_case(Case(**case), answer, number=1, function="f", language=language)


@given(PLAIN)
def test_a_value_is_the_same_as_itself(value: Any) -> None:
    finite = "inf" not in repr(value)
    assert same(value, value) is finite


@given(PLAIN, PLAIN)
def test_what_is_the_same_is_written_the_same(one: Any, other: Any) -> None:
    if same(one, other):
        assert type(one) is type(other)
        assert one == other
        assert same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (0, False),
        (1, 1.0),
        (0, None),
        ("1", 1),
        ([], {}),
        ([1], [1.0]),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": 1, "b": 2}),
        (math.nan, math.nan),
        (math.inf, math.inf),
        ([math.nan], [math.nan]),
        ("a", "a "),
    ],
)
def test_what_only_looks_alike_is_not_the_same(one: Any, other: Any) -> None:
    assert not same(one, other)
    assert not same(other, one)


def test_javascript_has_one_kind_of_number() -> None:
    assert same(1, 1.0, one_number=True)
    assert same([{"a": 2.0}], [{"a": 2}], one_number=True)
    assert not same(1, True, one_number=True)


def test_what_decimal_fractions_lose_is_within_the_tolerance() -> None:
    assert same(0.3, 0.4, tolerance=0.1)
    assert not same(0.3, 0.400001, tolerance=0.1)
    assert not same(10**20, 10**20 + 2, tolerance=1.0)
    assert same(10**400, 10**400 + 1, tolerance=1.0)
    assert not same(1.5, 10**400, tolerance=1.0)


def test_a_tolerance_is_for_numbers_of_either_kind() -> None:
    assert same(0.3, 0.1 + 0.2, tolerance=1e-9)
    assert same([1.0], [1], tolerance=0.01)
    assert not same(1.0, 1.02, tolerance=0.01)
    assert not same(1.0, math.nan, tolerance=1e9)
    assert not same(1, True, tolerance=1)


@pytest.mark.parametrize("status", ["raised", "not_plain", "missing", "timeout", "memory", "crashed", "not_reached"])
def test_whatever_else_happens_is_no_right_answer(status: Any) -> None:
    item = graded({"args": [1], "expect": None}, Answer(status, None, "ValueError: x"))

    assert not item.passed
    assert item.input == "f(1)"
    assert item.got


def test_an_expected_error_is_known_by_its_name() -> None:
    case = {"args": [], "expect_error": "ValueError"}

    assert graded(case, Answer("raised", error="ValueError: no")).passed
    assert graded(case, Answer("raised", error="ValueError")).passed
    assert not graded(case, Answer("raised", error="ValueErrorish: no")).passed
    assert not graded(case, Answer("returned", "ValueError")).passed


def test_printed_lines_are_compared_without_their_ends() -> None:
    case = {"stdin": "2\n", "expect_output": "two\n  lines\n"}

    right = graded(case, Answer("returned", output="two  \n  lines\n\n"))
    wrong = graded(case, Answer("returned", output="two\nlines\n"))

    assert right.passed
    assert wrong.diff.splitlines()[-2:] == ["-  lines", "+lines"]


def test_a_hidden_case_tells_nothing_but_whether_it_passed() -> None:
    item = graded({"name": "the trap", "args": [1], "expect": 5, "hidden": True}, Answer("returned", 4, output="1"))

    assert (item.input, item.expected, item.got, item.output, item.message, item.diff) == ("",) * 6
    assert item.is_hidden


def test_tests_as_code_show_what_they_compared() -> None:
    ran = CaseResult("test_a", "failed", "3 != 4", expected="4", got="3")

    (shown,) = grade_suite([ran], hidden=False)
    (hidden,) = grade_suite([ran], hidden=True)

    assert (shown.expected, shown.got, shown.message) == ("4", "3", "3 != 4")
    assert (hidden.expected, hidden.message) == ("", "")


def test_a_verdict_weighs_and_needs_its_share() -> None:
    items = [graded({"args": [n], "expect": n}, Answer("returned", n if n < 3 else 0)) for n in range(1, 5)]

    assert verdict(items, pass_share=1.0).share == 0.5
    assert verdict(items, pass_share=0.5).passed
    assert not verdict(items, pass_share=0.6).passed
    assert not verdict(items, pass_share=0.0, problem="SyntaxError").passed
    assert not verdict([], pass_share=0.0).passed


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_difference_names_both_sides(expected: str, got: str) -> None:
    told = diff(expected, got)

    if expected == got:
        assert told == ""
    elif told and "\n" not in expected + got and len(expected.splitlines()) < 2 and len(got.splitlines()) < 2:
        assert expected in told
        assert got in told


def test_what_is_too_long_or_unstorable_is_cut_and_cleaned() -> None:
    assert len(short("x" * 5000)) < 2100
    assert short("a\0b\ud800") == "a\ufffdb?"
