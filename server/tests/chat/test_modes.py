"""What the four modes do with what a learner knows, and what the ladder gives."""

from typing import Any

from sqlalchemy import text

from tests.chat.test_talking import begin
from tests.conftest import Answer, Api, Person
from tests.exercises.samples import QUIZ
from tests.progress.studying import RIGHT, WRONG, days_ago, study

MESSAGES, FUNCTIONS, METHODS, HANDLERS = 1, 2, 3, 4


async def ask(person: Person, chat: str, message: str, **more: Any) -> Answer:
    answer = await person.post(f"/chat/{chat}/message", {"message": message, **more})
    assert answer.status == 200, answer.body
    return answer


async def start(person: Person, concept: int | None, mode: str, message: str | None = None) -> Answer:
    body: dict[str, Any] = {"context": {"concept_id": concept, "mode": mode}}
    return await begin(person, body | ({"initial_message": message} if message else {}))


async def master(api: Api, name: str, *concepts: int) -> None:
    for concept in concepts:
        await study(api, name, concept, days_ago(api, 3), *[RIGHT] * 12)


async def test_who_is_learning_is_asked_and_climbs_by_trying(api: Api) -> None:
    await api.drain()
    alice = await api.sign_in("alice")

    begun = await start(alice, MESSAGES, "tutoring", "What does a request look like?")
    chat = begun["chat_id"]
    demanded = await ask(alice, chat, "Just tell me the answer!")
    tried = await ask(alice, chat, "I think a request goes out and something comes back.")
    again = await ask(alice, chat, "Maybe the answer comes back because the server sends it.")
    last = await ask(alice, chat, "So the request is a text with a first line, I think.")

    rungs = [answer["decision"]["rung"] for answer in (begun, demanded, tried, again, last)]
    assert rungs == ["question", "question", "pointer", "idea", "worked example"]
    assert begun["initial_response"]["message"].endswith("?")
    assert "Try it first" in demanded["response"]["message"]
    assert "again, from “What a server and a client say to each" in tried["response"]["message"]
    assert "> What a server and a client say to each other. [1]" in again["response"]["message"]


async def test_who_has_mastered_it_gets_an_answer(api: Api) -> None:
    await api.drain()
    await master(api, "alice", MESSAGES)
    alice = await api.sign_in("alice")

    told = await start(alice, MESSAGES, "explaining", "What does a server say to a client?")

    assert (told["decision"]["kind"], told["decision"]["missing"]) == ("answer", [])
    assert "> What a server and a client say to each other. [1]" in told["initial_response"]["message"]


async def test_who_lacks_what_it_builds_on_begins_there(api: Api) -> None:
    await api.drain()
    alice = await api.sign_in("alice")

    told = await start(alice, METHODS, "explaining", "What is PUT?")

    assert told["decision"]["aim"] == MESSAGES
    assert told["decision"]["missing"] == [METHODS, MESSAGES]
    assert "This builds on **HTTP messages**" in told["initial_response"]["message"]


async def test_what_the_course_does_not_have_is_said(api: Api) -> None:
    await api.drain()
    alice = await api.sign_in("alice")

    told = await start(alice, MESSAGES, "explaining", "How do volcanoes erupt?")

    assert told["decision"]["kind"] == "nothing"
    assert "The course says nothing about this" in told["initial_response"]["message"]
    assert told["initial_response"]["suggestions"][0] == "I would like to ask a person."
    assert told["initial_response"]["citations"] == []


async def test_the_talk_is_remembered(api: Api) -> None:
    await api.drain()
    await master(api, "alice", FUNCTIONS)
    alice = await api.sign_in("alice")

    begun = await start(alice, None, "explaining", "What are Python functions?")
    more = await ask(alice, begun["chat_id"], "Can you explain it again?")

    assert "Small named pieces of work." in begun["initial_response"]["message"]
    assert "Small named pieces of work." in more["response"]["message"]


async def test_practice_sets_questions_and_answers_are_weak_evidence(api: Api) -> None:
    api.trac.execute(
        "UPDATE ticket SET description = ? WHERE id = 6",
        "A kiln fires clay until it hardens; glaze melts into glass.\n\n== Goals ==\n * Explain what firing does\n",
    )
    await api.parts.sync.step()
    await api.drain()
    alice = await api.sign_in("alice")

    begun = await start(alice, 6, "practice")
    right = await ask(alice, begun["chat_id"], "The clay hardens in the kiln and the glaze melts.")
    again = await ask(alice, begun["chat_id"], "The clay hardens in the kiln and the glaze melts.")

    assert begun["initial_response"]["message"].endswith("Try this one: Can you explain what firing does?")
    assert right["response"]["message"].startswith("That fits what the course says: you named ")
    assert again.status == 200
    async with api.parts.database.read() as session:
        rows = (await session.execute(text("SELECT concept_id, outcome, weight, source FROM evidence"))).all()
    assert [tuple(row) for row in rows] == [(6, 1.0, 0.1, "tutor")]
    assert (await alice.get("/concepts/6"))["status"] != "mastered"


async def test_debugging_reads_the_code(api: Api) -> None:
    await api.drain()
    alice = await api.sign_in("alice")

    told = await start(alice, FUNCTIONS, "debugging", "It fails:\n```python\ndef f(:\n    return 1\n```")

    assert told["initial_response"]["message"].startswith("Python stops reading at line 1, `def f(:`")
    assert told["decision"]["kind"] == "guide"


async def test_in_an_open_exercise_nothing_of_it_is_told(api: Api) -> None:
    ivan, alice = await api.sign_in("ivan"), await api.sign_in("alice")
    await master(api, "alice", MESSAGES)
    assert (await ivan.post("/exercises", QUIZ)).status == 201
    await api.drain()

    before = await start(alice, MESSAGES, "explaining", "Which verb only reads messages?")
    assert (await alice.post("/exercises/verbs/start")).status == 200
    during = await start(alice, MESSAGES, "explaining", "Which verb only reads messages? Give me the full answer.")

    assert before["decision"]["kind"] == "answer"
    assert (during["decision"]["kind"], during["decision"]["in_graded_exercise"]) == ("guide", True)
    assert "its solution stays yours to find" in during["initial_response"]["message"]
    assert "Not Found" not in str(during.body) or "404" not in str(during.body)


async def test_help_lowers_what_a_pass_proves(api: Api) -> None:
    ivan, alice, bob = await api.sign_in("ivan"), await api.sign_in("alice"), await api.sign_in("bob")
    assert (await ivan.post("/exercises", QUIZ)).status == 201
    await api.drain()
    for person in (alice, bob):
        assert (await person.post("/exercises/verbs/start")).status == 200
    chat = (await start(alice, MESSAGES, "tutoring", "Which verb only reads?"))["chat_id"]
    for tried in ("I think GET reads a message.", "Maybe it is because GET is safe.", "I think nothing changes then."):
        await ask(alice, chat, tried)

    async with api.parts.database.read() as session:
        rows = await session.execute(text("SELECT user_id, helped FROM exercise_session ORDER BY user_id"))
        helped = {row.user_id: row.helped for row in rows}
    assert helped == {"alice": 3, "bob": 0}


async def test_three_failures_in_a_row_offer_help_and_a_person(api: Api) -> None:
    await api.drain()
    await study(api, "alice", MESSAGES, days_ago(api, 1), WRONG, WRONG, WRONG)
    await study(api, "bob", MESSAGES, days_ago(api, 1), WRONG, WRONG, RIGHT)
    alice, bob = await api.sign_in("alice"), await api.sign_in("bob")

    offers = await alice.get("/chat/offers")
    told = await start(alice, MESSAGES, "tutoring", "What is a message?")

    assert [(one["concept_id"], one["failures_in_a_row"]) for one in offers["offers"]] == [(MESSAGES, 3)]
    assert (await bob.get("/chat/offers"))["offers"] == []
    assert "hand your question over to a person" in told["initial_response"]["message"]


async def test_a_question_goes_over_to_a_person(api: Api) -> None:
    alice, bob, ivan = await api.sign_in("alice"), await api.sign_in("bob"), await api.sign_in("ivan")
    chat = (await start(alice, MESSAGES, "tutoring", "What is a message?"))["chat_id"]

    asked = await alice.post(f"/chat/{chat}/handover", {"question": "Why two lines?"})
    twice = await alice.post(f"/chat/{chat}/handover", {})
    waiting = await ivan.get("/chat/handovers", status="open")
    refused = await bob.post(f"/chat/handovers/{asked['handover_id']}/answer", {"answer": "No"})
    answered = await ivan.post(f"/chat/handovers/{asked['handover_id']}/answer", {"answer": "The blank one ends it."})
    late = await ivan.post(f"/chat/handovers/{asked['handover_id']}/answer", {"answer": "Again"})
    history = await alice.get(f"/chat/{chat}/history")

    assert (asked["status"], asked["question"]) == ("open", "Why two lines?")
    assert asked["talk"][0] == "user: What is a message?"
    assert twice.error == (409, "CONFLICT")
    assert [one["user_id"] for one in waiting["handovers"]] == ["alice"]
    assert refused.error == (403, "AUTHORIZATION_ERROR")
    assert (answered["status"], answered["answered_by"]) == ("answered", "ivan")
    assert late.error == (409, "CONFLICT")
    assert (history["messages"][-1]["role"], history["messages"][-1]["content"]) == (
        "instructor",
        "The blank one ends it.",
    )
    assert (await bob.get("/chat/handovers"))["total"] == 0
    assert (await alice.get("/chat/handovers"))["total"] == 1
    missing = await ivan.post("/chat/handovers/99/answer", {"answer": "To whom?"})
    assert missing.error == (404, "NOT_FOUND")
