"""Adaptive learning through the doors, on both databases. The small course: 1 → 3 → 4, 2 → 4, 3 → 5, and 6 alone."""

from typing import Any

import pytest

from tests.concepts.test_visibility import use_authz
from tests.conftest import Api, Person, TracCopy, serving
from tests.progress.studying import RIGHT, WRONG, answer, begin, days_ago, study

SAID = {
    "concept_id": 1,
    "difficulty_rating": 1,
    "clarity_rating": 4,
    "pace_feedback": "too_slow",
    "preferred_resources": ["video", "exercises"],
    "time_sufficient": True,
    "additional_comments": "More examples",
}


def ids(answer_: Any) -> list[int]:
    """What is new among it: what was mastered by two answers is soon due for review."""
    return [line["concept_id"] for line in answer_["recommendations"] if line["kind"] == "new"]


async def recommended(person: Person, **query: int) -> Any:
    found = await person.get("/adaptive/recommendations", **query)
    assert found.status == 200, found.body
    return found.body


class TestRecommendations:
    async def test_a_beginner_begins_at_the_beginning(self, api: Api) -> None:
        found = await recommended(await api.sign_in("alice"))

        assert sorted(ids(found)) == [1, 2, 6]
        assert found["recommendations"][0] == {
            "concept_id": 1,
            "title": "HTTP messages",
            "kind": "new",
            "reason": "Next in the milestone you work on: Basics",
            "confidence": 0.6269,
            "estimated_time": 60,
            "difficulty_match": 0.75,
            "prerequisites_ready": True,
            "learning_style_match": 0.0,
        }
        assert found["learning_insights"] == {
            "current_level": "beginner",
            "momentum": "none",
            "suggested_pace": "maintain",
            "strength_areas": [],
            "focus_areas": ["http", "python"],
        }
        assert found["adaptive_path"]["short_term"] == ids(found)
        assert found["adaptive_path"]["medium_term"] == [3, 4]
        assert found["adaptive_path"]["long_term_goal"] == "Complete Basics: 3 of 3 concepts to go"

    async def test_what_was_mastered_opens_the_next(self, api: Api) -> None:
        await study(api, "alice", 1, days_ago(api, 2), RIGHT, RIGHT)
        found = await recommended(await api.sign_in("alice"))

        assert 1 not in ids(found)
        reasons = {line["concept_id"]: line["reason"] for line in found["recommendations"]}
        assert reasons[1].startswith("Due for review: you would now get about ")
        assert reasons[3].startswith("Builds on HTTP messages, which you mastered on ")
        assert found["learning_insights"]["strength_areas"] == ["http"]
        assert found["learning_insights"]["momentum"] == "steady"

    async def test_what_was_failed_comes_again_and_what_was_only_completed_does_not(self, api: Api) -> None:
        await study(api, "alice", 1, days_ago(api, 2))
        await study(api, "alice", 2, days_ago(api, 1), WRONG, WRONG)
        found = await recommended(await api.sign_in("alice"))

        assert 1 not in ids(found)
        failed = next(line for line in found["recommendations"] if line["concept_id"] == 2)
        assert failed["confidence"] < 0.5
        assert failed["reason"].startswith("You have worked on it and would now get about ")

    async def test_progress_says_the_same(self, api: Api) -> None:
        await study(api, "alice", 1, days_ago(api, 2), RIGHT, RIGHT)
        await begin(api, "alice", 6, days_ago(api, 1))
        alice = await api.sign_in("alice")
        await alice.post("/adaptive/feedback", SAID)

        here, there = await recommended(alice), await alice.get("/progress")

        shared = ("concept_id", "title", "kind", "reason", "difficulty_match")
        assert [{key: line[key] for key in shared} for line in here["recommendations"]] == there["recommendations"]

    async def test_the_set_fits_into_the_time(self, api: Api) -> None:
        alice = await api.sign_in("alice")
        for timeframe, expected in ((45, [2]), (60, [1]), (110, [1, 2]), (1000, [1, 2, 6])):
            found = await recommended(alice, timeframe=timeframe)

            assert sorted(ids(found)) == expected, timeframe
            assert found["total_time"] == sum(line["estimated_time"] for line in found["recommendations"]) <= timeframe
            assert found["fits"] is True
        nothing = await recommended(alice, timeframe=10)
        assert (ids(nothing), nothing["fits"]) == ([], False)

    async def test_no_more_than_were_asked_for(self, api: Api) -> None:
        alice = await api.sign_in("alice")

        assert len(ids(await recommended(alice, count=1))) == 1
        for wrong in ({"count": 0}, {"count": 51}, {"timeframe": 0}, {"timeframe": 10_081}):
            assert (await alice.get("/adaptive/recommendations", **wrong)).error == (400, "VALIDATION_ERROR")

    async def test_nothing_is_left_to_do(self, api: Api) -> None:
        for day, concept in enumerate((1, 2, 3, 4, 5, 6)):
            await study(api, "alice", concept, days_ago(api, 9 - day), *[RIGHT] * 9)
        found = await recommended(await api.sign_in("alice"), timeframe=60)

        assert (ids(found), found["fits"]) == ([], True)
        assert found["adaptive_path"]["medium_term"] == []
        assert found["learning_insights"]["suggested_pace"] == "increase"

    async def test_what_is_hidden_is_neither_recommended_nor_counted(self, trac_copy: TracCopy) -> None:
        use_authz(trac_copy, "[ticket:2]\n* = !TICKET_VIEW\n[ticket:3]\n* = !TICKET_VIEW\n")
        async with serving(trac_copy) as api:
            await study(api, "alice", 1, days_ago(api, 2), RIGHT, RIGHT)
            found = await recommended(await api.sign_in("alice"))

            assert ids(found) == [6]
            assert 3 not in found["adaptive_path"]["medium_term"]
            assert (
                await (await api.sign_in("alice")).post("/adaptive/feedback", SAID | {"concept_id": 2})
            ).status == 404


class TestFeedback:
    async def test_it_moves_the_profile_a_little(self, api: Api) -> None:
        alice = await api.sign_in("alice")
        said = await alice.post("/adaptive/feedback", SAID)

        assert said.status == 200
        assert said.body == {
            "feedback_recorded": True,
            "profile_updated": True,
            "adjustments": {
                "difficulty_preference": "increased",
                "resource_weights": {"documentation": 0.25, "exercises": 0.375, "video": 0.375},
                "pace_adjustment": "slightly_increased",
            },
        }

    async def test_the_same_word_twice_counts_once_and_a_new_one_takes_its_place(self, api: Api) -> None:
        alice = await api.sign_in("alice")
        await alice.post("/adaptive/feedback", SAID)
        again = await alice.post("/adaptive/feedback", SAID)
        other = await alice.post("/adaptive/feedback", SAID | {"difficulty_rating": 3})

        assert again["profile_updated"] is False
        assert again["adjustments"]["difficulty_preference"] == "maintained"
        assert other["adjustments"]["difficulty_preference"] == "decreased"
        kept = await api.parts.database.hot.rows("SELECT difficulty, pace FROM learning_preference")
        assert [tuple(row) for row in kept] == [(0.0, 0.1)]

    async def test_words_on_several_concepts_add_up_and_style_matches(self, api: Api) -> None:
        alice = await api.sign_in("alice")
        for concept in (1, 2):
            said = await alice.post("/adaptive/feedback", SAID | {"concept_id": concept})
        assert said["profile_updated"] is True

        found = await recommended(alice)

        match = {line["concept_id"]: line["learning_style_match"] for line in found["recommendations"]}
        assert match[1] > 0
        assert match[6] == 0  # there is nothing to read or to watch

    async def test_only_the_concept_is_needed(self, api: Api) -> None:
        alice = await api.sign_in("alice")

        said = await alice.post("/adaptive/feedback", {"concept_id": 1})
        assert said["adjustments"]["difficulty_preference"] == "maintained"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"difficulty_rating": 6},
            {"clarity_rating": 0},
            {"pace_feedback": "fine"},
            {"preferred_resources": [""]},
            {"time_sufficient": "yes"},
            {"concept_id": 0},
        ],
        ids=lambda wrong: next(iter(wrong)),
    )
    async def test_nonsense_is_refused(self, api: Api, wrong: dict[str, Any]) -> None:
        alice = await api.sign_in("alice")

        assert (await alice.post("/adaptive/feedback", SAID | wrong)).error == (400, "VALIDATION_ERROR")
        assert (await alice.post("/adaptive/feedback", SAID | {"concept_id": 99})).error == (404, "NOT_FOUND")

    async def test_sent_again_it_is_answered_again(self, api: Api) -> None:
        alice = await api.sign_in("alice")
        key = {"Idempotency-Key": "said-1"}

        first = await alice.post("/adaptive/feedback", SAID, headers=key)
        again = await alice.post("/adaptive/feedback", SAID, headers=key)

        assert first.body == again.body
        assert again["profile_updated"] is True


class TestPlacement:
    async def test_from_the_first_question_to_the_result(self, api: Api) -> None:
        alice = await api.sign_in("alice")
        turn = await alice.post("/adaptive/placement/start")
        asked = []
        while not turn["done"]:
            question = turn["question"]
            assert question["prompt"].endswith("?")
            asked.append(question["concept_id"])
            path = f"/adaptive/placement/{turn['placement_id']}/answer"
            turn = await alice.post(path, {"answer": "knows", "concept_id": question["concept_id"]})
            assert turn.status == 200, turn.body

        assert turn["asked"] == len(asked) == 1  # a quarter of six concepts
        assert turn["question"] is None
        known = {line["concept_id"] for line in turn["result"]["seems_known"]}
        assert turn["result"]["known_count"] == len(known)
        rows = await api.parts.database.hot.rows("SELECT concept_id FROM placement_prior WHERE user_id = 'alice'")
        assert known <= {row[0] for row in rows}

    async def test_it_never_makes_anything_mastered(self, api: Api) -> None:
        alice = await api.sign_in("alice")
        before = {line["concept_id"]: line["confidence"] for line in (await recommended(alice))["recommendations"]}
        turn = await alice.post("/adaptive/placement/start")
        await alice.post(f"/adaptive/placement/{turn['placement_id']}/answer", {"correct": True})
        after = {line["concept_id"]: line["confidence"] for line in (await recommended(alice))["recommendations"]}

        assert (await alice.get("/concepts", status="mastered"))["total"] == 0
        assert before.keys() == after.keys()
        assert any(after[one] > before[one] for one in after)

    async def test_an_answer_counts_once_and_only_to_its_question(self, api: Api) -> None:
        alice, bob = await api.sign_in("alice"), await api.sign_in("bob")
        turn = await alice.post("/adaptive/placement/start")
        path, known = f"/adaptive/placement/{turn['placement_id']}/answer", {"answer": "does_not_know"}

        assert (await bob.post(path, known)).error == (404, "NOT_FOUND")
        assert (await alice.post(path, known | {"concept_id": 99})).error == (409, "CONFLICT")
        assert (await alice.post(path, {})).error == (400, "VALIDATION_ERROR")
        assert (await alice.post(path, known | {"correct": False})).error == (400, "VALIDATION_ERROR")
        key = {"Idempotency-Key": "one"}
        first = await alice.post(path, known, headers=key)
        assert (await alice.post(path, known, headers=key)).body == first.body
        assert (await alice.post(path, known)).error == (409, "CONFLICT")

    async def test_a_new_one_ends_the_old_one(self, api: Api) -> None:
        alice = await api.sign_in("alice")
        old = await alice.post("/adaptive/placement/start")
        await alice.post("/adaptive/placement/start")

        late = await alice.post(f"/adaptive/placement/{old['placement_id']}/answer", {"correct": True})
        assert late.error == (409, "CONFLICT")

    async def test_what_is_hidden_is_never_asked(self, trac_copy: TracCopy) -> None:
        trac_copy.execute("DELETE FROM permission WHERE action = 'TICKET_VIEW'")
        async with serving(trac_copy) as api:
            turn = await (await api.sign_in("alice")).post("/adaptive/placement/start")

            assert (turn["done"], turn["question"], turn["result"]["known_count"]) == (True, None, 0)


async def test_momentum_comes_of_days_and_answers(api: Api) -> None:
    for day in (1, 2, 3, 4):
        await answer(api, "alice", 1, days_ago(api, day), RIGHT)
    found = await recommended(await api.sign_in("alice"))

    assert found["learning_insights"]["momentum"] == "high"
