"""Which variant a learner gets, and in which order choices stand: drawn once, the same whenever it is drawn, and in
every version of the exercise, so that an attempt can be held against a later one. Pure.
"""

import hashlib
from collections.abc import Sequence
from typing import Any


def drawn(rows: Sequence[dict[str, Any]], *, user_id: str, exercise_id: str) -> dict[str, Any]:
    """The row of values that is this learner's; empty where there are none."""
    return rows[_number("variant", user_id, exercise_id) % len(rows)] if rows else {}


def order(count: int, *, user_id: str, exercise_id: str, place: int) -> list[int]:
    """In which order so many things are shown to this learner at a place (a question's number) of an exercise."""
    return sorted(range(count), key=lambda one: _number("order", user_id, exercise_id, place, one))


def letters(count: int) -> list[str]:
    """Names for things by where they stand: a, b, c."""
    return [chr(ord("a") + one) for one in range(count)]


def _number(*parts: object) -> int:
    text = "\0".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
