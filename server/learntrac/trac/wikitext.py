"""Wiki text as people read it: objectives, links and words of a ticket's description or a wiki page. Pure.

Trac's own markup is read, and the Markdown that people type into Trac by habit. No function raises on any
text, and each takes time in proportion to it: patterns are possessive, and between an opening mark and its
closing one no second opening mark may stand, so that no stretch of text is tried from many places.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeGuard
from urllib.parse import urlsplit

MAX_TEXT_CHARACTERS = 300
MAX_TARGET_CHARACTERS = 2000
WORDS_PER_MINUTE = 200

_OBJECTIVE_TITLES = frozenset({"learning objectives", "objectives", "goals"})
_RESOURCE_TITLES = frozenset({"resources", "reading", "see also"})
_TITLES = _OBJECTIVE_TITLES | _RESOURCE_TITLES

# With the dot, so that a subdomain counts and a look-alike (notyoutube.com) does not.
_VIDEO_HOSTS = (
    ".bilibili.com",
    ".dai.ly",
    ".dailymotion.com",
    ".loom.com",
    ".media.ccc.de",
    ".odysee.com",
    ".rumble.com",
    ".twitch.tv",
    ".vidyard.com",
    ".vimeo.com",
    ".wistia.com",
    ".youtu.be",
    ".youtube.com",
    ".youtube-nocookie.com",
)
_VIDEO_ENDINGS = (".mp4", ".webm", ".m4v", ".mov", ".ogv")
# A page in .html is not among these: it is a web page like any other, so a link.
_TEXT_ENDINGS = (".txt", ".text", ".md", ".markdown", ".rst", ".adoc", ".pdf")
# PeerTube runs under any host name, and MediaWiki has /w/ too, so PeerTube's short or long UUID must follow.
_PEERTUBE_PATH = re.compile(
    r"/(?:w|videos/watch)/(?:p/)?(?:[1-9A-HJ-NP-Za-km-z]{22}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/?"
)

_BLOCK_OPENS = re.compile(r"\s*+\{\{\{(?:\s*+#!|\s*+$)")
_FENCE = re.compile(r"\s*+(`{3,}+)([^`]*+)$")

_BOLD_LEVEL = 7  # a bold line that stands alone is below every real heading
_LONGEST_TITLE = 100
_HEADING = re.compile(
    r"""
      [ \t]*+ (?P<marks>={1,6}(?!=)|\#{1,6}(?=\s)) (?P<title>.*+)
    | (?P<bold>'''|\*\*) (?P<line>(?:(?!(?P=bold)).){1,100}+) (?P=bold) ['*]*+ \s*+ :? \s*+ $
    """,
    re.VERBOSE,
)
_ANCHOR = re.compile(r"(?<=[\s=])#[\w:.-]+\s*$")
_TITLE_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
_ITEM = re.compile(r"\s*+(?:[-*+•]|(?:[0-9]{1,9}|[a-zA-Z]|[ivxIVX]{1,5})[.)])\s++(?:\[[ xX]\]\s++)?(.*+)")

_HTTP = r"[hH][tT][tT][pP][sS]?://"
_ADDRESS = re.compile(rf"{_HTTP}\w[^\s<>\"`\\\u200b\x00-\x20\x7f]*+")
_PAGE_WORD = r"(?:[A-Z][a-z]++){2,}+(?:/(?:[A-Z][a-z]++)++)*+(?:@[0-9]++)?(?:\#[\w:.-]++)?"
_PAGE_TARGET = re.compile(rf"wiki:(.*)|(\".*\"|'.*'|{_PAGE_WORD})")
_AFTER_PAGE = re.compile(r"[#?@]")
_RELATIVE = re.compile(r"\A(?:\.{0,2}/)++")
_NOT_A_PAGE = re.compile(r"[A-Za-z][\w+.-]*+:|[/#=\"']|\.{1,2}/")
_MACRO = re.compile(r"[\w/+-]++\??(?:\(.*\).*)?")
# What ends a bare link, and what cannot be its last character: the punctuation of the sentence around it.
_NOT_PAGE = r"\s|<>\[\]\"'\u200b"
_NOT_URL = r"\s<>\"`\\|\[\]\u200b\x00-\x20\x7f"
_TAIL = r".,;:!?'*_)"

_SCHEMES = (
    "wiki|https?|ftp|mailto|ticket|comment|report|query|milestone|attachment|raw-attachment|htdocs|source|browser"
    "|export|changeset|log|diff|search"
)
_MARKUP = re.compile(
    rf"""
    (?=[!`{{\[<whH'*/])  # rules out most characters at once
    (?:
        # an escape, which Trac does not show
        (?P<escape>) !(?=[`\[]|\{{\{{\{{|<?wiki:|{_HTTP}|''|\*\*|//|\#[0-9]|(?:[A-Z][a-z]++){{2}})
      # of a row of brackets only the last two can open a link
      | (?P<run>\[+(?=\[\[))
      # code
      | `(?P<code>[^`\n]*+)`
      | \{{\{{\{{ (?P<block>(?:[^{{}}\n]++|\{{(?!\{{\{{)|\}}(?!\}}\}}))*+) \}}\}}\}}
      # [[Page|text]] and macros, [text](URL), [target text]
      | \[\[ (?P<double>[^\[\]\n]++) \]\]
      | \[ (?P<label>[^\[\]\n]*+) \]\( [ \t]*+ <?
          (?P<address>{_HTTP}(?:[^\s()<>]++|\([^\s()<>]*+\))++) >? (?:[ \t]++["'][^"'\n]*+["'])? [ \t]*+ \)
      | \[ (?P<target>
            (?:(?:{_SCHEMES}):)?(?:"[^"\[\]\n]++"|'[^'\[\]\n]++')
          | (?i:{_SCHEMES}):[^\s\[\]\u200b"']++
          | (?:=?\#|\.{{0,2}}/)[^\s\[\]\u200b]++
          | {_PAGE_WORD}(?=[ \t\u200b])
        ) (?:[ \t\u200b]++(?P<text>[^\[\]\n]*+))? \]
      # <wiki:Page name> and links without brackets
      | <(?P<angle>wiki:[^<>\n]++)>
      | (?<![\w:]) (?P<page>wiki:(?:"[^"\n]++"|'[^'\n]++'|[^{_NOT_PAGE}]*[^{_NOT_PAGE}{_TAIL}]))
      | (?<![^\W_]) (?P<url>{_HTTP}\w(?:[^{_NOT_URL}()]*(?:[^{_NOT_URL}{_TAIL}()]|\([^{_NOT_URL}()]*+\)))*+)
      # bold and italics; ** and // only where they hold something, for they have other uses
      | (?P<emphasis>) (?:'{{2,}}+
          | (?<!\w)\*\*(?=[^\s*][^*\n]*+(?<=\S)\*\*) | (?<=[^\s*])\*\*(?!\w)
          | (?<![\w:/])//(?=[^\s/][^/\n]*+(?<=\S)//) | (?<=[^\s/:])//(?![\w/]))
    )
    """,
    re.VERBOSE,
)

# Of a page's source: the names of processors, the anchors of headings, the numbers of list items.
_UNSEEN = re.compile(
    r"""
      \{\{\{ \s*+ \#! [^\n]*+
    | = [ \t]++ \#\S++ $
    | ^ [ \t]*+ (?:[0-9]{1,9}|[a-zA-Z]|[ivxIVX]{1,5}) [.)] (?=\s)
    """,
    re.VERBOSE | re.MULTILINE,
)
_WORD = re.compile(r"[^\W_][^\s|]*+")


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a page: `target` is a wiki page's name or an http(s) URL; `text` is never empty."""

    kind: Literal["wiki", "url"]
    target: str
    text: str


def read_objectives(description: str) -> list[str]:
    """The items of the lists under a heading `Learning objectives`, `Objectives` or `Goals`, as plain text.

    A nested item is an item of its own. An item goes on in the indented lines right after it, as in Trac.
    """
    items: list[list[str]] = []
    open_item = False
    for line in _section_lines(_prose_lines(description), _OBJECTIVE_TITLES):
        if item := _ITEM.match(line):
            items.append([item[1]])
            open_item = True
        elif open_item and line[:1].isspace() and line.strip() and not read_heading(line):
            items[-1].append(line)
        else:
            open_item = False
    return [text for text in (to_plain(" ".join(parts)) for parts in items) if _WORD.search(text)]


def read_links(description: str) -> list[Link]:
    """The links under the headings `Resources`, `Reading` and `See also`; where those give none, all links.

    Links in code, macros (`[[Image(…)]]`) and escaped links (`!wiki:Page`) are left out, and so is a bare
    CamelCase word: too many are names (JavaScript). The first link to a target stays. Texts are cut at
    `MAX_TEXT_CHARACTERS`; a target longer than `MAX_TARGET_CHARACTERS` is no link.
    """
    lines = _prose_lines(description)
    return _find_links(_section_lines(lines, _RESOURCE_TITLES)) or _find_links(lines)


def resource_type(link: Link) -> str:
    """What a link leads to, by its target alone: `documentation` (wiki page or text), `video` or `link`."""
    if link.kind == "wiki":
        return "documentation"
    host, path = _split_address(link.target)
    if f".{host}".endswith(_VIDEO_HOSTS) or path.lower().endswith(_VIDEO_ENDINGS) or _PEERTUBE_PATH.fullmatch(path):
        return "video"
    return "documentation" if path.lower().endswith(_TEXT_ENDINGS) else "link"


def count_words(text: str) -> int:
    """The words of a wiki page as a reader meets them: code counts; markup and targets of links do not."""
    return len(_WORD.findall(_MARKUP.sub(_show_markup, _UNSEEN.sub(" ", text))))


def reading_minutes(words: int) -> int:
    """The minutes that reading takes at `WORDS_PER_MINUTE`, rounded up; none for no words."""
    return -(-max(0, words) // WORDS_PER_MINUTE)


def _prose_lines(text: str) -> list[str]:
    """The lines outside blocks of code: `{{{ … }}}`, which nest, and Markdown's fences. Open ones run on."""
    lines = text.splitlines()
    return list(_skip_blocks(lines)) if "{{{" in text or "```" in text else lines


def _skip_blocks(lines: Iterable[str]) -> Iterator[str]:
    depth, fence = 0, ""
    for line in lines:
        if fence:
            fence = "" if _closes_fence(line, fence) else fence
        elif "}}}" not in line and _BLOCK_OPENS.match(line):
            depth += 1
        elif depth:
            depth -= line.strip() == "}}}"
        elif opened := _FENCE.match(line):
            fence = opened[1]
        else:
            yield line


def _closes_fence(line: str, fence: str) -> bool:
    match = _FENCE.match(line)
    return match is not None and len(match[1]) >= len(fence) and not match[2].strip()


def _section_lines(lines: Iterable[str], titles: frozenset[str]) -> Iterator[str]:
    """The lines under the headings of these titles, each up to the next heading that is not deeper.

    A heading of the other kind of section ends one even where it is deeper.
    """
    level = 0
    for line in lines:
        heading = read_heading(line)
        if heading and (heading[0] <= level or not level or heading[1] in _TITLES):
            level = heading[0] if heading[1] in titles else 0
        elif level:
            yield line


def read_heading(line: str) -> tuple[int, str] | None:
    """The level of a heading and its title in lower case without adornment; None for any other line."""
    match = _HEADING.match(line)
    if match is None:
        return None
    if match["bold"]:
        return _BOLD_LEVEL, _read_title(match["line"])
    marks, title = match["marks"], match["title"]
    if not title[:1].isspace() and not title.rstrip().endswith(marks):
        return None
    return len(marks), _read_title(title)


def _read_title(text: str) -> str:
    """A title without anchor, colon, closing signs and bold marks; nothing when it is too long for one."""
    title = text.strip()
    if len(title) > _LONGEST_TITLE:
        return ""
    return " ".join(_TITLE_EDGES.sub("", _ANCHOR.sub("", title)).casefold().split())


def _find_links(lines: Iterable[str]) -> list[Link]:
    found: dict[tuple[str, str], Link] = {}
    for line in lines:
        if "[" in line or "wiki:" in line or "://" in line:
            for link in filter(_is_link, map(_read_markup, _MARKUP.finditer(line))):
                text = link.text[:MAX_TEXT_CHARACTERS].rstrip()
                found.setdefault((link.kind, link.target), replace(link, text=text))
    return list(found.values())


def _is_link(piece: Link | str) -> TypeGuard[Link]:
    return isinstance(piece, Link)


def to_plain(text: str) -> str:
    """One line of text as a reader sees it, without inline markup."""
    return " ".join(_MARKUP.sub(_show_markup, text).split())


def _show_markup(match: re.Match[str]) -> str:
    piece = _read_markup(match)
    return piece.text if isinstance(piece, Link) else piece


def _read_markup(match: re.Match[str]) -> Link | str:
    """The link that a piece of markup makes, or the text that stands there for a reader."""
    if match.string[match.start() - 1 : match.start()] == "!":
        return match[0]
    kind = match.lastgroup or ""
    match kind:
        case "double":
            return _read_double(match["double"])
        case "target" | "text":
            return _make_link(match["target"], match["text"] or "")
        case "address" | "angle" | "page" | "url":
            return _make_link(match[kind], match["label"] or "")
        case _:
            return match[kind]


def _read_double(body: str) -> Link | str:
    """`[[Page|text]]` and `[[https://…|text]]` are links; `[[Name]]` and `[[Name(…)]]` are silent macros."""
    if _MACRO.fullmatch(body.strip()):
        return " "
    target, bar, label = body.partition("|")
    target = target.strip()
    if bar and not _NOT_A_PAGE.match(target):
        target = f"wiki:{target}"
    return _make_link(target, label)


def _make_link(target: str, label: str) -> Link | str:
    """The link to a wiki page or web address; for any other target, the text that a reader sees."""
    text = to_plain(_unquote(label.strip()))
    page = _read_page_name(target)
    if page and len(page) <= MAX_TARGET_CHARACTERS:
        return Link("wiki", page, text or page)
    if len(target) <= MAX_TARGET_CHARACTERS and _ADDRESS.fullmatch(target) and _split_address(target)[0]:
        return Link("url", target, text or target)
    return text or target


def _read_page_name(target: str) -> str:
    """The name of the page without version, query and fragment; nothing when the target is not a page.

    LearnTrac knows no page that a relative name could start from, so it starts at the root.
    """
    match = _PAGE_TARGET.fullmatch(target)
    if match is None:
        return ""
    name = _AFTER_PAGE.split(_unquote(match[match.lastindex or 0]), maxsplit=1)[0].strip()
    return _RELATIVE.sub("", name).rstrip("/")


def _unquote(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text


def _split_address(address: str) -> tuple[str, str]:
    """The host and the path of a URL; both empty when it has no sound host."""
    try:
        parts = urlsplit(address)
        return (parts.hostname or "").rstrip("."), parts.path
    except ValueError:  # a host that changes its meaning once its characters are normalised
        return "", ""
