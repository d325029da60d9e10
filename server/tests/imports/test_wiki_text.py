import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.imports.wiki_text import NOTHING, Piece, code, escape, escape_line_start, join, link
from tests.imports.trac_wiki import TracWiki

EM, STRONG, STRUCK = Piece("style", "em"), Piece("style", "strong"), Piece("style", "s")

# What Trac's markup is made of, and words. Left out: a letter beyond ASCII before a link or a revision, where
# Trac's own reading turns on whether the letter counts as part of a word.
SCRAPS = [
    *(
        "'",
        "''",
        "'''",
        "*",
        "**",
        "/",
        "//",
        "_",
        "__",
        "~~",
        ",,",
        "^",
        "`",
        "``",
        "|",
        "||",
        "|-",
        "!",
        "\\",
        "\\\\",
    ),
    *(
        "{",
        "{{{",
        "}",
        "}}}",
        "[",
        "[[",
        "]",
        "]]",
        "<",
        ">",
        "(",
        ")",
        "&",
        "=",
        "==",
        "-",
        "----",
        "+",
        "*",
        "#",
        "@",
    ),
    *(":", "::", "?", ".", "..", " ", " ", " ", "1.", "A.", "#12", "#a", "r12", "{3}", "[1]", "[1,2]", "<a:b>"),
    *("HttpMethods", "Camel", "word", "words", "é", "key:val", "wiki:Page", "ticket:3", "span(x)", "BR", '"q"', "'q'"),
    *("a@b.org", "http://site.org/page"),
]


def as_text(scraps: list[str]) -> str:
    return " ".join("".join(scraps).split())


def text(value: str) -> Piece:
    return Piece("text", value)


@pytest.mark.parametrize(
    ("words", "markup"),
    [
        ("plain words, with (signs): 1 + 2 = 3; 50 % & more!", "plain words, with (signs): 1 + 2 = 3; 50 % & more!"),
        ("the HttpMethods page", "the !HttpMethods page"),
        ("PyPI and iPhone are no page names", "PyPI and iPhone are no page names"),
        ("task #12", "task !#12"),
        ("call __init__ or 2^3", "call !__init!__ or 2!^3"),
        ("see [1] and {2}", "see ![1] and !{2}"),
        ("[[1, 2], [3]]", "![[1, 2], [3]]"),
        ("a || b", "a !|| b"),
        ("'' is empty", "!'' is empty"),
        ("ask a@b.org", "ask !a@b.org"),
        ("a lone ` here", "a lone [[span(`)]] here"),
        ("read https://site.org/a_b.", "read [https://site.org/a_b]."),
        ("wiki:Page", "!wiki:Page"),
        ("NoName!", "!NoName!"),
    ],
)
def test_words_that_look_like_markup_are_escaped_and_others_left_alone(words: str, markup: str) -> None:
    assert escape(words) == markup


@given(st.lists(st.sampled_from(SCRAPS), min_size=1, max_size=8).map(as_text))
def test_trac_shows_escaped_words_as_they_were(trac: TracWiki, words: str) -> None:
    assert trac.words(escape_line_start(escape(words))) == words


@given(st.text())
def test_any_text_can_be_escaped(words: str) -> None:
    assert isinstance(escape(words, followed_by="["), str)


@pytest.mark.parametrize("line", ["= a", "=== a", "- a", "* a", "1. a", "12. a", "A. a", "iv. a", "> a", "----"])
def test_a_paragraph_that_begins_like_a_block_stays_a_paragraph(trac: TracWiki, line: str) -> None:
    shown = trac.html(escape_line_start(line))
    assert shown.startswith("<p>")
    assert trac.words(escape_line_start(line)) == line


@pytest.mark.parametrize("line", ["a = b", "-1 degrees", "1.5 times", "Mr. X", "--- so"])
def test_any_other_line_is_left_alone(line: str) -> None:
    assert escape_line_start(line) == line


@given(st.text(alphabet="`{}ab !'[]|*", min_size=1))
def test_trac_shows_code_character_for_character(trac: TracWiki, words: str) -> None:
    written = code(words)
    assert trac.html(written).replace("</code><code>", "") == f"<p>\n<code>{words}</code>\n</p>\n"


@pytest.mark.parametrize(
    "label", ["a page", "'quoted'", '"Hello" she said', "list[int]", "!HttpMethods", "`code`", "a || b", "''x''"]
)
def test_a_label_is_shown_as_it_is(trac: TracWiki, label: str) -> None:
    shown = trac.html(link("https://site.org/", label))
    assert 'href="https://site.org/"' in shown
    assert trac.words(link("https://site.org/", label)) == " ".join(label.split())


def test_a_label_that_no_quotes_can_hold_gives_up_its_brackets() -> None:
    assert link("wiki:Page", "'x' and \"y\"[0]") == "[wiki:Page 'x' and \"y\"(0)]"


def test_an_address_holds_no_brackets_or_spaces_and_shows_itself_without_a_label() -> None:
    assert link("https://site.org/a[0] b") == "[https://site.org/a%5B0%5D%20b]"


@pytest.mark.parametrize(
    ("pieces", "markup"),
    [
        ([text("a "), EM, text("b"), EM, text(" c")], "a ''b'' c"),
        ([STRONG, EM, text("both"), EM, STRONG], "'''''both'''''"),
        ([EM, text("b"), EM, text("'s")], f"''b''{NOTHING}'s"),
        ([EM, text("a"), EM, STRONG, text("b"), STRONG], "''a'''''b'''"),
        ([STRONG, text("Stop!"), STRONG], "'''Stop[[span(!)]]'''"),
        ([text("a["), Piece("markup", "[wiki:B]"), text("]")], "a[[span([)]][wiki:B]]"),
        ([EM, EM, text("nothing inside")], "nothing inside"),
        ([text("Http"), text("Methods")], "!HttpMethods"),
        ([text("a:b"), STRUCK, text("c"), STRUCK], "a[[span(:)]]b~~c~~"),
    ],
)
def test_pieces_are_joined_so_that_none_changes_another(pieces: list[Piece], markup: str) -> None:
    assert join(pieces) == markup


@given(
    st.lists(
        st.tuples(st.sampled_from([(), (EM,), (STRONG,), (EM, STRONG), (STRUCK,)]), st.sampled_from(SCRAPS)),
        min_size=1,
        max_size=6,
    )
)
def test_trac_shows_the_words_of_joined_pieces(trac: TracWiki, runs: list[tuple[tuple[Piece, ...], str]]) -> None:
    pieces = [piece for styles, words in runs for piece in (*styles, text(words), *reversed(styles))]
    shown = trac.words(escape_line_start(join(pieces).strip()))
    assert "".join(shown.split()) == "".join("".join(words for _, words in runs).split())
