"""Tests as pytest has them: functions and classes, parameters, fixtures, `raises` and `approx`.

A part of pytest's vocabulary, in its own words; what is not here is told by its name when a test file asks for it.
"""

import inspect
import itertools
import math
import re
import types
import unittest
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from . import remote

Outcome = tuple[str, BaseException | None]
Case = Callable[[], Iterator[Outcome]]


class Skipped(Exception):
    """A test that its author does not want to be run."""


class Failed(AssertionError):
    """`pytest.fail`."""


class Raises:
    """`with pytest.raises(ValueError, match="…") as info:`."""

    def __init__(self, expected: Any, match: str | None) -> None:
        self._expected, self._match = expected, match
        self.value: Any = None

    @property
    def type(self) -> Any:
        """The class of what was raised."""
        return type(self.value)

    def match(self, pattern: str) -> bool:
        """Whether its text matches. Raises AssertionError."""
        if re.search(pattern, str(self.value)) is None:
            raise AssertionError(f"{str(self.value)!r} does not match {pattern!r}")
        return True

    def __enter__(self) -> "Raises":
        return self

    def __exit__(self, kind: Any, error: BaseException | None, _traceback: object) -> bool:
        if error is None:
            raise Failed(f"DID NOT RAISE {self._expected!r}")
        if not issubclass(kind, self._expected):
            return False
        self.value = error
        if self._match is not None:
            self.match(self._match)
        return True


def raises(expected: Any, *function: Any, match: str | None = None, **named: Any) -> Any:
    """As a context, or called with the function and its arguments."""
    context = Raises(expected, match)
    if not function:
        return context
    with context:
        function[0](*function[1:], **named)
    return context


class Approximately:
    """A number that others equal within a tolerance, or lists and dicts of such; only plain numbers do."""

    __hash__ = None  # type: ignore[assignment] # as pytest's

    def __init__(self, expected: Any, rel: float | None, tolerance: float | None) -> None:
        self._expected, self._rel, self._abs = expected, rel, tolerance

    def __eq__(self, other: object) -> bool:
        return self._fits(self._expected, other)

    def _fits(self, expected: Any, got: Any) -> bool:
        if isinstance(expected, Mapping):
            same = type(got) is dict and expected.keys() == got.keys()
            return same and all(self._fits(value, got[key]) for key, value in expected.items())
        if isinstance(expected, Sequence) and not isinstance(expected, str):
            same = type(got) in (list, tuple) and len(got) == len(expected)
            return same and all(map(self._fits, expected, got))
        if remote.is_remote(got) or isinstance(got, bool) != isinstance(expected, bool):
            return False
        if isinstance(expected, complex) or isinstance(got, complex):
            return bool(abs(expected - got) <= max(self._tolerance(), 1e-6 * abs(expected)))
        if not isinstance(expected, int | float) or not isinstance(got, int | float):
            return expected == got and not remote.is_remote(got)
        rel = self._rel if self._rel is not None else (0.0 if self._abs is not None else 1e-6)
        return math.isclose(expected, got, rel_tol=rel, abs_tol=self._tolerance())

    def _tolerance(self) -> float:
        return 1e-12 if self._abs is None else self._abs

    def __repr__(self) -> str:
        return f"approx({self._expected!r})"


def approx(expected: Any, rel: float | None = None, abs: float | None = None) -> Any:  # noqa: A002 - pytest's own name
    """`assert f() == pytest.approx(0.3)`."""
    return Approximately(expected, rel, abs)


class Parameters(tuple[Any, ...]):
    """`pytest.param(1, 2, id="small")`."""

    id: str | None = None


def param(*values: Any, id: str | None = None, marks: Any = ()) -> Any:  # noqa: A002, ARG001 - pytest's own names
    """One set of parameters, with a name."""
    made = Parameters(values)
    made.id = id
    return made


def parametrize(names: Any, values: Any, ids: Any = None, indirect: Any = False) -> Any:  # noqa: FBT002, ARG001
    """Run the test once for each set of values."""
    known = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    sets = [_named_set(known, value, _id_of(value, place, ids)) for place, value in enumerate(values)]

    def mark(test: Any) -> Any:
        earlier = getattr(test, "learntrac_parameters", [])
        test.learntrac_parameters = [*earlier, sets]
        return test

    return mark


def _named_set(names: list[str], value: Any, identity: str) -> tuple[str, dict[str, Any]]:
    values = value if isinstance(value, Parameters) or len(names) > 1 else (value,)
    return identity, dict(zip(names, values, strict=True))


def _id_of(value: Any, place: int, ids: Any) -> str:
    if isinstance(value, Parameters) and value.id is not None:
        return value.id
    if ids is not None:
        return str(ids(value) if callable(ids) else list(ids)[place])
    parts = value if isinstance(value, tuple) else (value,)
    simple = all(part is None or isinstance(part, bool | int | float | str) for part in parts)
    return "-".join(map(str, parts))[:80] if simple else str(place)


def fixture(function: Any = None, *, scope: str = "function", autouse: bool = False, **_more: Any) -> Any:
    """A function whose result tests ask for by its name."""

    def mark(made: Any) -> Any:
        made.learntrac_fixture = (scope, autouse)
        return made

    return mark if function is None else mark(function)


def skip(reason: str = "") -> Any:
    """Leave the rest of a test out."""
    raise Skipped(reason)


def fail(reason: str = "") -> Any:
    """Fail."""
    raise Failed(reason)


def _skipped(test: Any) -> Any:
    test.learntrac_skipped = True
    return test


class _Marks:
    """`pytest.mark.…`: what has no meaning here changes nothing, such as `task(taskno=1)`."""

    parametrize = staticmethod(parametrize)

    @staticmethod
    def skip(*_reason: Any, **_named: Any) -> Any:
        """`@pytest.mark.skip` and `@pytest.mark.skip(reason=…)`."""
        return _skipped(_reason[0]) if _reason and callable(_reason[0]) else _skipped

    @staticmethod
    def skipif(condition: Any, **_named: Any) -> Any:
        """Where the condition holds."""
        return _skipped if condition else lambda test: test

    def __getattr__(self, _name: str) -> Any:
        def mark(*arguments: Any, **named: Any) -> Any:
            return arguments[0] if len(arguments) == 1 and callable(arguments[0]) and not named else lambda test: test

        return mark


def as_module() -> types.ModuleType:
    """What `import pytest` finds."""
    module = types.ModuleType("pytest")
    for thing in (raises, approx, param, fixture, skip, fail):
        setattr(module, thing.__name__, thing)
    module.__dict__["mark"] = _Marks()
    return module


def collect(thing: Any, module: str) -> list[tuple[int, str, Case]]:
    """(line, name, test) of each test in one thing of a test file."""
    if isinstance(thing, types.FunctionType) and thing.__name__.startswith("test") and thing.__module__ == module:
        return list(_cases(thing, None, thing.__globals__))
    plain = isinstance(thing, type) and thing.__module__ == module and not issubclass(thing, unittest.TestCase)
    if plain and thing.__name__.startswith("Test"):
        tests = [test for name, test in vars(thing).items() if name.startswith("test") and callable(test)]
        return [case for test in tests for case in _cases(test, thing, test.__globals__)]
    return []


def _cases(test: Any, owner: type | None, scope: Mapping[str, Any]) -> Iterator[tuple[int, str, Case]]:
    if getattr(test, "learntrac_skipped", False):
        return
    line = test.__code__.co_firstlineno
    stacked = list(reversed(getattr(test, "learntrac_parameters", [])))
    for sets in itertools.product(*stacked):
        identity = "-".join(name for name, _ in sets)
        values = {name: value for _, known in sets for name, value in known.items()}
        name = f"{test.__name__}[{identity}]" if sets else test.__name__
        yield line, name, partial(_run, test, owner, values, scope)


def _run(test: Any, owner: type | None, values: dict[str, Any], scope: Mapping[str, Any]) -> Iterator[Outcome]:
    error: BaseException | None = None
    known = dict(values)
    try:
        with ExitStack() as stack:
            target = test if owner is None else getattr(_instance(owner, test, stack), test.__name__)
            target(**_arguments(target, known, scope, stack))
    except Skipped:
        return
    except Exception as raised:  # noqa: BLE001 - whatever a test raises is its result
        error = raised
    except SystemExit as raised:
        error = raised
    yield "", error


def _instance(owner: type, test: Any, stack: ExitStack) -> Any:
    made = owner()
    for name, arguments in (("setup_method", (test,)), ("setUp", ())):
        if (begin := getattr(made, name, None)) is not None:
            begin(*arguments[: len(inspect.signature(begin).parameters)])
    if (end := getattr(made, "teardown_method", None)) is not None:
        stack.callback(end, *(test,)[: len(inspect.signature(end).parameters)])
    return made


def _arguments(function: Any, known: dict[str, Any], scope: Mapping[str, Any], stack: ExitStack) -> dict[str, Any]:
    """What the function's parameters are to be: of this set, or from fixtures. Raises LookupError."""
    for name, made in scope.items():
        if _is_fixture(made) and made.learntrac_fixture[1]:
            _fixture(name, known, scope, stack)
    return {name: _fixture(name, known, scope, stack) for name in inspect.signature(function).parameters}


def _is_fixture(made: Any) -> bool:
    # A thing of the submission's is not even asked.
    return isinstance(made, types.FunctionType) and hasattr(made, "learntrac_fixture")


def _fixture(name: str, known: dict[str, Any], scope: Mapping[str, Any], stack: ExitStack) -> Any:
    """What is known by this name in this test: all who ask for a fixture in one test get the same."""
    if name not in known:
        made: Any = scope.get(name)
        if not _is_fixture(made):
            raise LookupError(f"there is no fixture {name}")
        known[name] = _made(made, known, scope, stack)
    return known[name]


def _made(made: Any, known: dict[str, Any], scope: Mapping[str, Any], stack: ExitStack) -> Any:
    kept, is_lasting = made.__dict__, made.learntrac_fixture[0] != "function"
    if is_lasting and "learntrac_kept" in kept:
        return kept["learntrac_kept"][0]
    value = made(**{needed: _fixture(needed, known, scope, stack) for needed in inspect.signature(made).parameters})
    steps = None
    if inspect.isgeneratorfunction(made):
        steps, value = value, next(value)
    if is_lasting:
        kept["learntrac_kept"] = value, steps  # its end is the box's
    elif steps is not None:
        stack.callback(next, steps, None)
    return value
