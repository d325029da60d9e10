"""Mastery through its doors, on both databases: lists, receipts, contests, and who may see what."""

import asyncio
import math

import pytest
from sqlalchemy import text

from learntrac.kit.clock import to_micros
from learntrac.mastery.parameter_file import write
from learntrac.mastery.parameters import Parameters, Weights
from learntrac.mastery.service import predict
from learntrac.mastery.standings import list_begun
from learntrac.mastery.tracing import State
from tests.conftest import Api, eventually
from tests.mastery.answering import answer_as

MESSAGES, FUNCTIONS, METHODS, HANDLERS, ERRORS, EXTRAS = 1, 2, 3, 4, 5, 6


async def test_whoever_begins_has_an_empty_list_and_an_honest_zero(api: Api) -> None:
    alice = await api.sign_in("alice")

    listed, one = await alice.get("/mastery"), await alice.get(f"/mastery/{MESSAGES}")

    assert listed.body == {"user_id": "alice", "concepts": [], "total": 0, "limit": 20, "offset": 0}
    assert (one["status"], one["mastery_score"], one["answers"]) == ("new", 0, 0)
    assert one["uncertainty"] == {"low": 0, "high": 1, "level": 0.9}
    assert one["receipt"]["terms"] == one["evidence"]["items"] == []
    assert one["expectation"]["words"] == "nothing was answered yet"


async def test_a_score_comes_with_its_receipt(api: Api) -> None:
    alice = await api.sign_in("alice")
    await answer_as(api, "alice", MESSAGES, 1, 0.5, 1, 1)

    one = await alice.get(f"/mastery/{MESSAGES}", limit=3)

    receipt = one["receipt"]
    logits = math.fsum(term["logits"] for term in receipt["terms"])
    assert logits == pytest.approx(receipt["sum_logits"])
    assert 1 / (1 + math.exp(-logits)) == pytest.approx(receipt["score_at_last_answer"])
    assert receipt["score_at_last_answer"] * receipt["retention"] == pytest.approx(receipt["mastery_score"])
    assert one["mastery_score"] == pytest.approx(receipt["mastery_score"], abs=1e-4)
    assert one["expectation"] == {"right": 8, "of": 10, "words": "will get about 8 of 10 right"}
    assert one["uncertainty"]["low"] < one["mastery_score"] < one["uncertainty"]["high"]
    assert one["trend"] == "steady"
    evidence = one["evidence"]
    assert (evidence["total"], evidence["limit"], len(evidence["items"])) == (4, 3, 3)
    assert [item["item"] for item in evidence["items"]] == ["exercise:3", "exercise:2", "exercise:1"]
    assert [item["right"] for item in evidence["items"]] == [True, True, False]
    assert evidence["items"][0]["score_after"] == one["score_at_last_answer"]
    assert evidence["items"][2]["effect"] < 0 < evidence["items"][1]["effect"]
    assert evidence["items"][2]["predicted"] == pytest.approx(0.7814, abs=1e-4)
    oldest = (await alice.get(f"/mastery/{MESSAGES}", offset=3))["evidence"]["items"]
    assert [item["item"] for item in oldest] == ["exercise:0"]


async def test_what_is_mastered_fades_and_falls_due(api: Api) -> None:
    await answer_as(api, "alice", MESSAGES, 1, 1, 1)
    await answer_as(api, "alice", FUNCTIONS, 0)
    api.clock.forward(days=10)
    alice = await api.sign_in("alice")

    listed = (await alice.get("/mastery"))["concepts"]
    due = await alice.get("/mastery", due="true")
    not_due = await alice.get("/mastery", due="false")

    messages = listed[0]
    assert (messages["status"], messages["due"]) == ("mastered", True)
    assert messages["mastery_score"] < 0.8 < messages["score_at_last_answer"]
    assert [item["concept_id"] for item in due["concepts"]] == [MESSAGES]
    assert [item["concept_id"] for item in not_due["concepts"]] == [FUNCTIONS]
    assert (await alice.get("/mastery", component="python"))["total"] == 1
    page = await alice.get("/mastery", limit=1, offset=1)
    assert (page["total"], [item["concept_id"] for item in page["concepts"]]) == (2, [FUNCTIONS])
    begun = {one.id: one for one in await list_begun(api.parts.database.hot, user_id="alice")}
    assert begun[MESSAGES].score_at(to_micros(api.clock())) == pytest.approx(messages["mastery_score"], abs=1e-3)
    assert begun[MESSAGES].due_at is not None
    assert (begun[FUNCTIONS].status, begun[FUNCTIONS].due_at) == ("practicing", None)


async def test_an_answer_above_moves_the_prerequisite_a_little(api: Api) -> None:
    await answer_as(api, "alice", MESSAGES, 1, 1)
    alice = await api.sign_in("alice")
    before = (await alice.get(f"/mastery/{MESSAGES}"))["score_at_last_answer"]

    await answer_as(api, "alice", METHODS, 0, 0)

    one = await alice.get(f"/mastery/{MESSAGES}")
    assert before - 0.02 < one["score_at_last_answer"] < before
    assert (one["status"], one["answers"]) == ("mastered", 2)
    assert {"passed_on"} <= {term["term"] for term in one["receipt"]["terms"]}
    assert (await alice.get(f"/mastery/{HANDLERS}"))["status"] == "new"


async def test_instructors_look_at_others_and_students_do_not(api: Api) -> None:
    await answer_as(api, "alice", MESSAGES, 1)
    bob, ivan = await api.sign_in("bob"), await api.sign_in("ivan")

    assert (await bob.get("/mastery", user_id="alice")).error == (403, "AUTHORIZATION_ERROR")
    assert (await bob.get("/mastery", user_id="bob")).status == 200
    assert (await ivan.get("/mastery", user_id="alice"))["total"] == 1
    assert (await ivan.get(f"/mastery/{MESSAGES}", user_id="alice"))["answers"] == 1
    assert (await ivan.get("/mastery", user_id="nobody at all")).error == (404, "NOT_FOUND")


async def test_a_hidden_concept_does_not_exist(api: Api) -> None:
    await answer_as(api, "alice", MESSAGES, 1)
    await answer_as(api, "alice", FUNCTIONS, 1)
    api.trac.set_option("trac", "permission_policies", "AuthzPolicy, DefaultPermissionPolicy")
    rules = api.trac.folder / "conf" / "authz.conf"
    rules.write_text(f"[ticket:{MESSAGES}@*]\nalice =\n*  = TICKET_VIEW\n")
    api.trac.set_option("authz_policy", "authz_file", str(rules))
    alice = await api.sign_in("alice")

    async def gone() -> bool:
        return (await alice.get(f"/mastery/{MESSAGES}")).status == 404

    await eventually(gone)
    assert (await alice.get("/mastery"))["total"] == 1
    contested = await alice.post("/mastery/evidence/1/contest", {"reason": "It was right"})
    assert contested.error == (404, "NOT_FOUND")
    assert (await alice.get("/mastery/9999")).error == (404, "NOT_FOUND")


async def contested(api: Api, reason: str = "The key is wrong") -> int:
    """Alice passed twice, failed once and contests it; the contest's number."""
    alice = await api.sign_in("alice")
    await answer_as(api, "alice", MESSAGES, 1, 1, 0)
    newest = (await alice.get(f"/mastery/{MESSAGES}"))["evidence"]["items"][0]
    answer = await alice.post(f"/mastery/evidence/{newest['id']}/contest", {"reason": reason})
    assert answer.status == 201, answer.body
    assert (answer["status"], answer["reason"], answer["effect"] < 0) == ("pending", reason, True)
    return int(answer["contest_id"])


async def test_an_accepted_contest_strikes_the_answer_and_loses_nothing(api: Api) -> None:
    number = await contested(api)
    alice, ivan = await api.sign_in("alice"), await api.sign_in("ivan")
    before = await alice.get(f"/mastery/{MESSAGES}")

    listed = await ivan.get("/mastery/contests", status="pending")
    decided = await ivan.post(f"/mastery/contests/{number}/decide", {"accept": True, "note": "Right you are"})

    assert (before["status"], listed["total"], listed["contests"][0]["contest_id"]) == ("practicing", 1, number)
    assert (decided["status"], decided["decided_by"], decided["note"]) == ("accepted", "ivan", "Right you are")
    assert (decided["concept_status"], decided["mastery_score"]) == ("mastered", 0.815)
    after = await alice.get(f"/mastery/{MESSAGES}")
    assert (after["status"], after["score_at_last_answer"], after["answers"]) == ("mastered", 0.815, 2)
    struck = after["evidence"]["items"][0]
    assert (struck["voided"], struck["contest"], struck["effect"]) == (True, "accepted", 0)
    kinds = await api.parts.database.hot.rows("SELECT kind FROM learning_event ORDER BY id")
    assert [row[0] for row in kinds] == [
        *("answered", "answered", "mastered", "answered", "contested", "voided", "mastered"),
    ]
    assert (await ivan.get("/mastery/contests", status="pending"))["total"] == 0
    again = await ivan.post(f"/mastery/contests/{number}/decide", {"accept": False})
    assert again.error == (409, "CONFLICT")


async def test_striking_the_only_answer_leaves_nothing_behind(api: Api) -> None:
    alice, ivan = await api.sign_in("alice"), await api.sign_in("ivan")
    await answer_as(api, "alice", FUNCTIONS, 0)
    contest = await alice.post("/mastery/evidence/1/contest", {"reason": "Not me"})

    await ivan.post(f"/mastery/contests/{contest['contest_id']}/decide", {"accept": True})

    one = await alice.get(f"/mastery/{FUNCTIONS}")
    assert (one["status"], one["mastery_score"], one["answers"]) == ("new", 0, 0)
    assert one["evidence"]["total"] == 1
    assert (await alice.get("/mastery"))["total"] == 0


async def test_a_rejected_contest_changes_nothing(api: Api) -> None:
    number = await contested(api)
    ivan = await api.sign_in("ivan")

    decided = await ivan.post(f"/mastery/contests/{number}/decide", {"accept": False, "note": "Read it again"})

    assert (decided["status"], decided["concept_status"]) == ("rejected", "practicing")
    assert decided["mastery_score"] == pytest.approx(0.7136, abs=1e-4)


async def test_an_answer_is_contested_once_and_by_its_learner(api: Api) -> None:
    await contested(api)
    alice, bob = await api.sign_in("alice"), await api.sign_in("bob")

    assert (await alice.post("/mastery/evidence/3/contest", {"reason": "Still"})).error == (409, "CONFLICT")
    assert (await bob.post("/mastery/evidence/3/contest", {"reason": "Me too"})).error == (404, "NOT_FOUND")
    assert (await alice.post("/mastery/evidence/3/contest", {"reason": "  "})).error == (400, "VALIDATION_ERROR")
    assert (await alice.post("/mastery/evidence/99/contest", {"reason": "What"})).error == (404, "NOT_FOUND")


async def only_state(api: Api) -> State:
    """The state of the only learner there is."""
    ((content,),) = await api.parts.database.hot.rows("SELECT state FROM learner_state")
    return State.from_bytes(content)


async def test_answers_that_come_at_once_are_all_counted(api: Api) -> None:
    await asyncio.gather(*(answer_as(api, "alice", MESSAGES if number % 2 else METHODS, 1) for number in range(12)))

    alice = await api.sign_in("alice")
    concepts = (await alice.get("/mastery"))["concepts"]
    assert [item["answers"] for item in concepts] == [6, 6]
    state = await only_state(api)
    assert (state.answers, state.skills["1"].answers, state.skills["3"].answers) == (12, 6, 6)


async def test_predictions_are_for_concepts_with_and_without_answers(api: Api) -> None:
    await answer_as(api, "alice", MESSAGES, 1, 1)
    state = await only_state(api)

    assert predict(api.parts.model, State(), [MESSAGES]) == {MESSAGES: pytest.approx(0.6269, abs=1e-4)}
    assert predict(api.parts.model, state, [MESSAGES, EXTRAS]) == {
        MESSAGES: pytest.approx(0.815, abs=1e-4),
        EXTRAS: pytest.approx(0.7163, abs=1e-4),
    }


async def test_other_parameters_are_taken_up_and_the_learner_replayed(api: Api) -> None:
    await answer_as(api, "alice", MESSAGES, 1, 1)
    sceptic = Parameters(Weights(-2.0, 0, 1, 0, 0, 0, 1, 0, 0), 0.0)
    write(sceptic, api.trac.folder / "db" / "learntrac-model.json")

    async def taken_up() -> bool:
        return api.parts.model.current.parameters == sceptic

    await eventually(taken_up)
    await answer_as(api, "alice", FUNCTIONS, 0)

    alice = await api.sign_in("alice")
    messages = (await alice.get(f"/mastery/{MESSAGES}")).body
    assert messages["score_at_last_answer"] < 0.3
    assert (messages["status"], messages["due"]) == ("mastered", True)


async def test_a_state_that_is_damaged_is_made_again_from_the_log(api: Api) -> None:
    await answer_as(api, "alice", MESSAGES, 1, 1)
    async with api.parts.database.begin() as session:
        await session.execute(text("UPDATE learner_state SET state = :damaged"), {"damaged": b"\x07"})

    await answer_as(api, "alice", MESSAGES, 0)

    alice = await api.sign_in("alice")
    assert (await alice.get(f"/mastery/{MESSAGES}"))["score_at_last_answer"] == pytest.approx(0.7136, abs=1e-4)
