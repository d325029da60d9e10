"""The exercises of an Exercism track as LearnTrac's: instructions, starter, tests as code, model solution, hints.

Plain values, as `exercises.definition` reads them, with a concept's key where its number will stand. An exercise whose
solution or tests are not one file each, or whose language cannot be run, is left out, and the notes say why. What a
track does not tell: difficulty counts as 3, the time as half an hour.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from learntrac.imports.exercism import difficulty
from learntrac.imports.markdown import without_title
from learntrac.imports.outline import Outline, concept_key, exercise_key, outline
from learntrac.imports.track import Exercise, Track, load_track

LANGUAGES = ("python",)
"""In these, tests as code can be run."""
UNKNOWN_DIFFICULTY = 3.0
UNKNOWN_MINUTES = 30
MOST_HINTS = 4
_SECTION = re.compile(r"^## +(.+)$", re.MULTILINE)
_THREADS = re.compile(r"^\s*(?:import|from)\s+(?:threading|multiprocessing|concurrent)\b", re.MULTILINE)


class _LeftOut(Exception):
    """Why an exercise cannot be brought, as the end of a sentence."""


@dataclass(frozen=True)
class Practice:
    """What was found: definitions with keys for concepts, and what could not be brought and why."""

    definitions: tuple[dict[str, Any], ...]
    notes: tuple[str, ...] = field(default=())


def read_practice(path: Path) -> Practice:
    """The exercises of the track in folder `path`. Raises ValueError where it is none or a file is broken."""
    track = load_track(path)
    if track.slug not in LANGUAGES:
        return Practice(
            (), (f"The tests of exercises in {track.language} cannot be run here: their texts alone were brought.",)
        )
    found, notes = [], []
    for key, exercise in _placed(outline(track)):
        try:
            found.append(_definition(track, exercise, key))
        except _LeftOut as why:
            notes.append(f"Exercise {exercise.name} {why}: its text alone was brought.")
    return Practice(tuple(found), tuple(notes))


def _placed(plan: Outline) -> Iterator[tuple[str, Exercise]]:
    """(the concept that it belongs to, exercise): where its text is told."""
    for slug in plan.teachers:
        folded = plan.find_folded(slug)
        if folded is not None:
            yield concept_key(slug), folded
    for exercise in plan.standing:
        yield exercise_key(exercise), exercise


def _definition(track: Track, exercise: Exercise, key: str) -> dict[str, Any]:
    files = _files(track, exercise)
    name, starter = _only(track, exercise, files, "solution")
    _, tests = _only(track, exercise, files, "test")
    _, solution = _only(track, exercise, files, "exemplar" if files.get("exemplar") else "example")
    found = {
        "id": f"{track.slug}-{exercise.slug.replace('_', '-')}",
        "concept": key,
        "title": exercise.name,
        "type": "coding",
        "language": track.slug,
        "difficulty": difficulty(exercise.difficulty) or UNKNOWN_DIFFICULTY,
        "estimated_minutes": UNKNOWN_MINUTES,
        "instructions": _instructions(track, exercise),
        "starter": starter,
        "solution": solution,
        "module": Path(name).stem,
        "tests": tests,
    }
    if hints := _hints(track, exercise):
        found["hints"] = hints
    if more := {Path(each).name: _text(track, exercise, each) for each in files.get("editor", ())}:
        found["files"] = more
    if any(_THREADS.search(text) for text in (starter, tests, solution)):
        found["threads"] = True
    return found


def _files(track: Track, exercise: Exercise) -> dict[str, list[str]]:
    config = track.find_json(f"{exercise.folder}/.meta/config.json")
    files = config.get("files") if isinstance(config, dict) else None
    if not isinstance(files, dict):
        raise _LeftOut("does not say which its files are")
    return {kind: [one for one in names if isinstance(one, str)] for kind, names in files.items() if names}


def _only(track: Track, exercise: Exercise, files: dict[str, list[str]], kind: str) -> tuple[str, str]:
    names = files.get(kind, [])
    if len(names) != 1:
        said = {"solution": "starter", "test": "test file"}.get(kind, "model solution")
        raise _LeftOut(f"has {len(names) or 'no'} {said}{'s' if len(names) > 1 else ''} instead of one")
    return names[0], _text(track, exercise, names[0])


def _text(track: Track, exercise: Exercise, name: str) -> str:
    text = track.find_text(f"{exercise.folder}/{name}")
    if text is None:
        raise _LeftOut(f"names a file {name} that is not there")
    return text


def _instructions(track: Track, exercise: Exercise) -> str:
    parts = [
        without_title(text).strip()
        for name in ("introduction.md", "instructions.md", "instructions.append.md")
        if (text := track.find_text(f"{exercise.folder}/.docs/{name}")) is not None
    ]
    if not any(parts):
        raise _LeftOut("has no instructions")
    return "\n\n".join(part for part in parts if part) + "\n"


def _hints(track: Track, exercise: Exercise) -> list[str]:
    """A rung for each section; what is more than the ladder has stands together on its last one."""
    text = track.find_text(f"{exercise.folder}/.docs/hints.md") or ""
    starts = [found.start() for found in _SECTION.finditer(text)]
    sections = [text[start:end].strip() for start, end in pairwise([*starts, len(text)])]
    rungs, rest = sections[: MOST_HINTS - 1], sections[MOST_HINTS - 1 :]
    return [*rungs, "\n\n".join(rest)] if rest else rungs
