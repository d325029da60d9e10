"""A concept as the fields of a Trac ticket, and a course in the order it is written. Pure."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence

from learntrac.trac.course import Course, CourseConcept

COURSE_FIELDS = (
    *("summary", "description", "type", "component", "milestone", "keywords"),
    *("learning_difficulty", "mastery_threshold", "time_estimate", "prerequisites"),
)


def check_course(course: Course) -> None:
    """Raises ValueError for a name used twice, a key that Trac would not keep, or a prerequisite it lacks."""
    keys = [concept.key for concept in course.concepts]
    _check_once("concept", keys)
    _check_once("page", [page.name for page in course.pages])
    for concept in course.concepts:
        if not concept.key or concept.key != concept.key.strip():
            raise ValueError(f"not a key: {concept.key!r}")
        unknown = set(concept.prerequisites) - set(keys)
        if unknown:
            raise ValueError(f"{concept.key} needs {', '.join(sorted(unknown))}, which the course lacks")


def _check_once(what: str, names: Sequence[str]) -> None:
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise ValueError(f"more than one {what} is called {', '.join(twice)}")


def prerequisites_first(concepts: Sequence[CourseConcept]) -> list[CourseConcept]:
    """The course's own order, changed only where a concept would come before what it needs.

    Every prerequisite must be among the concepts. Where they run in a circle, one of it comes too early.
    """
    by_key = {concept.key: concept for concept in concepts}
    entered: set[str] = set()
    ordered: dict[str, CourseConcept] = {}
    ahead = list(reversed(concepts))
    while ahead:
        concept = ahead[-1]
        if concept.key in entered:
            ordered.setdefault(concept.key, ahead.pop())
        else:
            entered.add(concept.key)
            ahead += [by_key[key] for key in reversed(concept.prerequisites) if key not in entered]
    return list(ordered.values())


def to_fields(concept: CourseConcept, ticket_ids: Mapping[str, int]) -> dict[str, str]:
    """The text of every one of COURSE_FIELDS; a prerequisite that has no ticket number yet is left out."""
    needed = sorted(ticket_ids[key] for key in set(concept.prerequisites) if key in ticket_ids)
    return {
        "summary": concept.title,
        "description": concept.description,
        "type": concept.type,
        "component": concept.component,
        "milestone": concept.milestone,
        "keywords": ", ".join(concept.tags),
        "learning_difficulty": _number(concept.difficulty),
        "mastery_threshold": _number(concept.mastery_threshold),
        "time_estimate": _duration(concept.estimated_minutes),
        "prerequisites": ", ".join(f"#{number}" for number in needed),
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}".rstrip("0").rstrip(".")


def _duration(minutes: int | None) -> str:
    if minutes is None:
        return ""
    hours, rest = divmod(minutes, 60)
    return (f"{hours}h" if hours else "") + (f"{rest}m" if rest or not hours else "")


def plain(text: str | None) -> str:
    """A text as Trac means it: absent is empty, and a line end is one character whatever a browser sent."""
    return (text or "").replace("\r\n", "\n")


def fingerprint(fields: Mapping[str, str | None]) -> str:
    """Sixteen characters that tell whether any of COURSE_FIELDS has changed."""
    values = json.dumps([plain(fields.get(name)) for name in COURSE_FIELDS])
    return hashlib.sha256(values.encode()).hexdigest()[:16]
