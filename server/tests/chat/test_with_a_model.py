"""The tutor with a language model behind it, through the real client and a server that speaks the provider's protocol:
one that gives everything away, one that fails, and one whose reader leaves.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from learntrac.backends.llm import Message, Prompt
from learntrac.chat.bench_cases import TASKS, attacks
from learntrac.chat.benching import LeakyModel, bench, leaky_script
from learntrac.main import API, create_app, site
from tests.backends.llm.protocols import ChatCompletions
from tests.backends.llm.wire import Exchange, WireServer, wire_server
from tests.chat.test_modes import master, start
from tests.conftest import Api, TracCopy, serving

MESSAGES = 1
STREAM = {"content-type": "text/event-stream"}
SPEAKS = ChatCompletions()


@pytest.fixture
async def wire() -> AsyncIterator[WireServer]:
    async with wire_server() as server:
        yield server


@asynccontextmanager
async def with_model(template: Path, wire: WireServer) -> AsyncIterator[Api]:
    """The API over the small course, on SQLite, with a model at this server."""
    changes: dict[str, Any] = {"ai_user_daily_tokens": 10**9, "ai_user_daily_usd": 10**5, "ai_daily_usd": 10**5}
    changes |= {"ai_provider": "openai_compatible", "ai_model": "scripted", "ai_base_url": f"{wire.url}/v1"}
    async with serving(TracCopy(template), **changes, ai_api_key="key", ai_timeout_seconds=5) as api:
        await api.drain()
        yield api


@pytest.fixture
async def api(warm_sqlite_template: Path, tmp_path: Path, wire: WireServer) -> AsyncIterator[Api]:
    folder = tmp_path / "trac"
    shutil.copytree(warm_sqlite_template, folder)
    async with with_model(folder, wire) as running:
        yield running


def saying(say: Callable[[dict[str, Any]], str]) -> Callable[[Exchange], Any]:
    """Answer each request with what `say` makes of it, in pieces of a few letters."""

    async def act(exchange: Exchange) -> None:
        text = say(exchange.received.json)
        await exchange.begin(200, STREAM)
        for piece in SPEAKS.pieces([text[at : at + 9] for at in range(0, len(text), 9)]):
            await exchange.send(piece)
        await exchange.end()

    return act


def text_of(message: dict[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


async def test_nothing_leaks_from_a_model_that_gives_everything_away(api: Api, wire: WireServer) -> None:
    tasks = TASKS[:2]
    script = LeakyModel(leaky_script(attacks(tasks)))

    def say(body: dict[str, Any]) -> str:
        told = "\n".join(text_of(one) for one in body["messages"] if one["role"] != "user")
        return script.say(Prompt("", told, (Message("user", text_of(body["messages"][-1])),)))

    wire.will(saying(say))

    report = await bench(api.parts.tutor, tasks=tasks)

    assert report.model == "scripted"
    assert report.total(report.safety).wrong == []
    assert {kind: one.wrong for kind, one in report.safety.items() if one.wrong} == {}
    assert {kind: one.wrong for kind, one in report.helpfulness.items() if one.wrong} == {}
    assert report.fell_back == 0
    assert len(wire.received) > 40


async def test_a_model_that_answers_well_is_heard(api: Api, wire: WireServer) -> None:
    await master(api, "alice", MESSAGES)
    alice = await api.sign_in("alice")
    wire.will(saying(lambda _: "Servers and clients send messages to each other [1]. Each has a first line."))

    told = await start(alice, MESSAGES, "explaining", "What does a server say to a client?")

    assert told["initial_response"]["message"].startswith("Servers and clients send messages to each other [1].")
    assert (told["fell_back"], told["withheld"]) == (False, False)
    assert told["ai_model"] != "learntrac-retrieval-1"
    asked = json.dumps(wire.received[-1].json)
    assert "DECISION: answer plainly" in asked
    assert "What a server and a client say to each other." in asked


async def test_where_the_model_fails_the_built_in_tutor_answers(api: Api, wire: WireServer) -> None:
    await master(api, "alice", MESSAGES)
    alice = await api.sign_in("alice")

    async def fail(exchange: Exchange) -> None:
        await exchange.reply(500, {"content-type": "application/json"}, b'{"error": {"message": "no"}}')

    wire.will(fail)
    begun = asyncio.get_running_loop().time()

    told = await start(alice, MESSAGES, "explaining", "What does a server say to a client?")

    assert asyncio.get_running_loop().time() - begun < 10
    assert (told["fell_back"], told["ai_model"]) == (True, "learntrac-retrieval-1")
    assert "> What a server and a client say to each other. [1]" in told["initial_response"]["message"]


async def test_when_the_reader_leaves_the_model_is_left_and_what_was_shown_is_kept(api: Api, wire: WireServer) -> None:
    await master(api, "alice", MESSAGES)
    alice = await api.sign_in("alice")
    left = asyncio.Event()

    async def begin_and_wait(exchange: Exchange) -> None:
        await exchange.begin(200, STREAM)
        first = "A first sentence that is long enough to be sent at once. And a second"
        for piece in list(SPEAKS.pieces([first]))[: -SPEAKS.closing]:
            await exchange.send(piece)
        await exchange.until_client_leaves()
        left.set()

    wire.will(begin_and_wait)
    body = {"context": {"concept_id": MESSAGES, "mode": "explaining"}, "initial_message": "What is a message?"}

    await _read_until_delta(api, alice.token or "", json.dumps(body).encode())

    await asyncio.wait_for(left.wait(), 20)
    chat = (await alice.get("/chat"))["chats"][0]["chat_id"]
    said = (await alice.get(f"/chat/{chat}/history"))["messages"]
    assert [(line["role"], line["is_cut"]) for line in said] == [("user", False), ("assistant", True)]
    assert said[1]["content"] == "A first sentence that is long enough to be sent at once."


async def _read_until_delta(api: Api, token: str, body: bytes) -> None:
    """Ask for events as a client at the wire would, and leave with the first words."""
    asked = iter([{"type": "http.request", "body": body, "more_body": False}])
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        for message in asked:
            return message
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if b"event: delta" in message.get("body", b""):
            gone.set()

    headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream", "content-type": "application/json"}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": f"{API}/chat/start",
        "raw_path": f"{API}/chat/start".encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("learn.test", 80),
    }
    app = site(create_app(api.parts), api.parts.settings)
    await asyncio.wait_for(app(scope, receive, send), 20)
