"""Events as xAPI 2.0 statements (IEEE 9274.1.1), for a learning record store. Pure.

A statement's id is the event's: a store that has it refuses it the second time, and nothing counts twice. The actor is
an account of this installation, by user name: no e-mail address leaves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from learntrac.kit.clock import iso_micros
from learntrac.webhooks.events import DIGITS

VERSION = "2.0.0"
_ACTIVITY = "http://adlnet.gov/expapi/activities/"
_VERBS = {
    "concept.started": ("http://adlnet.gov/expapi/verbs/initialized", "initialized"),
    "concept.completed": ("http://adlnet.gov/expapi/verbs/completed", "completed"),
    "concept.mastered": ("http://adlnet.gov/expapi/verbs/mastered", "mastered"),
    "milestone.achieved": ("http://adlnet.gov/expapi/verbs/completed", "completed"),
    "user.struggled": ("http://adlnet.gov/expapi/verbs/failed", "failed"),
    "exercise.submitted": ("http://adlnet.gov/expapi/verbs/attempted", "attempted"),
    "achievement.unlocked": ("http://id.tincanapi.com/verb/earned", "earned"),
}
TOLD = tuple(_VERBS)
"""The events that are about learning; the others are no statements."""


@dataclass(frozen=True)
class Told:
    """An event as it is kept. `at` is in microseconds since 1970."""

    id: str
    event: str
    data: Mapping[str, Any]
    at: int


def statement(told: Told, *, home: str, titles: Mapping[int, str]) -> dict[str, Any]:
    """The statement of one of `TOLD`; `home` is the installation's address, `titles` those of concepts."""
    verb, word = _VERBS[told.event]
    return {
        "id": told.id,
        "actor": {
            "objectType": "Agent",
            "account": {"homePage": home, "name": told.data["user_id"]},
        },
        "verb": {"id": verb, "display": {"en-US": word}},
        "object": _activity(told, home, titles),
        **_result(told),
        "context": {"platform": "LearnTrac", "extensions": {f"{home}/xapi/event": told.event}},
        "timestamp": iso_micros(told.at),
    }


def _activity(told: Told, home: str, titles: Mapping[int, str]) -> dict[str, Any]:
    make: Callable[..., tuple[str, str, str]] = _OBJECTS.get(told.event.partition(".")[0], _concept)
    path, kind, name = make(told.data, titles)
    return {
        "objectType": "Activity",
        "id": f"{home}/{path}",
        "definition": {"type": _ACTIVITY + kind, "name": {"und": name}},
    }


def _concept(data: Mapping[str, Any], titles: Mapping[int, str]) -> tuple[str, str, str]:
    number = data["concept_id"]
    return f"ticket/{number}", "objective", titles.get(number, f"Concept {number}")


def _milestone(data: Mapping[str, Any], _titles: Mapping[int, str]) -> tuple[str, str, str]:
    return f"milestone/{quote(data['milestone'], safe='')}", "module", data["milestone"]


def _exercise(data: Mapping[str, Any], _titles: Mapping[int, str]) -> tuple[str, str, str]:
    return f"exercises/{quote(data['exercise_id'], safe='')}", "assessment", data.get("title", data["exercise_id"])


def _achievement(data: Mapping[str, Any], _titles: Mapping[int, str]) -> tuple[str, str, str]:
    return f"achievements/{data['achievement_id']}", "objective", data["title"]


_OBJECTS = {"milestone": _milestone, "exercise": _exercise, "achievement": _achievement}


def _result(told: Told) -> dict[str, Any]:
    """What is known of how it went; left out where nothing is."""
    data, result = told.data, dict[str, Any]()
    if data.get("max_score"):
        share = round(data["score"] / data["max_score"], DIGITS)
        result["score"] = {"scaled": share, "raw": data["score"], "min": 0, "max": data["max_score"]}
    elif "mastery_score" in data:
        result["score"] = {"scaled": data["mastery_score"]}
    if data.get("time_spent"):
        result["duration"] = f"PT{data['time_spent']}S"
    if told.event in ("concept.completed", "milestone.achieved"):
        result["completion"] = True
    if told.event in ("concept.mastered", "user.struggled"):
        result["success"] = told.event == "concept.mastered"
    return {"result": result} if result else {}
