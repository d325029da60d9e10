"""What stands inside a line of Markdown, as markdown-it-py reads it, in pieces of wiki markup. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import takewhile

from markdown_it.token import Token

from learntrac.imports import html_text
from learntrac.imports.wiki_text import BREAK, STYLES, Piece, code, join, link

LinkTarget = Callable[[str], str | None]
"""What Trac is to link to in place of a link's address; None for an address that leads nowhere."""


def write_line(pieces: Iterable[Piece]) -> str:
    """The pieces as one line of wiki markup, without spaces and line breaks at its ends."""
    # Trac's idea of a line is Python's: a page break or a Unicode separator ends one too.
    line = " ".join(join(pieces).splitlines()).strip()
    while line.startswith(BREAK) or line.endswith(BREAK):
        line = line.removeprefix(BREAK).removesuffix(BREAK).strip()
    return line


def read_line(tokens: Iterable[Token], link_target: LinkTarget) -> list[Piece]:
    """The pieces of a line. A style within itself is written once, as Trac's marks would end it."""
    pieces: list[Piece] = []
    depth: Counter[str] = Counter()
    rest = iter(tokens)
    for token in rest:
        if token.tag in STYLES and token.nesting:
            depth[token.tag] += token.nesting
            is_outermost = depth[token.tag] == (token.nesting > 0)
            pieces += [Piece("style", token.tag)] if is_outermost else []
        elif token.type == "link_open" and (target := link_target(str(token.attrs["href"]))):
            pieces += _link(target, _plain(takewhile(lambda each: each.type != "link_close", rest)))
        else:
            pieces += _leaf(token, link_target)
    return pieces


def read_html(content: str, link_target: LinkTarget) -> list[Piece]:
    """The words, line breaks and described images of HTML; an image without a description is an ornament."""
    pieces: list[Piece] = []
    for part in html_text.parts(content):
        target = link_target(part.source) if part.source and part.text else None
        pieces += _link(target, part.text) if target else [Piece("text", part.text)]
        pieces += [Piece("markup", BREAK)] if part.breaks else []
    return pieces


def _leaf(token: Token, link_target: LinkTarget) -> list[Piece]:
    match token.type:
        case "code_inline":
            return [Piece("markup", code(token.content))]
        case "hardbreak":
            return [Piece("markup", BREAK)]
        case "html_inline":
            return read_html(token.content, link_target)
        case "image":
            target = link_target(str(token.attrs["src"]))
            return _link(target, _plain([token])) if target else [Piece("text", _plain([token]))]
        case _:
            return [Piece("text", _plain([token]))]


def _link(target: str, label: str) -> list[Piece]:
    # Trac drops the space at a label's edges, which may be all that parts it from a word.
    before, after = (Piece("text", " " if edge.isspace() else "") for edge in (label[:1], label[-1:]))
    return [before, Piece("markup", link(target, label)), after]


def _plain(tokens: Iterable[Token]) -> str:
    """The words of a link's label or an image's description, without markup."""
    words: list[str] = []
    ahead = list(tokens)[::-1]
    while ahead:
        token = ahead.pop()
        if token.type == "image":
            ahead += (token.children or [])[::-1]
        elif token.type in {"softbreak", "hardbreak"}:
            words.append(" ")
        elif token.type in {"text", "code_inline"}:
            words.append(token.content)
    return "".join(words)
