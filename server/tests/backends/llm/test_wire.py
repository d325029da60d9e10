"""Each provider's real client against a server that speaks its protocol: what is sent, what comes, what it took."""

import asyncio
import time

import pytest
from pydantic import BaseModel, Field

from learntrac.backends.llm import ModelDown, Usage
from learntrac.backends.llm.budgets import Spent
from tests.backends.llm.conftest import PROMPT, Provider
from tests.backends.llm.protocols import Count, begun, words_of
from tests.backends.llm.wire import Exchange, garbage, hang, refusing, reset, sending


class Judgement(BaseModel):
    """Whether an answer names the idea."""

    names_idea: bool
    because: str = Field(description="One sentence", max_length=200)


PROMISED_SECONDS = 10
GOOD = {"names_idea": True, "because": "It says over and under."}


async def heard(provider: Provider, **more: float) -> tuple[str, Usage, bool]:
    """A streamed answer to its end."""
    async with provider.model.stream(PROMPT, user_id="alice", **more) as stream:
        said = "".join([delta async for delta in stream])
        return said, stream.usage, stream.is_cut


async def listen(provider: Provider, said: list[str], *, within_seconds: float | None = None) -> None:
    """Note what is said, whole or not."""
    async with provider.model.stream(PROMPT, user_id="alice", within_seconds=within_seconds) as stream:
        async for delta in stream:
            said.append(delta)  # noqa: PERF401 - what came before the end is wanted too


async def test_a_structured_answer_comes_in_its_form_with_what_it_took(provider: Provider) -> None:
    provider.will(provider.speaks.form(GOOD, Count(read=1000, cached=400, made=50)))

    reply = await provider.model.ask(PROMPT, Judgement, user_id="alice")

    assert reply.value == Judgement(**GOOD)
    assert (reply.usage.input_tokens, reply.usage.cached_tokens, reply.usage.output_tokens) == (1000, 400, 50)
    assert reply.usage.micro_usd == 600 * 2 + 400 * 0.5 + 50 * 8
    assert await provider.model.budgets.today("alice") == Spent(calls=1, tokens=1050, micro_usd=1800)
    assert await provider.model.budgets.today() == await provider.model.budgets.this_month()


async def test_the_course_is_told_before_what_holds_for_this_turn(provider: Provider) -> None:
    provider.will(provider.speaks.form(GOOD))

    await provider.model.ask(PROMPT, Judgement, user_id="alice")

    told = provider.speaks.instructions(provider.server.received[0])
    assert told.index(PROMPT.course) < told.index(PROMPT.turn)
    if provider.speaks.name == "bedrock":
        assert told == f"{PROMPT.course}\n<cachePoint>\n{PROMPT.turn}"
    assert provider.server.received[0].body.decode().count("Threads that cross.") == 1


async def test_words_come_as_they_are_made(provider: Provider) -> None:
    provider.will(words_of(provider.speaks, "Over ", "one, ", "under one.", count=Count(read=90, made=7)))

    async with provider.model.stream(PROMPT, user_id="alice") as stream:
        said = [delta async for delta in stream]

    assert said == ["Over ", "one, ", "under one."]
    assert (stream.usage.input_tokens, stream.usage.output_tokens, stream.is_cut) == (90, 7, False)
    assert stream.usage.micro_usd == 90 * 2 + 7 * 8
    assert await provider.model.budgets.today("alice") == Spent(calls=1, tokens=97, micro_usd=236)
    assert provider.count("learntrac_ai_tokens_total", model=provider.model.model, kind="output") == 7
    assert provider.count("learntrac_ai_cost_usd_total", model=provider.model.model) == pytest.approx(0.000236)


async def test_an_answer_at_its_allowed_length_says_so(provider: Provider) -> None:
    provider.will(words_of(provider.speaks, "Over one, und", finish="length"))

    assert (await heard(provider))[2]


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_refusal_is_tried_again_twice_and_costs_nothing(provider: Provider, status: int) -> None:
    provider.will(refusing(status))

    with pytest.raises(ModelDown) as down:
        await heard(provider)

    assert len(provider.server.received) == 3
    assert str(status) in down.value.reason
    assert "Threads" not in down.value.reason
    assert await provider.model.budgets.today("alice") == Spent()


async def test_what_was_refused_once_may_be_answered_then(provider: Provider) -> None:
    provider.will(refusing(500), refusing(429, retry_after="0"), words_of(provider.speaks, "Over."))

    said, _, _ = await heard(provider)

    assert said == "Over."
    assert (await provider.model.budgets.today("alice")).calls == 1


async def test_who_is_told_to_wait_for_too_long_does_not_wait(provider: Provider) -> None:
    provider.will(refusing(429, retry_after="30"))

    at = time.monotonic()
    with pytest.raises(ModelDown):
        await provider.model.ask(PROMPT, Judgement, user_id="alice")

    assert len(provider.server.received) == 1
    assert time.monotonic() - at < PROMISED_SECONDS


async def test_a_wrong_key_is_not_tried_again(provider: Provider) -> None:
    provider.will(refusing(401))

    with pytest.raises(ModelDown, match="does not answer"):
        await heard(provider)

    assert len(provider.server.received) == 1


async def test_a_provider_that_hangs_is_given_up_in_time(provider: Provider) -> None:
    provider.will(hang)

    at = time.monotonic()
    with pytest.raises(ModelDown, match="does not answer"):
        await heard(provider, within_seconds=1)

    assert 0.9 < time.monotonic() - at < PROMISED_SECONDS
    spent = await provider.model.budgets.today("alice")
    assert spent.calls == 1, "what it may have cost nobody says: it stays counted"
    assert spent.micro_usd > 0


async def test_a_reset_before_the_first_word_is_tried_again(provider: Provider) -> None:
    provider.will(reset, words_of(provider.speaks, "Over."))

    assert (await heard(provider))[0] == "Over."


async def test_a_reset_in_the_middle_is_not_a_whole_answer(provider: Provider) -> None:
    provider.will(begun(provider.speaks, "Over ", "one", every_seconds=0.05, then=reset))
    said = list[str]()

    with pytest.raises(ModelDown):
        await listen(provider, said)

    assert "".join(said).startswith("Over")
    assert len(provider.server.received) == 1, "what was begun is not begun again"


async def test_an_end_in_the_middle_is_not_a_whole_answer(provider: Provider) -> None:
    provider.will(begun(provider.speaks, "Over ", "one"))

    with pytest.raises(ModelDown):
        await heard(provider)


async def test_garbage_is_no_answer(provider: Provider) -> None:
    provider.will(garbage)

    with pytest.raises(ModelDown):
        await heard(provider)
    with pytest.raises(ModelDown):
        await provider.model.ask(PROMPT, Judgement, user_id="alice")


async def test_a_wrong_form_is_asked_for_again_with_what_was_wrong(provider: Provider) -> None:
    provider.will(provider.speaks.form({"names_idea": "perhaps"}), provider.speaks.form(GOOD))

    reply = await provider.model.ask(PROMPT, Judgement, user_id="alice")

    assert reply.value.names_idea
    assert reply.usage.output_tokens == 40, "both attempts were made, and paid for"
    second = provider.speaks.instructions(provider.server.received[1])
    assert "because: Field required" in second
    assert (await provider.model.budgets.today("alice")).calls == 2


async def test_a_form_that_stays_wrong_is_no_answer(provider: Provider) -> None:
    provider.will(provider.speaks.form("I would rather talk."))

    with pytest.raises(ModelDown) as down:
        await provider.model.ask(PROMPT, Judgement, user_id="alice")

    assert down.value.reason == "the answer is not of the form that was asked for"
    assert len(provider.server.received) == 3


async def test_a_slow_drip_ends_in_time(provider: Provider) -> None:
    many = provider.speaks.pieces(["word "] * 1000)
    provider.will(sending(provider.speaks.stream_type, many, every_seconds=0.05))
    at, said = time.monotonic(), list[str]()

    with pytest.raises(ModelDown):
        await listen(provider, said, within_seconds=1)

    assert len(said) > 3
    assert time.monotonic() - at < PROMISED_SECONDS


async def test_an_answer_without_end_is_cut(provider: Provider) -> None:
    provider.will(sending(provider.speaks.stream_type, provider.speaks.pieces(["x" * 50_000] * 1000)))

    said, _, is_cut = await heard(provider)

    assert is_cut
    assert len(said) == PROMPT.max_tokens * 16


async def test_an_empty_answer_is_none(provider: Provider) -> None:
    provider.will(words_of(provider.speaks))

    with pytest.raises(ModelDown) as down:
        await heard(provider)

    assert down.value.reason


async def test_who_leaves_ends_the_connection_to_the_provider(provider: Provider) -> None:
    gone = asyncio.Event()

    async def watch(exchange: Exchange) -> None:
        await exchange.until_client_leaves()
        gone.set()

    provider.will(begun(provider.speaks, "Over ", then=watch))

    async with provider.model.stream(PROMPT, user_id="alice") as stream:
        assert await anext(aiter(stream)) == "Over "

    async with asyncio.timeout(PROMISED_SECONDS):
        await gone.wait()


async def test_who_is_cancelled_ends_the_connection_to_the_provider(provider: Provider) -> None:
    gone, listens = asyncio.Event(), asyncio.Event()

    async def watch(exchange: Exchange) -> None:
        await exchange.until_client_leaves()
        gone.set()

    async def follow() -> None:
        async with provider.model.stream(PROMPT, user_id="alice", within_seconds=30) as stream:
            async for _ in stream:
                listens.set()

    provider.will(begun(provider.speaks, "Over ", then=watch))
    listening = asyncio.create_task(follow())
    async with asyncio.timeout(PROMISED_SECONDS):
        await listens.wait()
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening

    async with asyncio.timeout(PROMISED_SECONDS):
        await gone.wait()


async def test_texts_become_vectors(provider: Provider) -> None:
    provider.server.will(provider.speaks.embeddings({"warp": [0.1, 0.2], "weft": [0.3, 0.4]}, tokens=10))

    embedded = await provider.model.embed(["warp", "weft"], user_id=None)

    assert embedded.vectors == ((0.1, 0.2), (0.3, 0.4))
    assert embedded.usage.input_tokens == 10
    assert await provider.model.budgets.today() == Spent(calls=1, tokens=10, micro_usd=20)
