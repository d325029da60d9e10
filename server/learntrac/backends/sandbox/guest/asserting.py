"""Assertions that say what they compared, and that do not take True for 1."""

import ast
import unittest
from collections.abc import Callable
from typing import Any

from . import remote

LONGEST_TEXT = 2000
COMPARED = "__learntrac_compared__"
_NUMBERS = (int, float, complex)


def shown(value: object) -> str:
    """A value as text, whatever its own repr does."""
    try:
        return repr(value)[:LONGEST_TEXT]
    except Exception:  # noqa: BLE001 - it may be the submission's
        return f"<{type(value).__name__}>"


def differ_in_kind(first: Any, second: Any) -> bool:
    """Whether two values that are equal have a boolean in one where the other has a number."""
    kinds = {type(first), type(second)}
    if bool in kinds and len(kinds) == 2:
        return bool(kinds & set(_NUMBERS))
    if type(first) in (list, tuple) and type(second) in (list, tuple):
        return any(map(differ_in_kind, first, second))
    if type(first) is dict and type(second) is dict:
        return any(differ_in_kind(value, second[key]) for key, value in first.items() if key in second)
    return False


def note(error: BaseException, *, got: object, expected: object) -> None:
    """Keep what an assertion compared with its failure."""
    error.__dict__[COMPARED] = (shown(expected), shown(got))


def compare(got: Any, expected: Any, message: Callable[[], object]) -> None:
    """`assert got == expected`."""
    equal = got == expected
    if equal and not differ_in_kind(got, expected):
        return
    said = message()
    error = AssertionError(f"{shown(got)} == {shown(expected)}" if said is None else said)
    note(error, got=got, expected=expected)
    raise error


class _Asserts(ast.NodeTransformer):
    """`assert a == b` compares with `compare`; another `assert` without a message says its own text."""

    def __init__(self, source: str) -> None:
        self._source = source

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        self.generic_visit(node)
        test = node.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
            later = ast.Lambda(ast.arguments([], [], None, [], [], None, []), node.msg or ast.Constant(None))
            call = ast.Call(ast.Name("__learntrac_compare__", ast.Load()), [test.left, test.comparators[0], later], [])
            return ast.fix_missing_locations(ast.copy_location(ast.Expr(call), node))
        if node.msg is None:
            text = ast.get_source_segment(self._source, test) or ""
            node.msg = ast.copy_location(ast.Constant(f"assert {text}"), test)
        return node


def compile_tests(source: str, name: str) -> Any:
    """The code of a test file, with its plain assertions made to talk. Raises SyntaxError."""
    tree = _Asserts(source).visit(ast.parse(source, f"{name}.py"))
    return compile(tree, f"{name}.py", "exec", dont_inherit=True)


def _noting(usual: Callable[..., Any]) -> Callable[..., Any]:
    def assert_equal(self: unittest.TestCase, first: Any, second: Any, msg: Any = None) -> None:
        try:
            usual(self, first, second, msg)
            if differ_in_kind(first, second):
                self.fail(f"{shown(first)} is not {shown(second)}")
        except AssertionError as error:
            note(error, got=first, expected=second)
            raise

    return assert_equal


def _only_numbers(usual: Callable[..., Any]) -> Callable[..., Any]:
    def assert_almost_equal(self: unittest.TestCase, first: Any, second: Any, *more: Any, **named: Any) -> None:
        if remote.is_remote(first) != remote.is_remote(second):
            self.fail(f"{shown(first)} is no number")
        try:
            usual(self, first, second, *more, **named)
        except AssertionError as error:
            note(error, got=first, expected=second)
            raise

    return assert_almost_equal


def install() -> None:
    """Change unittest's own assertions, in a box that has nothing but the tests."""
    case: Any = unittest.TestCase
    case.assertEqual = _noting(case.assertEqual)
    case.assertAlmostEqual = _only_numbers(case.assertAlmostEqual)
    case.maxDiff = None
