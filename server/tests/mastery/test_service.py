"""One learner's evidence and what is decided on it, through the doors and on both databases."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.conftest import Api, Person, TracCopy, serving
from tests.mastery.answering import answer_as

MESSAGES, ERRORS = 1, 5
"""Concepts of the small course: threshold 0.8, and threshold 0.9."""


@pytest.fixture
async def trusting(trac_copy: TracCopy) -> AsyncIterator[Api]:
    """An installation that counts the quiz scores its own front end reports."""
    async with serving(trac_copy, reported_quiz_weight=1) as running:
        yield running


async def start(learner: Person, concept: int) -> str:
    answer = await learner.post(f"/concepts/{concept}/start", {})
    assert answer.status == 200, answer.body
    return str(answer["session_id"])


async def end(learner: Person, concept: int, how: str = "completed", **more: Any) -> tuple[str, float]:
    """Start and end a session; the status and score that the server made of it."""
    session_id = await start(learner, concept)
    answer = await learner.post(
        f"/concepts/{concept}/complete", {"session_id": session_id, "completion_type": how, **more}
    )
    assert answer.status == 200, answer.body
    return answer["status"], answer["mastery_score"]


async def status_of(learner: Person, concept: int) -> str:
    return str((await learner.get(f"/concepts/{concept}"))["status"])


async def kinds(api: Api, user_id: str) -> list[str]:
    """The kinds of events in the learner's log, in order."""
    rows = await api.parts.database.hot.rows(
        "SELECT kind FROM learning_event WHERE user_id = $1 ORDER BY at, id", user_id
    )
    return [row[0] for row in rows]


async def test_a_learner_followed_by_hand(trusting: Api) -> None:
    alice = await trusting.sign_in("alice")
    assert await status_of(alice, MESSAGES) == "new"

    session_id = await start(alice, MESSAGES)
    assert await status_of(alice, MESSAGES) == "learning"
    await alice.post(f"/concepts/{MESSAGES}/complete", {"session_id": session_id, "completion_type": "abandoned"})
    assert await status_of(alice, MESSAGES) == "new"

    assert await end(alice, MESSAGES, quiz_score=1.0) == ("practicing", 0.7814)
    assert await end(alice, MESSAGES, quiz_score=1.0) == ("mastered", 0.815)
    assert await end(alice, MESSAGES) == ("mastered", 0.815)
    assert await end(alice, MESSAGES, quiz_score=0.0) == ("practicing", 0.7136)
    assert await end(alice, MESSAGES, "abandoned") == ("practicing", 0.7136)
    assert await kinds(trusting, "alice") == [
        *("started", "abandoned"),
        *("started", "answered", "completed"),
        *("started", "answered", "mastered", "completed"),
        *("started", "completed"),
        *("started", "answered", "completed"),
        *("started", "abandoned"),
    ]


async def test_a_concept_may_ask_for_more_than_others(trusting: Api) -> None:
    alice = await trusting.sign_in("alice")

    scores = [await end(alice, ERRORS, quiz_score=1.0) for _ in range(15)]

    assert [status for status, _ in scores] == ["practicing"] * 14 + ["mastered"]
    assert scores[13][1] < 0.9 <= scores[14][1]


async def test_what_a_client_claims_is_kept_and_decides_nothing(api: Api) -> None:
    alice = await api.sign_in("alice")

    assert await end(alice, MESSAGES, "mastered", quiz_score=1.0) == ("practicing", 0)

    rows = await api.parts.database.hot.rows("SELECT item_id, outcome, weight, source FROM evidence")
    assert [(row[1], row[2], row[3]) for row in rows] == [(1, 0, "reported")]
    assert await kinds(api, "alice") == ["started", "completed"]


async def test_graded_answers_master_a_concept_without_any_session(api: Api) -> None:
    alice = await api.sign_in("alice")

    await answer_as(api, "alice", MESSAGES, 1, 1)

    assert await status_of(alice, MESSAGES) == "mastered"
    assert await kinds(api, "alice") == ["answered", "answered", "mastered"]


async def test_mastered_stays_until_an_answer_fails(api: Api) -> None:
    alice = await api.sign_in("alice")
    await answer_as(api, "alice", MESSAGES, 1, 1)

    await start(alice, MESSAGES)
    assert await status_of(alice, MESSAGES) == "mastered"
    # The concept asks for more from now on, and a passed answer is still no failure.
    await answer_as(api, "alice", MESSAGES, 0.95, threshold=0.95)
    assert await status_of(alice, MESSAGES) == "mastered"
    await answer_as(api, "alice", MESSAGES, 0.9, threshold=0.95)
    assert await status_of(alice, MESSAGES) == "practicing"


async def test_losing_mastery_takes_back_its_date(api: Api) -> None:
    bob = await api.sign_in("bob")
    await answer_as(api, "bob", MESSAGES, 1, 1)
    assert (await bob.get("/progress"))["overall_progress"]["mastered_concepts"] == 1

    await answer_as(api, "bob", MESSAGES, 0)

    overall = (await bob.get("/progress"))["overall_progress"]
    assert (overall["mastered_concepts"], overall["in_progress_concepts"]) == (0, 1)


async def test_a_concept_that_was_tried_is_not_new_again_when_given_up(api: Api) -> None:
    alice = await api.sign_in("alice")
    session_id = await start(alice, MESSAGES)
    await answer_as(api, "alice", MESSAGES, 0)

    ended = await alice.post(
        f"/concepts/{MESSAGES}/complete", {"session_id": session_id, "completion_type": "abandoned"}
    )

    assert (ended["status"], ended["mastery_score"]) == ("practicing", 0.5651)


async def test_learners_do_not_touch_each_other(api: Api) -> None:
    await answer_as(api, "alice", MESSAGES, 1, 1)

    bob = await api.sign_in("bob")

    assert await status_of(bob, MESSAGES) == "new"


async def test_the_profile_tells_level_strengths_and_weaknesses(api: Api) -> None:
    alice = await api.sign_in("alice")
    before = (await alice.get("/auth/me"))["learning_profile"]
    await answer_as(api, "alice", 1, 1, 1)
    await answer_as(api, "alice", 3, 1, 1, 1, 1)
    await answer_as(api, "alice", 6, 1, 1)
    await answer_as(api, "alice", 2, 0, 0, 0)

    after = (await alice.get("/auth/me"))["learning_profile"]

    assert before == {
        "level": "beginner",
        "preferred_learning_style": "unknown",
        "strengths": [],
        "areas_for_improvement": [],
    }
    # Mastered are difficulties 2, 3 and 5; the concept without a component is in no area.
    assert after["level"] == "intermediate"
    assert after["strengths"] == ["http"]
    assert after["areas_for_improvement"] == ["python"]
