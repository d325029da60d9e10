"""The events that the world can be told of, and how their data is written. Pure."""

from collections.abc import Mapping
from typing import Any

EVENTS = (
    "concept.started",
    "concept.completed",
    "concept.mastered",
    "milestone.achieved",
    "user.struggled",
    "exercise.submitted",
    "achievement.unlocked",
    "export.ready",
    "tutor.handover_requested",
)
"""What a webhook may ask for."""
TEST = "webhook.test"
"""What an owner sends to try a webhook; nobody asks for it."""
DIGITS = 4


def plain(value: Any) -> Any:
    """The value with numbers that every language writes alike: whole ones without a point, others with at most four
    digits behind it. `1.0` in one language is `1` in another, and a signature over them would differ.
    """
    if isinstance(value, float):
        rounded = round(value, DIGITS)
        return int(rounded) if rounded.is_integer() else rounded
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
