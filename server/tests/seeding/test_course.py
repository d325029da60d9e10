"""Invented courses are layered as real ones are."""

import re
from collections.abc import Iterator

import pytest

from learntrac.seeding.course import COMPONENTS, CUSTOM, MILESTONES, TICKET, InventedCourse


def prerequisites(course: InventedCourse) -> dict[int, list[int]]:
    """{concept: what it needs}"""
    return dict(_prerequisites(course))


def _prerequisites(course: InventedCourse) -> Iterator[tuple[int, list[int]]]:
    for row in course.custom():
        field = dict(zip(CUSTOM, row, strict=True))
        if field["name"] == "prerequisites":
            yield int(str(field["ticket"])), [int(number) for number in re.findall(r"#(\d+)", str(field["value"]))]


@pytest.mark.parametrize("concepts", [1, 7, 500, 3000])
def test_a_concept_needs_concepts_of_layers_before_its_own(concepts: int) -> None:
    course = InventedCourse(concepts, seed=1)

    needs = prerequisites(course)
    assert list(needs) == list(range(1, concepts + 1))
    for number, needed in needs.items():
        layer = (number - 1) // course.width
        assert all((other - 1) // course.width < layer for other in needed)
        assert bool(needed) == (layer > 0)


def test_about_three_are_needed() -> None:
    needs = [needed for needed in prerequisites(InventedCourse(3000, seed=1)).values() if needed]

    assert 2.5 < sum(map(len, needs)) / len(needs) < 3.5


def test_what_a_concept_needs_in_the_end_is_a_part_of_the_course() -> None:
    needs, seen, waiting = prerequisites(InventedCourse(4000, seed=1)), set[int](), [4000]
    while waiting:
        waiting += [other for other in needs[waiting.pop()] if other not in seen and not seen.add(other)]  # type: ignore[func-returns-value] # adds and is falsy

    assert 50 < len(seen) < 3000


def test_tickets_fill_every_component_and_milestone() -> None:
    tickets = [dict(zip(TICKET, row, strict=True)) for row in InventedCourse(2000, seed=1).tickets()]

    assert [ticket["id"] for ticket in tickets] == list(range(1, 2001))
    assert {ticket["component"] for ticket in tickets} == set(COMPONENTS)
    assert {ticket["milestone"] for ticket in tickets} == set(MILESTONES)
    assert all("== Learning objectives ==" in str(ticket["description"]) for ticket in tickets)


def test_the_same_seed_invents_the_same() -> None:
    assert list(InventedCourse(50, 1).tickets()) == list(InventedCourse(50, 1).tickets())
    assert list(InventedCourse(50, 1).custom()) == list(InventedCourse(50, 1).custom())
    assert list(InventedCourse(50, 1).tickets()) != list(InventedCourse(50, 2).tickets())
