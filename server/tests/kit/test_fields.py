"""What clients send: strict where Python's own parsers are generous."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from learntrac.kit.clock import utc_now
from learntrac.kit.fields import (
    MAX_ID,
    ApiTime,
    Body,
    QueryFloat,
    QueryInt,
    QueryText,
    TicketId,
    UserId,
    refuse_unstorable,
    storable,
)
from learntrac.kit.paging import Limit, Offset

SURROGATES = st.characters(categories=["Cs"])
storable_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | storable_text,
    lambda inner: st.lists(inner) | st.dictionaries(storable_text, inner),
    max_leaves=20,
)
unstorable = st.sampled_from([math.nan, math.inf, -math.inf, "a\0b", "\ud800", "é\udfff"])


def accepts(field: Any, value: object) -> bool:
    try:
        TypeAdapter(field).validate_python(value)
    except ValidationError:
        return False
    return True


class TestNumbers:
    @given(st.integers(-(10**18) + 1, 10**18 - 1))
    def test_a_whole_number_is_taken(self, number: int) -> None:
        assert TypeAdapter(QueryInt).validate_python(str(number)) == number

    @given(st.text(max_size=25))
    def test_nothing_else_is(self, text: str) -> None:
        digits = text.removeprefix("-")
        whole = 0 < len(digits) <= 18 and digits.isascii() and digits.isdigit()
        assert accepts(QueryInt, text) == whole

    @pytest.mark.parametrize(
        "text",
        ["", " 1", "1 ", "1\n", "+1", "1_000", "1.0", "1e3", "0x1", "true", "\u0661", "\uff11", "--1", "9" * 19],
    )
    def test_what_python_would_take_is_refused(self, text: str) -> None:
        assert not accepts(QueryInt, text)
        assert not accepts(TicketId, text)

    @pytest.mark.parametrize("text", ["0", "-1", str(MAX_ID + 1), str(2**63), "9" * 18])
    def test_a_ticket_has_a_number_that_trac_can_give(self, text: str) -> None:
        assert not accepts(TicketId, text)
        assert accepts(TicketId, str(MAX_ID))

    @given(st.decimals(-999_999_999, 999_999_999, places=3))
    def test_a_decimal_is_taken(self, number: Any) -> None:
        assert TypeAdapter(QueryFloat).validate_python(f"{number:f}") == float(number)

    @pytest.mark.parametrize(
        "text", ["", "nan", "inf", "-Infinity", "1e999", "1.", ".5", "1,5", " 1.0", "1_0.0", "\u0663.\u0665"]
    )
    def test_what_is_no_plain_decimal_is_refused(self, text: str) -> None:
        assert not accepts(QueryFloat, text)

    def test_pages_are_bounded(self) -> None:
        assert [accepts(Limit, text) for text in ("0", "1", "100", "101", "-1")] == [False, True, True, False, False]
        assert [accepts(Offset, text) for text in ("-1", "0", "10000000", "10000001")] == [False, True, True, False]

    def test_a_default_that_is_a_number_already_stays(self) -> None:
        assert TypeAdapter(QueryInt).validate_python(20) == 20
        assert TypeAdapter(QueryFloat).validate_python(2.5) == 2.5


class TestText:
    @given(storable_text)
    def test_what_databases_can_hold_stays_as_it_is(self, text: str) -> None:
        assert storable(text) == text

    @given(storable_text, SURROGATES | st.just("\0"), storable_text)
    def test_what_they_cannot_is_refused(self, before: str, bad: str, after: str) -> None:
        with pytest.raises(ValueError, match="must"):
            storable(before + bad + after)

    def test_texts_have_a_length(self) -> None:
        assert accepts(QueryText, "x" * 500)
        assert not accepts(QueryText, "x" * 501)
        assert not accepts(QueryText, "a\0")
        assert [accepts(UserId, "x" * length) for length in (0, 1, 255, 256)] == [False, True, True, False]
        assert not accepts(UserId, "\ud800")


class TestBodies:
    @settings(max_examples=40)
    @given(plain_json)
    def test_plain_json_passes(self, value: Any) -> None:
        refuse_unstorable(value)

    @settings(max_examples=40)
    @given(plain_json, unstorable, st.lists(st.sampled_from(["list", "value"]), max_size=5))
    def test_what_cannot_be_stored_is_found_at_any_depth(self, beside: Any, bad: Any, wraps: list[str]) -> None:
        value = bad
        for wrap in wraps:
            value = [beside, value] if wrap == "list" else {"a": value, "b": beside}
        with pytest.raises(ValueError, match="must"):
            refuse_unstorable(value)

    def test_names_count_too(self) -> None:
        with pytest.raises(ValueError, match="valid Unicode"):
            refuse_unstorable({"\ud800": 1})

    def test_a_body_may_be_nested_deeper_than_pythons_stack(self) -> None:
        value: Any = "\0"
        for _ in range(100_000):
            value = [value]
        with pytest.raises(ValueError, match="NUL"):
            refuse_unstorable(value)

    @pytest.mark.parametrize("value", [True, 1.0, "1", None, [1]])
    def test_a_whole_number_is_one_already(self, value: object) -> None:
        class Order(Body):
            number: int

        assert Order.model_validate({"number": 1, "more": "passed over"}).number == 1
        with pytest.raises(ValidationError):
            Order.model_validate({"number": value})


def test_times_in_answers_look_alike_everywhere() -> None:
    written = TypeAdapter(ApiTime).dump_json(utc_now().replace(2024, 1, 15, 10, 0, 0, 7)).decode()
    assert written == '"2024-01-15T10:00:00Z"'
