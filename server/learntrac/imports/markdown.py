"""Markdown (CommonMark with GitHub's tables and strike-through) as Trac wiki markup. Pure.

markdown-it-py reads the Markdown; this file writes what it found. What Trac cannot say is said more plainly,
and no word is lost: a link's label is plain text, an image becomes a link, HTML tags go and their text
stays, a second paragraph of a list item begins with a line break, and a track's special blocks
(`~~~~exercism/note`) become quotations with a bold title. A paragraph is one line, as Trac's tickets show
the end of a line as a line break.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from learntrac.imports.inline import LinkTarget, read_html, read_line, write_line
from learntrac.imports.wiki_text import BREAK, Piece, code, escape_line_start

# Names that Trac knows by itself. Another name would show an error in place of the code where Pygments is not
# installed, and some (`html`, `comment`, `div`) would not show the code at all.
_NAMES = (
    "c", "cpp", "csharp", "css", "fortran", "haskell", "ini", "java", "js", "lua", "makefile", "ocaml",
    "pascal", "perl", "php", "pycon", "python", "ruby", "scheme", "sh", "sql", "tcl", "vhdl", "xml", "yaml",
)  # fmt: skip
_OTHER_NAMES = {
    "bash": "sh", "c#": "csharp", "c++": "cpp", "html": "xml", "javascript": "js", "py": "python", "shell": "sh",
}  # fmt: skip
LANGUAGES = {name: name for name in _NAMES} | _OTHER_NAMES
"""What Trac calls the language of a block of code, by the name that Markdown gives it."""

_READER = MarkdownIt("commonmark", {"maxNesting": 60}).enable(["table", "strikethrough"])


class _Node(NamedTuple):
    """A token and, where it opens something, the tokens inside."""

    token: Token
    inside: Sequence[Token]


class _Block(NamedTuple):
    """Lines that belong together. `joins_list`: Trac keeps them inside a list item when they are indented."""

    lines: list[str]
    is_paragraph: bool = False
    joins_list: bool = True


@dataclass(frozen=True)
class _Context:
    link_target: LinkTarget
    heading_shift: int
    references: dict[str, Any] = field(default_factory=dict)


def absolute_target(href: str) -> str | None:
    """Where a link leads: a web or mail address; None for one that means something only where it stood."""
    if href.startswith("//"):
        return f"https:{href}"
    return href if re.match(r"(?:https?|ftp)://.|mailto:.", href) else None


def to_wiki(text: str, *, heading_shift: int = 0, link_target: LinkTarget = absolute_target) -> str:
    """Markdown `text` as Trac wiki markup, without a newline at the end.

    `heading_shift` is added to the level of every heading. `link_target` turns a link's address into what
    Trac is to link to; where it answers None only the label stays. Any text is Markdown: nothing is raised.
    Quotations and lists more than 60 deep are left out.
    """
    return "\n".join(_separate(_convert(text, _Context(link_target, heading_shift))))


def without_title(text: str) -> str:
    """Markdown `text` without the first-level heading it begins with, if it begins with one."""
    tokens = _READER.parse(text)
    if not tokens or tokens[0].tag != "h1" or tokens[0].map is None:
        return text
    return "\n".join(_lines(text)[tokens[0].map[1] :])


def find_section(text: str, titles: Iterable[str]) -> str | None:
    """The Markdown under the first heading that reads as one of `titles` (in any case), or None.

    It ends before the next heading of the same or a higher level. The link definitions of the whole text
    follow it, so that its links still lead somewhere.
    """
    environment: dict[str, Any] = {}
    headings = list(_headings(_READER.parse(text, environment)))
    wanted = {title.casefold() for title in titles}
    for index, (title, level, _, start) in enumerate(headings):
        if title.casefold() in wanted:
            end = next((line for _, other, line, _ in headings[index + 1 :] if other <= level), None)
            return "\n".join([*_lines(text)[start:end], "", *_definitions(text, environment)])
    return None


def _lines(text: str) -> list[str]:
    return re.sub(r"\r\n?", "\n", text).split("\n")


def _headings(tokens: Sequence[Token]) -> Iterator[tuple[str, int, int, int]]:
    """Title, level, first line and the line after, of each heading that stands in no list or quotation."""
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            yield inline.content.strip(), int(token.tag[1:]), token.map[0], token.map[1]


def _definitions(text: str, environment: dict[str, Any]) -> list[str]:
    lines = _lines(text)
    spans = [reference["map"] for reference in environment.get("references", {}).values()]
    return [line for start, end in spans for line in lines[start:end]]


def _convert(text: str, context: _Context) -> list[_Block]:
    return _blocks(_READER.parse(text, context.references), context)


def _nodes(tokens: Sequence[Token]) -> Iterator[_Node]:
    level = start = 0
    for place, token in enumerate(tokens):
        level += token.nesting
        if level == 0:
            yield _Node(tokens[start], tokens[start + 1 : place])
            start = place + 1


def _separate(blocks: Iterable[_Block]) -> list[str]:
    lines: list[str] = []
    for block in blocks:
        lines += ["", *block.lines] if lines else block.lines
    return lines


def _blocks(tokens: Sequence[Token], context: _Context) -> list[_Block]:
    blocks = (_WRITERS[node.token.type](node, context) for node in _nodes(tokens))
    return [block for block in blocks if block.lines]


def _pieces(node: _Node, context: _Context) -> list[Piece]:
    inline = (token for inner in node.inside for token in inner.children or [])
    return read_line(inline, context.link_target)


def _paragraph(node: _Node, context: _Context) -> _Block:
    return _paragraph_of(_pieces(node, context))


def _html(node: _Node, context: _Context) -> _Block:
    return _paragraph_of(read_html(node.token.content, context.link_target))


def _paragraph_of(pieces: Iterable[Piece]) -> _Block:
    line = write_line(pieces)
    return _Block([escape_line_start(line)] if line else [], is_paragraph=True)


def _rule(_node: _Node, _context: _Context) -> _Block:
    return _Block(["----"], joins_list=False)


def _heading(node: _Node, context: _Context) -> _Block:
    line = write_line(_pieces(node, context))
    line = escape_line_start(line) if line.startswith("=") else line
    marks = "=" * max(1, min(6, int(node.token.tag[1:]) + context.heading_shift))
    return _Block([f"{marks} {line} {marks}"] if line else [], joins_list=False)


def _block_quote(node: _Node, context: _Context) -> _Block:
    return _quotation(_blocks(node.inside, context))


def _quotation(blocks: Iterable[_Block]) -> _Block:
    return _Block([f"> {line}" if line else ">" for line in _separate(blocks)])


def _code(node: _Node, context: _Context) -> _Block:
    token = node.token
    name = "".join(token.info.split()[:1]).casefold()
    if name.startswith("exercism/"):
        return _special(name.removeprefix("exercism/"), token.content, context)
    return _Block(_code_lines(token.content.removesuffix("\n").split("\n"), LANGUAGES.get(name, "")))


def _special(kind: str, content: str, context: _Context) -> _Block:
    title = Piece("text", kind.replace("-", " ").capitalize())
    bold = Piece("style", "strong")
    return _quotation([_paragraph_of([bold, title, bold]), *_convert(content, context)])


def _code_lines(lines: list[str], language: str) -> list[str]:
    written: list[str] = []
    start = 0
    for end in [*_unpaired(lines), len(lines)]:
        written += _code_block(lines[start:end], language)
        # Trac would take this line for the block's own end or another's start, and has no escape for it.
        written += [code(line) for line in lines[end : end + 1]]
        start = end + 1
    return written


def _code_block(lines: list[str], language: str) -> list[str]:
    if not lines:
        return []
    plain = "{{{#!default" if re.match(r"\s*#![\w+-]", lines[0]) else "{{{"
    return [f"{{{{{{#!{language}" if language else plain, *lines, "}}}"]


def _unpaired(lines: list[str]) -> list[int]:
    """The places of the lines that Trac reads as a block's start without an end, or the reverse."""
    opened: list[int] = []
    closed: list[int] = []
    for place, line in enumerate(lines):
        if "}}}" not in line and re.match(r"\s*\{\{\{(?:\s*#![\w+-]|\s*$)", line):
            opened.append(place)
        elif line.strip() == "}}}" and opened:
            opened.pop()
        elif line.strip() == "}}}":
            closed.append(place)
    return sorted(opened + closed)


def _list(node: _Node, context: _Context) -> _Block:
    first = int(node.token.attrs.get("start", 1)) if node.token.type == "ordered_list_open" else None
    lines: list[str] = []
    for offset, item in enumerate(_nodes(node.inside)):
        marker = "*" if first is None else f"{first + offset}."
        lines += _list_item(marker, _blocks(item.inside, context))
    return _Block(lines)


def _list_item(marker: str, blocks: list[_Block]) -> list[str]:
    starts_with_words = bool(blocks) and blocks[0].is_paragraph
    lines = [f" {marker} {blocks[0].lines[0]}" if starts_with_words else f" {marker} "]
    follows_paragraph = starts_with_words
    for block in blocks[starts_with_words:]:
        indented = _in_list(block, follows_paragraph=follows_paragraph)
        lines += [f"  {line}" if line else "" for line in indented]
        follows_paragraph = block.is_paragraph
    return lines


def _in_list(block: _Block, *, follows_paragraph: bool) -> list[str]:
    if not block.joins_list:
        return ["{{{#!div", *block.lines, "}}}"]
    if block.is_paragraph and follows_paragraph:
        return [BREAK + block.lines[0]]
    return block.lines


def _table(node: _Node, context: _Context) -> _Block:
    rows = [row for part in _nodes(node.inside) for row in _nodes(part.inside)]
    lines = ["".join(_cell(cell, context) for cell in _nodes(row.inside)) + "||" for row in rows]
    return _Block(lines, joins_list=False)


def _cell(node: _Node, context: _Context) -> str:
    line = write_line(_pieces(node, context))
    alignment = str(node.token.attrs.get("style", "")).removeprefix("text-align:")
    if node.token.type == "th_open":
        return f"||= {line} ="
    if alignment == "center":
        return f"||  {line}  "
    # The markup for `right` is no space at the end, where a `!` or `=` would join the bars.
    return f"|| {line}" if alignment == "right" and line[-1:].isalnum() else f"|| {line} "


_WRITERS: dict[str, Callable[[_Node, _Context], _Block]] = {
    "paragraph_open": _paragraph,
    "heading_open": _heading,
    "hr": _rule,
    "html_block": _html,
    "fence": _code,
    "code_block": _code,
    "blockquote_open": _block_quote,
    "bullet_list_open": _list,
    "ordered_list_open": _list,
    "table_open": _table,
}
