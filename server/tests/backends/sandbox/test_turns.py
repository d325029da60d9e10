"""Whose turn it is."""

import asyncio

import pytest

from learntrac.backends.sandbox import SandboxBusy
from learntrac.backends.sandbox.turns import MOST_WAITING, Turns


async def take_turns(turns: Turns, order: list[str], user_id: str) -> None:
    async with turns.turn(user_id):
        order.append(user_id)
        await asyncio.sleep(0)


async def test_users_are_served_one_after_the_other_however_many_runs_each_has() -> None:
    turns, order = Turns(1, 0), list[str]()
    users = ["a", "a", "a", "b", "b", "c"]

    async with turns.turn("somebody"):
        waiting = [asyncio.create_task(take_turns(turns, order, user)) for user in users]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)

    assert order == ["a", "b", "c", "a", "b", "a"]
    assert (turns.waiting, turns.running) == (0, 0)


async def test_who_steps_aside_makes_room_as_long_as_there_is_room_beside() -> None:
    turns, order = Turns(1, 1), list[str]()
    async with turns.turn("a") as first:
        assert not first.step_aside()
        waiting = asyncio.create_task(take_turns(turns, order, "b"))
        await asyncio.sleep(0)
        assert first.step_aside()
        assert first.step_aside()
        await waiting
        async with turns.turn("c") as second:
            waiting = asyncio.create_task(take_turns(turns, order, "d"))
            await asyncio.sleep(0)
            assert not second.step_aside()
        await waiting

    assert order == ["b", "d"]


async def test_who_gives_up_waiting_takes_nobodys_place() -> None:
    turns, order = Turns(1, 0), list[str]()
    async with turns.turn("a"):
        waiting = [asyncio.create_task(take_turns(turns, order, user)) for user in ("b", "c", "c")]
        await asyncio.sleep(0)
        waiting[0].cancel()
        waiting[1].cancel()
        await asyncio.wait(waiting[:2])
    await waiting[2]

    assert order == ["c"]


async def test_who_is_called_while_giving_up_passes_the_turn_on() -> None:
    turns, order = Turns(1, 0), list[str]()
    async with turns.turn("a"):
        called, next_ = (asyncio.create_task(take_turns(turns, order, user)) for user in ("b", "c"))
        await asyncio.sleep(0)
    called.cancel()
    await asyncio.wait([called, next_])

    assert order == ["c"]


async def test_the_queue_has_an_end() -> None:
    turns = Turns(1, 0)
    async with turns.turn("a"):
        waiting = [asyncio.create_task(take_turns(turns, [], f"user-{place}")) for place in range(MOST_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(SandboxBusy):
            await take_turns(turns, [], "late")
    await asyncio.gather(*waiting)
