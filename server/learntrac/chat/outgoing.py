"""What goes out is searched for hidden answers before it passes a sentence's border, whoever wrote it. Pure.

Hidden are model solutions, hidden tests, expected values and canaries, in whatever dress: spaced out, reversed, shifted
by letters, in base64, hexadecimal or character codes, with other names for everything, cut over sentences or messages,
dictated word by word. A retelling in words is not found: the gate is there for that.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from learntrac.chat.piecework import LINE, Piecework
from learntrac.chat.readings import MIRROR, decoded, pieces_of, squash, views
from learntrac.chat.word_by_word import Listener, Recital, words_of

GRAM, TOKENS = 9, 6
"""Letters and digits, and tokens of code, that are compared at once."""
TOLD, RUN, TOLD_SKELETON, TOLD_LINES = 0.3, 34, 0.6, 0.33
"""A secret is told when so large a share of it is out, so many letters in a row, such a share of its skeleton, or whole
lines that make up such a share.
"""
SHORTEST_LINE = 6
FEWEST_SKELETON = 10
FEWEST_LINES = 2
"""Ends of lines in a secret that may be code: sentences have commas and brackets as well."""
TOLD_LINES_LEFT = 0.2
"""Of the lines that a learner still lacks, where they have some: a last line is the answer."""
SHORTEST_VALUE = 5
SHORTEST_PART, FEWEST_PARTS = 4, 3
"""A short secret of so many parts is told as well when all of them come in order with other words between."""
MOST_EARLIER = 4000
"""Characters of encoded pieces of earlier replies that are put before those of this one."""
FEWEST_LEFT = 6
"""Grams that a learner lacks at least of a solution, as far as they are counted."""
WINDOW = 600
"""Characters before a sentence that are looked at again with it."""
FLUSHED_FROM = 40
"""Characters below which a line waits for the next: a check for every short line would cost too much."""

_MARKED = re.compile(r"(?<!`)`([^`\n]+)`(?!`)|\*\*([^*\n]+)\*\*")
_BORDER = re.compile(r"(?<=[.!?…:])\s+|\n")
_TOKEN = re.compile(r"[^\W\d]\w*|\d+(?:\.\d+)?|\"[^\"\n]*\"|'[^'\n]*'|[-+*/%<>=!&|^~]+|[()\[\]{}:;,.?@]")
_WORDS = """
and as assert async await break case catch class const continue def default del delete do elif else except export
extends false finally fn for from func function global if import in instanceof interface is lambda let match new nil
none nonlocal not null or package pass print private protected public raise range return select self static struct
super switch this throw true try type typeof undefined var void while with yield len int str float list dict set sum
min max sorted enumerate zip map filter any all join split append
"""
_KEPT_WORDS = frozenset(_WORDS.split())

Dress = Literal["solution", "test", "value", "canary"]


@dataclass(frozen=True)
class Secret:
    """Something that may not be said: `name` is for the log, never its text."""

    name: str
    kind: Dress
    text: str


@dataclass
class _Long:
    """A secret of some length: the grams of its letters, of the steps between them and of its skeleton that are its
    own.
    """

    name: str
    grams: frozenset[str]
    steps: frozenset[str]
    skeleton: frozenset[tuple[str, ...]]
    lines: tuple[str, ...]
    tight: str
    recital: Recital
    is_code: bool

    @property
    def size(self) -> int:
        """Characters of its lines."""
        return sum(map(len, self.lines))


@dataclass
class Vault:
    """The secrets around one question, without what is public: the task's text, its starter code, the course."""

    longs: list[_Long] = field(default_factory=list)
    shorts: list[tuple[str, str]] = field(default_factory=list)
    in_parts: list[tuple[str, list[str]]] = field(default_factory=list)
    by_gram: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    by_steps: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    by_tokens: dict[tuple[str, ...], list[int]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, secrets: Iterable[Secret], public: Iterable[str] = ()) -> "Vault":
        """The vault of these secrets; what `public` texts hold is none."""
        known = list(public)
        letters = [squash(text) for text in known]
        open_letters = {gram for text in letters for gram in _grams(text)}
        open_steps = {gram for text in letters for gram in _grams(_steps(text))}
        open_tokens = {gram for text in known for gram in _token_grams(text)}
        said, shown = "\0".join(letters), "\0".join(_tight(text) for text in known)
        vault = cls()
        for secret in secrets:
            lines = dict.fromkeys(_tight(line) for line in secret.text.splitlines())
            own = tuple(line for line in lines if len(line) >= SHORTEST_LINE and line not in shown)
            vault._add(secret, own, open_letters, open_steps, open_tokens, said)
        return vault

    def _add(
        self,
        secret: Secret,
        lines: tuple[str, ...],
        open_letters: set[str],
        open_steps: set[str],
        open_tokens: set[tuple[str, ...]],
        said: str,
    ) -> None:
        letters = squash(secret.text)
        if secret.kind in ("value", "canary") or len(letters) < GRAM + 4:
            if len(letters) >= SHORTEST_VALUE and letters not in said:
                self.shorts.append((secret.name, letters))
                parts = [squash(part) for part in re.split(r"[\W_]+", secret.text)]
                telling = [part for part in parts if len(part) >= SHORTEST_PART]
                if len(telling) >= FEWEST_PARTS and any(part.isdigit() for part in telling):
                    self.in_parts.append((secret.name, telling))
            return
        grams = frozenset(_grams(letters)) - open_letters
        skeleton = frozenset(_token_grams(secret.text)) - open_tokens
        steps = frozenset(_grams(_steps(letters))) - open_steps
        number = len(self.longs)
        skeleton = skeleton if len(skeleton) >= FEWEST_SKELETON else frozenset()
        is_code = bool(skeleton) and secret.text.strip().count("\n") >= FEWEST_LINES
        recital = Recital.of(secret.text, _KEPT_WORDS) if is_code else Recital()
        self.longs.append(_Long(secret.name, grams, steps, skeleton, lines, _tight(secret.text), recital, is_code))
        for gram in grams:
            self.by_gram[gram].append(number)
        for gram in steps:
            self.by_steps[gram].append(number)
        for tokens in self.longs[-1].skeleton:
            self.by_tokens[tokens].append(number)

    @classmethod
    def merge(cls, vaults: Iterable["Vault"]) -> "Vault":
        """All of them in one."""
        merged = cls()
        for vault in vaults:
            first = len(merged.longs)
            merged.longs += vault.longs
            merged.shorts += vault.shorts
            merged.in_parts += vault.in_parts
            for theirs, ours in ((vault.by_gram, merged.by_gram), (vault.by_steps, merged.by_steps)):
                for gram, numbers in theirs.items():
                    ours[gram] += [first + number for number in numbers]
            for tokens, numbers in vault.by_tokens.items():
                merged.by_tokens[tokens] += [first + number for number in numbers]
        return merged

    def __bool__(self) -> bool:
        return bool(self.longs or self.shorts)


class Outgoing:
    """One answer on its way out: `push` what is made, send what comes back, and `finish` at the end.

    Once something hidden was about to be said `leaked` names it, and nothing comes any more. `before` is what the tutor
    said earlier: pieces add up. What stands in the `public` texts may be said. Of code, so may what the learner wrote
    (`own`): what counts is what they lack of it. `is_warned`: a reply shortly before had to be stopped.
    """

    def __init__(
        self,
        vault: Vault,
        before: Iterable[str] = (),
        public: Iterable[str] = (),
        own: Iterable[str] = (),
        *,
        is_warned: bool = False,
    ) -> None:
        self._vault = vault
        known, mine = (list(public), list(own)) if vault else ([], [])
        open_letters, own_letters = [squash(text) for text in known], [squash(text) for text in mine]
        self._open = {gram for letters in open_letters for gram in _grams(letters)}
        self._open_steps = {gram for letters in open_letters for gram in _grams(_steps(letters))}
        self._open_words = [words_of(text, _KEPT_WORDS) for text in (*known, *mine)]
        self._own = {gram for letters in own_letters for gram in _grams(letters)}
        self._own_steps = {gram for letters in own_letters for gram in _grams(_steps(letters))}
        self._own_tokens = {gram for text in mine for gram in _token_grams(text)}
        self._own_lines = "\0".join(_tight(text) for text in mine)
        self._shorts = [one for one in vault.shorts if not any(one[1] in letters for letters in open_letters)]
        self._waiting = self._sent = self._marked = ""
        self._told: dict[int, set[str]] = defaultdict(set)
        self._told_steps: dict[int, set[str]] = defaultdict(set)
        self._told_lines: dict[int, set[str]] = defaultdict(set)
        self._told_tokens: dict[int, set[tuple[str, ...]]] = defaultdict(set)
        self._piecework: Piecework | None = None
        self._listener = Listener([long.recital for long in vault.longs])
        self.leaked: str | None = None
        said = list(before) if vault else []
        self._earlier = "".join(piece for text in said for piece in pieces_of(text))[-MOST_EARLIER:]
        for text in said:
            for plain in (text, *decoded(text)):
                self._collect(squash(plain))
            self._collect_tokens(text)
            self._collect_lines(text)
            self._collect_marked(text)
            self._listener.hear(words_of(text, _KEPT_WORDS), self._open_words)
        for plain in decoded("", self._earlier):
            self._collect(squash(plain))
        if is_warned:
            before_it = {number: frozenset(told | self._told_steps[number]) for number, told in self._told.items()}
            codes = {number: long.tight for number, long in enumerate(vault.longs) if long.is_code}
            self._piecework = Piecework(before_it, codes, "\0".join(_tight(text) for text in (*known, *mine)))

    @property
    def seen(self) -> str:
        """All that was made so far, sent or waiting."""
        return self._sent + self._waiting

    def push(self, delta: str) -> str:
        """What may go out now."""
        if self.leaked is not None:
            return ""
        self._waiting += delta
        borders = [match.end() for match in _BORDER.finditer(self._waiting)]
        if not borders or borders[-1] < FLUSHED_FROM:
            return ""
        return self._release(borders[-1], hold=True)

    def finish(self) -> str:
        """The rest."""
        return self._release(len(self._waiting), hold=False) if self.leaked is None else ""

    def _release(self, end: int, *, hold: bool) -> str:
        piece = self._waiting[:end]
        if self._vault and piece:
            looked_at = self._sent[-WINDOW:] + piece
            self.leaked = self._find(looked_at, self._sent + piece)
            if self.leaked is None and hold and self._is_in_the_middle(looked_at):
                return ""
            # What waits is looked at again, and must not be heard twice.
            self.leaked = self.leaked or self._find_in_pieces(piece)
            if self.leaked is not None:
                self._waiting = ""
                return ""
        self._sent += piece
        self._waiting = self._waiting[end:]
        return piece

    def _find(self, window: str, whole: str) -> str | None:
        """The name of what these words would give away."""
        for view in (*views(window), squash(window).translate(MIRROR)):
            if name := self._find_in(view):
                return name
        for plain in decoded(whole, self._earlier):
            if name := self._find_in(squash(plain)):
                return name
        return self._collect_lines(window) or self._collect_tokens(window)

    def _find_in(self, letters: str) -> str | None:
        return self._found_short(letters) or self._collect(letters) or self._collect_steps(_steps(letters))

    def _find_in_pieces(self, piece: str) -> str | None:
        """The name of what these words would give away together with all that was said before them."""
        if name := self._collect_marked(piece):
            return name
        heard = self._listener.hear(words_of(piece, _KEPT_WORDS), self._open_words)
        return self._vault.longs[heard].name if heard is not None else None

    def _collect_marked(self, text: str) -> str | None:
        """What is marked as code, put together: "first `def`, then `total`" tells of one thing."""
        pieces = [first or second for first, second in _MARKED.findall(text)]
        marked = " ".join(pieces)
        if not marked:
            return None
        if self._piecework is not None and (found := self._piecework.find_marked(pieces)) is not None:
            return self._vault.longs[found].name
        self._marked = f"{self._marked} {marked}"[-WINDOW:]
        return self._collect(squash(self._marked))

    def _found_short(self, letters: str) -> str | None:
        for name, secret in self._shorts:
            if secret in letters:
                return name
        return next((name for name, parts in self._vault.in_parts if _in_order(parts, letters)), None)

    def _collect(self, letters: str) -> str | None:
        return self._gather(letters, self._vault.by_gram, self._open, self._own, self._told, lambda long: long.grams)

    def _collect_steps(self, steps: str) -> str | None:
        for name, secret in self._shorts:
            if len(walked := _steps(secret)) >= GRAM and walked in steps:
                return name
        steps_of = self._vault.by_steps
        return self._gather(
            steps, steps_of, self._open_steps, self._own_steps, self._told_steps, lambda long: long.steps
        )

    def _gather(
        self,
        letters: str,
        holders_of: dict[str, list[int]],
        open_: set[str],
        own: set[str],
        told: dict[int, set[str]],
        all_of: Callable[[_Long], frozenset[str]],
    ) -> str | None:
        run = 0
        for gram in _grams(letters):
            holders = holders_of.get(gram) if gram not in open_ else None
            if holders and gram in own:
                holders = [number for number in holders if not self._vault.longs[number].is_code]
            run = run + 1 if holders else 0
            for number in holders or ():
                told[number].add(gram)
                long = self._vault.longs[number]
                if self._piecework is not None and self._piecework.is_too_much(number, gram):
                    return long.name
                if run + GRAM > RUN or len(told[number]) >= TOLD * self._left(all_of(long), own, long):
                    return long.name
        return None

    def _left(self, grams: frozenset[str], own: set[str], long: _Long) -> int:
        """How much there is to tell. Who has written nearly all of it may be told what that says, not the rest."""
        return max(FEWEST_LEFT, len(grams - own)) if own and long.is_code else len(grams)

    def _collect_lines(self, text: str) -> str | None:
        tight = _tight(text)
        for number, long in enumerate(self._vault.longs):
            lacking = [line for line in long.lines if not (long.is_code and line in self._own_lines)]
            told = self._told_lines[number]
            told.update(line for line in lacking if line in tight)
            share = TOLD_LINES if len(lacking) == len(long.lines) else TOLD_LINES_LEFT
            is_new = self._piecework is not None and any(len(line) >= LINE and line in tight for line in lacking)
            if is_new or (told and sum(map(len, told)) >= share * sum(map(len, lacking))):
                return long.name
        return None

    def _collect_tokens(self, text: str) -> str | None:
        if not self._vault.by_tokens:
            return None
        for gram in _token_grams(text):
            for number in self._vault.by_tokens.get(gram, ()) if gram not in self._own_tokens else ():
                self._told_tokens[number].add(gram)
                skeleton = self._vault.longs[number].skeleton
                left = len(skeleton - self._own_tokens) if self._own_tokens else len(skeleton)
                if left >= FEWEST_SKELETON and len(self._told_tokens[number]) >= TOLD_SKELETON * left:
                    return self._vault.longs[number].name
        return None

    def _is_in_the_middle(self, window: str) -> bool:
        """Whether the words end within something hidden: they wait for what follows."""
        letters = squash(window)
        if letters[-GRAM:] in self._vault.by_gram:
            return True
        return any(letters.endswith(secret[:size]) for _, secret in self._shorts for size in range(4, len(secret)))


def _tight(text: str) -> str:
    """Without blanks, and with one kind of quotes."""
    return "".join(text.split()).replace('"', "'")


def _in_order(parts: Iterable[str], letters: str) -> bool:
    at = 0
    for part in parts:
        at = letters.find(part, at) + len(part)
        if at < len(part):
            return False
    return True


def _grams(letters: str) -> Iterator[str]:
    return (letters[at : at + GRAM] for at in range(len(letters) - GRAM + 1))


def _steps(letters: str) -> str:
    """From each letter to the next, counted round the alphabet: the same however far all letters are shifted."""
    places = [ord(char) - 97 for char in letters if "a" <= char <= "z"]
    return "".join(chr(97 + (after - before) % 26) for before, after in pairwise(places))


def _token_grams(text: str) -> Iterator[tuple[str, ...]]:
    tokens = [_shape(token) for token in _TOKEN.findall(text)]
    return (tuple(tokens[at : at + TOKENS]) for at in range(len(tokens) - TOKENS + 1) if _is_code(tokens, at))


def _is_code(tokens: list[str], at: int) -> bool:
    """Prose is names and commas; of code something else is in every few tokens."""
    return any(token not in ("name", ",", ".") for token in tokens[at : at + TOKENS])


def _shape(token: str) -> str:
    if token[0] in "\"'":
        return "text"
    if token[0].isalpha() or token[0] == "_":
        return token if token.casefold() in _KEPT_WORDS else "name"
    return token
