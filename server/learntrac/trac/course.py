"""A course as plain values, before it is in any Trac: what importers read and `author.py` writes.

Keys are stable names (`http-methods`) that the writer turns into ticket numbers, so that writing the same
course a second time finds the tickets of the first.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Milestone:
    """A stage of the course; `due_in_days` counts from the day the course is first written, None: no due date."""

    name: str
    description: str = ""
    due_in_days: int | None = None


@dataclass(frozen=True)
class Component:
    """A subject area that concepts belong to."""

    name: str
    description: str = ""


@dataclass(frozen=True)
class Page:
    """A wiki page: its name as Trac writes it (`HttpMethods`, `Python/Basics`) and its text in wiki markup."""

    name: str
    text: str


@dataclass(frozen=True)
class CourseConcept:
    """One thing to learn. `description` is wiki markup; `prerequisites` are keys; `estimated_minutes` None: unknown."""

    key: str
    title: str
    description: str
    type: str = "task"
    component: str = ""
    milestone: str = ""
    difficulty: float | None = None
    mastery_threshold: float | None = None
    estimated_minutes: int | None = None
    tags: tuple[str, ...] = ()
    prerequisites: tuple[str, ...] = ()


@dataclass(frozen=True)
class Course:
    """A whole course; `notes` say what an importer could not bring, and why."""

    title: str
    milestones: tuple[Milestone, ...]
    components: tuple[Component, ...]
    concepts: tuple[CourseConcept, ...]
    pages: tuple[Page, ...]
    notes: tuple[str, ...] = ()
