"""Which variant a learner gets, and in which order choices stand: drawn once, the same whenever it is drawn. Pure."""

import hashlib
from collections.abc import Sequence
from typing import Any


def drawn(rows: Sequence[dict[str, Any]], *, user_id: str, exercise_id: str, version: int) -> dict[str, Any]:
    """The row of values that is this learner's; empty where there are none."""
    return rows[_number("variant", user_id, exercise_id, version) % len(rows)] if rows else {}


def order(count: int, *, user_id: str, exercise_id: str, version: int, place: int) -> list[int]:
    """In which order so many things are shown to this learner at a place (a question's number) of an exercise."""
    return sorted(range(count), key=lambda one: _number("order", user_id, exercise_id, version, place, one))


def letters(count: int) -> list[str]:
    """Names for things by where they stand: a, b, c."""
    return [chr(ord("a") + one) for one in range(count)]


def _number(*parts: object) -> int:
    text = "\0".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
