"""The words of a text as full-text search compares them. Pure."""

import re
import unicodedata

_LONGEST_WORD = 100
_WORD = re.compile(r"[^\W_]+")


def search_terms(content: str) -> list[str]:
    """The words that full-text search compares: without accents, in small letters, cut at whatever is no letter or
    digit.

    Both databases get these words instead of the text, so that their own ideas of a word do not matter. A longer word
    counts by its first hundred characters.
    """
    words = _WORD.findall(_without_accents(content).casefold())
    return [word[:_LONGEST_WORD] for word in words]


def _without_accents(content: str) -> str:
    if content.isascii():
        return content  # six times as fast, and most text is
    return "".join(char for char in unicodedata.normalize("NFKD", content) if not unicodedata.combining(char))
