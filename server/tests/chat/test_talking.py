"""A talk through the door: begun, gone on with, shown, rated, exported and deleted."""

import json
from typing import Any

import pytest

from tests.conftest import Answer, Api, Person

ABOUT_MESSAGES = {"context": {"concept_id": 1, "mode": "tutoring"}}
FIRST = ABOUT_MESSAGES | {"initial_message": "What are the parts of a message?"}


async def begin(person: Person, body: dict[str, Any] | None = None, **more: Any) -> Answer:
    answer = await person.post("/chat/start", FIRST if body is None else body, **more)
    assert answer.status == 200, answer.body
    return answer


async def test_a_talk(api: Api) -> None:
    await api.drain()
    alice = await api.sign_in("alice")
    session = await alice.post("/concepts/1/start", {})
    context = {"concept_id": 1, "session_id": session["session_id"], "mode": "tutoring"}

    begun = await begin(alice, {"context": context, "initial_message": "What are the parts of a message?"})
    chat = f"/chat/{begun['chat_id']}"
    said = await alice.post(
        f"{chat}/message",
        {"message": "Does a request go out, and does the answer come back?", "include_code_examples": True},
    )
    history = await alice.get(f"{chat}/history")

    assert (begun["status"], begun["ai_model"], begun["context_loaded"]) == ("active", "learntrac-retrieval-1", True)
    assert begun["initial_response"]["message"]
    assert begun["initial_response"]["suggestions"]
    assert [one["url"] for one in begun["initial_response"]["resources"]] == ["/ticket/1"]
    assert said["response"]["follow_up_questions"]
    assert said["response"]["citations"][0]["url"] == "/wiki/HttpBasics?version=1"
    assert said["response"]["citations"][0]["version"] == 1
    assert said["context_retention"] == 1.0
    assert [line["role"] for line in history["messages"]] == ["user", "assistant", "user", "assistant"]
    assert history["total_messages"] == 4
    assert history["messages"][1]["content"] == begun["initial_response"]["message"]
    assert history["messages"][3]["message_id"] == said["message_id"]
    assert history["concept_coverage"] == ["http-messages"]


async def test_the_tutor_opens_a_talk_where_the_learner_says_nothing(api: Api) -> None:
    alice = await api.sign_in("alice")

    begun = await begin(alice, ABOUT_MESSAGES)
    history = await alice.get(f"/chat/{begun['chat_id']}/history")

    assert begun["initial_response"]["message"].startswith("Let us look at **HTTP messages** together.")
    assert [line["role"] for line in history["messages"]] == ["assistant"]


async def test_talks_are_listed_and_deleted(api: Api) -> None:
    alice, bob = await api.sign_in("alice"), await api.sign_in("bob")
    first, second = await begin(alice), await begin(alice, {"context": {"mode": "explaining"}})

    listed = await alice.get("/chat")
    about = await alice.get("/chat", concept_id=1)
    refused = await bob.send("DELETE", f"/chat/{first['chat_id']}")
    deleted = await alice.send("DELETE", f"/chat/{first['chat_id']}")

    assert [(one["chat_id"], one["title"]) for one in listed["chats"]] == [
        (second["chat_id"], ""),
        (first["chat_id"], "HTTP messages"),
    ]
    assert [one["chat_id"] for one in about["chats"]] == [first["chat_id"]]
    assert refused.error == (404, "NOT_FOUND")
    assert deleted.body == {"deleted": True, "chat_id": first["chat_id"]}
    assert (await alice.get(f"/chat/{first['chat_id']}/history")).error == (404, "NOT_FOUND")
    assert (await alice.get("/chat"))["total"] == 1


async def test_a_reply_is_rated(api: Api) -> None:
    alice = await api.sign_in("alice")
    begun = await begin(alice)
    chat, reply = f"/chat/{begun['chat_id']}", begun["initial_response"]["message_id"]
    kept = {"message_id": reply, "rating": 5, "helpful": True, "feedback": "Clear", "improvement_suggestions": "More"}

    thanked = await alice.post(f"{chat}/feedback", kept)
    history = await alice.get(f"{chat}/history")
    own = await alice.post(f"{chat}/feedback", kept | {"message_id": history["messages"][0]["message_id"]})

    assert thanked["feedback_recorded"]
    assert thanked["thank_you_message"]
    assert (history["messages"][1]["rating"], history["messages"][1]["helpful"]) == (5, True)
    assert own.error == (404, "NOT_FOUND")
    assert (await alice.post(f"{chat}/feedback", kept | {"rating": 6})).error == (400, "VALIDATION_ERROR")


async def test_a_talk_is_exported_as_markdown(api: Api) -> None:
    await api.drain()
    alice = await api.sign_in("alice")
    begun = await begin(alice, ABOUT_MESSAGES | {"initial_message": "# A heading\n[1] What is an HTTP message?"})

    exported = await alice.get(f"/chat/{begun['chat_id']}/export")

    assert exported.headers["content-type"] == "text/markdown; charset=utf-8"
    assert exported.body.startswith("# HTTP messages\n")
    assert "\n> # A heading\n> [1] What is an HTTP message?\n" in exported.body
    assert "## Tutor (learntrac-retrieval-1), " in exported.body
    assert "[1] HTTP messages: /ticket/1" in exported.body


@pytest.mark.parametrize("path", ["history", "export"])
async def test_a_talk_of_another_is_not_there(api: Api, path: str) -> None:
    chat = (await begin(await api.sign_in("alice")))["chat_id"]

    for name in ("bob", "ivan", "admin"):
        stranger = await api.sign_in(name)
        assert (await stranger.get(f"/chat/{chat}/{path}")).error == (404, "NOT_FOUND")
    stranger = await api.sign_in("ivan")
    assert (await stranger.post(f"/chat/{chat}/message", {"message": "Hello"})).error == (404, "NOT_FOUND")
    assert (await stranger.post(f"/chat/{chat}/handover", {})).error == (404, "NOT_FOUND")
    rated = await stranger.post(f"/chat/{chat}/feedback", {"message_id": "msg-1", "rating": 5})
    assert rated.error == (404, "NOT_FOUND")


async def test_a_talk_is_about_what_there_is(api: Api) -> None:
    alice, bob = await api.sign_in("alice"), await api.sign_in("bob")
    session = await bob.post("/concepts/1/start", {})

    no_concept = await alice.post("/chat/start", {"context": {"concept_id": 99}})
    others = await alice.post("/chat/start", {"context": {"concept_id": 1, "session_id": session["session_id"]}})

    assert no_concept.error == (404, "NOT_FOUND")
    assert others.error == (404, "NOT_FOUND")


async def test_a_request_sent_again_has_one_effect(api: Api) -> None:
    alice = await api.sign_in("alice")
    key = {"Idempotency-Key": "one"}

    begun = [await begin(alice, headers=key) for _ in range(3)]
    chat = f"/chat/{begun[0]['chat_id']}"
    said = [await alice.post(f"{chat}/message", {"message": "And then?"}, headers=key) for _ in range(3)]
    other = await alice.post(f"{chat}/message", {"message": "Something else"}, headers=key)
    streamed = await alice.post(
        f"{chat}/message", {"message": "And then?"}, headers=key | {"Accept": "text/event-stream"}
    )

    assert len({str(answer.body) for answer in begun}) == len({str(answer.body) for answer in said}) == 1
    assert (await alice.get(f"{chat}/history"))["total_messages"] == 4
    assert (await alice.get("/chat"))["total"] == 1
    assert other.error == (409, "CONFLICT")
    assert events(streamed.body) == [("final", said[0].body)]


def events(body: str) -> list[tuple[str, Any]]:
    """The server-sent events of a body: (name, data)."""
    found = []
    for block in body.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


async def test_a_reply_comes_as_events(api: Api) -> None:
    await api.drain()
    alice = await api.sign_in("alice")

    answer = await begin(alice, headers={"Accept": "text/event-stream"})
    came = events(answer.body)
    chat = f"/chat/{came[-1][1]['chat_id']}"
    more = await alice.post(f"{chat}/message", {"message": "Why?"}, headers={"Accept": "text/event-stream"})

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert {name for name, _ in came} == {"citation", "delta", "final"}
    assert [name for name, _ in came][-1] == "final"
    text = "".join(data["text"] for name, data in came if name == "delta").strip()
    assert came[-1][1]["initial_response"]["message"] == text
    assert came[-1][1]["initial_response"]["citations"] == [data for name, data in came if name == "citation"]
    assert events(more.body)[-1][1]["response"]["message"]
    assert (await alice.get(f"{chat}/history"))["total_messages"] == 4


async def test_the_101st_message_of_an_hour_is_refused(api: Api) -> None:
    alice, bob = await api.sign_in("alice"), await api.sign_in("bob")
    for _ in range(99):
        await api.parts.cache.hit("chat:alice", limit=100, window_seconds=3600)
    chat = f"/chat/{(await begin(alice, ABOUT_MESSAGES))['chat_id']}"

    last = await alice.post(f"{chat}/message", {"message": "The hundredth"})
    refused = await alice.post(f"{chat}/message", {"message": "One more"})

    assert (last.status, last.headers["x-ratelimit-limit"], last.headers["x-ratelimit-remaining"]) == (200, "100", "0")
    assert refused.error == (429, "RATE_LIMIT_EXCEEDED")
    assert int(refused.headers["retry-after"]) > 0
    assert (await alice.post("/chat/start", FIRST)).error == (429, "RATE_LIMIT_EXCEEDED")
    assert (await alice.get(f"{chat}/history"))["total_messages"] == 3
    await begin(bob)


BAD = [
    {},
    {"message": ""},
    {"message": "   \n"},
    {"message": None},
    {"message": 7},
    {"message": "nul \0 byte"},
    {"message": "long " * 4000},
    {"message": "fine", "include_code_examples": "yes"},
]


@pytest.mark.parametrize("body", BAD, ids=lambda body: str(body)[:40])
async def test_a_message_that_is_none_is_refused(api: Api, body: dict[str, Any]) -> None:
    alice = await api.sign_in("alice")
    chat = (await begin(alice))["chat_id"]

    refused = await alice.post(f"/chat/{chat}/message", body)

    assert refused.error == (400, "VALIDATION_ERROR")
    assert (await alice.get(f"/chat/{chat}/history"))["total_messages"] == 2


@pytest.mark.parametrize(
    "content",
    [b'{"message": "\\ud800"}', b'{"message": "' + b"x" * 1_000_000 + b'"}', b"[]", b"{", b'{"message": NaN}'],
    ids=["surrogate", "1 MB", "list", "half", "NaN"],
)
async def test_a_body_that_is_none_is_refused(api: Api, content: bytes) -> None:
    alice = await api.sign_in("alice")
    chat = (await begin(alice))["chat_id"]

    for path in (f"/chat/{chat}/message", "/chat/start", f"/chat/{chat}/feedback", f"/chat/{chat}/handover"):
        body = content.replace(b'"message"', b'"initial_message"') if path == "/chat/start" else content
        refused = await alice.send("POST", path, content=body, headers={"Content-Type": "application/json"})
        if path.endswith(("message", "start")):
            assert refused.error == (400, "VALIDATION_ERROR"), path
        assert refused.status in (400, 200), path


async def test_nobody_talks_without_a_token(api: Api) -> None:
    for method, path in [("POST", "/chat/start"), ("GET", "/chat"), ("GET", "/chat/chat-1/history")]:
        assert (await api.anybody.send(method, path, json={} if method == "POST" else None)).error == (
            401,
            "AUTHENTICATION_ERROR",
        )
