"""A provider that does not answer is left alone, and asked again by one call."""

from dataclasses import dataclass

import pytest

from learntrac.backends.llm import ModelDown
from learntrac.backends.llm.breaker import FAILURES, LONGEST_REST_SECONDS, REST_SECONDS, Breaker
from tests.backends.llm.conftest import PROMPT, Provider
from tests.backends.llm.protocols import words_of
from tests.backends.llm.wire import refusing


@dataclass
class Seconds:
    """A clock that a test moves."""

    now: float = 0

    def __call__(self) -> float:
        return self.now


def broken(clock: Seconds) -> Breaker:
    """A breaker after its first failures."""
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        assert not breaker.enter()
        breaker.failed("status 500", was_trial=False)
    return breaker


def test_after_some_failures_nothing_is_sent_for_a_while() -> None:
    clock = Seconds()
    breaker = broken(clock)

    with pytest.raises(ModelDown) as down:
        breaker.enter()
    assert down.value.reason == "left alone after 3 failures: status 500"
    clock.now = REST_SECONDS
    assert breaker.enter(), "then one call tries"
    with pytest.raises(ModelDown):
        breaker.enter()


def test_an_answer_lets_everybody_in_again() -> None:
    clock = Seconds()
    breaker = broken(clock)
    clock.now = REST_SECONDS

    breaker.enter()
    breaker.succeeded()

    assert not breaker.enter()
    assert breaker.problem is None


def test_each_failed_try_doubles_the_rest() -> None:
    clock = Seconds()
    breaker = broken(clock)
    rests = []

    for _ in range(7):
        until = clock.now
        while True:
            try:
                breaker.enter()
                break
            except ModelDown:
                clock.now += 1
        rests.append(clock.now - until)
        breaker.failed("status 500", was_trial=True)

    assert rests == [15, 30, 60, 120, 240, 300, LONGEST_REST_SECONDS]


def test_failures_between_answers_are_none_in_a_row() -> None:
    breaker = Breaker(Seconds())

    for _ in range(10):
        breaker.failed("status 500", was_trial=False)
        breaker.succeeded()

    assert not breaker.enter()


async def test_a_learner_does_not_wait_for_a_provider_that_is_known_to_be_down(provider: Provider) -> None:
    provider.will(refusing(400))
    for _ in range(FAILURES + 5):
        with pytest.raises(ModelDown):
            async with provider.model.stream(PROMPT, user_id="alice") as stream:
                assert [delta async for delta in stream] == []

    assert len(provider.server.received) == FAILURES
    with pytest.raises(ModelDown, match="does not answer"):
        await provider.model.ping()
    assert provider.count("learntrac_ai_calls_total", outcome="failed") == FAILURES


async def test_a_status_follows_what_the_calls_saw(provider: Provider) -> None:
    provider.will(refusing(400), words_of(provider.speaks, "Over."))

    with pytest.raises(ModelDown):
        async with provider.model.stream(PROMPT, user_id="alice") as stream:
            assert [delta async for delta in stream] == []
    with pytest.raises(ModelDown):
        await provider.model.ping()
    async with provider.model.stream(PROMPT, user_id="alice") as stream:
        assert [delta async for delta in stream] == ["Over."]
    await provider.model.ping()
