"""Passages found by what a question means: through the real client, at a server that speaks OpenAI's protocol, well or
badly; on both databases.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from learntrac.backends.llm.asking import AskedModel
from learntrac.backends.llm.budgets import EVERYBODY
from learntrac.chat import meaning, queries, vectors
from learntrac.chat.findings import Findings
from learntrac.chat.retrieval import search
from learntrac.main import all_tasks
from tests.backends.llm.wire import Act, Exchange, WireServer, garbage, hang, json_reply, refusing, reset, wire_server
from tests.chat import embedding
from tests.chat.test_finding import hide
from tests.chat.test_modes import start
from tests.conftest import Api, TracCopy, eventually, serving

PARAPHRASES = {
    "A reusable chunk, or subroutine?": 2,
    "Which verb is there?": 3,
    "Who attends to it?": 4,
    "Which figure stands for a failure?": 5,
    "Are there leftovers and miscellany?": 6,
}
"""Questions that share no word with the passage they ask for, and its concept."""


@pytest.fixture
async def wire() -> AsyncIterator[WireServer]:
    async with wire_server() as server:
        server.will(embedding.answer)
        yield server


def with_vectors(trac: TracCopy, wire: WireServer, **changes: Any) -> Any:
    """The API over this Trac, with a model for embeddings at this server."""
    known: dict[str, Any] = {
        "ai_provider": "openai_compatible",
        "ai_model": "scripted",
        "ai_base_url": f"{wire.url}/v1",
    }
    known |= {"ai_embedding_model": "meaning-1", "ai_timeout_seconds": 5, "ai_embedding_timeout_seconds": 5}
    return serving(trac, **known | changes)


@pytest.fixture
async def api(trac_copy: TracCopy, wire: WireServer) -> AsyncIterator[Api]:
    async with with_vectors(trac_copy, wire) as running:
        await settle(running)
        yield running


async def settle(api: Api) -> None:
    """Have the passages indexed, and their vectors made."""
    await api.parts.queue.drain(all_tasks(api.parts), periodic=True)


async def find(api: Api, question: str, *, name: str = "alice", by_words: bool = False) -> Findings:
    parts = api.parts
    assert parts.tutor.meanings is not None
    meant = None if by_words else await parts.tutor.meanings.find(question, user_id=name)
    who, is_sqlite = parts.tutor.reader(name), parts.database.is_sqlite
    return await search(parts.database.hot, question, who=who, is_sqlite=is_sqlite, meant=meant)


async def stored(api: Api) -> list[str]:
    """The models that vectors are kept of, one for each."""
    return [row[0] for row in await api.parts.database.hot.rows("SELECT model FROM passage_vector")]


async def rewrite(api: Api, number: int, description: str) -> None:
    """Change a ticket, as Trac would: while the server reads it, elsewhere than on the server's own thread."""
    statement = "UPDATE ticket SET summary = 'Zoo', description = ? WHERE id = ?"
    await asyncio.to_thread(api.trac.execute, statement, description, number)


async def hashes(api: Api) -> list[str]:
    """What the vectors of all passages are kept under."""
    return [row[0] for row in await api.parts.database.hot.rows("SELECT hash FROM passage ORDER BY id")]


async def test_a_question_in_other_words_finds_its_passage(api: Api) -> None:
    first = {question: (await find(api, question)).concept_ids[:1] for question in PARAPHRASES}
    by_words = [(await find(api, question, by_words=True)).concept_ids[:1] for question in PARAPHRASES]

    assert first == {question: [number] for question, number in PARAPHRASES.items()}
    assert by_words == [[]] * len(PARAPHRASES)


async def test_a_question_in_the_courses_words_finds_what_it_found(api: Api) -> None:
    question = "Which request handlers answer with a status code?"

    found = await find(api, question)

    assert found.concept_ids[0] == (await find(api, question, by_words=True)).concept_ids[0] == 4
    assert found.passages[0].title == "Request handlers"


async def test_where_nothing_is_near_the_course_says_nothing(api: Api) -> None:
    found = await find(api, "Do walruses bake bread?")

    assert (found.passages, found.covered) == ((), 0.0)


async def test_the_tutor_answers_a_question_in_other_words(api: Api) -> None:
    alice = await api.sign_in("alice")

    told = await start(alice, None, "explaining", "Which figure stands for a failure?")

    assert told["decision"]["kind"] == "guide"
    assert {one["title"] for one in told["initial_response"]["citations"]} <= {"HTTP messages", "HTTP in short"} | {
        "HttpBasics",
        "Mistakes and status codes",
        "Methods of HTTP",
    }


async def test_what_did_not_change_is_not_paid_for_again(api: Api, wire: WireServer) -> None:
    made, asked = len(await stored(api)), len(wire.received)
    await rewrite(api, 6, "Marmosets eat gum.")

    async def is_found() -> bool:
        await api.drain()
        return [one.content for one in (await find(api, "marmosets", by_words=True)).passages] == ["Marmosets eat gum."]

    await eventually(is_found)
    api.clock.forward(seconds=6)  # a job that another had been in the way of
    await settle(api)

    texts = [text for one in wire.received[asked:] for text in one.json["input"]]
    assert texts == ["Zoo\nMarmosets eat gum."]
    assert len(await stored(api)) == made, "what is in no passage any more is forgotten"


async def test_a_change_is_found_by_its_meaning(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "READ_AGAIN_SECONDS", 0)
    assert (await find(api, "Which verb is there?")).concept_ids[:1] == [3]
    await rewrite(api, 3, "Marmosets eat gum.")

    async def is_gone() -> bool:
        await api.drain()
        return 3 not in (await find(api, "Which verb is there?")).concept_ids

    await eventually(is_gone)


async def test_what_trac_hides_is_not_found_by_its_meaning(api: Api) -> None:
    hide(api, "[ticket:5]\nalice =\n")

    async def is_hidden() -> bool:
        return not api.parts.trac.permissions().may_view("alice", 5)

    await eventually(is_hidden)
    question = "Which figure stands for a failure?"

    mine, others = await find(api, question), await find(api, question, name="bob")

    assert 5 not in mine.concept_ids
    assert "5" not in {one.key for one in mine.passages}
    assert others.concept_ids[0] == 5


async def test_a_number_that_is_given_again_shows_nothing_hidden(api: Api) -> None:
    """What is held in memory is of before; the passage that has the number now is another's."""
    await find(api, "Which verb is there?")
    hide(api, "[ticket:5]\nalice =\n")
    hot = api.parts.database.hot
    ids = {row[1]: row[0] for row in await hot.rows("SELECT id, key FROM passage WHERE source = 'concept'")}
    async with api.parts.database.begin() as session:
        await session.execute(text(f"DELETE FROM passage WHERE id = {ids['3']}"))
        await session.execute(text(f"UPDATE passage SET id = {ids['3']} WHERE id = {ids['5']}"))

    async def is_hidden() -> bool:
        return not api.parts.trac.permissions().may_view("alice", 5)

    await eventually(is_hidden)

    assert "5" not in {one.key for one in (await find(api, "Which figure stands for a failure?")).passages}


async def test_calls_are_counted(api: Api, wire: WireServer) -> None:
    budgets = api.parts.llm.budgets  # type: ignore[union-attr]
    spent = await budgets.today(EVERYBODY)
    assert spent.calls == len(wire.received) > 0
    assert spent.tokens == 7 * sum(len(one.json["input"]) for one in wire.received)

    await find(api, "Which verb is there?")

    assert (await budgets.today("alice")).tokens == 7
    tokens = {"model": "meaning-1", "kind": "input"}
    assert api.parts.metrics.registry.get_sample_value("learntrac_ai_tokens_total", tokens) == spent.tokens + 7


def wrong_count(exchange: Exchange) -> Any:
    return embedding.reply(exchange.received.json, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])(exchange)


def not_finite(exchange: Exchange) -> Any:
    return embedding.reply(exchange.received.json, [[float("nan"), 1.0]] * len(exchange.received.json["input"]))(
        exchange
    )


def no_direction(exchange: Exchange) -> Any:
    return embedding.reply(exchange.received.json, [[0.0, 0.0]] * len(exchange.received.json["input"]))(exchange)


def words(exchange: Exchange) -> Any:
    data = [{"object": "embedding", "index": 0, "embedding": ["no", "numbers"]}] * len(exchange.received.json["input"])
    return json_reply({"object": "list", "data": data, "model": "m", "usage": None})(exchange)


BAD: dict[str, Act] = {
    "429": refusing(429),
    "500": refusing(500),
    "hang": hang,
    "reset": reset,
    "garbage": garbage,
    "wrong count": wrong_count,
    "not finite": not_finite,
    "no direction": no_direction,
    "words": words,
}


@pytest.mark.parametrize("act", BAD.values(), ids=BAD)
async def test_when_the_provider_fails_words_find_the_same_as_without_one(
    trac_copy: TracCopy, wire: WireServer, act: Act
) -> None:
    async with with_vectors(trac_copy, wire, ai_embedding_timeout_seconds=0.5, ai_timeout_seconds=1) as api:
        await settle(api)
        wire.will(act)
        question = "Which request handlers answer with a status code?"
        by_words = await find(api, question, by_words=True)
        begun = time.monotonic()

        found = [await find(api, question) for _ in range(6)]

        assert found == [by_words] * 6
        assert time.monotonic() - begun < 10, "after three failures nothing is sent for a while"
        await rewrite(api, 6, "Marmosets eat gum.")

        async def is_waiting() -> bool:
            await api.drain()
            return bool(await _waiting(api))

        await eventually(is_waiting)
        assert [one.content for one in (await find(api, "marmosets", by_words=True)).passages] == ["Marmosets eat gum."]


async def _waiting(api: Api) -> list[Any]:
    """Passages that have no vector yet."""
    async with api.parts.database.read() as session:
        wanted = {"model": vectors.key_of(api.parts.llm), "after": 0, "limit": 9}  # type: ignore[arg-type]
        return list((await session.execute(queries.WITHOUT_VECTOR, wanted)).all())


async def test_a_failed_job_is_tried_again(trac_copy: TracCopy, wire: WireServer) -> None:
    wire.will(refusing(400))
    async with with_vectors(trac_copy, wire) as api:
        await settle(api)
        assert await stored(api) == []
        assert isinstance(api.parts.llm, AskedModel)
        api.parts.llm._embedding_breaker.succeeded()  # as after its rest
        wire.will(embedding.answer)

        api.clock.forward(seconds=30)
        await api.drain()

        assert set(await stored(api)) == {"openai_compatible/meaning-1"}


async def test_a_model_that_is_slow_with_vectors_still_words_the_answer(trac_copy: TracCopy, wire: WireServer) -> None:
    async with with_vectors(trac_copy, wire, ai_embedding_timeout_seconds=0.2) as api:
        await settle(api)
        wire.will(hang)
        for _ in range(5):
            await find(api, "Which verb is there?")
        llm = api.parts.llm
        assert llm is not None

        assert isinstance(llm, AskedModel)
        assert llm._breaker.problem is None
        status = await api.anybody.get("/status")
        assert status["services"]["ai_service"] == "degraded"


async def test_when_the_budget_is_spent_passages_wait(trac_copy: TracCopy, wire: WireServer) -> None:
    async with with_vectors(trac_copy, wire, ai_embedding_price=1, ai_daily_usd=0) as api:
        await settle(api)

        assert (wire.received, await stored(api)) == ([], [])
        assert await api.parts.queue.failed() == []
        assert (await find(api, "Which verb is there?")).passages == ()


async def test_passages_indexed_before_there_were_vectors_get_theirs(api: Api) -> None:
    before = await hashes(api)
    async with api.parts.database.begin() as session:
        await session.execute(text("UPDATE passage SET hash = ''"))
        await session.execute(text("DELETE FROM passage_vector"))

    api.clock.forward(minutes=11)
    await settle(api)

    assert await hashes(api) == before
    assert await _waiting(api) == []


def test_signs_and_floats_are_kept_as_they_are() -> None:
    vector = meaning.vector_of([3.0, -4.0, 0.0, 1e3, 5.0, 5.0, 5.0, -5.0, 1.0])

    assert meaning.unpacked(meaning.packed(vector)) == vector
    assert meaning.vector_of([3.0, -4.0])[1] == pytest.approx(-0.8)
    assert meaning.packed(meaning.vector_of([1.0, 0.0])) == b"\x00\x00\x80?\x00\x00\x00\x00"
    assert meaning.signs_of(vector) == bytes([0b1, 0b00111101])
    assert set(meaning.vector_of([1e300, 3.0])) == {1.0, 0.0}
    assert meaning.cosine(meaning.vector_of([1.0]), meaning.vector_of([1.0, 0.0])) == -1


def test_both_rankings_count_and_the_first_of_equals_wins() -> None:
    assert list(meaning.fuse(["a", "b"], ["c", "b"])) == ["b", "a", "c"]
    assert meaning.add_shares({1: 4.0, 2: 2.0}, 0.5, {2: 1.0}) == {1: 0.5, 2: 1.25}
    assert meaning.add_shares({}, 0.5, {}) == {}


def test_alone_a_passage_is_near_from_a_fixed_cosine_on() -> None:
    space = meaning.make_space([7], [b"\x01"], [meaning.vector_of([1.0, 0.2])])
    meant = meaning.understand("m", meaning.vector_of([1.0, 0.0]), space)

    assert list(meaning.fit(meant, {7: 0.98})) == [7]
    assert meaning.fit(replace(meant, near_from=0.99), {7: 0.98}) == {}
    assert meaning.fit(meant, {}) == {}


async def test_a_question_does_not_wait_for_a_large_course_to_be_read(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanings = api.parts.tutor.meanings
    assert meanings is not None
    monkeypatch.setattr(meanings, "_within_seconds", 0.2)
    let = asyncio.Event()
    read = meanings._read_space

    async def slowly() -> meaning.Space:
        await let.wait()
        return await read()

    monkeypatch.setattr(meanings, "_read_space", slowly)

    assert await meanings.find("Which verb is there?", user_id="alice") is None
    let.set()

    async def is_read() -> bool:
        return await meanings.find("Which verb is there?", user_id="alice") is not None

    await eventually(is_read)
