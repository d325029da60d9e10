"""What a description or a wiki page says, and what is read from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.trac.wikitext import (
    MAX_TARGET_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    Link,
    count_words,
    read_links,
    read_objectives,
    reading_minutes,
    resource_type,
)

DESCRIPTION = """\
What a resource is, and why [wiki:HttpMethods verbs] are few.

== Learning objectives ==
After this you can:
 * Name the '''five''' methods and
   say which are safe
   - Tell `PUT` from `PATCH`
 1. Design [https://example.org/urls URLs]

That is all.

=== Later ===
 a. Version an API
== Resources ==
 * [wiki:RestTutorial REST tutorial]
 * [https://example.org/talk.mp4 The talk]
== Notes ==
 * Not an objective, https://example.org/not-a-resource
"""


def objectives_of(item: str) -> list[str]:
    return read_objectives(f"= Goals =\n * {item}")


def wiki(name: str, text: str | None = None) -> Link:
    return Link("wiki", name, text or name)


def url(address: str, text: str | None = None) -> Link:
    return Link("url", address, text or address)


# Objectives


def test_objectives_are_the_lists_under_their_heading() -> None:
    assert read_objectives(DESCRIPTION) == [
        "Name the five methods and say which are safe",
        "Tell PUT from PATCH",
        "Design URLs",
        "Version an API",
    ]


HEADINGS = (
    "= Objectives =|====== Goals ======|== Learning objectives|==Objectives==|  == LEARNING  Objectives: ==|"
    "== Objectives == #aims|== Objectives #aims|== '''Objectives''' ==|# Objectives|## Learning Objectives ##|"
    "'''Objectives'''|'''Goals:'''|'''''Goals'''''|**Objectives**:"
)


@pytest.mark.parametrize("heading", HEADINGS.split("|"))
def test_the_heading_may_be_written_in_many_ways(heading: str) -> None:
    assert read_objectives(f"Intro\n{heading}\n * Learn\n") == ["Learn"]


OTHER_LINES = (
    "Objectives|== Our objectives ==|== Objectives and so on, at a length that no title has, "
    + "and more " * 20
    + "==|"
    "=Objectives|#Objectives|======= Objectives =======| '''Objectives'''|'''Objectives''' of this|"
    "> == Objectives ==|{{{\n== Objectives ==\n}}}"
)


@pytest.mark.parametrize("line", OTHER_LINES.split("|"))
def test_other_lines_are_no_such_heading(line: str) -> None:
    assert read_objectives(f"{line}\n * Learn\n") == []


BULLETS = "* - + \u2022 1. 12. a. iv. 2)"


@pytest.mark.parametrize("bullet", BULLETS.split())
def test_an_item_may_have_any_bullet(bullet: str) -> None:
    assert read_objectives(f"== Goals ==\n{bullet} Learn\n {bullet} Do\n\t{bullet} Know") == ["Learn", "Do", "Know"]


def test_a_checkbox_is_part_of_the_bullet() -> None:
    assert objectives_of("[ ] Learn\n * [x] Practise") == ["Learn", "Practise"]


@pytest.mark.parametrize("line", ["*Learn", "----", " * ", " * ...", "Learn", "|| Learn ||", " * [[PageOutline]]"])
def test_a_line_that_says_nothing_in_a_list_is_no_item(line: str) -> None:
    assert read_objectives(f"== Goals ==\n{line}") == []


@pytest.mark.parametrize("after", ["\nnot indented", "\n \n   after a blank", "\n  === Deeper ===", "\n----"])
def test_an_item_ends_where_its_indented_lines_end(after: str) -> None:
    assert objectives_of(f"Learn\n   this{after}") == ["Learn this"]


@pytest.mark.parametrize("end", ["== Notes ==", "= Notes =", "# Notes", "=== See also ===", "'''Reading'''"])
def test_the_section_ends_at_the_next_heading_that_is_not_deeper(end: str) -> None:
    assert read_objectives(f"== Goals ==\n * Learn\n{end}\n * Else") == ["Learn"]


@pytest.mark.parametrize("deeper", ["=== Notes ===", "### Notes", "'''Notes'''"])
def test_a_deeper_heading_stays_inside(deeper: str) -> None:
    assert read_objectives(f"== Goals ==\n * Learn\n{deeper}\n * More") == ["Learn", "More"]


def test_a_bold_heading_ends_at_the_next_bold_line() -> None:
    assert read_objectives("**Goals**\n * Learn\n**Notes**\n * Else") == ["Learn"]


def test_several_sections_are_all_read() -> None:
    assert read_objectives("= Goals =\n * Learn\n= Notes =\n * Else\n= Objectives =\n * Know") == ["Learn", "Know"]


CODE = (
    "{{{\n * no\n}}}|{{{#!python\n * no\n}}}| {{{\n#!sh\n{{{\n * no\n}}}\n * no\n }}}|{{{\n```\n}}}|"
    "```\n * no\n```|````python\n * no\n```\n * no\n````x\n````"
)


@pytest.mark.parametrize("code", CODE.split("|"))
def test_blocks_of_code_are_skipped(code: str) -> None:
    assert read_objectives(f"= Goals =\n * Learn\n{code}\n * Know") == ["Learn", "Know"]


def test_an_open_block_of_code_runs_to_the_end() -> None:
    assert read_objectives("= Goals =\n * Learn\n{{{\n * no") == ["Learn"]


@pytest.mark.parametrize(
    ("markup", "plain"),
    [
        ("'''bold''' ''italic'' '''''both'''''", "bold italic both"),
        ("**bold** and //italic//, **two words**", "bold and italic, two words"),
        ("`GET`, {{{a {b}}}} and ``", "GET, a {b} and"),
        ("`**x**` {{{[wiki:A b]}}}", "**x** [wiki:A b]"),
        ("2**10, 2 ** 10, f(**kwargs), a//b, // x", "2**10, 2 ** 10, f(**kwargs), a//b, // x"),
        ("[wiki:Page the page], [wiki:Page], wiki:Page.", "the page, Page, Page."),
        ("[ticket:12 the ticket] and [#top up], [1], [optional]", "the ticket and up, [1], [optional]"),
        ("[[Page|the page]], [[ticket:1|one]], [[#x|up]]a[[BR]]b", "the page, one, upa b"),
        ("[text](https://example.org) https://example.org/x.", "text https://example.org/x."),
        ("**[https://example.org text]**", "text"),
        ("!CamelCase !wiki:Page ![wiki:Page x] !#12 !''x", "CamelCase wiki:Page [wiki:Page x] #12 ''x"),
        ("Stop! !important a!=b", "Stop! !important a!=b"),
        ("[[[[ `open {{{open ** //", "[[[[ `open {{{open ** //"),
    ],
)
def test_markup_is_read_as_plain_text(markup: str, plain: str) -> None:
    assert objectives_of(f"a {markup}") == [f"a {plain}"]


# Links


def test_links_are_those_under_the_heading_resources() -> None:
    tutorial = wiki("RestTutorial", "REST tutorial")
    assert read_links(DESCRIPTION) == [tutorial, url("https://example.org/talk.mp4", "The talk")]


def test_all_sections_of_resources_are_read() -> None:
    text = "= Reading =\nwiki:A\n= Notes =\nwiki:B\n= See also =\n== wiki:C ==\nwiki:D\n'''Resources:'''\nwiki:E wiki:A"
    assert read_links(text) == [wiki("A"), wiki("C"), wiki("D"), wiki("E")]


@pytest.mark.parametrize("section", ["", "\n== Resources ==\nNone yet."])
def test_without_links_there_every_link_counts(section: str) -> None:
    assert read_links(f"See wiki:A\n= Notes =\n * wiki:B{section}") == [wiki("A"), wiki("B")]


@pytest.mark.parametrize(
    ("markup", "link"),
    [
        ("[wiki:Page text of it]", wiki("Page", "text of it")),
        ('[wiki:"Page name" text]', wiki("Page name", "text")),
        ("[wiki:'Page name']", wiki("Page name")),
        ('[wiki:Page "text"]', wiki("Page", "text")),
        ("[wiki:Page '''bold''' `code`]", wiki("Page", "bold code")),
        ("[wiki:Page ''''']", wiki("Page")),
        ("wiki:Parent/Child", wiki("Parent/Child")),
        ('wiki:"Page with blanks"', wiki("Page with blanks")),
        ("<wiki:Page with blanks>", wiki("Page with blanks")),
        ("[[wiki:Page|text]]", wiki("Page", "text")),
        ("[[Page name|text]] [[wiki:Page name]]", wiki("Page name", "text")),
        ('[["Page name"]]', wiki("Page name")),
        ("[RestTutorial the text]", wiki("RestTutorial", "the text")),
        ('["Page name" text]', wiki("Page name", "text")),
        ("[wiki:Page#section text]", wiki("Page", "text")),
        ("wiki:Page@3?action=diff", wiki("Page")),
        ("[wiki:../Page/ text]", wiki("Page", "text")),
    ],
)
def test_a_wiki_page_may_be_linked_in_many_ways(markup: str, link: Link) -> None:
    assert read_links(f"({markup}).") == [link]


@pytest.mark.parametrize(
    ("markup", "link"),
    [
        ("[https://example.org/a?b=c#d text of it]", url("https://example.org/a?b=c#d", "text of it")),
        ("[http://example.org\u200btext] [http://example.org]", url("http://example.org", "text")),
        ("[[https://example.org|text]] [[https://example.org]]", url("https://example.org", "text")),
        ("[text](https://example.org/a)", url("https://example.org/a", "text")),
        ('[text](https://example.org/a_(b) "Title")', url("https://example.org/a_(b)", "text")),
        ("[](<https://example.org>)", url("https://example.org")),
        ("<HTTPS://Example.org/a>", url("HTTPS://Example.org/a")),
        ("https://example.org/REST_(style)", url("https://example.org/REST_(style)")),
        ("See:https://example.org/a", url("https://example.org/a")),
    ],
)
def test_a_url_may_be_linked_in_many_ways(markup: str, link: Link) -> None:
    assert read_links(f"({markup}).") == [link]


def test_a_bare_url_ends_at_a_parenthesis_that_it_does_not_close() -> None:
    assert read_links("https://a.example/b(c https://b.example/(c)d)e") == [
        url("https://a.example/b"),
        url("https://b.example/(c)d"),
    ]


TAILS = ". , ; : ) ). ? ! '' ** ... | \""


@pytest.mark.parametrize("tail", TAILS.split())
def test_the_punctuation_after_a_bare_link_is_not_part_of_it(tail: str) -> None:
    assert read_links(f"https://example.org/a{tail} wiki:Page{tail}") == [url("https://example.org/a"), wiki("Page")]


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1) [javascript:alert(1) x] [x](javascript:alert(1)) [[javascript:alert(1)|x]]",
        "data:text/html,x [data:text/html,x y] ftp://example.org [mailto:a@example.org mail]",
        "https:// [https:// x] http:///path https://user@ [http://a\u2100b.example x] [http://a\\b x]",
        "[wiki: x] wiki: wiki:. [wiki:#top x] [[wiki:|x]] [[|x]] [trac:wiki:Page x] trac:wiki:Page",
        "[[Image(https://example.org/a.png)]] [[Image(a.png)|x]] [[PageOutline]] [[BR]]",
        "[[ticket:1|x]] [ticket:1 x] #1 [1] [#top x] [[#top|x]] [/about x] [optional] ['a', 'b'] JavaScript",
        "!wiki:Page ![wiki:Page x] !https://example.org ![[wiki:Page|x]] ![image](https://example.org/a.png)",
        "`wiki:Page` {{{https://example.org}}} xhttps://example.org\n{{{\nwiki:Page\n}}}\n```\nwiki:Page\n```",
    ],
)
def test_what_is_no_link_to_a_page_or_the_web_is_left_out(text: str) -> None:
    assert read_links(text) == []


def test_a_target_is_listed_once_with_its_first_text() -> None:
    text = "[wiki:Page first] wiki:Page [wiki:Page#part second] https://example.org [https://example.org third]"
    assert read_links(text) == [wiki("Page", "first"), url("https://example.org")]


def test_long_texts_are_cut() -> None:
    assert read_links(f"[wiki:Page {'x' * 299} yz]")[0].text == "x" * 299
    assert len(read_links(f"https://example.org/{'x' * 400}")[0].text) == MAX_TEXT_CHARACTERS


@pytest.mark.parametrize("start", ["https://example.org/", "wiki:"])
def test_too_long_targets_are_dropped(start: str) -> None:
    longest = MAX_TARGET_CHARACTERS - (0 if start == "wiki:" else len(start))
    assert len(read_links(start + "x" * longest)) == 1
    assert read_links(start + "x" * (longest + 1)) == []


# What a link leads to


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://www.YouTube.com/watch?v=1", "video"),
        ("https://youtu.be/1", "video"),
        ("https://player.vimeo.com:443/video/1", "video"),
        ("https://media.ccc.de./v/1", "video"),
        ("https://example.org/talk.MP4?t=1", "video"),
        ("https://tube.example.org/w/1234567891234567891234", "video"),
        ("https://tube.example.org/videos/watch/00000000-0000-4000-8000-000000000000", "video"),
        ("https://wiki.example.org/w/index.php", "link"),
        ("https://notyoutube.com/watch", "link"),
        ("https://youtube.com@youtube.com.example.org/", "link"),
        ("https://example.org/?file=a.mp4", "link"),
        ("https://example.org/guide.html", "link"),
        ("https://[bad/", "link"),
        ("https://example.org/paper.pdf#page=2", "documentation"),
    ],
)
def test_the_type_of_a_url_is_told_by_host_and_ending(address: str, expected: str) -> None:
    assert resource_type(url(address)) == expected


def test_a_wiki_page_is_documentation() -> None:
    assert resource_type(wiki("Talk.mp4")) == "documentation"


# Words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("= = ---- || * ''' __ [[PageOutline]]", 0),
        ("One two, three - don't stop!", 5),
        ("== The '''bold''' heading == #anchor", 3),
        (" * one\n 1. two\n a. three\n\n iv. four", 4),
        ("||one||two three||", 3),
        ("{{{#!python\nprint(x)\n}}}\n{{{\n#!sh\nls -l\n}}}", 3),
        ("[https://example.org/a/b two words] wiki:One '''Re'''quest", 4),
        ("na\u00efve \u00dcbung 42", 3),
    ],
)
def test_words_are_counted_as_a_reader_meets_them(text: str, words: int) -> None:
    assert count_words(text) == words


@pytest.mark.parametrize(("words", "minutes"), [(0, 0), (1, 1), (200, 1), (201, 2), (3000, 15), (-500, 0)])
def test_reading_takes_a_minute_for_each_200_words(words: int, minutes: int) -> None:
    assert reading_minutes(words) == minutes


# Any text

PIECES = (
    "= == ==\n = Goals =\n **Reading**\n {{{ }}} {{{\n }}}\n ` ```\n [ [[ ] ]] ]( ( ) | < > ! ' '' ''' ** // # @ ? : "
    '. / https:// http://a.b wiki: wiki:A wiki:" " [wiki:B [[E|f]] AaBb ticket:1 \n \r\n \t \u200b \x00 \ud800'
)
pieces = st.sampled_from([*PIECES.split(" "), " ", " * ", "\n * "])
wiki_texts = st.lists(pieces | st.text(max_size=4), max_size=40).map("".join)


@given(st.text() | wiki_texts)
def test_no_text_is_too_odd_for_objectives(text: str) -> None:
    for objective in read_objectives(f"= Goals =\n * {text}") + read_objectives(text):
        assert objective == " ".join(objective.split()) != ""


@given(st.text() | wiki_texts)
def test_no_text_is_too_odd_for_links(text: str) -> None:
    links = read_links(text)
    assert len({(link.kind, link.target) for link in links}) == len(links)
    for link in links:
        assert link.kind == "wiki" or link.target.lower().startswith(("http://", "https://"))
        assert 1 <= len(link.target) <= MAX_TARGET_CHARACTERS
        assert 1 <= len(link.text) <= MAX_TEXT_CHARACTERS
        assert resource_type(link) in {"documentation", "video", "link"}


@given(st.text() | wiki_texts)
def test_no_text_is_too_odd_to_count_its_words(text: str) -> None:
    assert 0 <= count_words(text) <= len(text)


words = st.text("abcdefgh", min_size=1, max_size=8)
phrases = st.lists(words, min_size=1, max_size=5).map(" ".join)


@given(st.lists(phrases, max_size=5), st.sampled_from([" * ", "- ", " 1. "]), st.sampled_from(["\n", "\r\n"]))
def test_objectives_written_are_objectives_read(items: list[str], bullet: str, newline: str) -> None:
    text = newline.join(["== Objectives ==", *(bullet + item for item in items)])
    assert read_objectives(text) == items
    assert count_words(text) == 1 + len(" ".join(items).split())


@given(words, st.text("abc/-~%&=+", max_size=20), phrases)
def test_a_url_reads_the_same_in_every_form(host: str, path: str, text: str) -> None:
    address = f"https://{host}.example/{path}"
    labelled = [f"[{address} {text}]", f"[[{address}|{text}]]", f"[{text}]({address})"]
    assert all(read_links(f"x {form} y") == [url(address, text)] for form in labelled)
    assert read_links(f"x {address}, y") == [url(address)]


# Opening marks without end: a pattern that goes back over them makes these tests slow enough to notice.
HOSTILE = (
    '[|[[|[[[[ |]|](|![|[a](|[a](http://x(|[a](http://x "|[wiki:|[wiki:"|[wiki:a |[[wiki:a|["|[#|[AaBb|{|{{{|{{{ a|}}}'
    "|`|'|''|*|** |**a |//|//a | //a|!|!{{{|!Aa|<wiki:|wiki:|wiki:\"|wiki:a.|wiki:a...|http://|http://a|http://a(|http://a)"
    "|http://a.|(|)|=|= |=a=#|= #|\t|\u200b|\x00|\n|- \n|= \n|=a=\n|'''a'''\n|\n a|\n * a|```|{{{\n|}}}\n|Aa|a|1. "
)


@pytest.mark.parametrize("unit", [" ", *HOSTILE.split("|")])
def test_hostile_text_is_read_like_any_other(unit: str) -> None:
    hostile = unit * (40_000 // len(unit))
    assert read_objectives(f"= Goals =\n * Know {hostile}")[0].startswith("Know")
    assert read_links(f"= Reading =\nwiki:First {hostile}")[0] == wiki("First")
    assert count_words(f"word {hostile}") >= 1
