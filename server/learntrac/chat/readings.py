"""The ways in which a text may be read: as it stands, backwards, by its first letters, decoded. Pure.

What goes out is compared with what is hidden in each of these readings (`outgoing`).
"""

import base64
import binascii
import html
import re
import string
import unicodedata
import zlib
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import unquote

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})")
_NOT_SQUASHED = re.compile(r"[\W_]+")
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{16,}")
_HEX = re.compile(r"(?:(?:0x|\\x|=|%)?[0-9a-fA-F]{2}[\s,:;-]*){6,}")
_OCTAL = re.compile(r"(?:\\[0-7]{3}[\s,]*){6,}")
_PLACES = re.compile(r"(?:\b(?:[1-9]|1[0-9]|2[0-6])\b[\s,;|/.-]*){9,}")
_DENSE = re.compile(r"\S{20,}")
_RUN_OF_BITS = re.compile(r"[01]{64,}")
_PIECE = re.compile(r"(?<![\w+/])[A-Za-z0-9+/_-]{6,}={0,2}(?![\w+/])")
_CODES = re.compile(r"(?:\b[0-9]{2,3}\b[\s,;|/-]*){6,}")
_BITS = re.compile(r"(?:\b[01]{7,8}\b[\s,;|/-]*){6,}")
_LOOKALIKE = str.maketrans("аеорсхуіѕјԁһոտзАВЕКМНОРСТХ", "aeopcxyisjdhnt3ABEKMHOPCTX")
MIRROR = str.maketrans(string.ascii_lowercase, string.ascii_lowercase[::-1])
_LEET = str.maketrans("013457$@", "oleastsa")
_SQUARED = str.maketrans({first + place: 97 + place for first in (0x1F170, 0x1F150, 0x1F1E6) for place in range(26)})
"""Letters in black squares and discs and those that flags are made of: Unicode does not say that they are letters."""
_ALPHABET = """
alfa alpha bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november oscar papa quebec
romeo sierra tango uniform victor whiskey whisky xray yankee zulu
"""
_NATO = {word: word[0] for word in _ALPHABET.split()}
_SIGNALS = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.."
    " ----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----."
)
_MORSE = dict(zip(_SIGNALS.split(), string.ascii_lowercase + string.digits, strict=True))
_SIGNAL = re.compile(r"(?<!\S)[.\u00b7\u2022-]{1,5}(?!\S)")
FEWEST_SIGNS = 9
"""Words of the spelling alphabet, or signals of Morse's, that are taken for a message."""
MOST_UNPACKED = 65_536


def squash(text: str) -> str:
    """Only letters and digits, small, as they are read: no accents, nothing invisible, no look-alikes."""
    plain = _INVISIBLE.sub("", text)
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain.translate(_SQUARED)).translate(_LOOKALIKE)
        plain = "".join(char for char in plain if not unicodedata.combining(char))
    return _NOT_SQUASHED.sub("", plain.casefold())


def views(text: str) -> Iterator[str]:
    """The letters of a text as they may be meant: none of this has to be decoded, only read another way."""
    letters = squash(text)
    yield letters
    yield letters[::-1]
    yield letters.translate(_LEET)
    if "&" in text or "%" in text or "\\" in text:
        yield squash(html.unescape(unquote(text)))
        yield squash(_unescaped(text))
    words = text.split()
    yield squash("".join(reversed(words)))
    for step in (2, 3):
        for start in range(step):
            yield letters[start::step]
    yield from _by_the_ends(text, words)
    yield from _spelt(text)


def _by_the_ends(text: str, words: list[str]) -> Iterator[str]:
    """The first and the last letters of lines and of words: an old way to hide a sentence."""
    lines = [line.strip() for line in text.splitlines()]
    for parts in (lines, [word.strip(".,;:!?") for word in words]):
        yield squash("".join(part[:1] for part in parts))
        yield squash("".join(part[-1:] for part in parts))


def _spelt(text: str) -> Iterator[str]:
    """What is spelt: "delta echo foxtrot", or in Morse's signals."""
    called = [_NATO[word] for word in re.findall(r"[a-z]+", text.casefold().replace("x-ray", "xray")) if word in _NATO]
    if len(called) >= FEWEST_SIGNS:
        yield "".join(called)
    signals = [signal.replace("\u00b7", ".").replace("\u2022", ".") for signal in _SIGNAL.findall(text)]
    if len(signals) >= FEWEST_SIGNS:
        yield "".join(_MORSE.get(signal, "") for signal in signals)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), text)


def pieces_of(text: str) -> list[str]:
    """What looks like pieces of something encoded: letters and figures mixed as in no word."""
    return [piece.rstrip("=") for piece in _PIECE.findall(text) if _is_mixed(piece)]


def decoded(text: str, earlier: str = "") -> Iterator[str]:
    """What parts of the text say when they are decoded, as far as they are anything. `earlier` are the pieces of
    something encoded that were said before.
    """
    joined = re.sub(r"[\s\"'`,|]+", "", text)
    pieces = earlier + "".join(pieces_of(text))
    for run in {*_ENCODED.findall(text), *filter(_looks_encoded, _ENCODED.findall(joined)), *_ENCODED.findall(pieces)}:
        yield from _base64(run)
        yield from _base32(run)
    for run in _HEX.findall(text):
        yield _read_hex(re.sub(r"0x|\\x|[^0-9a-fA-F]", "", run))
    yield from _numbered(text)
    for run in _DENSE.findall(text):
        yield from _base85(run)


def _numbered(text: str) -> Iterator[str]:
    """Letters by their numbers: codes of characters, places in the alphabet, bits."""
    for run in _CODES.findall(text):
        yield "".join(chr(int(code)) for code in re.findall(r"[0-9]+", run))
    for run in _OCTAL.findall(text):
        yield "".join(chr(int(code, 8)) for code in re.findall(r"[0-7]+", run))
    for run in _PLACES.findall(text):
        yield "".join(chr(96 + int(place)) for place in re.findall(r"[0-9]+", run))
    for run in _BITS.findall(text):
        yield "".join(chr(int(bits, 2)) for bits in re.findall(r"[01]+", run))
    for run in _RUN_OF_BITS.findall(text):
        for size in (8, 7):
            yield "".join(chr(int(run[at : at + size], 2)) for at in range(0, len(run) - size + 1, size))


def _read_hex(digits: str) -> str:
    return bytes.fromhex(digits[: len(digits) // 2 * 2]).decode("latin-1")


def _base85(run: str) -> Iterator[str]:
    for dense in {run, run.strip("`'\"").removeprefix("<~").removesuffix("~>")}:
        for read in (base64.b85decode, base64.a85decode):
            with suppress(ValueError):
                yield read(dense.encode("latin-1")).decode("latin-1")


def _unpacked(data: str) -> Iterator[str]:
    """What was packed by zlib or gzip."""
    raw = data.encode("latin-1")
    if raw[:2] == b"\x1f\x8b" or raw[:1] == b"x":
        try:
            yield zlib.decompressobj(wbits=47).decompress(raw, MOST_UNPACKED).decode("latin-1")
        except zlib.error:
            return


def _is_mixed(piece: str) -> bool:
    """Whether small letters, capitals and figures are mixed as in no word: a piece of something encoded."""
    return re.search(r"[a-z][A-Z]|[A-Z][a-z]+[A-Z0-9]|[0-9][a-zA-Z]|[a-zA-Z][0-9]", piece) is not None


def _looks_encoded(run: str) -> bool:
    """Prose that is written together has few capitals; base64 of a text is a third capitals, base32 all."""
    return sum(char.isupper() for char in run) >= len(run) / 6


def _base64(run: str) -> Iterator[str]:
    standard = run.replace("-", "+").replace("_", "/")
    for part in (*(standard[start:] for start in range(4)), standard[::-1]):
        once = _read_base64(part)
        yield once
        yield once[::-1]
        yield from _unpacked(once)
        if (again := _ENCODED.search(once)) and len(again[0]) > len(once) / 2:
            yield _read_base64(again[0])


def _read_base64(run: str) -> str:
    """As much of it as makes whole bytes."""
    whole = run if len(run) % 4 != 1 else run[:-1]
    try:
        return base64.b64decode(whole + "=" * (-len(whole) % 4)).decode("latin-1")
    except (binascii.Error, ValueError):
        return ""


def _base32(run: str) -> Iterator[str]:
    if run.isupper():
        part = run[: len(run) // 8 * 8]
        try:
            yield base64.b32decode(part).decode("latin-1")
        except (binascii.Error, ValueError):
            return
