import re
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trac.mimeview.api import MIME_MAP

from learntrac.imports.markdown import LANGUAGES, absolute_target, find_section, to_wiki, without_title
from tests.imports.trac_wiki import TracWiki

WORDS = [f"word{number}" for number in range(12)]
BETWEEN = ["\n", "\n\n", " ", "  \n", "\n- ", "\n  - ", "\n1. ", "\n> ", "\n# ", "\n---\n", "\n\n    "]
# No tables: the cells that a row has too many are lost, as Markdown says.
BETWEEN += ["*", "**", "_", "~~", "`", "``", "[", "]", "![", "](", "!", "'", '"', "#", "{{{", "}}}", "||", "\\", "&"]
BETWEEN += ["\n```\n", "\n~~~~exercism/note\n", "\n{{{\n", "\n}}}\n", "= ", "<b>", "<br>", "<item>"]


def wiki(markdown: str) -> str:
    return to_wiki(dedent(markdown).strip("\n"))


def wiki_lines(markdown: str) -> list[str]:
    return wiki(markdown).split("\n")


@pytest.mark.parametrize(
    ("markdown", "markup"),
    [
        ("two\nlines", "two lines"),
        ("a  \nb", "a[[BR]]b"),
        ("*a* and __b__ and ***c***", "''a'' and '''b''' and '''''c'''''"),
        ("*a _b_ c*", "''a b c''"),
        ("~~gone~~", "~~gone~~"),
        ("use `dict[0]`", "use `dict[0]`"),
        ("use ``a`b``", "use {{{a`b}}}"),
        ("# A title", "= A title ="),
        ("### C# is `it`", "=== C# is `it` ==="),
        ("= not a heading", "[[span(=)]] not a heading"),
        ("1986\\. A year", "[[span(1986.)]] A year"),
        ("---", "----"),
        ("HttpMethods", "!HttpMethods"),
        ("&lt;b&gt; &amp; &copy;", "<b> & ©"),
        ("a\u2028- b", "a - b"),
        ("", ""),
        ("#", ""),
    ],
)
def test_words_and_their_styles(markdown: str, markup: str) -> None:
    assert to_wiki(markdown) == markup


@pytest.mark.parametrize(
    ("markdown", "markup"),
    [
        ("[the docs](https://site.org/a_b)", "[https://site.org/a_b the docs]"),
        ("[the docs][d]\n\n[D]: https://site.org", "[https://site.org the docs]"),
        ("[`dict`](https://site.org)", "[https://site.org dict]"),
        ("[a *b*](https://site.org) c", "[https://site.org a b] c"),
        ("a[ b ](https://site.org)c", "a [https://site.org b] c"),
        ("<https://site.org>", "[https://site.org]"),
        ("<a@b.org>", "[mailto:a@b.org a@b.org]"),
        ("[here](#below) and [there](../other.md)", "here and there"),
        ("[no](javascript:x) [known]", "[no](!javascript:x) [known]"),
        ("![A map](https://site.org/map.png)", "[https://site.org/map.png A map]"),
        ("[![A map](https://site.org/map.png)](https://site.org)", "[https://site.org A map]"),
        ("![A map](map.png)", "A map"),
        ("[d](//site.org)", "[https://site.org d]"),
    ],
)
def test_links_and_images(markdown: str, markup: str) -> None:
    assert to_wiki(markdown) == markup


def test_the_caller_says_where_links_lead() -> None:
    pages = {"/tracks/lists": "wiki:Lists"}
    assert to_wiki("[a](/tracks/lists) [*b*](https://c.org)", link_target=pages.get) == "[wiki:Lists a] ''b''"


@pytest.mark.parametrize(
    ("markdown", "markup"),
    [
        ("a<br>b", "a[[BR]]b"),
        ("<br>", ""),
        ("H<sub>2</sub>O <!-- note -->", "H2O"),
        ("an <item> of <T>", "an <item> of <T>"),
        ("<div>one<p>two &amp; three</div>", "one two & three"),
        ("<img alt='A map' src=https://site.org/m.png>", "[https://site.org/m.png A map]"),
        ("<img src='https://site.org/m.png'>", ""),
        ("<details>\n<summary>Hint</summary>\n\n**Look**\n\n</details>", "Hint\n\n'''Look'''"),
    ],
)
def test_html_leaves_its_words(markdown: str, markup: str) -> None:
    assert to_wiki(markdown) == markup


def test_lists_nest_by_indentation() -> None:
    assert wiki_lines("""
        - one
          - *two*

            more
        - three

        7. seven
        8. eight
    """) == [" * one", "   * ''two''", "    [[BR]]more", " * three", "", " 7. seven", " 8. eight"]


def test_code_in_a_list_item_belongs_to_the_item(trac: TracWiki) -> None:
    written = wiki("""
        1. Say

           ```python
           print(1)

               x
           ```

           and stop
        2. Go on
    """)
    assert trac.html(written).count("<ol>") == 1
    assert trac.blocks(written) == ["print(1)\n\n    x\n"]
    assert trac.words(written) == "Say print(1) x and stop Go on"


def test_what_would_end_a_list_is_put_into_a_box(trac: TracWiki) -> None:
    written = wiki("""
        - first

          | a | b |
          |---|---|
          | c | d |

          # title
        - second
    """)
    shown = trac.html(written)
    assert [shown.count(tag) for tag in ("<ul>", "<li>", "<table", "<h1")] == [1, 2, 1, 1]


def test_a_quotation_holds_anything(trac: TracWiki) -> None:
    written = wiki("""
        > said
        >
        > - a
        >
        > ```
        > code
        > ```
        > > deeper
    """)
    assert written.split("\n")[:3] == ["> said", ">", ">  * a"]
    assert trac.blocks(written) == ["code\n"]
    assert trac.html(written).count('<blockquote class="citation">') == 2


def test_a_table() -> None:
    assert wiki_lines("""
        | name | how many | why |
        |:-----|---------:|:---:|
        | a\\|b | 3 | `x \\|\\| y` |
        | c | 4! | |
    """) == [
        "||= name =||= how many =||= why =||",
        "|| a|b || 3||  `x || y`  ||",
        "|| c || 4! ||    ||",
    ]


def test_trac_reads_the_table(trac: TracWiki) -> None:
    shown = trac.html(wiki("| a | b |\n|---|--:|\n| c | 1 |"))
    assert [shown.count(tag) for tag in ("<table", "<th>", "<tr>", "<td>", 'text-align: right">')] == [1, 2, 2, 1, 1]


def test_a_track_s_special_block_is_a_quotation_with_a_title() -> None:
    assert wiki_lines("""
        ~~~~exercism/note
        See [gettext][g].

        ```python
        x
        ```

        [g]: https://site.org
        ~~~~
    """) == [
        *("> '''Note'''", ">", "> See [https://site.org gettext].", ">", "> {{{#!python", "> x", "> }}}"),
    ]


@pytest.mark.parametrize(
    ("language", "opening"),
    [("python", "{{{#!python"), ("Python title=x", "{{{#!python"), ("html", "{{{#!xml"), ("", "{{{"), ("zig", "{{{")],
)
def test_code_names_its_language_where_trac_knows_it(language: str, opening: str) -> None:
    assert to_wiki(f"```{language}\nx = 1\n```").split("\n") == [opening, "x = 1", "}}}"]


def test_every_language_is_one_that_trac_knows_without_help() -> None:
    assert set(LANGUAGES.values()) <= set(MIME_MAP)


@pytest.mark.parametrize("content", ["#!python\nx", "#!/bin/sh\nx", "{{{\nx\n}}}", "{{{x}}}", " }}} y", "\n\nx\n"])
def test_code_that_looks_like_trac_s_own_marks_is_shown_as_it_is(trac: TracWiki, content: str) -> None:
    assert trac.blocks(to_wiki(f"```\n{content}\n```")) == [f"{content}\n"]


def test_a_mark_without_its_other_half_parts_the_block(trac: TracWiki) -> None:
    written = to_wiki("```\na\n}}}\nb\n{{{\n```")
    assert written == "{{{\na\n}}}\n`}}}`\n{{{\nb\n}}}\n`{{{`"
    assert trac.words(written) == "a }}} b {{{"


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Zl", "Zp", "Cc"], include_characters="\n\t"), min_size=1)
)
def test_code_survives_byte_for_byte(trac: TracWiki, content: str) -> None:
    written = to_wiki(f"~~~~~~~~text\n{content}\n~~~~~~~~")
    marks = re.search(r"(?m)^\s*(\{\{\{\s*(#!|$)|\}\}\}\s*$)", content)
    if marks is None and "~~~~~~~~" not in content:
        assert f"\n{content}\n}}}}}}" in written
        assert trac.blocks(written) == [f"{content}\n"]
    assert all(line in written for line in content.split("\n"))


@given(st.text())
def test_any_text_is_markdown(markdown: str) -> None:
    assert isinstance(to_wiki(markdown), str)
    assert isinstance(without_title(markdown), str)
    find_section(markdown, ["a"])


def test_deep_nesting_is_no_danger() -> None:
    for markdown in ("> " * 2000 + "a", "- " * 2000 + "a", "*a _b " * 3000, "[" * 3000, "![" * 500 + "](a)" * 500):
        assert isinstance(to_wiki(markdown), str)


@given(st.lists(st.sampled_from(BETWEEN), min_size=len(WORDS), max_size=len(WORDS)))
def test_words_survive(trac: TracWiki, between: list[str]) -> None:
    markdown = "".join(f"{scrap}{word}" for scrap, word in zip(between, WORDS, strict=True))
    shown = trac.words(to_wiki(markdown))
    # What stands in `](…` is an address, and a block of code may be named by the word after its fence.
    hidden = set(re.findall(r"\]\((\w+)", markdown))
    assert [word for word in WORDS if word not in hidden and word not in shown] == []


def test_headings_can_be_lowered() -> None:
    assert to_wiki("# a\n\n##### b", heading_shift=2) == "=== a ===\n\n====== b ======"


def test_the_first_title_can_be_left_out() -> None:
    assert without_title("# About\r\n\r\ntext\n# more") == "\ntext\n# more"
    assert without_title("text\n\n# About") == "text\n\n# About"
    assert without_title("## About") == "## About"


def test_a_section_comes_with_the_links_it_needs() -> None:
    text = dedent("""
        ## Learning Objectives

        - know [lists][l]

        ### in depth

        ## Out of scope

        [l]: https://site.org/lists
    """)
    section = find_section(text, ["learning objectives"])
    assert section is not None
    assert to_wiki(section) == " * know [https://site.org/lists lists]\n\n=== in depth ==="
    assert find_section(text, ["Goal"]) is None


def test_a_heading_in_code_begins_no_section() -> None:
    assert find_section("```\n# Goal\n```\n\n> # Goal\n", ["Goal"]) is None


@pytest.mark.parametrize(
    ("href", "target"),
    [("https://a.org", "https://a.org"), ("mailto:a@b.org", "mailto:a@b.org"), ("//a.org/b", "https://a.org/b")]
    + [(href, None) for href in ("", "#a", "/a", "a.md", "javascript:a", "tel:1", "https://")],
)
def test_only_addresses_that_hold_everywhere_are_kept(href: str, target: str | None) -> None:
    assert absolute_target(href) == target
