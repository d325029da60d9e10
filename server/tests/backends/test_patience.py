"""Waiting for an answer: for so long, but only while this process can hear it."""

import asyncio
import time

import pytest

from learntrac.backends.cache.patience import at_most


async def test_who_never_answers_is_given_up() -> None:
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        async with at_most(0.1):
            await asyncio.Event().wait()

    assert 0.09 < time.monotonic() - begun < 1


async def test_an_answer_in_time_is_waited_for() -> None:
    async with at_most(1):
        await asyncio.sleep(0.1)
    await asyncio.sleep(0)


async def test_an_answer_that_came_while_the_process_was_held_up_counts() -> None:
    answer = asyncio.get_running_loop().create_future()

    def answered() -> None:
        answer.set_result("here")

    async with at_most(0.2):
        # Two turns of the loop later, as with bytes that a socket holds and a stream must first take from it.
        asyncio.get_running_loop().call_later(0.3, lambda: asyncio.get_running_loop().call_soon(answered))
        time.sleep(0.4)  # noqa: ASYNC251 - this is what holds it up
        assert await answer == "here"


async def test_a_cancellation_stays_one() -> None:
    async def wait() -> None:
        async with at_most(5):
            await asyncio.Event().wait()

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
