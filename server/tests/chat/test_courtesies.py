"""Messages that ask nothing of the course, and messages in another language than it."""

import re

import pytest

from learntrac.chat.courtesies import find_courtesy
from learntrac.chat.languages import find_language, is_spoken, without_small_words
from learntrac.chat.spelling import count_mistakes, nearest_word


@pytest.mark.parametrize(
    ("message", "courtesy"),
    [
        ("Hi!", "greeting"),
        ("Good morning, tutor", "greeting"),
        ("hey, how are you?", "greeting"),
        ("¡Hola! ¿Qué tal?", "greeting"),
        ("Grüß Gott", "greeting"),
        ("ok, thanks", "thanks"),
        ("Merci beaucoup !", "thanks"),
        ("Bye, see you tomorrow!", "goodbye"),
        ("Hi, who are you?", "who"),
        ("help", "who"),
        ("Are you a real person?", "who"),
        ("yes", "nod"),
        ("👍", "nod"),
        ("I see", "nod"),
        ("I would like to ask a person.", "person"),
        ("Can I talk to a human please", "person"),
    ],
)
def test_a_message_that_asks_nothing(message: str, courtesy: str) -> None:
    assert find_courtesy(message) == courtesy


@pytest.mark.parametrize(
    "message",
    [
        "",
        "?",
        "Hi, what is a cache?",
        "ok, so max-age counts from when it was stored",
        "Can you help me with status codes?",
        "good question about caching",
        "Is it right that a person signs in twice?",
        "help me with the exercise on caches",
        "no",
        "ok " * 40,
    ],
)
def test_whoever_asks_is_answered_what_they_asked(message: str) -> None:
    assert find_courtesy(message) is None


@pytest.mark.parametrize(
    ("question", "code", "left"),
    [
        ("Was ist ein ETag?", "de", "ETag"),
        ("Wie funktioniert Caching mit `max-age`?", "de", "funktioniert Caching `max-age`"),
        ("Qu'est-ce qu'un ETag ?", "fr", "ETag"),
        ("¿Qué es un ETag?", "es", "ETag"),
        ("Che cos'è un ETag?", "it", "ETag"),
        ("O que é um ETag?", "pt", "ETag"),
        ("Wat is een ETag?", "nl", "ETag"),
    ],
)
def test_of_a_question_in_another_language_the_subject_is_left(question: str, code: str, left: str) -> None:
    language = find_language(question)

    assert language is not None
    assert language.code == code
    assert re.findall(r"[\w`-]{2,}", without_small_words(question, language)) == left.split()


@pytest.mark.parametrize(
    "question", ["What is an ETag?", "", "die", "Does it die in an async handler?", "`der die das`"]
)
def test_english_is_none_of_them(question: str) -> None:
    assert find_language(question) is None


def test_a_course_may_be_in_the_learners_language() -> None:
    german = find_language("Was ist ein ETag?")
    assert german is not None

    assert is_spoken(german, {"der": 60, "und": 80, "nicht": 30}, passages=100)
    assert not is_spoken(german, {"die": 30, "der": 1}, passages=100)
    assert not is_spoken(german, {}, passages=0)


def test_a_word_is_known_by_most_of_its_letters() -> None:
    known = {"idempotency": 5, "idempotent": 3, "authentication": 4, "caching": 2}

    assert nearest_word("idempotancy", known) == "idempotency"
    assert nearest_word("athentication", known) == "authentication"
    assert nearest_word("chaching", known) == "caching"
    assert nearest_word("volcano", known) is None
    assert nearest_word("idempotency", {"idempotency": 0}) is None


def test_mistakes_are_counted() -> None:
    assert count_mistakes("status", "status", 2) == 0
    assert count_mistakes("sttaus", "status", 2) == 1
    assert count_mistakes("statu", "status", 2) == 1
    assert count_mistakes("kitchen", "sitting", 2) > 2
