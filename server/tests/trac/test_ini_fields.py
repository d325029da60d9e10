"""The custom fields of tickets: the same as Trac 1.6 makes of `[ticket-custom]`."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learntrac.trac.configfile import parse_trac_ini
from learntrac.trac.ini import CustomField, TracIni, custom_fields
from tests.trac.real_trac import custom_fields_of


def ini_of(text: str) -> TracIni:
    parser = parse_trac_ini(text)
    return TracIni(Path("trac.ini"), {name: dict(parser.items(name)) for name in parser.sections()}, {})


def test_names_types_labels_and_defaults() -> None:
    ini = ini_of(
        "[ticket-custom]\n"
        "prerequisites = text\nprerequisites.label = Needs\nprerequisites.order = 2\n"
        "learning_difficulty = select\nlearning_difficulty.options = 1|2|3\n"
        "learning_difficulty.value = 1\n"
        "has_lab = checkbox\nhas_lab.value = yes\nhas_lab.order = 1\n"
        "x = text\na-b = text\nkeywords = text\nmilestone = text\nno_options = radio\n"
    )

    assert list(custom_fields(ini).values()) == [
        CustomField("learning_difficulty", "select", "Learning difficulty", "1"),
        CustomField("has_lab", "checkbox", "Has lab", "1"),
        CustomField("prerequisites", "text", "Needs", ""),
    ]


@pytest.mark.parametrize(
    ("value", "default"), [("b", "b"), ("0", "a"), ("1", "b"), ("9", "9"), ("odd", "odd"), ("", "")]
)
def test_a_default_may_be_the_place_of_a_choice(value: str, default: str) -> None:
    ini = ini_of(f"[ticket-custom]\nlevel = select\nlevel.options = |a|b\nlevel.value = {value}\n")

    assert custom_fields(ini)["level"].default == default


def test_an_order_that_is_no_number_is_none() -> None:
    ini = ini_of("[ticket-custom]\nbb = text\nbb.order = first\naa = text\naa.order = 1\n")

    assert list(custom_fields(ini)) == ["bb", "aa"]


@given(
    st.dictionaries(
        st.sampled_from(["one", "two_2", "x", "a-b", "cc", "9x", "three"]),
        st.fixed_dictionaries(
            {"": st.sampled_from(["text", "select", "radio", "checkbox", "textarea", "odd", ""])},
            optional={
                ".label": st.sampled_from(["Label", ""]),
                ".order": st.sampled_from(["1", "2", "-1", ""]),
                ".value": st.sampled_from(["a", "1", "-1", "7", "on", ""]),
                ".options": st.sampled_from(["a|b|c", "|", "", "|b|a", "1|a"]),
            },
        ),
    )
)
@settings(deadline=None)
def test_finds_what_trac_finds(fields: dict[str, dict[str, str]]) -> None:
    options = {name + part: value for name, parts in fields.items() for part, value in parts.items()}
    mine = custom_fields(TracIni(Path("trac.ini"), {"ticket-custom": options}, {}))

    assert [(field.name, field.type, field.label, field.default) for field in mine.values()] == custom_fields_of(
        options
    )
