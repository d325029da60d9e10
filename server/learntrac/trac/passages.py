"""A wiki text cut into passages: pieces of prose under their headings, and code as it is. Pure.

A passage is what a reader can be shown as an answer: short enough to quote, long enough to stand by itself. What Trac
hides from a reader (comments, macros) is in none of them. No text makes this raise, and it takes time in proportion.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from learntrac.trac.wikitext import read_heading, to_plain

WORDS_AT_MOST = 110
"""Of a passage of prose. A paragraph that is longer is cut between its sentences."""
CODE_CHARACTERS = 4000
LISTED_ELSEWHERE = frozenset({"learning objectives", "objectives", "goals", "resources", "reading", "see also"})
"""Sections that the catalog reads by itself: they are no prose to quote."""

_OPENS = re.compile(r"\s*\{\{\{(?:#!(?P<processor>[\w./+-]+)[^\n]*)?\s*$")
_PROCESSOR = re.compile(r"\s*#!(?P<processor>[\w./+-]+)")
_FENCE = re.compile(r"\s*(?P<marks>`{3,})\s*(?P<language>[\w+#.-]*)[^`]*$")
_LAYOUT = frozenset({"div", "span", "td", "th", "tr", "table", "wiki", "box", "html"})
"""Processors whose content is text to read, not code."""
_HIDDEN = frozenset({"comment", "htmlcomment"})
_ITEM = re.compile(r"\s*(?:[-*+•]|(?P<number>[0-9]{1,9})[.)])\s+")
_ROW = re.compile(r"\s*\|\|")
_CELL_MARKS = re.compile(r"=?\|\|=?")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_TITLE = re.compile(r"^[=#\s]+|[=\s]+$")


@dataclass(frozen=True)
class Piece:
    """A passage: `kind` says whether `text` is prose or code; `language` is what the author called the code, or ""."""

    heading: str
    kind: Literal["prose", "code"]
    text: str
    language: str = ""


def split(text: str) -> list[Piece]:
    """The passages of a wiki text, in its order."""
    found: list[Piece] = []
    for heading, block in _blocks(text):
        if heading.casefold().strip(" :") in LISTED_ELSEWHERE:
            continue
        if isinstance(block, Piece):
            found.append(block)
        else:
            found += (Piece(heading, "prose", part) for part in _in_parts(block))
    return found


def _blocks(text: str) -> Iterator[tuple[str, "list[str] | Piece"]]:
    """(heading, paragraphs or a piece of code) in order."""
    heading, paragraphs, open_lines = "", list[str](), list[str]()
    lines = iter(text.splitlines())
    for line in lines:
        if code := _read_code(line, lines, heading):
            paragraphs += _closed(open_lines)
            if code.kind == "prose":
                paragraphs += [part for part in map(to_plain, code.text.split("\n\n")) if part]
            elif code.text.strip():
                yield heading, paragraphs
                paragraphs = []
                yield heading, code
        elif read_heading(line):
            yield heading, paragraphs + _closed(open_lines)
            heading, paragraphs = _title(line), []
        elif not line.strip():
            paragraphs += _closed(open_lines)
        elif _is_item(line, open_lines) or _ROW.match(line):
            paragraphs += _closed(open_lines)
            open_lines.append(line)
        else:
            open_lines.append(line)
    yield heading, paragraphs + _closed(open_lines)


def _is_item(line: str, open_lines: list[str]) -> bool:
    """Whether a line begins an item of a list. A number that no list counts, such as a year or a status code that a
    line happens to begin with, is one of the text.
    """
    item = _ITEM.match(line)
    if item is None or item["number"] is None or not open_lines:
        return item is not None
    before = _ITEM.match(open_lines[0])
    counted = int(before["number"]) if before and before["number"] else 0
    return int(item["number"]) in (1, counted + 1)


def _without_marker(line: str) -> str:
    item = _ITEM.match(line)
    return f"• {line[item.end() :]}" if item else line


def _closed(open_lines: list[str]) -> list[str]:
    """The lines that were gathered, as a paragraph; they are gathered no more."""
    if not open_lines:
        return []
    if _ROW.match(open_lines[0]):
        cells = [to_plain(cell) for cell in _CELL_MARKS.split(" ".join(open_lines))]
        said = " | ".join(cell for cell in cells if cell.strip())
    else:
        said = to_plain(_without_marker(open_lines[0]) + " " + " ".join(open_lines[1:]))
    open_lines.clear()
    return [said] if said else []


def _read_code(line: str, lines: Iterator[str], heading: str) -> Piece | None:
    """The block that this line opens, read to its end; a block of layout is prose, a hidden one is empty."""
    if "{{{" in line and (opened := _OPENS.match(line)):
        return _wiki_block(opened["processor"] or "", lines, heading)
    if "```" in line and (fence := _FENCE.match(line)):
        body = list[str]()
        for inner in lines:
            closing = _FENCE.match(inner)
            if closing and len(closing["marks"]) >= len(fence["marks"]) and not closing["language"]:
                break
            body.append(inner)
        return Piece(heading, "code", _dedented(body), fence["language"].lower())
    return None


def _wiki_block(processor: str, lines: Iterator[str], heading: str) -> Piece:
    body, depth = list[str](), 1
    for inner in lines:
        depth += bool(_OPENS.match(inner)) - (inner.strip() == "}}}")
        if depth <= 0:
            break
        body.append(inner)
    if not processor and body and (named := _PROCESSOR.match(body[0])):
        processor = named["processor"]
        body = body[1:]
    processor = processor.lower()
    if processor in _HIDDEN:
        return Piece(heading, "code", "")
    if processor in _LAYOUT:
        return Piece(heading, "prose", "\n".join(body))
    return Piece(heading, "code", _dedented(body), processor.removeprefix("text/").removeprefix("x-"))


def _dedented(body: list[str]) -> str:
    text = "\n".join(body).strip("\n")
    margin = min((len(line) - len(line.lstrip()) for line in text.splitlines() if line.strip()), default=0)
    code = "\n".join(line[margin:].rstrip() for line in text.splitlines())
    # Whole lines, where there is more than one.
    return (
        code if len(code) <= CODE_CHARACTERS else code[:CODE_CHARACTERS].rpartition("\n")[0] or code[:CODE_CHARACTERS]
    )


def _title(line: str) -> str:
    return to_plain(_TITLE.sub("", line.strip()))[:200]


def _in_parts(paragraphs: list[str]) -> Iterator[str]:
    """Paragraphs joined up to the length of a passage; one that is longer alone is cut between sentences."""
    part, words = list[str](), 0
    for paragraph in paragraphs:
        for piece in _cut(paragraph):
            count = len(piece.split())
            if part and words + count > WORDS_AT_MOST:
                yield "\n".join(part)
                part, words = [], 0
            part.append(piece)
            words += count
    if part:
        yield "\n".join(part)


def _cut(paragraph: str) -> Iterator[str]:
    if len(paragraph.split()) <= WORDS_AT_MOST:
        yield paragraph
        return
    part, words = list[str](), 0
    for sentence in _SENTENCE.split(paragraph):
        for chunk in _chunks(sentence.split()):
            if part and words + len(chunk) > WORDS_AT_MOST:
                yield " ".join(part)
                part, words = [], 0
            part.append(" ".join(chunk))
            words += len(chunk)
    if part:
        yield " ".join(part)


def _chunks(words: list[str]) -> Iterator[list[str]]:
    for begin in range(0, len(words), WORDS_AT_MOST):
        yield words[begin : begin + WORDS_AT_MOST]
