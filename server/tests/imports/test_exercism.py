import json
from pathlib import Path
from typing import Any

import pytest

from learntrac.imports.exercism import difficulty, read_track
from learntrac.trac.course import Component, Course, CourseConcept, Milestone, Page
from learntrac.trac.course_fields import check_course
from tests.imports.tiny_track import CONFIG, config, write_track
from tests.imports.trac_wiki import TracWiki


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return read_track(write_track(tmp_path))


def get_concept(course: Course, key: str) -> CourseConcept:
    return next(concept for concept in course.concepts if concept.key == key)


def read_with(folder: Path, exercises: dict[str, list[dict[str, Any]]]) -> Course:
    """The tiny track with other exercises."""
    return read_track(write_track(folder, config=config() | {"exercises": exercises}))


def test_a_track_is_a_course(course: Course) -> None:
    assert course.title == "Knots"
    assert [concept.key for concept in course.concepts] == [
        "concept:overhand",
        "concept:bowline",
        "exercise:clothes-line",
        "exercise:free-hand",
    ]
    assert [page.name for page in course.pages] == ["Knots/Overhand", "Knots/Bowline"]
    check_course(course)


def test_a_taught_concept_with_its_exercise_folded_in(course: Course) -> None:
    assert get_concept(course, "concept:overhand") == CourseConcept(
        key="concept:overhand",
        title="Overhand Knot",
        description="""\
The ''simplest'' knot. See [wiki:Knots/Bowline bowlines].

== Learning objectives ==

 * tie the [https://knots.example/ knot]
 * untie it

== Exercise: The Shoelace ==

=== 1. Tie it ===

Use both hands.

== Resources ==

 * [wiki:Knots/Overhand Overhand Knot]
 * [https://knots.example/overhand All about it]
 * [https://exercism.org/tracks/knots/exercises/shoelace The Shoelace on Exercism]""",
        component="Overhand Knot",
        milestone="Knots stage 1",
        tags=("concept", "overhand"),
    )


def test_a_concept_without_words_of_its_own_takes_its_exercise_s(course: Course) -> None:
    concept = get_concept(course, "concept:bowline")
    assert concept.description.startswith("King of knots.\n\n== Exercise: Rescue at Sea ==\n\nSave the sailor.")
    assert concept.prerequisites == ("concept:overhand",)
    assert concept.milestone == "Knots stage 2"


def test_a_practice_exercise(course: Course) -> None:
    assert get_concept(course, "exercise:clothes-line") == CourseConcept(
        key="exercise:clothes-line",
        title="Clothes Line",
        description="""\
It has rained.

== Instructions ==

Hang it up.

Mind the wind.

== Resources ==

 * [https://exercism.org/tracks/knots/exercises/clothes-line Clothes Line on Exercism]
 * [https://knots.example/line A sailor]""",
        component="Bowline",
        milestone="Knots stage 2",
        difficulty=2.3,
        tags=("practice", "bowline", "overhand"),
        prerequisites=("concept:bowline", "concept:overhand"),
    )


def test_an_exercise_that_practises_nothing_in_particular(course: Course) -> None:
    concept = get_concept(course, "exercise:free-hand")
    assert (concept.component, concept.milestone, concept.difficulty) == ("General practice", "Knots stage 1", 5.0)
    assert concept.description.startswith("Tie anything.\n\n== Resources ==")


def test_pages_tell_about_concepts(course: Course, trac: TracWiki) -> None:
    assert course.pages[0] == Page(
        "Knots/Overhand",
        "= Overhand Knot =\n\nIt stops a rope from slipping.\n\n== Use ==\n\n{{{#!python\ntie()\n}}}",
    )
    assert trac.words(course.pages[1].text) == "Bowline A loop that does not tighten, unlike Splicing."
    assert "[https://exercism.org/tracks/knots/concepts/splicing Splicing]" in course.pages[1].text


def test_milestones_are_stages_and_components_are_subjects(course: Course) -> None:
    assert course.milestones == (
        Milestone("Knots stage 1", "New in this stage: Overhand Knot."),
        Milestone("Knots stage 2", "New in this stage: Bowline."),
    )
    assert course.components == (
        Component("Overhand Knot", "The first knot of all."),
        Component("Bowline"),
        Component("General practice"),
    )


def test_what_is_left_out_is_told(course: Course) -> None:
    assert course.notes == (
        "Exercise Old Rope is still being written: left out.",
        "Exercise Hangman is deprecated: left out.",
        "Concepts that no exercise teaches are left out: splicing.",
        "concepts/overhand/links.json has a link without a web address: left out.",
        "exercises/concept/rescue/.meta/design.md has no learning objectives.",
    )


def test_reading_twice_gives_equal_courses(tmp_path: Path, course: Course) -> None:
    assert read_track(tmp_path) == course


@pytest.mark.parametrize(
    ("missing", "note"),
    [
        ("concepts/overhand/about.md", "The track has no concepts/overhand/about.md."),
        ("concepts/overhand/links.json", "The track has no concepts/overhand/links.json."),
        (
            "concepts/overhand/introduction.md",
            "The track has no concepts/overhand/introduction.md and exercises/concept/shoelace/.docs/introduction.md.",
        ),
        (
            "exercises/concept/shoelace/.docs/instructions.md",
            "The track has no exercises/concept/shoelace/.docs/instructions.md.",
        ),
        (
            "exercises/concept/shoelace/.meta/design.md",
            "The track has no exercises/concept/shoelace/.meta/design.md.",
        ),
        (
            "exercises/practice/free-hand/.docs/instructions.md",
            "The track has no exercises/practice/free-hand/.docs/instructions.md.",
        ),
    ],
)
def test_a_missing_file_is_told_once_and_the_rest_is_brought(tmp_path: Path, missing: str, note: str) -> None:
    course = read_track(write_track(tmp_path, without=missing))
    assert course.notes.count(note) == 1
    assert len(course.concepts) == 4


def test_an_exercise_that_teaches_several_concepts_stands_by_itself(tmp_path: Path) -> None:
    both = {"slug": "rescue", "name": "Rescue", "concepts": ["overhand", "bowline"], "prerequisites": ["splicing"]}
    rope = {"slug": "shoelace", "name": "Shoelace", "concepts": ["splicing"], "prerequisites": []}
    course = read_with(tmp_path, {"concept": [both, rope], "practice": []})
    needs = {concept.key: concept.prerequisites for concept in course.concepts}
    assert needs == {
        "concept:overhand": ("concept:splicing",),
        "concept:bowline": ("concept:splicing",),
        "concept:splicing": (),
        "exercise:rescue": ("concept:overhand", "concept:bowline"),
    }
    alone = get_concept(course, "exercise:rescue")
    assert "Save the sailor." in alone.description
    assert "Save the sailor." not in get_concept(course, "concept:bowline").description
    assert (alone.component, alone.milestone) == ("Overhand Knot", "Knots stage 2")


def test_unknown_prerequisites_and_concepts_are_left_out_and_told(tmp_path: Path) -> None:
    lace = {"slug": "shoelace", "name": "Shoelace", "concepts": ["overhand", "magic"], "prerequisites": []}
    line = {"slug": "clothes-line", "name": "Line", "prerequisites": ["splicing", "magic", "overhand"]}
    course = read_with(tmp_path, {"concept": [lace], "practice": [line]})
    assert get_concept(course, "exercise:clothes-line").prerequisites == ("concept:overhand",)
    assert "Concept magic, taught by Shoelace, is not among the track's concepts: left out." in course.notes
    assert "Prerequisite splicing of Line is taught by no exercise: left out." in course.notes
    assert "Prerequisite magic of Line is no concept of the track: left out." in course.notes


def test_a_concept_taught_twice_keeps_its_first_exercise(tmp_path: Path) -> None:
    first = {"slug": "shoelace", "name": "Shoelace", "concepts": ["overhand"]}
    second = {"slug": "rescue", "name": "Rescue", "concepts": ["overhand"]}
    course = read_with(tmp_path, {"concept": [first, second]})
    assert "Use both hands." in get_concept(course, "concept:overhand").description
    assert get_concept(course, "exercise:rescue").prerequisites == ("concept:overhand",)
    assert "Concept overhand is taught a second time, by Rescue: the first is kept." in course.notes


def test_a_circle_is_brought_and_told(tmp_path: Path) -> None:
    first = {"slug": "shoelace", "name": "Shoelace", "concepts": ["overhand"], "prerequisites": ["bowline"]}
    second = {"slug": "rescue", "name": "Rescue", "concepts": ["bowline"], "prerequisites": ["overhand"]}
    course = read_with(tmp_path, {"concept": [first, second]})
    assert get_concept(course, "concept:overhand").prerequisites == ("concept:bowline",)
    assert get_concept(course, "concept:bowline").prerequisites == ("concept:overhand",)
    assert "The prerequisites overhand → bowline → overhand go in a circle." in course.notes


def test_a_track_of_practice_alone(tmp_path: Path) -> None:
    practice = [{"slug": "free-hand", "name": "Free Hand"}]
    course = read_track(
        write_track(tmp_path, config={"language": "Knots", "slug": "knots", "exercises": {"practice": practice}})
    )
    assert [concept.key for concept in course.concepts] == ["exercise:free-hand"]
    # The track is not open to learners on Exercism, so there is nothing there to link to.
    assert course.concepts[0].description == "Tie anything."
    assert course.milestones == (Milestone("Knots stage 1"),)
    assert course.notes == ()


@pytest.mark.parametrize(
    ("figure", "shown"), [(1, 1.0), (2, 1.4), (5, 2.8), (10, 5.0), (0, None), (11, None), (None, None)]
)
def test_difficulty_is_stretched_to_five(figure: float | None, shown: float | None) -> None:
    assert difficulty(figure) == shown


def test_a_difficulty_out_of_range_is_told(tmp_path: Path) -> None:
    course = read_with(tmp_path, {"practice": [{"slug": "free-hand", "name": "Free Hand", "difficulty": 12}]})
    assert course.concepts[0].difficulty is None
    assert "Difficulty 12 of Free Hand is not 1 to 10: left unknown." in course.notes


def test_a_folder_that_is_no_track_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is not an Exercism track: it has no config\.json\.$"):
        read_track(tmp_path)
    with pytest.raises(ValueError, match=r"is not an Exercism track"):
        read_track(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ([], r"config\.json: an object is expected here\.$"),
        ({"language": "Knots", "slug": "knots"}, r"config\.json: 'exercises' is missing\.$"),
        (CONFIG | {"language": ""}, r"config\.json: 'language' is missing or not text\.$"),
        (CONFIG | {"slug": "../up"}, r"config\.json: '\.\./up' is no slug\.$"),
        (CONFIG | {"exercises": []}, r"config\.json, 'exercises': an object is expected here\.$"),
        (CONFIG | {"concepts": {}, "exercises": {"practice": 1}}, r"'exercises': 'practice' is not a list\.$"),
        (
            CONFIG | {"exercises": {"practice": [{"slug": "a", "practices": [1]}]}},
            r"'exercises', 'practice' number 1: 'practices' is not a list of texts\.$",
        ),
    ],
)
def test_a_broken_config_is_refused_with_the_place(tmp_path: Path, broken: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_track(write_track(tmp_path, config=broken))


@pytest.mark.parametrize("name", ["config.json", "concepts/overhand/links.json", "concepts/bowline/.meta/config.json"])
@pytest.mark.parametrize("text", ["{", "[" * 100_000])
def test_broken_json_names_its_file(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} is not valid JSON"):
        read_track(write_track(tmp_path, changes={name: text}))


def test_text_in_another_encoding_names_its_file(tmp_path: Path) -> None:
    write_track(tmp_path)
    (tmp_path / "concepts/overhand/about.md").write_bytes("Schlüssel".encode("latin-1"))
    with pytest.raises(ValueError, match=r"about\.md is not UTF-8 text\.$"):
        read_track(tmp_path)


def test_a_link_out_of_the_track_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("secret")
    track = write_track(tmp_path / "track", without="concepts/overhand/about.md")
    (track / "concepts/overhand/about.md").symlink_to(tmp_path / "secret.md")
    course = read_track(track)
    assert "The track has no concepts/overhand/about.md." in course.notes
    assert "secret" not in json.dumps([page.text for page in course.pages])
