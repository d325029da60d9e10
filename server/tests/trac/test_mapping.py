"""The mapping file, and a ticket read by it."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.trac.mapping import (
    Mapping,
    TicketRow,
    list_json,
    read_mapping,
    read_tail,
    to_concept,
    write_mapping,
    write_tail,
    written_prerequisites,
)
from learntrac.trac.wikitext import Link

ROW = TicketRow(
    id=7,
    type="task",
    time=1_700_000_000_000_000,
    changetime=1_700_000_001_000_000,
    component="http",
    owner="alice",
    status="new",
    summary="Title",
    description="Text",
    keywords="a, b",
    milestone="Basics",
    custom={},
)
NOTHING = TicketRow(7, None, None, None, None, None, None, None, None, None, None)

names = st.text("abcxyz_09", min_size=2, max_size=30)
mappings = st.builds(
    Mapping,
    difficulty=names,
    mastery_threshold=names,
    estimated_time=names,
    prerequisites=st.lists(names, max_size=4).map(tuple),
    mastertickets=st.booleans(),
    subtickets=st.booleans(),
)


def read(text: str) -> Mapping:
    return read_mapping(text, default_mastery_threshold=0.8, default_estimated_minutes=60)


def with_fields(**custom: str) -> TicketRow:
    return replace(ROW, custom=custom)


@given(mappings)
def test_what_is_written_is_read_back(mapping: Mapping) -> None:
    assert read(write_mapping(mapping)) == mapping


def test_an_empty_file_means_the_defaults() -> None:
    assert read("") == Mapping()


def test_the_settings_defaults_come_with_it() -> None:
    mapping = read_mapping("[mapping]\n", default_mastery_threshold=0.6, default_estimated_minutes=30)

    assert (mapping.default_mastery_threshold, mapping.default_estimated_minutes) == (0.6, 30)


@pytest.mark.parametrize(
    "text",
    [
        "[mapping",
        "mapping = 3",
        "mapping = []",
        '[mapping]\ndificulty = "stage"',
        "[mapping]\ndifficulty = 3",
        f'[mapping]\ndifficulty = "{"x" * 81}"',
        '[mapping]\nprerequisites = "blockedby"',
        '[mapping]\nprerequisites = ["blockedby", 3]',
        '[mapping]\nprerequisites = ["nul\\u0000"]',
        '[mapping]\nmastertickets = "yes"',
        "[mapping]\ndefault_mastery_threshold = 0.5",
    ],
)
def test_what_is_not_a_mapping_is_refused_with_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not TOML|is not a setting|is no table") as refused:
        read(text)
    assert "\n" not in str(refused.value)


@given(st.text())
def test_no_text_raises_anything_but_value_error(text: str) -> None:
    with suppress(ValueError):
        read(text)


def test_a_ticket_is_read_field_by_field() -> None:
    row = replace(
        ROW,
        type="defect",
        owner="< default >",
        status="reopened",
        description="== Goals ==\n * One\n\n== Reading ==\n * [wiki:Page A page]\n",
        custom={"learning_difficulty": "3,5", "mastery_threshold": "90%", "time_estimate": "1h30m", "other": "x"},
    )
    concept = to_concept(row, Mapping())

    assert (concept.type, concept.owner, concept.standing) == ("bug", "", "practicing")
    assert (concept.difficulty, concept.mastery_threshold, concept.estimated_minutes) == (3.5, 0.9, 90)
    assert (concept.tags, concept.objectives) == (("a", "b"), ("One",))
    assert concept.links == (Link("wiki", "Page", "A page"),)
    assert concept.custom_fields["other"] == "x"
    assert concept.problems == ()


def test_a_ticket_without_anything_is_a_concept_all_the_same() -> None:
    concept = to_concept(NOTHING, Mapping())

    assert (concept.title, concept.description, concept.type, concept.standing) == ("", "", "task", "new")
    assert (concept.difficulty, concept.mastery_threshold, concept.estimated_minutes) == (3.0, 0.8, 60)
    assert (concept.created_at, concept.updated_at, concept.tags, concept.links) == (0, 0, (), ())


def test_a_ticket_never_changed_was_updated_when_it_was_made() -> None:
    assert to_concept(replace(ROW, changetime=None), Mapping()).updated_at == ROW.time


def test_what_cannot_be_read_takes_the_default_and_is_reported() -> None:
    row = with_fields(learning_difficulty="hard", mastery_threshold=" ", time_estimate="90")
    concept = to_concept(row, Mapping(default_estimated_minutes=45))

    assert (concept.difficulty, concept.estimated_minutes) == (3.0, 45)
    assert concept.problems == (
        "learning_difficulty 'hard' could not be read",
        "time_estimate '90' could not be read",
    )


def test_any_field_can_take_a_meaning() -> None:
    mapping = Mapping(difficulty="stage", mastery_threshold="bar", estimated_time="effort")
    concept = to_concept(with_fields(stage="5", bar="0.5", effort="2h", learning_difficulty="1"), mapping)

    assert (concept.difficulty, concept.mastery_threshold, concept.estimated_minutes) == (5.0, 0.5, 120)


def test_names_are_no_longer_than_a_filter_takes() -> None:
    row = replace(ROW, type="t" * 600, component="c" * 600, milestone="m" * 600, owner="o" * 600, summary="s" * 600)
    concept = to_concept(row, Mapping())

    assert {len(name) for name in (concept.type, concept.component, concept.milestone, concept.owner)} == {500}
    assert len(concept.title) == 600


def test_prerequisites_are_read_from_every_field_and_the_first_names_them() -> None:
    custom = {"prerequisites": "#12, 3", "blockedby": "3 x4; 12 5", "other": "99"}
    found, unread = written_prerequisites(custom, Mapping())

    assert found == {12: "prerequisites", 3: "prerequisites", 5: "blockedby"}
    assert unread == ["blockedby 'x4' is not a ticket number"]
    assert written_prerequisites(custom, Mapping(prerequisites=())) == ({}, [])


def test_the_list_json_is_cut_where_the_status_belongs() -> None:
    concept = to_concept(with_fields(time_estimate="2h"), Mapping())
    head, tail = list_json(concept, [3, 5])

    shown = orjson.loads(head + "learning" + tail)
    assert shown == {
        "id": 7,
        "title": "Title",
        "description": "Text",
        "type": "task",
        "status": "learning",
        "difficulty": 3.0,
        "mastery_threshold": 0.8,
        "component": "http",
        "milestone": "Basics",
        "owner": "alice",
        "prerequisites": [3, 5],
        "estimated_time": "2 hours",
        "tags": ["a", "b"],
        "created_at": "2023-11-14T22:13:20Z",
        "updated_at": "2023-11-14T22:13:21Z",
    }


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.lists(st.integers(0, 2**31))), min_size=1))
def test_a_tail_is_read_back_as_it_was_written(fields: dict[str, object]) -> None:
    assert read_tail(write_tail(fields)) == fields


def test_a_time_off_the_calendar_is_shown_as_its_end() -> None:
    concept = to_concept(replace(ROW, changetime=2**63 - 1), Mapping())

    shown = read_tail(list_json(concept, [])[1])["updated_at"]
    assert shown == datetime.max.replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
