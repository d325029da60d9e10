"""What is spoken of a written answer, and what is shown."""

from hypothesis import given
from hypothesis import strategies as st

from learntrac.voice.wording import LONGEST, Piece, Said, Shown, Wording, speakable


def worded(*written: str) -> list[Piece]:
    wording = Wording()
    return [piece for part in written for piece in wording.push(part)] + wording.finish()


def test_each_sentence_is_given_out_as_soon_as_it_is_complete() -> None:
    wording = Wording()
    assert wording.push("A status code is a number. It say") == [Said("A status code is a number.")]
    assert wording.push("s how it went.") == []
    assert wording.finish() == [Said("It says how it went.")]


def test_code_is_shown_and_not_spelled() -> None:
    assert worded("Look at this:\n\n```pyt", "hon\ndef f():\n    return 1\n``", "`\nThat returns one.") == [
        Said("Look at this:"),
        Shown("python", "def f():\n    return 1"),
        Said("That returns one."),
    ]


def test_code_of_a_wiki_page_too() -> None:
    assert worded("{{{#!python\nx = 1\n}}}\n") == [Shown("python", "x = 1")]


def test_code_that_never_ends_is_not_spelled_either() -> None:
    assert worded("Look at this.\n```\nx = 1\n") == [Said("Look at this.")]


def test_marks_are_not_spoken() -> None:
    written = "## Why\n- **GET** is *safe* [1], see [the page](https://example.org/x).\n"
    assert [piece.text for piece in worded(written) if isinstance(piece, Said)] == ["Why GET is safe , see the page."]


def test_names_with_underscores_stay() -> None:
    assert speakable("Use `snake_case_names` and 2*3*4.") == "Use snake_case_names and 2*3*4."


def test_a_number_or_a_word_waits_for_its_sentence() -> None:
    assert worded("Yes. It is a number of three digits.") == [Said("Yes. It is a number of three digits.")]


def test_nothing_to_say_is_not_said() -> None:
    assert worded("\n\n---\n***\n") == []


def test_a_sentence_without_end_is_cut_between_words() -> None:
    pieces = worded("word " * 400)
    assert len(pieces) > 3
    assert all(isinstance(piece, Said) and len(piece.text) <= LONGEST for piece in pieces)


@given(st.text(alphabet="ab.\n`{} *_[]()#!1-", max_size=200), st.integers(0, 200))
def test_it_does_not_matter_how_the_text_comes(written: str, cut: int) -> None:
    assert worded(written[:cut], written[cut:]) == worded(written)
