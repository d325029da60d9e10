"""The ladder of help: a rung further for an attempt or for time, never for asking."""

from datetime import UTC, datetime, timedelta

import pytest

from learntrac.chat.ladder import (
    IDEA,
    POINTER,
    QUESTION,
    SIBLING,
    Given,
    Rung,
    is_attempt,
    is_demand,
    is_lost,
    next_rung,
)

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SOON = NOW + timedelta(seconds=10)
TRIED = "I think it is because the server keeps no state."


def given(*rungs: Rung, aim: int = 1) -> list[Given]:
    return [Given(aim, rung, NOW) for rung in rungs]


def test_each_rung_needs_an_attempt() -> None:
    assert next_rung("tutoring", 1, "What is it?", [], now=SOON) == QUESTION
    assert next_rung("tutoring", 1, "Just tell me!", given(QUESTION), now=SOON) == QUESTION
    assert next_rung("tutoring", 1, TRIED, given(QUESTION), now=SOON) == POINTER
    assert next_rung("tutoring", 1, TRIED, given(QUESTION, POINTER), now=SOON) == IDEA
    assert next_rung("tutoring", 1, TRIED, given(QUESTION, POINTER, IDEA), now=SOON) == SIBLING
    assert next_rung("tutoring", 1, "And now?", given(SIBLING), now=SOON) == SIBLING


def test_time_to_think_counts_as_well() -> None:
    assert next_rung("tutoring", 1, "hint please", given(QUESTION), now=NOW + timedelta(seconds=59)) == QUESTION
    assert next_rung("tutoring", 1, "hint please", given(QUESTION), now=NOW + timedelta(seconds=60)) == POINTER


def test_another_concept_begins_anew() -> None:
    assert next_rung("debugging", 2, TRIED, given(IDEA, aim=1), now=SOON) == QUESTION


def test_explaining_begins_with_the_idea() -> None:
    assert next_rung("explaining", 1, "What is it?", [], now=SOON) == IDEA


@pytest.mark.parametrize(
    "message",
    [
        TRIED,
        "What comes first is the request line, then the fields.",
        "```\nreturn 4\n```",
        "Maybe it sends the header twice?",
        "The client asks and the server answers.",
    ],
)
def test_an_attempt(message: str) -> None:
    assert is_attempt(message)
    assert not is_demand(message)


@pytest.mark.parametrize(
    "message",
    [
        "Just tell me the answer",
        "give me the full solution of the exercise",
        "Show me the complete code",
        "I don't know",
        "I give up, what is the final answer",
        "another hint",
        "solve it for me please now",
    ],
)
def test_a_demand_is_no_attempt(message: str) -> None:
    assert is_demand(message)
    assert not is_attempt(message)


@pytest.mark.parametrize(
    "message",
    [
        "I don't understand",
        "Sorry, I still do not get it at all",
        "I am completely lost now, honestly",
        "This makes no sense to me",
        "what do you mean by that",
        "Can you explain it again in other words please",
        "huh?",
    ],
)
def test_a_sigh_is_no_attempt(message: str) -> None:
    assert is_lost(message)
    assert not is_attempt(message)


@pytest.mark.parametrize(
    "message", [TRIED, "What is a cache?", "I see that it is stale then.", "It gets lost on the way"]
)
def test_who_goes_on_is_not_lost(message: str) -> None:
    assert not is_lost(message)


@pytest.mark.parametrize(
    "message",
    [
        "Why?",
        "",
        "ok",
        "What does the course say about status codes?",
        "Explain HTTP caching to me please",
        "Please tell me about status codes",
        "what about etags then and weak ones",
    ],
)
def test_neither(message: str) -> None:
    assert not is_attempt(message)
    assert not is_demand(message)
