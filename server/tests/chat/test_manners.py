"""The built-in tutor with learners as they are: they greet, are lost, mistype, paste code, change the subject, and ask
in their own language.
"""

from tests.chat.test_modes import FUNCTIONS, MESSAGES, METHODS, ask, master, start
from tests.conftest import Api


async def test_a_greeting_is_greeted(api: Api) -> None:
    await api.drain()
    alice = await api.sign_in("alice")

    told = await start(alice, MESSAGES, "tutoring", "Hello!")

    assert told["initial_response"]["message"].startswith(
        "Hello! We are at **HTTP messages**, which is about: Name the parts of a message; Read a status line."
    )
    assert (told["decision"]["kind"], told["initial_response"]["citations"]) == ("talk", [])
    assert "Ask me a question about “HTTP messages”." in told["initial_response"]["suggestions"]


async def test_thanks_do_not_climb_the_ladder_and_the_question_still_stands(api: Api) -> None:
    await api.drain()
    alice = await api.sign_in("alice")

    asked = await start(alice, MESSAGES, "tutoring", "What does a request look like?")
    thanked = await ask(alice, asked["chat_id"], "Thanks a lot!")
    nodded = await ask(alice, asked["chat_id"], "ok")
    tried = await ask(alice, asked["chat_id"], "I think it has a first line, and then fields.")

    question = asked["initial_response"]["message"].rsplit("Now you: ", 1)[1].strip()
    assert thanked["response"]["message"] == f"You are welcome. My question still stands: {question}"
    assert nodded["response"]["message"] == f"Good. Then tell me: {question}"
    assert tried["decision"]["rung"] == "pointer"


async def test_whoever_wants_a_person_is_told_how(api: Api) -> None:
    alice = await api.sign_in("alice")

    told = await start(alice, None, "explaining", "I would like to ask a person.")

    assert "hand your question over" in told["initial_response"]["message"]


async def test_whoever_is_lost_is_not_scolded_and_does_not_climb_by_it(api: Api) -> None:
    await api.drain()
    alice = await api.sign_in("alice")

    asked = await start(alice, MESSAGES, "tutoring", "What does a request look like?")
    lost = await ask(alice, asked["chat_id"], "Sorry, I still don't understand this at all")

    assert lost["response"]["message"].startswith("That is all right. Which word or which step is it?")
    assert "Try it first" not in lost["response"]["message"]
    assert lost["decision"]["rung"] == "question"


async def test_whoever_wants_to_be_asked_is_asked_and_not_told_the_answer(api: Api) -> None:
    await api.drain()
    await master(api, "alice", MESSAGES)
    alice = await api.sign_in("alice")

    told = await start(alice, MESSAGES, "explaining", "Ask me a question about “HTTP messages”.")

    assert told["initial_response"]["message"] == "Now you: Can you name the parts of a message?"
    assert told["initial_response"]["citations"] == []


async def test_a_change_of_subject_is_followed_or_told_to_be_none_of_the_course(api: Api) -> None:
    await api.drain()
    alice = await api.sign_in("alice")

    asked = await start(alice, MESSAGES, "tutoring", "What does a request look like?")
    other = await ask(alice, asked["chat_id"], "And what are Python functions?")
    none = await ask(alice, asked["chat_id"], "How do volcanoes erupt?")
    back = await ask(alice, asked["chat_id"], "I think a request begins with a line.")

    assert other["decision"]["aim"] == FUNCTIONS
    assert none["decision"]["kind"] == "nothing"
    assert none["response"]["message"].startswith("The course says nothing about this")
    assert back["decision"]["aim"] == FUNCTIONS, "what was asked last is what was tried"


async def test_a_question_in_another_language_finds_the_subject(api: Api) -> None:
    await api.drain()
    await master(api, "alice", FUNCTIONS)
    alice = await api.sign_in("alice")

    found = await start(alice, None, "explaining", "Was ist eine Function, bitte?")
    none = await start(alice, None, "explaining", "Wie brechen Vulkane aus, und warum?")

    assert found["initial_response"]["message"].startswith("Der Kurs ist in einer anderen Sprache geschrieben")
    assert "> Small named pieces of work." in found["initial_response"]["message"]
    assert none["initial_response"]["message"].startswith("Dazu finde ich im Kurs nichts")


async def test_a_course_in_the_learners_language_needs_no_remark(api: Api) -> None:
    for number in range(1, 7):
        api.trac.execute(
            "UPDATE ticket SET description = ? WHERE id = ?",
            f"Das ist der Text {number} und er ist nicht lang. Die Anfrage ist die Frage, das ist der Kern.",
            number,
        )
    await api.parts.sync.step()
    await api.drain()
    await master(api, "alice", FUNCTIONS)
    alice = await api.sign_in("alice")

    told = await start(alice, FUNCTIONS, "explaining", "Was ist die Anfrage?")

    assert "anderen Sprache" not in told["initial_response"]["message"]
    assert "Das ist der Text 2" in told["initial_response"]["message"]


async def test_a_word_that_is_mistyped_is_found(api: Api) -> None:
    await api.drain()
    await master(api, "alice", FUNCTIONS)
    alice = await api.sign_in("alice")

    told = await start(alice, None, "explaining", "What are fucntions?")

    assert "> Small named pieces of work." in told["initial_response"]["message"]


async def test_code_is_read_in_every_mode(api: Api) -> None:
    await api.drain()
    alice = await api.sign_in("alice")

    told = await start(alice, FUNCTIONS, "tutoring", "Why?\n```python\ndef f(:\n    return 1\n```")

    assert told["initial_response"]["message"].startswith("Python stops reading at line 1, `def f(:`")
    assert told["decision"]["aim"] == FUNCTIONS


async def test_whoever_asks_again_is_shown_what_they_have_not_seen(api: Api) -> None:
    text = "".join(f"== Part {number} ==\nA function number {number} is small.\n\n" for number in range(1, 6))
    api.trac.execute("UPDATE ticket SET description = ? WHERE id = ?", text, FUNCTIONS)
    await api.parts.sync.step()
    await api.drain()
    await master(api, "alice", FUNCTIONS)
    alice = await api.sign_in("alice")

    first = await start(alice, FUNCTIONS, "explaining", "What is a small function?")
    again = await ask(alice, first["chat_id"], "I don't understand. Can you explain it differently?")

    shown = {one["heading"] for one in first["initial_response"]["citations"]}
    assert len(shown) == 2
    assert shown.isdisjoint({one["heading"] for one in again["response"]["citations"]})


async def test_what_comes_nearest_is_named_where_there_is_nothing(api: Api) -> None:
    await api.drain()
    alice = await api.sign_in("alice")

    told = await start(alice, METHODS, "explaining", "Which pottery kilns and glazes need a handler at night?")

    assert told["decision"]["kind"] == "nothing"
    assert "What comes nearest is **Request handlers**" in told["initial_response"]["message"]
    assert "What does the course say about “Request handlers”?" in told["initial_response"]["suggestions"]
