"""`learntrac import exercism PATH`: an Exercism programming track as a course.

What becomes what:

- A concept that an exercise of the track teaches becomes a concept, key `concept:<slug>`. The exercise is
  folded into it: its prerequisites, learning objectives and instructions. An exercise that teaches several
  concepts, or none, cannot be folded into one without saying something false of the others: it stands as a
  concept of its own, key `exercise:<slug>`, and needs the concepts it teaches (teaching none, its own
  prerequisites).
- A practice exercise becomes a concept to practise, key `exercise:<slug>`. It needs the concepts it lists.
- The longer text about a concept becomes a wiki page, `Python/ListMethods`, which is a resource of the
  concept.
- A milestone is a stage of the track. Stage 1 holds what needs nothing; a taught concept is one stage after
  the latest of its prerequisites; an exercise is in the stage of the latest concept it needs, where it can
  first be done. A track gives no other order, and this is the order in which a learner meets things.
- A component is a subject area: a concept is its own, an exercise belongs to the first concept it says it
  practises, or else to `General practice`. So mastery by component tells the subjects a learner is good at.
- Difficulty d of 1 to 10 becomes 1 + (d - 1) * 4 / 9, to one decimal: 1 stays 1, 10 becomes 5. A track
  gives no difficulty for most concepts and no times for anything: these stay unknown.

What could not be brought is in the course's notes. Hints, tests, stubs and solutions are not read.
"""

from collections.abc import Iterable
from pathlib import Path

from learntrac.imports.outline import Outline, concept_key, exercise_key, outline
from learntrac.imports.texts import Texts
from learntrac.imports.track import Exercise, Track, load_track
from learntrac.imports.wiki_text import escape
from learntrac.trac.course import Component, Course, CourseConcept, Milestone, Page

_GENERAL = "General practice"
_HARDEST = 10


def read_track(path: Path) -> Course:
    """The track in folder `path` as a course: the same files give an equal course.

    Raises ValueError, one sentence that names the file, where `path` is no track or a file of it is broken.
    """
    track = load_track(path)
    plan = outline(track)
    texts = Texts(track, frozenset(plan.teachers))
    concepts = [*_taught(track, plan, texts), *_standing(track, plan, texts)]
    return Course(
        title=track.language,
        milestones=tuple(_milestones(track, plan)),
        components=tuple(_components(concepts, track, texts)),
        concepts=tuple(concepts),
        pages=tuple(_pages(plan, texts)),
        notes=(*plan.notes, *_difficulty_notes(track), *dict.fromkeys(texts.notes)),
    )


def difficulty(figure: float | None) -> float | None:
    """A track's difficulty, 1 to 10, on LearnTrac's scale of 1 to 5; None for none or one out of range."""
    if figure is None or not 1 <= figure <= _HARDEST:
        return None
    return round(1 + (figure - 1) * 4 / (_HARDEST - 1), 1)


def _taught(track: Track, plan: Outline, texts: Texts) -> Iterable[CourseConcept]:
    for slug in plan.teachers:
        folded = plan.find_folded(slug)
        yield CourseConcept(
            key=concept_key(slug),
            title=track.concepts[slug],
            description=texts.concept(slug, folded),
            component=track.concepts[slug],
            milestone=_milestone(track, plan.stages[concept_key(slug)]),
            difficulty=difficulty(folded.difficulty) if folded else None,
            tags=("concept", slug),
            prerequisites=plan.needs[concept_key(slug)],
        )


def _standing(track: Track, plan: Outline, texts: Texts) -> Iterable[CourseConcept]:
    for exercise in plan.standing:
        key = exercise_key(exercise)
        yield CourseConcept(
            key=key,
            title=exercise.name,
            description=texts.exercise(exercise),
            component=_subject(exercise, track),
            milestone=_milestone(track, plan.stages[key]),
            difficulty=difficulty(exercise.difficulty),
            tags=("practice", *_subjects(exercise)),
            prerequisites=plan.needs[key],
        )


def _subjects(exercise: Exercise) -> tuple[str, ...]:
    return exercise.practises or exercise.teaches


def _subject(exercise: Exercise, track: Track) -> str:
    return next((track.concepts[slug] for slug in _subjects(exercise) if slug in track.concepts), _GENERAL)


def _milestone(track: Track, stage: int) -> str:
    return f"{track.language} stage {stage}"


def _milestones(track: Track, plan: Outline) -> Iterable[Milestone]:
    for stage in sorted(set(plan.stages.values())):
        names = [track.concepts[slug] for slug in plan.teachers if plan.stages[concept_key(slug)] == stage]
        description = escape(f"New in this stage: {', '.join(names)}.") if names else ""
        yield Milestone(_milestone(track, stage), description)


def _components(concepts: Iterable[CourseConcept], track: Track, texts: Texts) -> Iterable[Component]:
    slugs = {name: slug for slug, name in track.concepts.items()}
    for name in dict.fromkeys(concept.component for concept in concepts):
        yield Component(name, texts.blurb(slugs[name]) if name in slugs else "")


def _pages(plan: Outline, texts: Texts) -> Iterable[Page]:
    for slug in plan.teachers:
        text = texts.find_page(slug)
        if text is not None:
            yield Page(texts.page_name(slug), text)


def _difficulty_notes(track: Track) -> list[str]:
    odd = [each for each in track.exercises if each.difficulty is not None and difficulty(each.difficulty) is None]
    return [f"Difficulty {each.difficulty} of {each.name} is not 1 to 10: left unknown." for each in odd]
