"""Tests as an author writes them, in a box of their own: they reach the submission in another only by asking."""

import pytest

from learntrac.backends.sandbox import CaseResult, Limits, Suite, SuiteRan
from learntrac.backends.sandbox.boxed import BoxedSandbox
from learntrac.backends.sandbox.suites import Told, completed

pytestmark = pytest.mark.asyncio(loop_scope="session")
CLOCK = """
class Overflow(ValueError):
    def __init__(self, hours):
        super().__init__(f"{hours} hours are too many")
        self.hours = hours

class Clock:
    def __init__(self, hours, ticks=()):
        if hours > 24:
            raise Overflow(hours)
        self.hours, self.ticks = hours, list(ticks)

    def __eq__(self, other):
        return self.hours == other.hours

    def __add__(self, hours):
        return Clock(self.hours + hours)

    def __iter__(self):
        yield from self.ticks

    def __enter__(self):
        self.ticks.append("in")
        return self

    def __exit__(self, *error):
        return True

def squares(numbers, key=lambda x: x):
    print("squaring")
    for number in numbers:
        yield key(number) ** 2

def add_noon(hours):
    hours.append(12)
    return hours
"""

TESTS = """
import unittest
import pytest
from clock import Clock, Overflow, add_noon, squares

class ClockTest(unittest.TestCase):
    def test_is_built_compared_and_added_to(self):
        self.assertEqual(Clock(3) + 2, Clock(5))
        self.assertNotEqual(Clock(3), Clock(4))
        self.assertIsInstance(Clock(3), Clock)
        self.assertEqual(Clock(3).hours, 3)

    def test_is_iterated(self):
        self.assertEqual(list(Clock(1, ["a", "b"])), ["a", "b"])

    def test_raises_its_own(self):
        with self.assertRaises(Overflow) as caught:
            Clock(25)
        self.assertEqual(str(caught.exception), "25 hours are too many")
        self.assertEqual(caught.exception.hours, 25)
        self.assertIsInstance(caught.exception, ValueError)

    def test_counts_parts(self):
        for hours in (1, 2, 3):
            with self.subTest(hours=hours):
                self.assertEqual(Clock(hours).hours, min(hours, 2))

    def test_cannot_be_silenced_by_a_context(self):
        with Clock(1) as clock:
            self.assertEqual(clock.hours, 2)

@pytest.mark.parametrize("numbers, expected", [([1, 2], [1, 4]), ([3], [8])])
def test_squares(numbers, expected):
    assert list(squares(numbers, key=lambda x: x)) == expected

def test_arguments_are_shared():
    hours = [1]
    assert add_noon(hours) is hours
    assert hours == [1, 12]

def test_raises():
    with pytest.raises(Overflow, match="30 hours"):
        Clock(30)
"""


async def suite(sandbox: BoxedSandbox, source: str, tests: str, **more: object) -> SuiteRan:
    limits = Limits(cpu_seconds=1, wall_seconds=3)
    return await sandbox.test(Suite("python", source, "clock", tests, limits=limits, **more), user_id="alice")  # type: ignore[arg-type]


def statuses(ran: SuiteRan) -> dict[str, str]:
    return {result.name: result.status for result in ran.results}


async def test_authors_use_the_submission_as_if_it_were_here(sandbox: BoxedSandbox) -> None:
    ran = await suite(sandbox, CLOCK, TESTS)

    assert ran.problem is None
    assert statuses(ran) == {
        "test_is_built_compared_and_added_to": "passed",
        "test_is_iterated": "passed",
        "test_raises_its_own": "passed",
        "test_counts_parts (hours=1)": "passed",
        "test_counts_parts (hours=2)": "passed",
        "test_counts_parts (hours=3)": "failed",
        "test_cannot_be_silenced_by_a_context": "failed",
        "test_squares[0]": "passed",
        "test_squares[1]": "failed",
        "test_arguments_are_shared": "passed",
        "test_raises": "passed",
    }
    assert ran.output == "squaring\nsquaring\n"
    [part] = [result for result in ran.results if result.name == "test_counts_parts (hours=3)"]
    assert part == CaseResult(part.name, "failed", "3 != 2", expected="2", got="3")


async def test_what_hangs_is_told_and_the_rest_is_not_reached(sandbox: BoxedSandbox) -> None:
    tests = "import clock\ndef test_one(): pass\ndef test_two(): clock.f()\ndef test_three(): pass\n"
    ran = await suite(sandbox, "def f():\n    while True: pass\n", tests)

    assert [(result.name, result.status) for result in ran.results] == [
        ("test_one", "passed"),
        ("test_two", "timeout"),
        ("test_three", "not_reached"),
    ]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("def f(:", "SyntaxError: invalid syntax (line 1)"),
        ("1 / 0", "ZeroDivisionError: division by zero (line 1)"),
        ("import sys; sys.exit(0)", "SystemExit: 0 (line 1)"),
        ("x = 1", "ImportError: cannot import name 'f' from 'clock' (unknown location) (line 1 of the tests)"),
    ],
)
async def test_a_submission_that_cannot_be_tested_is_told_why(sandbox: BoxedSandbox, source: str, problem: str) -> None:
    ran = await suite(sandbox, source, "from clock import f\ndef test_f(): assert f() == 1\n")

    assert (ran.problem, ran.results) == (problem, ())


async def test_further_files_are_read_and_imported_by_both(sandbox: BoxedSandbox) -> None:
    source = "import helper\ndef f(): return helper.twice(int(open('number.txt').read()))\n"
    tests = "from clock import f\nfrom helper import twice\ndef test_f(): assert f() == twice(21)\n"
    files = {"helper.py": "def twice(x): return 2 * x\n", "number.txt": "21\n"}

    ran = await suite(sandbox, source, tests, files=files)

    assert statuses(ran) == {"test_f": "passed"}


async def test_all_plain_types_arrive_as_they_are(sandbox: BoxedSandbox) -> None:
    tests = """
import collections, datetime, decimal, fractions, pytest
from clock import same
VALUES = [None, True, 7, 2**70, -1.5, "é", b"x", bytearray(b"y"), (1, [2]), {3}, frozenset([4]), {5: "a"}, 2j, range(3),
    datetime.date(2026, 1, 2), datetime.datetime(2026, 1, 2, 3, tzinfo=datetime.timezone.utc), datetime.time(1, 2),
    datetime.timedelta(1), decimal.Decimal("1.5"), fractions.Fraction(1, 3), collections.Counter("aab"),
    collections.deque([1]), ..., int, ValueError, float("inf")]

@pytest.mark.parametrize("value", VALUES)
def test_value(value):
    got = same(value)
    assert got == value and type(got) is type(value)
"""
    ran = await suite(sandbox, "def same(value): return value\n", tests)

    assert len(ran.results) == 26
    assert [result for result in ran.results if result.status != "passed"] == []


async def test_a_test_that_was_cut_off_has_not_passed_whatever_it_told_before() -> None:
    told = Told(["test_parts", "test_more"], [CaseResult("test_parts (n=1)", "passed")], begun=0)

    assert [(result.name, result.status) for result in completed(told, "timeout")] == [
        ("test_parts (n=1)", "passed"),
        ("test_parts", "timeout"),
        ("test_more", "not_reached"),
    ]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("while True: pass", "It could not be loaded: the time was over."),
        ("import os; os._exit(0)", "The submission came to its end while the tests were loaded (crashed)."),
    ],
)
async def test_what_ends_before_the_first_test_is_told(sandbox: BoxedSandbox, body: str, problem: str) -> None:
    ran = await suite(sandbox, f"def f():\n    {body}\n", "import clock\nX = clock.f()\ndef test_x(): pass\n")

    assert (ran.results, ran.problem) == ((), problem)


async def test_fixtures_are_made_once_for_a_test_and_ended_after_it(sandbox: BoxedSandbox) -> None:
    tests = """
import pytest
from clock import learntrac_fixture, numbers

made = []

@pytest.fixture
def clock():
    made.append("clock")
    yield made
    made.append("end")

@pytest.fixture
def pair(clock):
    return clock

@pytest.fixture(autouse=True)
def always():
    made.append("always")

@pytest.fixture(scope="module")
def lasting():
    yield ["one"]
    made.append("never")

@pytest.fixture
def found():
    return numbers()

def test_one(pair, clock, always):
    assert made == ["always", "clock"]

def test_two(lasting):
    assert made == ["always", "clock", "end", "always"]
    lasting.append("two")

def test_three(lasting):
    assert lasting == ["one", "two"]

def test_a_generator_is_not_a_fixture_of_two_steps(found):
    assert list(found) == [1, 2]

def test_none(missing):
    pass
"""
    source = "learntrac_fixture = ('function', True)\ndef numbers():\n    yield 1\n    yield 2\n"

    ran = await suite(sandbox, source, tests)

    assert list(statuses(ran).values()) == ["passed"] * 4 + ["error"]
    assert ran.results[-1].message == "LookupError: there is no fixture missing"


@pytest.mark.parametrize(("classes", "status"), [(None, "passed"), ({"Price"}, "passed"), ({"Other"}, "failed")])
async def test_only_what_is_to_be_a_class_is_compared_with_plain_values(
    sandbox: BoxedSandbox, classes: set[str] | None, status: str
) -> None:
    source = (
        "class Price:\n    def __gt__(self, other): return other == 3\n    def __add__(self, other): return other\n"
    )
    tests = "from clock import Price\ndef test_it():\n    try:\n        assert Price() > 3 and Price() + 1 == 1\n"
    tests += "    except TypeError:\n        assert False\n"

    ran = await suite(sandbox, source, tests, classes=None if classes is None else frozenset(classes))

    assert statuses(ran) == {"test_it": status}
