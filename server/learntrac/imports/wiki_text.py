"""Trac wiki markup, written so that Trac reads back exactly what was meant.

Trac finds markup in a line with one regular expression (`trac/wiki/parser.py` and the link syntaxes of its
modules, in Trac 1.6) and takes a match that follows a `!` as plain text. `_MARKUP` finds the same
places in the same order, so that `escape` puts a `!` where Trac would match and nowhere else: another `!`
would be seen. Where no `!` can help (a lone backquote, a line that begins like a list) the characters go
into `[[span(…)]]`, which Trac shows as they are.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

NOTHING = "[[span()]]"
"""Shows nothing: keeps two pieces of markup apart that would be read as one."""

BREAK = "[[BR]]"
"""A new line inside a paragraph, list item or table cell."""

STYLES = {"em": "''", "strong": "'''", "s": "~~"}
"""The marks that begin and end emphasis, bold and struck-out words."""

_FIVE_QUOTES = {"em", "strong"}


class Piece(NamedTuple):
    """A part of a line: `text`: plain words; `markup`: ready; `style`: opens or closes the style it names."""

    kind: Literal["text", "markup", "style"]
    value: str


# Trac takes these from all of Unicode below U+10000; here: Latin, Greek and Cyrillic.
_UPPER = "".join(chr(code) for code in range(0x0530) if chr(code).isupper())
_LOWER = "".join(chr(code) for code in range(0x0530) if chr(code).islower())
_SCHEME = r"[a-zA-Z][-a-zA-Z0-9+._]*"
_QUOTED = r"(?:'[^']+'|\"[^\"]+\")"
_TARGET = r"(?!_)[\w/?!#@](?:(?:[^|<>\s]|\|(?=[^|\s]))*(?!_)[\w/=])?"
_NUMBERS = r"[0-9]+(?:[-:][0-9]+)?(?:,\u200b?[0-9]+(?:[-:][0-9]+)?)*"
_REVISION = r"(?:[0-9]+|[a-fA-F0-9]{8,})"
_OTHER_SITE = r"[a-zA-Z.+-]*?"
_AFTER_COLON = r"''|\*\*|__|~~|,,|[\^{\[<`]|\\\\|\|[|-]"
_PAGE = (
    rf"(?:[{_UPPER}][{_LOWER}]+/?){{2,}}(?:@[0-9]+)?(?:#(?!\d)[\w:](?:[\w:.-]*[\w-])?)?"
    # What is escaped or written out after a name begins with a sign that ends the name.
    rf"(?=__|[^:\w{_UPPER}{_LOWER}]|:\s|:?\Z|:(?={_AFTER_COLON}))"
)
_RELATIVE = r"[/?#][^\s\]]*|\.\.?(?:[/?#][^\s\]]*)?"
_LABEL = rf"(?:[\s\u200b]+(?:{_QUOTED}|[^\]]*))?"

# What a `!` before it makes plain text, in three groups: what comes before links, links, what comes after.
_ESCAPABLE = (
    r"'{5}|'{3}|''|\*\*|//|__|~~|,,|\^",
    r"\{\{\{.*?\}\}\}|`.*?`",
    rf"(?<![\w/])(?:\.?\.?/)*{_PAGE}",
    rf"\[{_PAGE}\s+(?:{_QUOTED}|[^\]]+)\]",
    rf"\[{_QUOTED}(?:\s+(?:{_QUOTED}|[^\]]+))?\]",
    rf"(?<!&)#{_OTHER_SITE}{_NUMBERS}",  # tickets
    rf"\{{{_OTHER_SITE}\s*[0-9]+\}}",  # reports
    rf"\[{_OTHER_SITE}\s*(?:{_NUMBERS}|{_REVISION}(?:[:-]{_REVISION})?)(?:[/?#][^\]]*)?\]",  # revisions
    r"\br[0-9]+\b(?!:[0-9])(?:/[a-zA-Z0-9_/+-]+)?",
    rf"\br{_NUMBERS}\b(?:/[a-zA-Z0-9_/+-]+)?",
    r"\\\\",
    r"(?<![a-zA-Z0-9])(?a:[\w.'+-]+@(?:[\w-]+\.)+[a-zA-Z](?:-*[^\W_])*)",  # mail addresses
    rf"<{_SCHEME}:[^>]+>",
)
_WEB_ADDRESS = r"(?:https?|ftp)://[\w/?!#@](?:[^|<>\s\[\]]*[\w/=])?"
_LINK = rf"{_SCHEME}:(?:{_SCHEME}:{_QUOTED}|{_QUOTED}|{_TARGET})"
_BRACKETED = (
    rf"\[(?:{_RELATIVE}|{_SCHEME}:(?:{_SCHEME}:{_QUOTED}|{_QUOTED}|[^\]\s\u200b]*)){_LABEL}\]",
    r"\[=#(?!\d)[\w:][\w:.-]*?(?:\s+[^\]]*)?\]",  # anchors
    r"\[\[(?:\]?[^]])+\]\]",  # macros
    r"\|-+\s*(?:[-\w]+=(?:\".*?\"|'.*?'|[-,\w]+)\s*)*",
    r"=?(?:\|\|)+=?",
)
# What may begin markup that ends in what follows the text: no `!` helps before half of a match.
_LITERAL = (
    r"`|\{(?=\{\{)",
    rf"\[(?=\[|(?:[/?#.=\"']|{_SCHEME}:)(?![^\]]*\]))",
    r"(?<=:):(?=[\s\0]|\Z)",
    rf"<(?={_SCHEME}:)",
    rf"(?<=[-\w+.]):(?={_AFTER_COLON})",
)
_MARKUP = re.compile(
    rf"(?P<escapable>{'|'.join(_ESCAPABLE)})"
    # A word that holds no link from its first letter on holds none from its second.
    rf"|(?<![a-zA-Z])(?:(?P<address>{_WEB_ADDRESS})|(?P<link>{_LINK}))"
    rf"|(?P<bracketed>{'|'.join(_BRACKETED)})"
    rf"|(?P<literal>{'|'.join(_LITERAL)})"
)
_SPACE = re.compile(r"\s")
# In a link: a revision that Trac sees only behind a `!`, and a `!` that may have to be written out.
_UNSURE = re.compile(r"r[0-9]+[:-]|!\S")
_LINE_START = re.compile(r"={1,6}(?=\s)|(?:[-*\u2022]|(?:[0-9]+|[a-zA-Z]|[ivxIVX]{1,5})\.)(?=\s)|>|-(?=---)")


def literal(character: str) -> str:
    """A character, or a few that hold no closing bracket, shown as they are wherever they stand."""
    return f"[[span({character})]]"


def escape(text: str, *, followed_by: str = "") -> str:
    """Plain words as wiki markup. Web addresses become links; nothing else in `text` is read as markup.

    `followed_by` is the first character of the markup that comes straight after, if any.
    """
    written: list[str] = []
    place = 0
    # The mark, which is no space and no letter, keeps the text's end from looking like the line's end.
    marked = text + "\0" if followed_by else text
    while match := _MARKUP.search(marked, place):
        shown, end = _escape_match(match, followed_by)
        written += [_before(text[place : match.start()], shown[0]), shown]
        place = end
    return "".join([*written, _before(text[place:], followed_by)])


def escape_line_start(line: str) -> str:
    """A line of markup that Trac does not take for a heading, list, quotation or rule."""
    match = _LINE_START.match(line)
    return literal(match.group()) + line[match.end() :] if match else line


def code(text: str) -> str:
    """`text` (one line) in the type face of code, character for character."""
    if "`" not in text:
        return f"`{text}`"
    if "}}}" not in text and not text.endswith("}"):
        return f"{{{{{{{text}}}}}}}"
    parts = [part for part in re.split("(`+)", text) if part]
    return "".join(f"{{{{{{{part}}}}}}}" if "`" in part else f"`{part}`" for part in parts)


def link(target: str, label: str = "") -> str:
    """A link `[target label]`. Trac's labels are plain text: `label` is shown as it is, without markup."""
    address = re.sub(r"[\s\[\]]", lambda match: f"%{ord(match.group()):02X}", target)
    words = _label(" ".join(label.split()))
    return f"[{address} {words}]" if words and label != target else f"[{address}]"


def join(pieces: Iterable[Piece]) -> str:
    """The pieces as one line of wiki markup."""
    merged = _merge(pieces)
    written: list[str] = []
    for index, piece in enumerate(merged):
        value = _write(piece, merged[index + 1 : index + 2])
        if _would_run_together(written, value, merged[max(0, index - 2) : index + 1]):
            written.append(NOTHING)
        written.append(value)
    return "".join(written)


def _before(words: str, following: str) -> str:
    """Words that hold no markup, kept apart from markup that begins with `following`."""
    end = len(words)
    while end and following and (words[end - 1] == "!" or words[end - 1] == following in "[{"):
        end, following = end - 1, "["
    return words[:end] + "".join(map(literal, words[end:]))


def _escape_match(match: re.Match[str], followed_by: str) -> tuple[str, int]:
    """What shows the match as plain text, and where in the text the search goes on."""
    found, end = match.group(), match.end()
    if match.lastgroup == "address":
        return f"[{found}]", end
    if match.lastgroup == "literal":
        return literal(found), end
    if match.lastgroup == "link" and _runs_into_markup(match, followed_by):
        scheme = found.partition(":")[0]
        return escape(scheme, followed_by="[") + literal(":"), match.start() + len(scheme) + 1
    return f"!{found}", end


def _runs_into_markup(match: re.Match[str], followed_by: str) -> bool:
    """Whether Trac would take markup that follows for a part of the link, which ends at the next space."""
    text, end = match.string, match.end()
    space = _SPACE.search(text, end)
    stop = space.start() if space else len(text)
    ahead = (other.lastgroup for other in _MARKUP.finditer(text, end, stop))
    is_last = bool(followed_by) and not space
    return is_last or bool(_UNSURE.search(text, match.start(), stop)) or not {"literal", "address"}.isdisjoint(ahead)


def _label(words: str) -> str:
    quoted = words.startswith(("'", '"')) and words[0] == words[-1]
    if "]" not in words and not quoted:
        return words
    mark = next((mark for mark in "\"'" if mark not in words), "")
    return f"{mark}{words}{mark}" if mark else words.translate(str.maketrans("[]", "()"))


def _merge(pieces: Iterable[Piece]) -> list[Piece]:
    merged: list[Piece] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if last and last.kind == piece.kind == "text":
            merged[-1] = Piece("text", last.value + piece.value)
        elif last and piece.kind == "style" and last == piece:
            merged.pop()
        elif piece.value:
            merged.append(piece)
    return merged


def _write(piece: Piece, following: Sequence[Piece]) -> str:
    if piece.kind == "style":
        return STYLES[piece.value]
    if piece.kind == "markup":
        return piece.value
    return escape(piece.value, followed_by=_first_character(following))


def _first_character(pieces: Sequence[Piece]) -> str:
    return next((STYLES.get(piece.value, piece.value)[0] for piece in pieces), "")


def _would_run_together(written: list[str], value: str, recent: Sequence[Piece]) -> bool:
    styles = [piece.kind == "style" for piece in recent]
    if not any(styles[-2:]) or not written or written[-1][-1] != value[0]:
        return False
    # Bold and italic side by side are five quotes, which Trac reads well whichever of them opens or closes.
    is_pair = all(styles[-2:]) and {piece.value for piece in recent[-2:]} == _FIVE_QUOTES
    return any(styles[:-2]) or not is_pair
