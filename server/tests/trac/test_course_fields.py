import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.trac.course import Course, CourseConcept, Page
from learntrac.trac.course_fields import (
    COURSE_FIELDS,
    check_course,
    fingerprint,
    prerequisites_first,
    to_fields,
)
from learntrac.trac.values import read_difficulty, read_ids, read_minutes, read_tags, read_threshold

CONCEPT = CourseConcept(
    "caching",
    "Caching",
    "Why not to ask twice.",
    component="web",
    milestone="Basics",
    difficulty=2.5,
    mastery_threshold=0.8,
    estimated_minutes=90,
    tags=("http", "speed"),
    prerequisites=("status", "methods"),
)


def test_a_concept_as_the_fields_of_a_ticket() -> None:
    assert to_fields(CONCEPT, {"methods": 3, "status": 12}) == {
        "summary": "Caching",
        "description": "Why not to ask twice.",
        "type": "task",
        "component": "web",
        "milestone": "Basics",
        "keywords": "http, speed",
        "learning_difficulty": "2.5",
        "mastery_threshold": "0.8",
        "time_estimate": "1h30m",
        "prerequisites": "#3, #12",
    }


def test_what_is_unknown_is_left_empty() -> None:
    fields = to_fields(CourseConcept("a", "A", "", prerequisites=("b",)), {})
    assert {name for name, text in fields.items() if text} == {"summary", "type"}


@given(
    st.integers(100, 500).map(lambda hundredths: hundredths / 100),
    st.integers(0, 100).map(lambda hundredths: hundredths / 100),
    st.integers(1, 10_000),
    st.lists(st.from_regex(r"[a-z0-9_-]{1,8}", fullmatch=True), unique=True),
    st.sets(st.integers(1, 10**6)),
)
def test_learntrac_reads_what_it_writes(
    difficulty: float, threshold: float, minutes: int, tags: list[str], needed: set[int]
) -> None:
    ticket_ids = {str(number): number for number in needed}
    concept = CourseConcept(
        "a",
        "A",
        "",
        difficulty=difficulty,
        mastery_threshold=threshold,
        estimated_minutes=minutes,
        tags=tuple(tags),
        prerequisites=tuple(ticket_ids),
    )
    fields = to_fields(concept, ticket_ids)
    assert read_difficulty(fields["learning_difficulty"]) == difficulty
    assert read_threshold(fields["mastery_threshold"]) == threshold
    assert read_minutes(fields["time_estimate"]) == minutes
    assert read_tags(fields["keywords"]) == tags
    assert read_ids(fields["prerequisites"]) == (sorted(needed), [])


def of(**prerequisites: str) -> list[CourseConcept]:
    return [CourseConcept(key, key, "", prerequisites=tuple(needs)) for key, needs in prerequisites.items()]


@pytest.mark.parametrize(
    ("concepts", "order"),
    [
        (of(a="", b="a", c="b"), "abc"),
        (of(a="", c="", b="a"), "acb"),
        (of(a="cb", b="", c=""), "cba"),
        (of(a="b", b="c", c=""), "cba"),
        (of(a="b", b="c", c="a"), "cba"),
        (of(a="a"), "a"),
    ],
)
def test_the_order_is_the_courses_own_where_that_can_be(concepts: list[CourseConcept], order: str) -> None:
    assert "".join(concept.key for concept in prerequisites_first(concepts)) == order


@given(st.lists(st.sets(st.integers(0, 30)), min_size=31, max_size=31))
def test_nothing_comes_before_what_it_needs(needs: list[set[int]]) -> None:
    earlier = [{n for n in needed if n > number} for number, needed in enumerate(needs)]
    concepts = [
        CourseConcept(str(number), "", "", prerequisites=tuple(map(str, needed)))
        for number, needed in enumerate(earlier)
    ]
    ordered = [concept.key for concept in prerequisites_first(concepts)]
    assert sorted(ordered) == sorted(str(number) for number in range(31))
    for concept in concepts:
        assert all(ordered.index(key) < ordered.index(concept.key) for key in concept.prerequisites)


def test_a_long_chain_is_no_trouble() -> None:
    concepts = [CourseConcept(str(n), "", "", prerequisites=(str(n + 1),)) for n in range(5000)]
    concepts.append(CourseConcept("5000", "", ""))
    assert prerequisites_first(concepts)[0].key == "5000"


def test_a_fingerprint_tells_every_field_apart() -> None:
    fields = to_fields(CONCEPT, {"methods": 3, "status": 12})
    changed = [fingerprint({**fields, name: "something else"}) for name in COURSE_FIELDS]
    assert len({fingerprint(fields), *changed}) == len(COURSE_FIELDS) + 1


def test_a_fingerprint_ignores_line_ends_and_absence() -> None:
    assert fingerprint({"description": "a\r\nb", "keywords": None}) == fingerprint({"description": "a\nb"})


@pytest.mark.parametrize(
    ("concepts", "pages", "complaint"),
    [
        ([*of(a=""), *of(a="")], [], "more than one concept is called a"),
        ([], [Page("P", ""), Page("P", "x")], "more than one page is called P"),
        (of(a="bc", b=""), [], "a needs c, which the course lacks"),
        ([CourseConcept(" a", "A", "")], [], "not a key: ' a'"),
        ([CourseConcept("", "A", "")], [], "not a key: ''"),
    ],
)
def test_a_course_that_contradicts_itself(concepts: list[CourseConcept], pages: list[Page], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        check_course(Course("C", (), (), tuple(concepts), tuple(pages)))
