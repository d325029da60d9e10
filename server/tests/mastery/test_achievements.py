"""What earns an achievement, and what does not."""

from datetime import date, timedelta

import pytest

from learntrac.mastery.achievements import BY_ID, RULES, Figures, earned, reached
from tests.conftest import Api
from tests.progress.studying import RIGHT, answer, begin, days_ago, study

DAY = date(2026, 3, 1)


def days(*numbers: int) -> tuple[date, ...]:
    return tuple(DAY + timedelta(days=number) for number in numbers)


@pytest.mark.parametrize(
    ("figures", "ids"),
    [
        (Figures(), set()),
        (Figures(worked_through=1), {"first_step"}),
        (Figures(mastered_levels=(2.0,)), {"first_mastery"}),
        (Figures(mastered_levels=(4.0, 4.5, 5.0)), {"first_mastery", "deep_diver"}),
        (Figures(mastered_levels=(1.0,) * 5), {"first_mastery", "five_mastered"}),
        (Figures(mastered_levels=(1.0,) * 20), {"first_mastery", "five_mastered", "twenty_mastered"}),
        (Figures(quickest=0.9), {"fast_learner"}),
        (Figures(quickest=1.0), set()),
        (Figures(milestones=("Basics",), milestone_share=1.0), {"milestone_complete"}),
        (Figures(milestone_share=0.9), set()),
        (Figures(days=days(0, 1, 2)), {"three_days"}),
        (Figures(days=days(0, 1, 3, 4)), set()),
        (Figures(days=days(*range(7))), {"three_days", "week_streak"}),
        (Figures(days=days(0, 14)), set()),
        (Figures(days=days(0, 15)), {"comeback"}),
        (Figures(reviews=10), {"reviewer"}),
    ],
)
def test_what_earns_what(figures: Figures, ids: set[str]) -> None:
    assert {one.rule.id for one in earned(figures, before=[])} == ids
    assert earned(figures, before=BY_ID) == []


def test_progress_is_a_share() -> None:
    half = {one.rule.id: one.progress for one in reached(Figures(mastered_levels=(1.0,), days=days(0, 1)))}

    assert half["five_mastered"] == 0.2
    assert half["three_days"] == pytest.approx(2 / 3)
    assert len({rule.id for rule in RULES}) == len(RULES)


async def test_graded_answers_earn_and_what_the_client_claims_does_not(api: Api) -> None:
    alice, bob = await api.sign_in("alice"), await api.sign_in("bob")
    begun = await alice.post("/concepts/1/start", {})
    claims = {"completion_type": "mastered", "time_spent": 7200, "quiz_score": 1.0, "exercises_completed": ["a"]}

    done = await alice.post("/concepts/1/complete", claims | {"session_id": begun["session_id"]})

    assert done["achievements_unlocked"] == []
    assert (await alice.get("/adaptive/achievements"))["earned"] == []

    begun = await bob.post("/concepts/1/start", {})
    await answer(api, "bob", 1, api.clock(), RIGHT, RIGHT)
    done = await bob.post("/concepts/1/complete", {"session_id": begun["session_id"]})
    assert [one["id"] for one in done["achievements_unlocked"]] == ["first_step"]
    earned_ = (await bob.get("/adaptive/achievements"))["earned"]
    assert {one["id"] for one in earned_} == {"first_mastery", "fast_learner", "first_step"}
    assert {one["id"]: one["evidence"] for one in earned_}["first_mastery"] == {"concepts": 1}


async def test_a_week_and_a_milestone(api: Api) -> None:
    for day in range(6, 0, -1):
        await study(api, "alice", 1 + day % 3, days_ago(api, day), RIGHT, RIGHT)
    alice = await api.sign_in("alice")
    begun = await alice.post("/concepts/6/start", {})
    done = await alice.post("/concepts/6/complete", {"session_id": begun["session_id"]})

    assert [one["id"] for one in done["achievements_unlocked"]] == ["week_streak"]
    found = await alice.get("/adaptive/achievements")
    assert {"milestone_complete", "three_days", "week_streak"} <= {one["id"] for one in found["earned"]}
    left = {one["id"]: one for one in found["open"]}
    assert left["five_mastered"]["progress"] == 0.6
    assert left["reviewer"]["current"] > 0
    assert not {one["id"] for one in found["earned"]} & left.keys()


async def test_each_is_earned_once(api: Api) -> None:
    await study(api, "alice", 1, days_ago(api, 3), RIGHT, RIGHT)
    first = (await (await api.sign_in("alice")).get("/adaptive/achievements"))["earned"]
    await study(api, "alice", 2, days_ago(api, 2), RIGHT, RIGHT)
    later = (await (await api.sign_in("alice")).get("/adaptive/achievements"))["earned"]

    assert later[: len(first)] == first


async def test_beginning_alone_earns_nothing(api: Api) -> None:
    await begin(api, "alice", 1, days_ago(api, 1))

    assert (await (await api.sign_in("alice")).get("/adaptive/achievements"))["earned"] == []


async def test_an_instructor_may_look(api: Api) -> None:
    await study(api, "alice", 1, days_ago(api, 3), RIGHT, RIGHT)
    ivan, bob = await api.sign_in("ivan"), await api.sign_in("bob")

    assert (await ivan.get("/adaptive/achievements", user_id="alice"))["earned"]
    assert (await ivan.get("/adaptive/achievements", user_id="nobody-at-all")).error == (404, "NOT_FOUND")
    assert (await bob.get("/adaptive/achievements", user_id="alice")).error == (403, "AUTHORIZATION_ERROR")
