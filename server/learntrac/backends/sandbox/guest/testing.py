"""The box of an author's tests: unittest classes and functions as pytest has them, each told as it ends.

The submission is in another box. Nothing of it is here but what it answers.
"""

import json
import sys
import traceback
import types
import unittest
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from . import asserting, bridge, calls, functions, guard, remote, submission

MODULE = "learntrac_tests"
Message = dict[str, Any]


def serve(order: Message, exchange: Callable[[str], str]) -> str:
    """Run `order["tests"]`, telling each result in a message of its own; the last word is what they printed, and why
    nothing could be run.
    """
    printed = calls.Printed(order["output"])
    sys.stdout = sys.stderr = printed
    asserting.install()
    submission.offer_files(order["files"])
    teller = Teller(lambda told: exchange("=" + json.dumps(told)))
    end = _open_bridge(order, exchange)
    try:
        cases = list(collect(load(order["tests"])))
    except bridge.Lost as lost:
        problem = f"The submission came to its end while the tests were loaded ({lost})."
        return json.dumps({"problem": problem, "output": printed.getvalue()})
    except BaseException as error:  # noqa: BLE001 - the author's file may raise anything
        return json.dumps({"problem": _problem(error), "output": printed.getvalue()})
    teller.tell_names([name for name, _ in cases])
    run(cases, teller, end)
    return json.dumps({"problem": None, "output": printed.getvalue()})


def _open_bridge(order: Message, exchange: Callable[[str], str]) -> bridge.Bridge:
    modules = {MODULE, *(name.removesuffix(".py") for name in order["files"])}
    tests_guard = guard.TestsGuard(modules, order["classes"])

    def ask(message: str) -> str:
        reply = exchange(">" + message)
        if reply[0] == "!":
            raise bridge.Lost(reply[1:])
        return reply[1:]

    end = bridge.Bridge(ask, tests_guard)
    end.print = _print
    kind = remote.make_class(end, -1, name="module", bases=(), specials=[], hashable=True)
    guard.offer(order["module"], remote.make_object(kind, bridge.MODULE), tests_guard, order["names"])
    return end


def _print(text: str) -> None:
    sys.stdout.write(text)  # a test may have put another in its place


def load(source: str) -> types.ModuleType:
    """The test file as a module."""
    module = types.ModuleType(MODULE)
    sys.modules[MODULE] = module
    sys.modules["pytest"] = functions.as_module()
    module.__dict__["__learntrac_compare__"] = asserting.compare
    exec(asserting.compile_tests(source, MODULE), module.__dict__)  # noqa: S102 - this is what a box is for
    return module


def _problem(error: BaseException) -> str:
    lines = [
        line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == f"{MODULE}.py"
    ]
    where = f" (line {lines[-1]} of the tests)" if lines else ""
    return calls.describe(error) + where


class Teller:
    """Says how each test ended, under the name that its author gave it."""

    def __init__(self, send: Callable[[Message], object]) -> None:
        self._send = send

    def tell_names(self, names: list[str]) -> None:
        """All tests, before the first one runs."""
        self._send({"tests": names})

    def begin(self, place: int) -> None:
        """The test at this place begins."""
        self._send({"begin": place})

    def end(self, name: str, error: BaseException | None, kind: str = "") -> None:
        """A test, or a part of one that counts by itself, has ended."""
        told: Message = {"name": name[:200], "status": "passed"}
        if error is not None:
            told |= _told_of(error)
        if kind:
            told["status"] = kind
        self._send({"result": told})


def _told_of(error: BaseException) -> Message:
    failed = isinstance(error, AssertionError)
    told: Message = {"status": "failed" if failed else "error"}
    try:
        told["message"] = str(error) if failed else f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - its own __str__
        told["message"] = type(error).__name__
    told["message"] = told["message"][: asserting.LONGEST_TEXT]
    compared = getattr(error, "__dict__", {}).get(asserting.COMPARED)
    if compared is not None:
        told["expected"], told["got"] = compared
    return told


Case = Callable[[], Iterator[tuple[str, BaseException | None]]]
"""Runs one test, and gives what counts: the test itself, or each of its parts."""


def collect(module: types.ModuleType) -> Iterator[tuple[str, Case]]:
    """Every test of the file, in its order."""
    found: list[tuple[int, str, Case]] = []
    for thing in list(vars(module).values()):
        if isinstance(thing, type) and issubclass(thing, unittest.TestCase) and thing.__module__ == MODULE:
            found += _of_class(thing)
        else:
            found += functions.collect(thing, MODULE)
    seen: dict[str, int] = {}
    for _line, name, case in sorted(found, key=lambda test: test[0]):
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name} ({seen[name]})"), case


def _of_class(kind: type[unittest.TestCase]) -> Iterator[tuple[int, str, Case]]:
    names = unittest.defaultTestLoader.getTestCaseNames(kind)
    shared = _ClassFixtures(kind, len(names))
    for name in names:
        code = getattr(getattr(kind, name), "__code__", None)
        line = code.co_firstlineno if code is not None else 0
        yield line, name, partial(_run_unittest, kind, name, shared)


class _ClassFixtures:
    """setUpClass before the first of a class's tests, tearDownClass after the last."""

    def __init__(self, kind: type[unittest.TestCase], tests: int) -> None:
        self._kind, self._left = kind, tests
        self._begun = False
        self.error: BaseException | None = None

    def __enter__(self) -> None:
        if not self._begun:
            self._begun = True
            try:
                self._kind.setUpClass()
            except Exception as error:  # noqa: BLE001 - each of its tests is told so
                self.error = error

    def __exit__(self, *_error: object) -> None:
        self._left -= 1
        if self._left == 0 and self.error is None:
            self._kind.tearDownClass()
            self._kind.doClassCleanups()


class _Result(unittest.TestResult):
    """What came of one test, part by part."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[tuple[str, BaseException | None]] = []
        self.error: BaseException | None = None
        self.skipped_one = False

    def _note(self, error: Any) -> None:
        self.error = self.error or error[1]

    def addError(self, _test: Any, error: Any) -> None:  # noqa: N802 - unittest's own name
        self._note(error)

    def addFailure(self, _test: Any, error: Any) -> None:  # noqa: N802
        self._note(error)

    def addSkip(self, _test: Any, _reason: str) -> None:  # noqa: N802
        self.skipped_one = True

    def addExpectedFailure(self, _test: Any, _error: Any) -> None:  # noqa: N802
        self.error = None

    def addUnexpectedSuccess(self, _test: Any) -> None:  # noqa: N802
        self.error = AssertionError("this was expected to fail")

    def addSubTest(self, _test: Any, subtest: Any, error: Any) -> None:  # noqa: N802
        self.parts.append((_part_name(subtest), error[1] if error else None))


def _part_name(subtest: Any) -> str:
    message = subtest._message  # noqa: SLF001 - unittest shows it in no other way
    named = ", ".join(f"{key}={asserting.shown(value)[:80]}" for key, value in subtest.params.items())
    said = [str(message)] if isinstance(message, str) else []
    return " ".join(said + ([f"({named})"] if named else []))


def _run_unittest(
    kind: type[unittest.TestCase], name: str, shared: _ClassFixtures
) -> Iterator[tuple[str, BaseException | None]]:
    result, test = _Result(), kind(name)
    with shared:
        if shared.error is None:
            test.run(result)
        else:
            result.error = shared.error
    if result.skipped_one and result.error is None and not result.parts:
        return
    yield from result.parts
    if result.error is not None or not result.parts:
        yield "", result.error


def run(cases: list[tuple[str, Case]], teller: Teller, end: bridge.Bridge) -> None:
    """One test after the other, until the submission's box has come to its end."""
    for place, (name, case) in enumerate(cases):
        teller.begin(place)
        for part, error in _outcomes(case, end):
            teller.end(f"{name} {part}".rstrip(), error)
        if end.lost is not None:
            teller.end(name, None, end.lost)
            return


def _outcomes(case: Case, end: bridge.Bridge) -> list[tuple[str, BaseException | None]]:
    watching = end.guard
    assert isinstance(watching, guard.TestsGuard)  # noqa: S101 - put there by _open_bridge
    watching.take_swallowed()
    try:
        outcomes = list(case())
    except BaseException as error:  # noqa: BLE001 - Lost, and what unittest lets through
        outcomes = [("", error)]
    if end.lost is not None:
        return [(part, error) for part, error in outcomes if part]
    swallowed = watching.take_swallowed()
    if swallowed is not None and all(error is None for _, error in outcomes):
        return [*outcomes[:-1], (outcomes[-1][0] if outcomes else "", swallowed)]
    return outcomes
