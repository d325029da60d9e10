"""A provider asked with care: budgets counted before each attempt, three attempts at most, a hard deadline over them
all, and a provider that does not answer left alone for a while.
"""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Literal

import orjson
from pydantic import BaseModel, ValidationError
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.messages import ModelResponse
from pydantic_ai.models import ModelRequestParameters, StreamedResponse
from pydantic_ai.settings import ModelSettings, merge_model_settings
from pydantic_ai.usage import RequestUsage

from learntrac.backends.llm import BudgetSpent, Embedded, ModelDown, Prompt, Reply, Shape, Stream, Usage
from learntrac.backends.llm.breaker import Breaker
from learntrac.backends.llm.budgets import USER_DAY, Budgets, Reservation
from learntrac.backends.llm.failures import Failed, as_failures, check_finish
from learntrac.backends.llm.prices import Prices, Taken, most_tokens
from learntrac.backends.llm.providers import Wire
from learntrac.backends.llm.translating import (
    correction_of,
    in_form,
    in_words,
    messages_of,
    read_form,
    read_vectors,
    words_in,
)
from learntrac.kit.errors import Unavailable
from learntrac.kit.logs import get_logger
from learntrac.kit.metrics import Metrics

ATTEMPTS = 3
PAUSE_SECONDS = 0.25
"""Before the second attempt, and twice as long before the third, unless the provider says how long."""
CHARACTERS_PER_TOKEN = 16
"""An answer with more of them for each token that was allowed does not keep to what it was asked."""
MOST_BELIEVED = 10**9
"""Tokens of one call. Beyond it a provider's own count is not believed."""

_log = get_logger("learntrac.llm")


class _Bill:
    """What one attempt took, once the provider has said it."""

    def __init__(self, model: str, prices: Prices) -> None:
        self.model, self.prices, self.usage = model, prices, Usage(model)
        self.is_known = self.is_refused = False

    def write(self, usage: RequestUsage, model: str | None) -> None:
        """Note what the provider counts. Where it counts nothing, what was reserved is what it took."""
        read, cached, written, output = (
            min(max(0, count), MOST_BELIEVED)
            for count in (usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens, usage.output_tokens)
        )
        self.usage = replace(self.usage, model=model or self.usage.model)
        if not read and not output:
            return
        taken = Taken(max(0, read - cached - written), cached, written, output)
        self.usage = Usage(self.usage.model, read, cached, output, self.prices.micro_usd(taken))
        self.is_known = True


class AskedModel:
    """A `LanguageModel` over one provider's wire."""

    def __init__(
        self,
        name: str,
        wire: Wire,
        *,
        budgets: Budgets,
        prices: Prices,
        embedding_prices: Prices,
        metrics: Metrics,
        timeout_seconds: float,
    ) -> None:
        self.name, self.model = name, wire.model.model_name
        self.embedding_model = None if wire.embedding is None else wire.embedding.model_name
        self.budgets, self.prices, self.embedding_prices = budgets, prices, embedding_prices
        self._wire, self._metrics, self._timeout_seconds = wire, metrics, timeout_seconds
        self._breaker = Breaker()
        # Another model, perhaps another machine: when it is slow, the one that answers must not be left alone for it.
        self._embedding_breaker = Breaker()
        self._spent: BudgetSpent | None = None

    async def ask(
        self, prompt: Prompt, schema: type[Shape], *, user_id: str | None, within_seconds: float | None = None
    ) -> Reply[Shape]:
        ends_at, total, correction = self._ends_at(within_seconds), Usage(self.model), ""
        with self._watched(self._breaker, self.model):
            for attempt in itertools.count(1):
                try:
                    async with asyncio.timeout_at(ends_at):
                        parameters = in_form(prompt, schema, self._wire.structured, correction)
                        async with self._paid(prompt, user_id, form=schema, correction=correction) as bill:
                            response = await self._respond(prompt, parameters, bill)
                    total = _sum(total, bill.usage)
                    return Reply(read_form(response, schema), total)
                except ValidationError as error:
                    correction = correction_of(error)
                    await _pause(attempt, Failed("the answer is not of the form that was asked for"), ends_at)
                except Failed as failure:
                    await _pause(attempt, failure, ends_at)
        raise AssertionError("unreachable: the last attempt raises")

    @asynccontextmanager
    async def stream(
        self, prompt: Prompt, *, user_id: str | None, within_seconds: float | None = None
    ) -> AsyncIterator[Stream]:
        answer = _Answer(self.model)
        async with aclosing(self._deltas(prompt, answer, user_id, self._ends_at(within_seconds))) as deltas:
            answer.deltas = deltas
            yield answer

    async def embed(
        self,
        texts: Sequence[str],
        *,
        user_id: str | None,
        kind: Literal["document", "query"] = "document",
        within_seconds: float | None = None,
    ) -> Embedded:
        model = self._wire.embedding
        if model is None:
            raise ModelDown("no model for embeddings is configured")
        ends_at = self._ends_at(within_seconds)
        with self._watched(self._embedding_breaker, model.model_name):
            for attempt in itertools.count(1):
                try:
                    async with asyncio.timeout_at(ends_at):
                        bill = _Bill(model.model_name, self.embedding_prices)
                        async with self._reserved(user_id, most_tokens(*texts), 0, bill):
                            result = await model.embed(list(texts), input_type=kind)
                            bill.write(result.usage, result.model_name)
                            vectors = read_vectors(result.embeddings, len(texts))
                    return Embedded(vectors, bill.usage)
                except Failed as failure:
                    await _pause(attempt, failure, ends_at)
        raise AssertionError("unreachable: the last attempt raises")

    async def ping(self) -> None:
        if self._spent is not None:
            raise self._spent
        if self._breaker.problem is not None:
            raise ModelDown(self._breaker.problem)
        if self._embedding_breaker.problem is not None:
            raise ModelDown(f"{self.embedding_model}: {self._embedding_breaker.problem}")

    async def close(self) -> None:
        await self._wire.close()

    def _ends_at(self, within_seconds: float | None) -> float:
        return asyncio.get_running_loop().time() + (within_seconds or self._timeout_seconds)

    @contextmanager
    def _watched(self, breaker: Breaker, model: str) -> Iterator[None]:
        """One call: not made while the provider is left alone, measured, and ModelDown when it fails."""
        was_trial, begun = breaker.enter(), time.perf_counter()
        try:
            yield
        except BudgetSpent as spent:
            self._spent = None if spent.ceiling == USER_DAY else spent
            self._metrics.asked("budget")
            raise
        except (Failed, TimeoutError) as error:
            reason = error.reason if isinstance(error, Failed) else "no answer in time"
            breaker.failed(reason, was_trial=was_trial)
            self._metrics.asked("failed", time.perf_counter() - begun)
            _log.warning("the language model does not answer", provider=self.name, model=model, reason=reason)
            raise ModelDown(reason) from error
        self._spent = None
        breaker.succeeded()
        self._metrics.asked("answered", time.perf_counter() - begun)

    async def _respond(self, prompt: Prompt, parameters: ModelRequestParameters, bill: _Bill) -> ModelResponse:
        response = await model_request(
            self._wire.model,
            messages_of(prompt),
            model_settings=self._settings(prompt),
            model_request_parameters=parameters,
        )
        bill.write(response.usage, response.model_name)
        check_finish(response.finish_reason)
        return response

    async def _deltas(
        self, prompt: Prompt, answer: "_Answer", user_id: str | None, ends_at: float
    ) -> AsyncGenerator[str]:
        has_begun = False
        with self._watched(self._breaker, self.model):
            for attempt in itertools.count(1):
                try:
                    async with self._opened(prompt, answer, user_id, ends_at) as events:
                        async for words in _read_until(events, ends_at, prompt.max_tokens, answer):
                            has_begun = True
                            yield words
                except Failed as failure:
                    if has_begun:
                        raise
                    await _pause(attempt, failure, ends_at)
                else:
                    return

    @asynccontextmanager
    async def _opened(
        self, prompt: Prompt, answer: "_Answer", user_id: str | None, ends_at: float
    ) -> AsyncIterator[StreamedResponse]:
        async with AsyncExitStack() as stack:
            async with asyncio.timeout_at(ends_at):
                bill = await stack.enter_async_context(self._paid(prompt, user_id))
                streaming = model_request_stream(
                    self._wire.model,
                    messages_of(prompt),
                    model_settings=self._settings(prompt),
                    model_request_parameters=in_words(prompt),
                )
                events = await stack.enter_async_context(streaming)
            yield events
            bill.write(events.usage, events.model_name)
            answer.usage = bill.usage

    def _settings(self, prompt: Prompt) -> ModelSettings:
        settings = merge_model_settings(self._wire.settings, ModelSettings(max_tokens=prompt.max_tokens))
        assert settings is not None  # noqa: S101 - neither of the two is None
        return settings

    def _paid(
        self, prompt: Prompt, user_id: str | None, *, form: type[BaseModel] | None = None, correction: str = ""
    ) -> AbstractAsyncContextManager[_Bill]:
        written_form = orjson.dumps(form.model_json_schema()).decode() if form else ""
        texts = (prompt.course, prompt.turn, correction, written_form, *(message.text for message in prompt.messages))
        return self._reserved(user_id, most_tokens(*texts), prompt.max_tokens, _Bill(self.model, self.prices))

    @asynccontextmanager
    async def _reserved(self, user_id: str | None, most_read: int, most_made: int, bill: _Bill) -> AsyncIterator[_Bill]:
        """One attempt: the most it may take is reserved before, and what it took stands when it has ended.

        An attempt that is cut off leaves its reservation: what the provider did for it, it did not say.
        """
        most = bill.prices.most_micro_usd(most_read, most_made)
        reserved = await self.budgets.reserve(user_id, tokens=most_read + most_made, micro_usd=most)
        bill.usage = replace(bill.usage, micro_usd=most)
        try:
            with as_failures():
                yield bill
        except Failed as failure:
            bill.is_refused = failure.refused
            await self._settle(reserved, bill)
            raise
        await self._settle(reserved, bill)

    async def _settle(self, reserved: Reservation, bill: _Bill) -> None:
        usage = bill.usage
        try:
            if bill.is_known:
                fresh = usage.input_tokens - usage.cached_tokens
                self._metrics.spent(
                    bill.model,
                    fresh=fresh,
                    cached=usage.cached_tokens,
                    output=usage.output_tokens,
                    micro_usd=usage.micro_usd,
                )
                await self.budgets.settle(reserved, tokens=usage.tokens, micro_usd=usage.micro_usd)
            elif bill.is_refused:
                await self.budgets.release(reserved)
        except Unavailable as error:
            _log.warning("what a call took could not be counted: its reservation stands", error=str(error))


class _Answer:
    """An answer on its way."""

    def __init__(self, model: str) -> None:
        self.usage, self.is_cut = Usage(model), False
        self.deltas: AsyncGenerator[str] | None = None

    def __aiter__(self) -> AsyncIterator[str]:
        assert self.deltas is not None  # noqa: S101 - it is handed out with them
        return self.deltas


async def _read_until(
    events: StreamedResponse, ends_at: float, max_tokens: int, answer: _Answer
) -> AsyncGenerator[str]:
    """The words of an answer, until it ends or is too long."""
    left, arriving = max_tokens * CHARACTERS_PER_TOKEN, aiter(events)
    while True:
        # Around each wait and never around a yield: what the reader does meanwhile must not be cut off.
        async with asyncio.timeout_at(ends_at):
            event = await anext(arriving, None)
        if event is None:
            break
        if words := words_in(event):
            yield words[:left]
            left -= len(words)
            if left <= 0:
                answer.is_cut = True
                return
    check_finish(events.finish_reason)
    if left == max_tokens * CHARACTERS_PER_TOKEN:
        raise Failed("the answer is empty")
    answer.is_cut = events.finish_reason == "length"


async def _pause(attempt: int, failure: Failed, ends_at: float) -> None:
    """Wait before the next attempt; raises the failure where another is of no use, or too late."""
    seconds = failure.after_seconds
    if seconds is None:
        seconds = PAUSE_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1)  # noqa: S311 - only spreads the load
    if not failure.again or attempt >= ATTEMPTS or asyncio.get_running_loop().time() + seconds >= ends_at:
        raise failure
    await asyncio.sleep(seconds)


def _sum(total: Usage, more: Usage) -> Usage:
    return Usage(
        more.model,
        total.input_tokens + more.input_tokens,
        total.cached_tokens + more.cached_tokens,
        total.output_tokens + more.output_tokens,
        total.micro_usd + more.micro_usd,
    )
