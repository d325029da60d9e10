"""What is announced: each event of a learner's steps, once, in the transaction of its cause, on both databases."""

import pytest
from sqlalchemy import text

from learntrac.kit.db import Database
from learntrac.webhooks.events import EVENTS, plain
from learntrac.webhooks.outbox import announce
from tests.conftest import Api, Person
from tests.mastery.answering import answer_as
from tests.webhooks.listening import announced, listen

MESSAGES, FUNCTIONS, METHODS, EXTRAS = 1, 2, 3, 6


async def study(learner: Person, concept: int) -> None:
    begun = await learner.post(f"/concepts/{concept}/start", {"learning_mode": "challenge"})
    await learner.post(f"/concepts/{concept}/complete", {"session_id": begun["session_id"], "time_spent": 0})


async def test_a_learner_begins_and_completes(api: Api) -> None:
    await listen(api, "concept.started", "concept.completed")
    await study(await api.sign_in("alice"), MESSAGES)

    assert await announced(api) == [
        ("concept.started", {"user_id": "alice", "concept_id": 1, "learning_mode": "challenge"}),
        ("concept.completed", {"user_id": "alice", "concept_id": 1, "mastery_score": 0, "time_spent": 0}),
    ]


async def test_mastery_and_its_achievement(api: Api) -> None:
    await listen(api)
    await answer_as(api, "alice", MESSAGES, 1, 1)

    assert (await announced(api))[:2] == [
        ("concept.mastered", {"user_id": "alice", "concept_id": 1, "mastery_score": 0.815}),
        (
            "achievement.unlocked",
            {
                "user_id": "alice",
                "achievement_id": "first_mastery",
                "title": "First Mastery",
                "description": "Mastered a first concept",
            },
        ),
    ]


async def test_a_question_for_a_person_is_announced_without_its_words(api: Api) -> None:
    await listen(api, "tutor.handover_requested")
    alice = await api.sign_in("alice")
    begun = await alice.post("/chat/start", {"context": {"concept_id": MESSAGES}, "initial_message": "What is it?"})

    asked = await alice.post(f"/chat/{begun['chat_id']}/handover", {"question": "Why two lines?"})
    again = await alice.post(f"/chat/{begun['chat_id']}/handover", {})

    assert (asked.status, again.status) == (200, 409)
    told = {"user_id": "alice", "handover_id": asked["handover_id"], "concept_id": MESSAGES}
    assert await announced(api) == [("tutor.handover_requested", told)]


async def test_who_fails_three_times_in_a_row_struggles_once(api: Api) -> None:
    await listen(api, "user.struggled")

    await answer_as(api, "alice", MESSAGES, 0, 0.2, 1, 0, 0)
    assert await announced(api) == []
    await answer_as(api, "alice", MESSAGES, 0.79, 0, 0, 0)
    await answer_as(api, "alice", FUNCTIONS, 0, 0, weight=0.5)

    [(event, data)] = await announced(api)
    assert event == "user.struggled"
    assert data.keys() == {"user_id", "concept_id", "failures_in_a_row", "mastery_score"}
    assert (data["user_id"], data["concept_id"], data["failures_in_a_row"]) == ("alice", 1, 3)


async def test_answers_that_weigh_nothing_are_no_failures(api: Api) -> None:
    await listen(api, "user.struggled")
    await answer_as(api, "alice", MESSAGES, 0, 0, 0, weight=0)

    assert await announced(api) == []


async def test_a_milestone_is_achieved_once_all_of_it_is_mastered_or_completed(api: Api) -> None:
    await listen(api, "milestone.achieved")
    alice = await api.sign_in("alice")
    await study(alice, MESSAGES)
    await answer_as(api, "alice", METHODS, *[1] * 5)
    await study(alice, EXTRAS)  # of no milestone
    assert await announced(api) == []

    await study(alice, FUNCTIONS)
    await study(alice, FUNCTIONS)

    assert await announced(api) == [
        ("milestone.achieved", {"user_id": "alice", "milestone": "Basics", "concepts": 3, "mastered_concepts": 1})
    ]


async def test_nobody_listens_and_nothing_is_kept(api: Api) -> None:
    await listen(api, "export.ready")
    await study(await api.sign_in("alice"), MESSAGES)

    assert await api.parts.database.hot.slow_rows("SELECT id FROM webhook_event") == []


async def test_what_did_not_happen_is_not_announced(api: Api) -> None:
    await listen(api)

    async def announce_and_fail() -> None:
        async with api.parts.database.begin() as session:
            await announce(session, "export.ready", {"export_id": "export-1"}, now=api.clock())
            raise LookupError

    with pytest.raises(LookupError):
        await announce_and_fail()

    assert await announced(api) == []


async def test_every_listener_gets_a_delivery_of_one_event(api: Api) -> None:
    for number in (1, 2, 3):
        await listen(api, "export.ready", webhook_id=number)
    async with api.parts.database.begin() as session:
        await announce(session, "export.ready", {"export_id": "export-1"}, now=api.clock())

    rows = await api.parts.database.hot.slow_rows("SELECT event_id, webhook_id FROM webhook_delivery ORDER BY id")
    assert [row[1] for row in rows] == [1, 2, 3]
    assert len({row[0] for row in rows}) == 1


def test_numbers_are_written_alike_in_every_language() -> None:
    data = {"score": 1.0, "share": 0.123456, "many": [2.0, {"deep": (0.00001,)}], "yes": True, "none": None}

    assert plain(data) == {"score": 1, "share": 0.1235, "many": [2, {"deep": [0]}], "yes": True, "none": None}
    assert isinstance(plain(1.0), int)


async def test_whoever_registered_before_a_transaction_began_is_told_by_every_process(
    api: Api,
) -> None:
    """Another process registers and removes; this one keeps nothing of it from one transaction to the next."""
    alice = await api.sign_in("alice")
    other = Database(api.parts.database.url.render_as_string(hide_password=False))
    try:
        for concept in (MESSAGES, FUNCTIONS, METHODS):
            await study(alice, concept)
            async with other.begin() as session:
                await session.execute(text("INSERT INTO webhook_subscription VALUES ('concept.started', 7)"))
            await alice.post(f"/concepts/{concept}/start", {})
            async with other.begin() as session:
                await session.execute(text("DELETE FROM webhook_subscription"))
    finally:
        await other.close()

    assert [(event, data["concept_id"]) for event, data in await announced(api)] == [
        ("concept.started", concept) for concept in (MESSAGES, FUNCTIONS, METHODS)
    ]


@pytest.mark.parametrize("wanted", [(), *((event,) for event in EVENTS), EVENTS])
async def test_which_events_are_wanted_comes_with_another_statement(api: Api, wanted: tuple[str, ...]) -> None:
    """As it is read where no statement brings it."""
    for number in (1, 2):
        if wanted:
            await listen(api, *wanted, webhook_id=number)
    async with api.parts.database.begin() as session:
        for event in EVENTS:
            await announce(session, event, {"user_id": "alice", "concept_id": 1}, now=api.clock())

    assert [event for event, _ in await announced(api)] == [event for event in EVENTS if event in wanted for _ in "ab"]
