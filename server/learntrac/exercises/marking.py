"""The verdict on a quiz. Pure.

single: the right choice or nothing. multiple: what was rightly taken less what was wrongly taken, as a share of the
right ones. numeric: within the tolerance. text: equal to an accepted one after normalising. ordering: the share of
pairs in the right order, above what chance gives (2 · share − 1).
"""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Protocol

from learntrac.exercises.grading import Item, near, short

NO_ANSWER = "no answer"


class Orders(Protocol):
    """In which order the things of a question were shown to this learner."""

    def __call__(self, count: int, *, place: int) -> list[int]: ...


def mark(questions: Sequence[Any], answers: Mapping[str, Any], orders: Orders) -> list[Item]:
    """Each question marked; `answers` are by the questions' names, choices and items by their shown letters."""
    return [
        mark_question(question, answers.get(question_id(place)), orders, place)
        for place, question in enumerate(questions, 1)
    ]


def question_id(place: int) -> str:
    """The name by which a question is answered: q1, q2."""
    return f"q{place}"


def mark_question(question: Any, answer: Any, orders: Orders, place: int) -> Item:
    """One question marked; an answer of the wrong kind is a wrong answer."""
    share, got, feedback = _MARKS[question.kind](question, answer, orders, place)
    said = " ".join(part for part in (feedback, question.feedback) if part)
    name = question.name or question.prompt
    return Item(
        short(name, 200),
        share,
        question.weight,
        input=short(question.prompt),
        got=short(got),
        message=said,
    )


_Marked = tuple[float, str, str]


def shown_order(question: Any, orders: Orders, place: int) -> list[int]:
    """The places in the definition of what is shown, in the order of showing."""
    if question.kind == "ordering":
        return orders(len(question.items), place=place)
    count = len(question.choices)
    return orders(count, place=place) if question.shuffle else list(range(count))


def _by_letter(things: Sequence[Any], order: Sequence[int]) -> dict[str, Any]:
    return {chr(ord("a") + shown): things[place] for shown, place in enumerate(order)}


def _single(question: Any, answer: Any, orders: Orders, place: int) -> _Marked:
    choices = _by_letter(question.choices, shown_order(question, orders, place))
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    taken = choices.get(answer) if isinstance(answer, str) else None
    if taken is None:
        return 0.0, NO_ANSWER, ""
    return (1.0 if taken.correct else 0.0), taken.text, taken.feedback


def _multiple(question: Any, answer: Any, orders: Orders, place: int) -> _Marked:
    choices = _by_letter(question.choices, shown_order(question, orders, place))
    named = {one for one in answer if isinstance(one, str)} if isinstance(answer, list) else set()
    taken = [choices[letter] for letter in sorted(named & choices.keys())]
    right = sum(choice.correct for choice in question.choices)
    share = max(0.0, sum(1 if choice.correct else -1 for choice in taken) / right)
    feedback = " ".join(choice.feedback for choice in taken if choice.feedback)
    return share, "; ".join(choice.text for choice in taken) or NO_ANSWER, feedback


def _numeric(question: Any, answer: Any, _orders: Orders, _place: int) -> _Marked:
    number = _number(answer)
    if number is None:
        return 0.0, NO_ANSWER if answer in (None, "") else short(str(answer), 100), question.wrong_feedback
    if isinstance(question.answer, str):  # a placeholder that no variant fills: nothing is right
        return 0.0, f"{number:.15g}", question.wrong_feedback
    right = near(question.answer, number, question.tolerance)
    return (1.0 if right else 0.0), f"{number:.15g}", "" if right else question.wrong_feedback


def _number(answer: Any) -> float | None:
    if isinstance(answer, bool):
        return None
    if isinstance(answer, str):
        try:
            answer = float(answer.strip().replace(",", ".").replace("_", "?"))
        except ValueError:
            return None
    if not isinstance(answer, int | float) or abs(answer) > 1e18 or not math.isfinite(answer):
        return None
    return float(answer)


def _text(question: Any, answer: Any, _orders: Orders, _place: int) -> _Marked:
    if not isinstance(answer, str) or not answer.strip():
        return 0.0, NO_ANSWER, question.wrong_feedback
    right = any(normalised(answer, question) == normalised(one, question) for one in question.accept)
    return (1.0 if right else 0.0), answer, "" if right else question.wrong_feedback


def normalised(text: str, question: Any) -> str:
    """A short text as it is compared."""
    text = unicodedata.normalize("NFKC", text[:10_000])
    if question.ignore_case:
        text = text.casefold()
    if question.ignore_accents:
        parts = unicodedata.normalize("NFD", text)
        text = unicodedata.normalize("NFC", "".join(char for char in parts if not unicodedata.combining(char)))
    if question.ignore_punctuation:
        text = "".join(" " if unicodedata.category(char)[0] == "P" else char for char in text)
    return " ".join(text.split())


def _ordering(question: Any, answer: Any, orders: Orders, place: int) -> _Marked:
    order = shown_order(question, orders, place)
    places = _by_letter(range(len(question.items)), order)
    if not isinstance(answer, list) or sorted(map(str, answer)) != sorted(places):
        return 0.0, NO_ANSWER, question.wrong_feedback
    given = [places[letter] for letter in answer]
    pairs = list(combinations(given, 2))
    kept = sum(one < other for one, other in pairs) / len(pairs)
    share = max(0.0, 2 * kept - 1)
    got = " → ".join(question.items[one] for one in given)
    return share, got, "" if share == 1 else question.wrong_feedback


_MARKS = {"single": _single, "multiple": _multiple, "numeric": _numeric, "text": _text, "ordering": _ordering}


def carried_over(
    answers: Mapping[str, Any], before: Sequence[Any], now: Sequence[Any], orders: Orders
) -> dict[str, Any]:
    """Answers to earlier questions as answers to the later ones at their places: who took a choice takes the one of the
    same text, else the one that stands in its place in the definition.
    """
    carried = dict(answers)
    for place, (old, new) in enumerate(zip(before, now, strict=False), 1):
        name = question_id(place)
        if name in answers and old.kind == new.kind and old.kind in ("single", "multiple", "ordering"):
            renamed = _renamed(old, new, orders, place)
            carried[name] = _with_letters(answers[name], renamed)
    return carried


def _renamed(old: Any, new: Any, orders: Orders, place: int) -> dict[str, str]:
    """{a letter of the earlier question: the later one's}."""
    were = _by_letter(_texts(old), shown_order(old, orders, place))
    stood = _by_letter(range(len(were)), shown_order(old, orders, place))
    letters = {text: letter for letter, text in _by_letter(_texts(new), shown_order(new, orders, place)).items()}
    free = {place: text for place, text in enumerate(_texts(new)) if text not in were.values()}
    found = {letter: letters.get(text, letters.get(free.get(stood[letter], ""))) for letter, text in were.items()}
    return {letter: later for letter, later in found.items() if later is not None}


def _texts(question: Any) -> list[str]:
    return list(question.items) if question.kind == "ordering" else [choice.text for choice in question.choices]


def _with_letters(answer: Any, renamed: Mapping[str, str]) -> Any:
    if isinstance(answer, list):
        return [renamed.get(one, "") for one in answer if isinstance(one, str)]
    return renamed.get(answer, "") if isinstance(answer, str) else answer
