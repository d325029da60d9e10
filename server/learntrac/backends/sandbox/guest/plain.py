"""Plain values: what may cross the border of a box that answers calls. Exact built-in types, nothing that is derived
from them, and only as many and as deep as a person would read.
"""

import math

DEEPEST = 60
MOST_ITEMS = 200_000
_LONGEST_INTEGER = 10**4000


class NotPlain(Exception):
    """This value may not cross; the message says why."""


def to_plain(value: object) -> object:
    """A copy of `value` in lists, dicts with text as keys, text, numbers, booleans and None; a tuple becomes a list.

    Raises NotPlain for any other type, for what is derived from these, for NaN and infinity, for half of a surrogate
    pair and for what is too deep or too large.
    """
    return _copy(value, DEEPEST, [MOST_ITEMS])


def _copy(value: object, depth: int, left: list[int]) -> object:
    left[0] -= 1
    if depth < 0 or left[0] < 0:
        raise NotPlain("too deep or too large")
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return _whole(value)
    if kind is float:
        return _finite(value)
    if kind is str:
        return _text(value)
    if kind is list or kind is tuple:
        return [_copy(item, depth - 1, left) for item in value]  # type: ignore[attr-defined] # its type is exact
    if kind is dict:
        return {_key(key): _copy(item, depth - 1, left) for key, item in value.items()}  # type: ignore[attr-defined]
    raise NotPlain(f"a value of type {kind.__name__} is not plain")


def _whole(value: object) -> int:
    assert type(value) is int  # noqa: S101 - said to the type checker
    if not -_LONGEST_INTEGER < value < _LONGEST_INTEGER:
        raise NotPlain("an integer of more than 4000 digits")
    return value


def _finite(value: object) -> float:
    assert type(value) is float  # noqa: S101 - said to the type checker
    if not math.isfinite(value):
        raise NotPlain(f"{value} is not a number that can be compared")
    return value


def _text(value: object) -> str:
    assert type(value) is str  # noqa: S101 - said to the type checker
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotPlain("text with half of a surrogate pair") from None
    return value


def _key(value: object) -> str:
    if type(value) is not str:
        raise NotPlain(f"a dict with a key of type {type(value).__name__}")
    return _text(value)
