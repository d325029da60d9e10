"""What an operator meets: settings that are wrong, `doctor --ai`, the status, and logs without words or keys."""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from learntrac.backends.llm import ModelDown
from tests.backends.llm.conftest import PROMPT
from tests.backends.llm.protocols import KEY, ChatCompletions, Converse, Count, words_of
from tests.backends.llm.wire import WireServer, garbage, refusing, wire_server
from tests.commands import Learntrac, logs_as_they_were, typed
from tests.conftest import TracCopy, serving
from tests.kit.conftest import Log, log

__all__ = ["log"]

CHAT = ChatCompletions()


@pytest.fixture
def trac(sqlite_template: Path, tmp_path: Path) -> Path:
    """A Trac with the small course."""
    return shutil.copytree(sqlite_template, tmp_path / "trac")


@pytest.fixture
def learntrac(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Learntrac]:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with logs_as_they_were():
        yield typed(monkeypatch, capsys)


@contextmanager
def served_elsewhere() -> Iterator[WireServer]:
    """A provider in a thread of its own: the command has a loop for itself."""
    ready, end = Future[WireServer](), Future[asyncio.Event]()

    async def serve() -> None:
        async with wire_server() as server:
            stop = asyncio.Event()
            end.set_result(stop)
            ready.set_result(server)
            await stop.wait()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        yield ready.result()
    finally:
        loop.call_soon_threadsafe(end.result().set)
        thread.join()
        loop.close()


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"PROVIDER": "openai"}, "LEARNTRAC_AI_MODEL: say which model the provider is asked for."),
        (
            {"PROVIDER": "openai", "MODEL": "gpt-4o-mini"},
            "LEARNTRAC_AI_API_KEY: OpenAI wants a key: set this, or OPENAI_API_KEY.",
        ),
        (
            {"PROVIDER": "openai", "MODEL": "gpt-99", "API_KEY": KEY},
            "LEARNTRAC_AI_INPUT_PRICE: what gpt-99 costs is not known; give it and LEARNTRAC_AI_OUTPUT_PRICE.",
        ),
        (
            {"PROVIDER": "openai", "MODEL": "gpt-4o-mini", "API_KEY": KEY, "EMBEDDING_MODEL": "words-to-numbers"},
            "LEARNTRAC_AI_EMBEDDING_PRICE: what words-to-numbers costs is not known; give it.",
        ),
        (
            {"PROVIDER": "openai_compatible", "MODEL": "llama3"},
            "LEARNTRAC_AI_BASE_URL: say where the server is, such as http://127.0.0.1:11434/v1.",
        ),
        ({"PROVIDER": "bedrock", "MODEL": Converse.model}, "LEARNTRAC_AI_PROVIDER: You must specify a region."),
        (
            {"PROVIDER": "openai", "MODEL": "llama3", "BASE_URL": "ollama:11434"},
            "LEARNTRAC_AI_BASE_URL: it must be http://host:port/path or https://….",
        ),
    ],
)
def test_a_wrong_setting_is_named_at_once(
    learntrac: Learntrac, trac: Path, settings: dict[str, str], problem: str
) -> None:
    said = learntrac("doctor", "--ai", "--trac-env", trac, **{f"LEARNTRAC_AI_{k}": v for k, v in settings.items()})

    assert said.problem == problem


def test_no_provider_is_said_to_be_none(learntrac: Learntrac, trac: Path) -> None:
    said = learntrac("doctor", "--ai", "--trac-env", trac, OPENAI_API_KEY=KEY)

    assert said.problem == "There is no language model: set LEARNTRAC_AI_PROVIDER and LEARNTRAC_AI_MODEL."


def test_the_doctor_makes_one_real_call_and_says_what_it_cost(learntrac: Learntrac, trac: Path) -> None:
    with served_elsewhere() as server:
        server.will(CHAT.form({"greeting": "Here I am!"}, Count(read=120, cached=20, made=9)))

        said = learntrac(
            "doctor",
            "--ai",
            "--trac-env",
            trac,
            OPENAI_API_KEY=KEY,
            LEARNTRAC_AI_PROVIDER="openai",
            LEARNTRAC_AI_MODEL=CHAT.model,
            LEARNTRAC_AI_BASE_URL=f"{server.url}/v1",
            LEARNTRAC_AI_INPUT_PRICE="2",
            LEARNTRAC_AI_CACHED_PRICE="1",
            LEARNTRAC_AI_OUTPUT_PRICE="8",
        )

    assert said.code == 0, said
    lines = [line.split(maxsplit=1) for line in said.out.splitlines()]
    assert [CHAT.check(received) for received in server.received] == [None]
    assert lines[0] == ["Model", "qwen3:8b at openai_compatible"]
    assert lines[1][1].startswith("'Here I am!' by qwen3:8b-q4 within ")
    assert lines[2:] == [
        ["Tokens", "120 in, 20 of them cached, and 9 out"],
        ["Cost", "$0.000292"],
        ["Today", "$0.000292 of at most $10 for everybody together"],
    ]


def test_the_doctor_says_why_there_was_no_answer(learntrac: Learntrac, trac: Path) -> None:
    with served_elsewhere() as server:
        server.will(refusing(404))
        settings = {"PROVIDER": "openai_compatible", "MODEL": "llama3", "BASE_URL": f"{server.url}/v1"}
        said = learntrac("doctor", "--ai", "--trac-env", trac, **{f"LEARNTRAC_AI_{k}": v for k, v in settings.items()})

    assert said.code == 1
    assert said.out.splitlines()[1].startswith("No answer   status 404 (overloaded) (after ")


async def test_the_status_names_a_model_that_does_not_answer(sqlite_template: Path, tmp_path: Path) -> None:
    trac = TracCopy(shutil.copytree(sqlite_template, tmp_path / "trac"))
    async with wire_server() as server:
        about: dict[str, Any] = {"ai_provider": "openai", "ai_model": "llama3", "ai_base_url": f"{server.url}/v1"}
        async with serving(trac, **about, ai_timeout_seconds=20) as api:
            before = (await api.anybody.get("/status"))["checks"]["ai_service"]
            server.will(refusing(400), words_of(CHAT, "Over."))
            model = api.parts.llm
            assert model is not None
            with pytest.raises(ModelDown):
                async with model.stream(PROMPT, user_id="alice") as stream:
                    assert [delta async for delta in stream] == []
            down = await api.anybody.get("/status")
            async with model.stream(PROMPT, user_id="alice") as stream:
                assert [delta async for delta in stream] == ["Over."]
            after = (await api.anybody.get("/status"))["checks"]["ai_service"]
            metrics = (await api.client.get("/metrics")).text

    assert (before["state"], before["detail"]) == ("healthy", "llama3 at openai_compatible")
    assert (down["status"], down["services"]["ai_service"]) == ("degraded", "degraded")
    assert down["checks"]["ai_service"]["detail"].startswith("llama3: status 400 (overloaded); the tutor answers")
    assert after["state"] == "healthy"
    assert 'learntrac_ai_tokens_total{kind="output",model="llama3"} 20.0' in metrics


async def test_the_status_names_a_ceiling_that_is_reached(sqlite_template: Path, tmp_path: Path) -> None:
    trac = TracCopy(shutil.copytree(sqlite_template, tmp_path / "trac"))
    about: dict[str, Any] = {"ai_provider": "openai", "ai_model": "gpt-4o-mini", "ai_api_key": KEY, "ai_daily_usd": 0}
    async with serving(trac, **about) as api:
        model = api.parts.llm
        assert model is not None
        with pytest.raises(ModelDown):
            async with model.stream(PROMPT, user_id="alice") as stream:
                assert [delta async for delta in stream] == []
        check = (await api.anybody.get("/status"))["checks"]["ai_service"]

    assert check["state"] == "degraded"
    assert "the budget is spent: day" in check["detail"]


async def test_no_word_and_no_key_is_in_a_log(sqlite_template: Path, tmp_path: Path, log: Log) -> None:
    trac = TracCopy(shutil.copytree(sqlite_template, tmp_path / "trac"))
    log.configure("json", "DEBUG")
    async with wire_server() as server:
        about: dict[str, Any] = {
            "ai_provider": "openai",
            "ai_model": "llama3",
            "ai_api_key": KEY,
            "ai_base_url": f"{server.url}/v1",
        }
        async with serving(trac, **about) as api:
            model = api.parts.llm
            assert model is not None
            for act in (refusing(400), garbage, words_of(CHAT, "Over.")):
                server.will(act)
                try:
                    async with model.stream(PROMPT, user_id="alice") as stream:
                        assert [delta async for delta in stream] == ["Over."]
                except ModelDown:
                    continue

    assert server.received[0].headers["authorization"] == f"Bearer {KEY}"
    assert "the language model does not answer" in log.text
    for secret in (KEY, "Threads that cross", "Weaving", "plain weave"):
        assert secret not in log.text
