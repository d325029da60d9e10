"""Spoken code becomes code: "def add open paren a comma b close paren colon new line return a plus b". Pure.

Words are read from left to right, and the longest spoken sign that begins at a word wins ("less than or equal" before
"less than"). What is no sign is a keyword, a number or a name. Two names in a row are no code, so they are one name
("total count" is `total_count`, and `totalCount` where that is the custom); "snake", "camel", "pascal", "constant" and
"kebab" write the names after them so, up to the next sign or keyword. "quote … unquote" is text; "hash" is a comment to
the end of its line; "word plus" is the name `plus`; "cap" gives the next word a capital; "dunder init" is `__init__`.

Blanks are set as formatters set them. A line that ends with a colon or an opening bracket indents the next one.
"dedent", `else` and its kind, a closing brace, and in Python what follows `return`, `break`, `continue`, `pass` and
`raise` go back by one.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from learntrac.voice.signs import (
    ENDS_BLOCK,
    GOES_BACK,
    KEYWORDS,
    LONGEST_SIGN_WORDS,
    NOT_PYTHON,
    NUMBERS,
    SIGNS,
    TWO_WORD_KEYWORDS,
    UNARY,
    VALUES,
    Kind,
    Sign,
)

INDENT = "    "
LONGEST_SPOKEN = 20_000
"""Characters of speech that are read; a minute has about a thousand."""
_WORDS = re.compile(r"[a-z_][a-z_0-9]*(?:'[a-z]+)?|\d+(?:\.\d+)?")
_NEW_LINES = (("new", "line"), ("next", "line"), ("newline",))
_DEDENTS = (("dedent",), ("out", "dent"), ("outdent",))
_QUOTES = {("quote",): '"', ("open", "quote"): '"', ("double", "quote"): '"', ("single", "quote"): "'"}
_UNQUOTES = (("unquote",), ("close", "quote"), ("end", "quote"), ("un", "quote"), ("quote",))
_COMMENTS = (("hash",), ("comment",))
_OPERANDS = frozenset({"name", "number", "text", "close"})

_Case = Callable[[list[str]], str]
_CASES: dict[str, _Case] = {
    "snake": "_".join,
    "kebab": "-".join,
    "camel": lambda words: words[0] + "".join(map(str.capitalize, words[1:])),
    "pascal": lambda words: "".join(map(str.capitalize, words)),
    "constant": lambda words: "_".join(words).upper(),
}


def code_of(spoken: str, *, after: str = "", language: str = "python") -> str:
    """The code that these words say, to stand on the lines below `after`. Never fails: what cannot be code is written
    nearly as it was said. `language` decides about keywords and names: Python's, or those of languages with braces.
    """
    words = _WORDS.findall(spoken[:LONGEST_SPOKEN].lower().replace("\u2019", "'"))
    python, previous, lines = language == "python", after.rpartition("\n")[2], list[str]()
    for line_words in _lines(words):
        lines.append(_line(line_words, previous, python=python))
        previous = lines[-1] or previous
    return "\n".join(lines)


def _lines(words: list[str]) -> Iterator[list[str]]:
    line, at = list[str](), 0
    while at < len(words):
        size = _begins(words, at, _NEW_LINES)
        if size and line[-1:] != ["word"]:
            yield line
            line, at = [], at + size
        else:
            line.append(words[at])
            at += 1
    yield line


def _line(words: list[str], previous: str, *, python: bool) -> str:
    back = 0
    while words and (size := _begins(words, 0, _DEDENTS)):
        words, back = words[size:], back + 1
    tokens = list(_Reader(words, python=python).tokens())
    if not tokens:
        return ""
    own = _level(previous)
    level = _level_after(previous, python=python) - back
    if (tokens[0].text in GOES_BACK and level == own) or tokens[0].text == "}":
        level -= 1
    return INDENT * max(0, level) + _set(tokens)


def _level(line: str) -> int:
    return (len(line) - len(line.lstrip(" "))) // len(INDENT)


def _level_after(line: str, *, python: bool) -> int:
    """Where the line below this one begins."""
    text = line.strip()
    if text.endswith((":", "{", "(", "[")):
        return _level(line) + 1
    return _level(line) - (python and text.partition(" ")[0] in ENDS_BLOCK)


def _begins(words: list[str], at: int, phrases: "tuple[tuple[str, ...], ...] | dict[tuple[str, ...], str]") -> int:
    """How many words the phrase has that begins here; 0 where none does."""
    return max((len(phrase) for phrase in phrases if tuple(words[at : at + len(phrase)]) == phrase), default=0)


class _Reader:
    """Words of one line into what they stand for."""

    def __init__(self, words: list[str], *, python: bool) -> None:
        self._words, self._at, self._python = words, 0, python
        self._keywords = KEYWORDS["python" if python else "braces"]
        self._join = _CASES["snake" if python else "camel"]

    def tokens(self) -> Iterator[Sign]:
        """In order. Each step reads at least one word."""
        while self._at < len(self._words):
            yield self._next()

    def _next(self) -> Sign:
        if _begins(self._words, self._at, _COMMENTS):
            said, self._at = " ".join(self._words[self._at + 1 :]), len(self._words)
            return Sign(f"{'#' if self._python else '//'} {said}".strip(), "name")
        if size := self._quote_size():
            return self._text(size)
        if (sign := self._find_sign()) is not None:
            self._at += len(sign[0])
            return sign[1]
        if (keyword := self._find_keyword()) is not None:
            self._at += keyword[1]
            return Sign(VALUES.get(keyword[0], keyword[0]) if self._python else keyword[0], _kind_of(keyword[0]))
        if self._is_number():
            return Sign(self._number(), "number")
        return Sign(self._name(), "name")

    def _find_sign(self) -> tuple[tuple[str, ...], Sign] | None:
        for size in range(LONGEST_SIGN_WORDS, 0, -1):
            phrase = tuple(self._words[self._at : self._at + size])
            if phrase in SIGNS and not (self._python and phrase in NOT_PYTHON):
                return phrase, SIGNS[phrase]
        return None

    def _find_keyword(self) -> tuple[str, int] | None:
        pair = tuple(self._words[self._at : self._at + 2])
        if self._python and pair in TWO_WORD_KEYWORDS:
            return TWO_WORD_KEYWORDS[pair[0], pair[1]], 2
        return (pair[0], 1) if pair and pair[0] in self._keywords else None

    def _quote_size(self) -> int:
        if self._words[self._at] == "f" and (size := _begins(self._words, self._at + 1, _QUOTES)):
            return size + 1
        return _begins(self._words, self._at, _QUOTES)

    def _text(self, size: int) -> Sign:
        opening = self._words[self._at : self._at + size]
        prefix = "f" if opening[0] == "f" else ""
        mark = _QUOTES[tuple(opening[len(prefix) :])]
        self._at += size
        said = list[str]()
        while self._at < len(self._words) and not (size := _begins(self._words, self._at, _UNQUOTES)):
            said.append(self._words[self._at])
            self._at += 1
        self._at += size if self._at < len(self._words) else 0
        text = " ".join(said)
        if prefix:
            text = re.sub(r"open brace (.*?) close brace", r"{\1}", text)
        return Sign(f"{prefix}{mark}{text}{mark}", "text")

    def _is_number(self) -> bool:
        word = self._words[self._at]
        return word[0].isdigit() or (word in NUMBERS and NUMBERS[word] < 100)

    def _number(self) -> str:
        whole = self._whole()
        is_point = self._words[self._at : self._at + 1] == ["point"] and "." not in whole
        if is_point and self._at + 1 < len(self._words):
            self._at += 1
            if self._is_number():
                return f"{whole}.{self._whole()}"
            self._at -= 1
        return whole

    def _whole(self) -> str:
        if self._words[self._at][0].isdigit():
            self._at += 1
            return self._words[self._at - 1]
        total, part, last = 0, 0, -1
        while self._at < len(self._words) and (value := NUMBERS.get(self._words[self._at])) is not None:
            if value >= 1000:
                total, part = total + max(part, 1) * value, 0
            elif value == 100:
                part = max(part, 1) * 100
            elif last in {-1, 100, 1000, 1_000_000} or (20 <= last < 100 and 0 < value < 10):
                part += value
            elif 0 <= last < 10 and value < 10:
                part = part * 10 + value
            else:
                break
            last, self._at = value, self._at + 1
        return str(total + part)

    def _name(self) -> str:
        word = self._words[self._at]
        has_more = self._at + 1 < len(self._words)
        if word == "dunder" and has_more:
            self._at += 2
            return f"__{self._words[self._at - 1]}__"
        join = self._join
        if word in _CASES and has_more and self._is_plain(self._at + 1):
            join, self._at = _CASES[word], self._at + 1
        name = self._joined(join)
        # `item one` is item1; a number by itself never follows a name.
        return name + self._number() if self._at < len(self._words) and self._is_number() else name

    def _joined(self, join: _Case) -> str:
        """The plain words from here on as one name; spoken underscores stay where they are."""
        parts, words = list[str](), list[str]()
        while self._at < len(self._words) and self._is_plain(self._at):
            word = self._words[self._at]
            if word == "underscore":
                parts += [join(words) if words else "", "_"]
                words = []
            elif word in {"word", "cap"} and self._at + 1 < len(self._words):
                self._at += 1
                words.append(self._words[self._at].capitalize() if word == "cap" else self._words[self._at])
            else:
                words.append(word)
            self._at += 1
        return "".join([*parts, join(words) if words else ""])

    def _is_plain(self, at: int) -> bool:
        """Whether the word here belongs to a name."""
        here, self._at = self._at, at
        try:
            ends = self._find_sign() or self._find_keyword() or self._is_number() or self._quote_size()
            return not ends and not _begins(self._words, at, _COMMENTS) and self._words[at] != "dunder"
        finally:
            self._at = here


def _kind_of(keyword: str) -> Kind:
    return "name" if keyword in {"true", "false", "none", "null", "undefined", "this", "super"} else "keyword"


@dataclass
class _Bracket:
    sign: str
    has_annotation: bool = False


@dataclass
class _Setting:
    """A line while its blanks are set."""

    text: str = ""
    last: Sign | None = None
    brackets: list[_Bracket] = field(default_factory=list)
    questions: int = 0

    @property
    def inside(self) -> _Bracket:
        return self.brackets[-1] if self.brackets else _Bracket("")

    def add(self, token: Sign) -> None:
        token = self._as_it_stands(token)
        self.text += (" " if self._has_blank(token) else "") + token.text
        self.last = token
        if token.kind == "open":
            self.brackets.append(_Bracket(token.text))
        elif token.text in {")", "]", "}"} and self.brackets:
            self.brackets.pop()
        elif token.kind in {"colon", "comma"} and self.brackets:
            self.inside.has_annotation = token.kind == "colon"

    def _as_it_stands(self, token: Sign) -> Sign:
        """An operator with nothing before it is a prefix; an argument's `=` is set close, unless it has a type; the
        colon of `a ? b : c` is an operator.
        """
        self.questions += token.text == "?"
        if token.kind == "colon" and self.questions:
            self.questions -= 1
            return Sign(":", "between")
        if token.kind != "between":
            return token
        if token.text in UNARY and (self.last is None or self.last.kind not in _OPERANDS):
            return Sign(token.text, "prefix")
        is_argument = token.text == "=" and self.inside.sign == "(" and not self.inside.has_annotation
        return Sign("=", "tight") if is_argument else token

    def _has_blank(self, token: Sign) -> bool:
        last = self.last
        if last is None or last.kind in {"open", "prefix", "tight"}:
            return False
        if token.kind in {"close", "comma", "colon", "tight"}:
            return token.text == "}" and last.kind != "open" and self.inside.sign != "{"
        if "dot" in {token.kind, last.kind}:
            return "keyword" in {token.kind, last.kind}
        if last.kind == "colon" and self.inside.sign == "[":
            return False
        return not (token.text in {"(", "["} and last.kind in {"name", "text", "close"})


def _set(tokens: list[Sign]) -> str:
    line = _Setting()
    for token in tokens:
        line.add(token)
    return line.text
