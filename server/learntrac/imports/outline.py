"""What of an Exercism track becomes a concept, what each needs, and in which stage it stands. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from learntrac.imports.stages import find_circles, stages
from learntrac.imports.track import Exercise, Track


@dataclass(frozen=True)
class Outline:
    """The parts of a track that are brought.

    `teachers`: the exercise that teaches each concept, by the concept's slug; `standing`: the exercises that
    become concepts of their own; `needs`: the keys each key needs; `stages`: the stage of each key, from 1;
    `notes`: what is left out and why.
    """

    teachers: dict[str, Exercise]
    standing: tuple[Exercise, ...]
    needs: dict[str, tuple[str, ...]]
    stages: dict[str, int]
    notes: tuple[str, ...]

    def find_folded(self, slug: str) -> Exercise | None:
        """The exercise told inside the concept it teaches; None where it stands as its own concept."""
        teacher = self.teachers[slug]
        return teacher if _is_folded(teacher, self.teachers) else None


def concept_key(slug: str) -> str:
    """The key of a concept of the track."""
    return f"concept:{slug}"


def exercise_key(exercise: Exercise) -> str:
    """The key of an exercise that is a concept of its own."""
    return f"exercise:{exercise.slug}"


def outline(track: Track) -> Outline:
    """The outline of `track`, as `exercism.py` describes it."""
    notes = [f"Exercise {each.name} {each.left_out}: left out." for each in track.exercises if each.left_out]
    brought = [exercise for exercise in track.exercises if not exercise.left_out]
    teachers = _teachers(track, brought, notes)
    standing = tuple(exercise for exercise in brought if not _is_folded(exercise, teachers))
    needs = {concept_key(slug): _needs(exercise, track, teachers, notes) for slug, exercise in teachers.items()}
    notes += _circles(needs)
    placed = stages(needs)
    for exercise in standing:
        own = _standing_needs(exercise, track, teachers, notes)
        needs[exercise_key(exercise)] = own
        placed[exercise_key(exercise)] = max((placed[key] for key in own), default=1)
    return Outline(teachers, standing, needs, placed, tuple(dict.fromkeys(notes)))


def _teachers(track: Track, brought: Iterable[Exercise], notes: list[str]) -> dict[str, Exercise]:
    teachers: dict[str, Exercise] = {}
    for exercise in brought:
        for slug in exercise.teaches:
            if slug not in track.concepts:
                notes.append(f"Concept {slug}, taught by {exercise.name}, is not among the track's concepts: left out.")
            elif slug in teachers:
                notes.append(f"Concept {slug} is taught a second time, by {exercise.name}: the first is kept.")
            else:
                teachers[slug] = exercise
    untaught = [slug for slug in track.concepts if slug not in teachers]
    if untaught:
        notes.append(f"Concepts that no exercise teaches are left out: {', '.join(untaught)}.")
    return teachers


def _is_folded(exercise: Exercise, teachers: Mapping[str, Exercise]) -> bool:
    return len(exercise.teaches) == 1 and teachers.get(exercise.teaches[0]) is exercise


def _needs(exercise: Exercise, track: Track, teachers: Mapping[str, Exercise], notes: list[str]) -> tuple[str, ...]:
    for slug in exercise.prerequisites:
        if slug not in teachers:
            why = "is taught by no exercise" if slug in track.concepts else "is no concept of the track"
            notes.append(f"Prerequisite {slug} of {exercise.name} {why}: left out.")
    return tuple(concept_key(slug) for slug in exercise.prerequisites if slug in teachers)


def _standing_needs(
    exercise: Exercise, track: Track, teachers: Mapping[str, Exercise], notes: list[str]
) -> tuple[str, ...]:
    taught = tuple(concept_key(slug) for slug in exercise.teaches if slug in teachers)
    return taught or _needs(exercise, track, teachers, notes)


def _circles(needs: Mapping[str, tuple[str, ...]]) -> list[str]:
    circles = ([key.removeprefix("concept:") for key in circle] for circle in find_circles(needs))
    return [f"The prerequisites {' → '.join(circle)} go in a circle." for circle in circles]
