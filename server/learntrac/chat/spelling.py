"""Words that are spelt nearly as the course spells them. Pure."""

from collections.abc import Mapping

SAME_START = 2
"""Letters that a misspelt word begins with as it should."""
LAST_LETTER = "zz"
"""Sorts behind every word of letters with the same beginning, in every database's order."""
SHORTEST, SHORTEST_FOR_TWO = 6, 9
"""Letters of a word in which one mistake is forgiven, and two: shorter ones are nearly always words of their own."""


def may_be_misspelt(word: str) -> bool:
    """Whether a word is long enough to be known by most of its letters."""
    return len(word) >= SHORTEST and word.isalpha() and word.isascii()


def nearest_word(word: str, known: Mapping[str, int]) -> str | None:
    """The one of the known words ({word: passages that hold it}) that this was meant to be: with fewest mistakes, then
    the commonest.
    """
    most = 2 if len(word) >= SHORTEST_FOR_TWO else 1
    found = [
        (mistakes, -passages, one)
        for one, passages in known.items()
        if passages > 0 and abs(len(one) - len(word)) <= most and (mistakes := count_mistakes(word, one, most)) <= most
    ]
    return min(found)[2] if found else None


def count_mistakes(one: str, other: str, most: int) -> int:
    """Letters to add, drop, change or swap with their neighbour; any number above `most` where they are more."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        next_row = [place]
        for at, wanted in enumerate(other, 1):
            cost = min(row[at] + 1, next_row[at - 1] + 1, row[at - 1] + (letter != wanted))
            if place > 1 and at > 1 and letter == other[at - 2] and one[place - 2] == wanted:
                cost = min(cost, before[at - 2] + 1)
            next_row.append(cost)
        if min(next_row) > most:
            return most + 1
        before, row = row, next_row
    return row[-1]
