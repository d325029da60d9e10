"""The words of a course's text as people speak them. Pure."""

import re
from collections.abc import Iterable, Iterator

LONGEST_SENTENCE_WORDS = 60
_SENTENCE_ENDS = re.compile(r"[.!?;:](?:\s+|$)|[\n()\"\u201c\u201d]|\s[\u2013\u2014-]\s")
_TOKENS = re.compile(r"[A-Za-z]+(?:['\u2019][a-z]+)*|\d+|[+*/=%&@#<>]")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+(?:'[a-z]+)*")
_SIGNS = {
    "+": "plus", "*": "star", "/": "slash", "=": "equals", "%": "percent", "&": "and", "@": "at", "#": "number",
    "<": "less than", ">": "greater than",
}  # fmt: skip
_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def sentences_of(phrases: Iterable[str]) -> Iterator[list[str]]:
    """Each sentence as its spoken words: `N+1` is "n plus one", `getItem` is "get item", 404 is "four oh four"."""
    for phrase in phrases:
        for sentence in _SENTENCE_ENDS.split(phrase):
            words = [word for token in _TOKENS.findall(sentence) for word in spoken(token)]
            if words:
                yield words[:LONGEST_SENTENCE_WORDS]


def spoken(token: str) -> list[str]:
    """One token as words: lower case, letters and apostrophes only."""
    if token.isdigit():
        return spoken_number(token)
    if token in _SIGNS:
        return _SIGNS[token].split()
    return [part.lower() for part in _PARTS.findall(token.replace("\u2019", "'"))]


def spoken_number(digits: str) -> list[str]:
    """A number up to 9999 as people say it; status codes and the like digit by digit ("four oh four")."""
    value = int(digits) if len(digits) <= 4 else 0
    if len(digits) > 4 or (digits[0] == "0" and len(digits) > 1):
        return [_ONES[int(digit)] for digit in digits[:12]]
    if len(digits) == 3 and digits[1:] != "00":
        return [
            _ONES[int(digits[0])],
            *(["oh", _ONES[int(digits[2])]] if digits[1] == "0" else _below_hundred(value % 100)),
        ]
    if len(digits) == 4 and value % 1000 >= 100:
        return [*_below_hundred(value // 100), *(_below_hundred(value % 100) if value % 100 else ["hundred"])]
    return _full(value)


def _full(value: int) -> list[str]:
    words = []
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if value >= size:
            words += [_ONES[value // size], name]
            value %= size
    return words + (_below_hundred(value) if value or not words else [])


def _below_hundred(value: int) -> list[str]:
    if value < 20:
        return [_ONES[value]]
    return [_TENS[value // 10], *([_ONES[value % 10]] if value % 10 else [])]
