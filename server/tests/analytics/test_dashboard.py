"""The dashboard through the door: every figure as it is defined, for all, for one, and where concepts are hidden."""

import pytest

from learntrac.activity.service import keep_up
from learntrac.activity.totals import of_all
from learntrac.activity.windows import WINDOWS
from learntrac.trac.visibility import Visibility
from tests.concepts.test_visibility import use_authz
from tests.conftest import Answer, Api, Person, TracCopy, serving
from tests.progress.studying import RIGHT, WRONG, begin, days_ago, study

MESSAGES, FUNCTIONS, LOOPS, FAR = 1, 2, 3, 6


async def dashboard(person: Person, timeframe: str = "month", **more: object) -> Answer:
    answer = await person.get("/analytics/dashboard", timeframe=timeframe, **more)
    assert answer.status == 200, answer.body
    return answer


async def have_learned(api: Api) -> None:
    await study(api, "alice", MESSAGES, days_ago(api, 2), RIGHT, RIGHT, minutes=60)
    await study(api, "alice", FUNCTIONS, days_ago(api, 1), WRONG, WRONG, WRONG, RIGHT, minutes=30, source="exercise")
    await study(api, "bob", MESSAGES, days_ago(api, 2), WRONG, WRONG, minutes=30)
    await begin(api, "bob", FUNCTIONS, days_ago(api, 0.01))
    await study(api, "bob", LOOPS, days_ago(api, 40), RIGHT, minutes=30)
    await study(api, "bob", FAR, days_ago(api, 41), abandon=True)


async def test_the_window_of_all_learners(api: Api) -> None:
    await have_learned(api)
    ivan = await api.sign_in("ivan")

    found = await dashboard(ivan)

    summary = found["summary"]
    assert (summary["active_learners"], summary["concepts_completed"]) == (2, 3)
    assert summary["total_learning_hours"] == 2.0
    assert 0.3 < summary["average_mastery_score"] < 0.9
    assert found["trends"]["completion_rate"] == {"current": 0.75, "previous": 0.5, "change_percentage": 50.0}
    engagement = found["trends"]["engagement_score"]
    assert engagement["current"] == pytest.approx(2 * 7 / 90, abs=1e-4)
    top = [(one["concept_id"], one["completions"], one["average_time"]) for one in found["top_concepts"]]
    assert top == [(MESSAGES, 2, 2700), (FUNCTIONS, 1, 1800)]


async def test_a_concept_that_many_fail_is_a_struggling_area(api: Api) -> None:
    await have_learned(api)
    await study(api, "bob", FUNCTIONS + 2, days_ago(api, 1), *[WRONG] * 4)
    await study(api, "carol", FUNCTIONS, days_ago(api, 1), WRONG)
    ivan = await api.sign_in("ivan")

    areas = (await dashboard(ivan))["struggling_areas"]

    found = [(one["concept_id"], one["failure_rate"], one["average_attempts"]) for one in areas]
    assert found == [(FUNCTIONS, 0.8, 2.5)]


async def test_a_learner_sees_themselves_and_an_instructor_sees_the_same_of_them(api: Api) -> None:
    await have_learned(api)
    alice, ivan = await api.sign_in("alice"), await api.sign_in("ivan")

    own, seen = await dashboard(alice), await dashboard(ivan, user_id="alice")

    assert own.body == seen.body
    assert own["summary"]["active_learners"] == 1
    assert own["summary"]["concepts_completed"] == 2
    assert own.body == (await dashboard(alice, user_id="alice")).body


@pytest.mark.parametrize("timeframe", ["week", "month", "quarter", "year"])
async def test_with_one_learner_all_is_the_one(api: Api, timeframe: str) -> None:
    for ago in (1, 5, 9, 40, 100, 300, 500):
        await study(api, "alice", MESSAGES, days_ago(api, ago), RIGHT, WRONG, minutes=20)
    await study(api, "alice", FUNCTIONS, days_ago(api, 3), WRONG, WRONG, WRONG, WRONG, WRONG, abandon=True)
    ivan, alice = await api.sign_in("ivan"), await api.sign_in("alice")

    together, alone = (await dashboard(ivan, timeframe)).body, (await dashboard(alice, timeframe)).body

    del together["learning_paths"], alone["learning_paths"]
    assert together == alone


async def test_hidden_concepts_do_not_exist_for_whoever_may_not_view_them(trac_copy: TracCopy) -> None:
    use_authz(trac_copy, f"[ticket:{FUNCTIONS}]\nadmin = TICKET_VIEW\n* = !TICKET_VIEW\n")
    async with serving(trac_copy) as api:
        await have_learned(api)
        admin, ivan = await api.sign_in("admin"), await api.sign_in("ivan")

        everything, found = (await dashboard(admin)).body, (await dashboard(ivan)).body

    assert [one["concept_id"] for one in found["top_concepts"]] == [MESSAGES]
    assert found["summary"]["concepts_completed"] == everything["summary"]["concepts_completed"] - 1
    assert found["summary"]["active_learners"] == 2
    assert found["top_concepts"][0] == everything["top_concepts"][0]


async def test_with_nothing_hidden_adding_up_learners_gives_the_totals(api: Api) -> None:
    """The two ways in which all learners' figures are read."""
    await have_learned(api)
    hides_nothing = Visibility(default=True, rules=((999, False),))
    today = await keep_up(api.parts.database, now=api.clock())
    for window in WINDOWS:
        kept, added_up = [
            await of_all(api.parts.database.hot, window=window, today=today, visibility=visibility)
            for visibility in (Visibility(default=True), hides_nothing)
        ]
        assert kept == added_up, window


async def test_common_orders(api: Api) -> None:
    for name in ("alice", "bob", "carol"):
        for place, concept in enumerate((MESSAGES, FUNCTIONS, LOOPS)):
            answers = (RIGHT, RIGHT, RIGHT) if name != "carol" else (WRONG,)
            await study(api, name, concept, days_ago(api, 5 - place), *answers, minutes=20)
    ivan = await api.sign_in("ivan")

    (path,) = (await dashboard(ivan))["learning_paths"]["most_successful"]

    assert path == {"path": [MESSAGES, FUNCTIONS, LOOPS], "success_rate": 0.6667, "average_time": 3600}


async def test_before_anybody_learned_there_are_honest_zeros(api: Api) -> None:
    found = await dashboard(await api.sign_in("ivan"))

    assert found.body == {
        "summary": {
            "active_learners": 0,
            "concepts_completed": 0,
            "average_mastery_score": 0.0,
            "total_learning_hours": 0.0,
        },
        "trends": {
            "completion_rate": {"current": 0.0, "previous": 0.0, "change_percentage": 0.0},
            "engagement_score": {"current": 0.0, "previous": 0.0, "change_percentage": 0.0},
        },
        "top_concepts": [],
        "struggling_areas": [],
        "learning_paths": {"most_successful": []},
    }


async def test_who_may_see_whom(api: Api) -> None:
    await have_learned(api)
    alice, ivan = await api.sign_in("alice"), await api.sign_in("ivan")

    assert (await api.anybody.get("/analytics/dashboard")).error == (401, "AUTHENTICATION_ERROR")
    assert (await alice.get("/analytics/dashboard", user_id="bob")).error == (403, "AUTHORIZATION_ERROR")
    assert (await ivan.get("/analytics/dashboard", user_id="nobody-at-all")).error == (404, "NOT_FOUND")
    for bad in ("century", "all", "", "Month"):
        assert (await ivan.get("/analytics/dashboard", timeframe=bad)).error == (400, "VALIDATION_ERROR")
