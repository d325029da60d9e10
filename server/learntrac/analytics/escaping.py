"""Text that people wrote, made safe for spreadsheets and documents. Pure.

A cell that begins with `=`, `+`, `-` or `@` is a formula for a spreadsheet that opens a CSV, whoever wrote it. Control
characters, and the code points that XML forbids, are in no file.
"""

import re

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")
"""Control characters, lone surrogates, no characters, and marks that turn the direction of what follows."""
_LINE = re.compile(r"[\t\n\r\u2028\u2029]+")
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
LONGEST_CELL = 32_000
"""A spreadsheet takes 32,767 characters."""


def plain(text: str) -> str:
    """The text in one line, without what no file may hold, cut where a cell ends."""
    cleaned = _FORBIDDEN.sub("\ufffd", _LINE.sub(" ", text))
    return cleaned if len(cleaned) <= LONGEST_CELL else cleaned[: LONGEST_CELL - 1] + "\u2026"


def csv_text(text: str) -> str:
    """The same for CSV: what would be a formula begins with an apostrophe, which spreadsheets take for text."""
    cleaned = plain(text)
    return f"'{cleaned}" if cleaned.lstrip().startswith(_FORMULA) else cleaned
