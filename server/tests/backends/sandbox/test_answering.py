"""What a box says is taken apart with suspicion."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.backends.sandbox import Answer
from learntrac.backends.sandbox.answering import Nonsense, answer_in, is_plain, problem_in, program_in

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_anything_is_an_answer_or_nonsense(value: object) -> None:
    try:
        answer = answer_in(json.dumps(value), output_bytes=100)
    except Nonsense:
        return
    assert is_plain(answer.value)


@pytest.mark.parametrize(
    "message",
    ["", "1", "[]", "{", "nonsense", '{"status": "passed"}', '{"status": "returned", "output": 1}', "[" * 10**5,
     '{"status": "returned", "value": NaN}', '{"status": "raised", "error": {}}'],
)  # fmt: skip
def test_nonsense_is_no_answer(message: str) -> None:
    with pytest.raises(Nonsense):
        answer_in(message, output_bytes=100)


@pytest.mark.parametrize(
    "value", ["1e999", '"\\ud800"', '{"\\ud800": 1}', "[" * 62 + "]" * 62, "[" + "1," * 200_000 + "1]"]
)
def test_what_may_not_cross_is_not_plain(value: str) -> None:
    answer = answer_in(f'{{"status": "returned", "value": {value}}}', output_bytes=100)

    assert (answer.status, answer.value) == ("not_plain", None)


def test_output_is_cut_by_bytes_and_a_line_has_to_be_one() -> None:
    said = {"status": "raised", "error": "x" * 5000, "output": "é" * 100, "line": -1}

    answer = answer_in(json.dumps(said), output_bytes=5)

    assert answer == Answer("raised", error="x" * 2000, output="éé")


@pytest.mark.parametrize("pid", ["1", "true", "null", '"7"', "2.0"])
def test_a_program_has_the_number_of_a_process(pid: str) -> None:
    assert program_in('{"pid": 7}') == 7
    with pytest.raises(Nonsense):
        program_in(f'{{"pid": {pid}}}')


def test_a_problem_is_text() -> None:
    assert problem_in('{"problem": null}') is None
    assert problem_in('{"problem": "SyntaxError"}') == "SyntaxError"
    with pytest.raises(Nonsense):
        problem_in('{"problem": 1}')
