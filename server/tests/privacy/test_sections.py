"""No table is forgotten: a new one fails here until somebody has said whose data it holds and how it goes."""

import re

import pytest

from learntrac.privacy.sections import IMPERSONAL, SECTIONS, Section
from learntrac.schema import METADATA

PERSON = re.compile(r"(^|_)(user|learner|student|actor|subject|owner|author|person|name|email|by)(_id)?$")
"""Names of columns that may name somebody."""
SECRET = re.compile(r"hash|digest|secret|token(?!s)|password|cipher")
NAMES_NO_LEARNER = {
    *(("concept", "owner"), ("page", "name"), ("certificate", "subject")),
    *(("exercise", "started_by"), ("exercise", "completed_by")),
}
"""Trac's own words (who owns a ticket, what a page is called), what a certificate is about, and how many did it."""
BY_TABLE = {section.table.name: section for section in SECTIONS}


def test_every_table_is_a_section_or_is_said_to_hold_nothing_personal() -> None:
    assert sorted([*BY_TABLE, *IMPERSONAL]) == sorted(METADATA.tables)
    assert all(IMPERSONAL.values())


def test_every_column_that_names_somebody_is_known() -> None:
    naming = {
        (table.name, column.name)
        for table in METADATA.tables.values()
        for column in table.columns
        if PERSON.search(column.name)
    }
    details = {("learner", "full_name"), ("learner", "email"), ("certificate", "full_name")}
    found_by = {(name, column) for name, section in BY_TABLE.items() for column in section.by}

    assert naming - details - NAMES_NO_LEARNER == found_by


def test_no_section_shows_a_secret() -> None:
    secrets = {
        (name, column.name)
        for name, section in BY_TABLE.items()
        for column in section.table.columns
        if SECRET.search(column.name)
    }

    assert secrets == {
        ("local_account", "password_hash"),
        ("auth_session", "refresh_digest"),
        ("auth_session", "previous_digest"),
        ("submission", "digest"),
        ("exercise_version", "digest"),
        ("voice_connection", "token_expires_at"),
        ("webhook", "secret"),
        ("webhook", "old_secret"),
        ("webhook", "old_secret_until"),
    }
    assert [name for name in secrets if name[1] not in BY_TABLE[name[0]].leave_out] == []


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_a_section_names_columns_that_there_are_in_an_order_without_ties(section: Section) -> None:
    columns = set(section.table.columns.keys())

    assert {*section.by, *section.order, *section.leave_out, *section.json} <= columns
    key = {column.name for column in section.table.primary_key}
    assert key <= {*section.order, *section.by}, "pages are found by the last row of the page before"
    assert not any(section.table.columns[name].nullable for name in section.order)


def test_what_is_erased_goes_before_what_it_refers_to() -> None:
    place = {section.table.name: number for number, section in enumerate(SECTIONS)}
    for section in SECTIONS:
        for key in section.table.foreign_keys:
            assert place[key.column.table.name] < place[section.table.name]
