"""Objectives become questions, and answers are held against the course."""

import pytest

from learntrac.chat.memory import BUDGET_TOKENS, Said, count_tokens, remember
from learntrac.chat.questions import ask, check, choose
from learntrac.chat.ranking import stem, terms


@pytest.mark.parametrize(
    ("objective", "question"),
    [
        ("Name the parts of a message", "Can you name the parts of a message?"),
        ("Understand REST principles.", "What can you say about REST principles?"),
        ("Understand how a cache decides", "Can you explain how a cache decides?"),
        ("Be able to explain why CORS is no wall", "Can you explain why CORS is no wall?"),
        ("Design resource-based URLs", "How would you design resource-based URLs?"),
        ("How to read a status line", "Can you read a status line?"),
        ("Why retries need a limit", "Can you say why retries need a limit?"),
        ("REST", "What is REST?"),
        ("REST in practice", "What can you say about REST in practice?"),
        ("Understand that Python has a str type", "What does it mean that Python has a str type?"),
        (
            "understand tuples are immutable. Changing one makes a new copy.",
            "What does it mean that tuples are immutable?",
        ),
        ("Backfill a large table in batches", "How would you backfill a large table in batches?"),
        ("Make Python refuse NaN", "How would you make Python refuse NaN?"),
        ("differences between a list and a tuple", "What can you say about differences between a list and a tuple?"),
        ("usage of len() to get a length", "What can you say about usage of len() to get a length?"),
        ("Understand/use unpacking with *", "What can you say about unpacking with *?"),
        ("Learn how to use the yield keyword", "Can you explain how to use the yield keyword?"),
    ],
)
def test_an_objective_asks(objective: str, question: str) -> None:
    assert ask(objective) == question


def test_the_objective_asked_least_and_nearest_comes_next() -> None:
    objectives = ["Name the parts of a message", "Read a status line", "Choose a method"]

    assert choose(objectives, {"stat": 2.0, "lin": 1.0, "status": 2.0}, []) == "Read a status line"
    assert choose(objectives, {}, ["Name the parts of a message"]) == "Read a status line"
    assert choose([], {}, []) is None


SAYS = ["A cache keeps a response until it is stale; a validator such as an ETag asks whether it changed."]
WEIGHTS = {"cach": 2.0, "respons": 1.0, "stal": 3.0, "validator": 3.0, "etag": 3.0, "chang": 1.0}


def test_an_answer_with_the_courses_terms_is_right() -> None:
    checked = check("It is stale then, and the validator, the ETag, tells.", asked="When?", says=SAYS, weights=WEIGHTS)

    assert checked.is_right
    assert {"stale", "validator", "etag"} <= set(checked.named)


def test_words_of_the_question_prove_nothing() -> None:
    checked = check("stale validator etag", asked="Is a stale validator an etag?", says=SAYS, weights=WEIGHTS)

    assert checked.outcome == 0.0
    assert check("anything", asked="What?", says=[], weights={}).outcome == 0.0


def test_an_answer_in_the_questions_own_words_is_not_judged() -> None:
    """Who sorts what the question names has no other words: that may be right, and is no failure."""
    asked = "How would you sort GET, PUT and POST into safe, idempotent and neither?"
    says = ["A method is safe if the client asks for no change; repeated ones have the same effect."]

    sorted_ = check("GET is safe, PUT idempotent, POST neither", asked=asked, says=says, weights={"method": 2.0})
    beside = check("It rains in Spain", asked=asked, says=says, weights={"method": 2.0})

    assert not sorted_.is_clear
    assert (beside.is_clear, beside.outcome) == (True, 0.0)


def test_stems_meet() -> None:
    assert stem("caching") == stem("cached") == stem("caches") == stem("cache")
    assert stem("queries") == stem("query")
    assert stem("status") == "status"
    assert terms(["what", "is", "with"]) == []
    assert terms(["what", "is", "with"], keep=["with"]) == ["with"]


def test_an_hour_of_talk_stays_within_the_budget_and_says_so() -> None:
    talk = [Said("user" if place % 2 == 0 else "assistant", f"{place}: " + "word " * 90) for place in range(200)]

    remembered = remember(talk)

    assert sum(count_tokens(said.text) for said in remembered.messages) <= BUDGET_TOKENS
    assert remembered.messages[-1] == talk[-1]
    assert 0.0 < remembered.retention < 0.2
    assert remember(talk[:4]).retention == 1.0
    assert remember([]).retention == 1.0


def test_one_endless_message_is_cut() -> None:
    remembered = remember([Said("user", "first"), Said("user", "x" * 100_000)])

    assert len(remembered.messages[-1].text) == 4000
    assert remembered.messages[0].text == "first"
