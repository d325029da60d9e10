"""Reads a course that is written as plain files.

A course is a folder. `course.toml` holds the title, the milestones, the components and the concepts;
`concepts/KEY.wiki` is the description of a concept; every `.wiki` file under `pages/` is a wiki page, named
by its path (`pages/Python/Basics.wiki` is the page `Python/Basics`).
"""

import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from learntrac.trac.course import Component, Course, CourseConcept, Milestone, Page

_PACKAGED = Path(__file__).parent / "course"

_Entry = TypeVar("_Entry", Milestone, Component, CourseConcept)


def read_course(folder: Path | None = None) -> Course:
    """The course in this folder, or the packaged demo course when none is named.

    Raises ValueError that names the file and what is wrong: a file is missing or unreadable, an entry has a
    missing or unknown field, a key is used twice, or a concept names a milestone, component or prerequisite
    that is not there.
    """
    folder = folder or _PACKAGED
    file = folder / "course.toml"
    outline = _outline(file)
    course = Course(
        title=str(outline.get("title", "")),
        milestones=tuple(_made(file, Milestone, entry) for entry in _entries(file, outline, "milestone")),
        components=tuple(_made(file, Component, entry) for entry in _entries(file, outline, "component")),
        concepts=tuple(_concept(file, entry) for entry in _entries(file, outline, "concept")),
        pages=_pages(folder / "pages"),
    )
    if problems := list(_problems(course)):
        raise ValueError(f"{file}: {'; '.join(problems)}")
    return course


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: cannot be read: {error}") from error


def _outline(file: Path) -> dict[str, Any]:
    text = _text(file)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{file}: not valid TOML: {error}") from error


def _entries(file: Path, outline: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = outline.get(name, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"{file}: {name} must be written as [[{name}]] tables")
    return entries


def _made(file: Path, kind: type[_Entry], entry: dict[str, Any]) -> _Entry:
    try:
        return kind(**entry)
    except TypeError as error:
        # The signature knows which fields there are, and its message names the one that is wrong.
        raise ValueError(f"{file}: {entry.get('key', entry.get('name', entry))}: {error}") from error


def _concept(file: Path, entry: dict[str, Any]) -> CourseConcept:
    if "key" not in entry:
        raise ValueError(f"{file}: a concept has no key: {entry}")
    description = _text(file.parent / "concepts" / f"{entry['key']}.wiki")
    lists = {name: tuple(entry.get(name, ())) for name in ("tags", "prerequisites")}
    return _made(file, CourseConcept, {**entry, **lists, "description": description})


def _pages(folder: Path) -> tuple[Page, ...]:
    files = sorted(folder.rglob("*.wiki"))
    return tuple(Page(file.relative_to(folder).with_suffix("").as_posix(), _text(file)) for file in files)


def _problems(course: Course) -> Iterator[str]:
    if not course.title:
        yield "there is no title"
    keys = Counter(concept.key for concept in course.concepts)
    yield from (f"two concepts have the key {key}" for key, count in keys.items() if count > 1)
    milestones = {milestone.name for milestone in course.milestones}
    components = {component.name for component in course.components}
    for concept in course.concepts:
        if concept.milestone not in {"", *milestones}:
            yield f"{concept.key}: unknown milestone {concept.milestone!r}"
        if concept.component not in {"", *components}:
            yield f"{concept.key}: unknown component {concept.component!r}"
        for prerequisite in concept.prerequisites:
            if prerequisite not in keys:
                yield f"{concept.key}: unknown prerequisite {prerequisite!r}"
