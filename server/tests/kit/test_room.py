"""Room for so many at once."""

import asyncio
import random

import pytest

from learntrac.kit.room import Room


async def test_who_finds_room_is_in_and_who_does_not_waits_in_line() -> None:
    room, came = Room(2, within_seconds=60), []

    async def visit(number: int) -> None:
        await room.enter()
        came.append(number)

    visits = [asyncio.create_task(visit(number)) for number in range(4)]
    await asyncio.sleep(0)
    assert (came, room.taken, room.size) == ([0, 1], 2, 2)

    room.leave()
    await asyncio.sleep(0)
    assert (came, room.taken) == ([0, 1, 2], 2)

    room.leave()
    await asyncio.gather(*visits)
    assert came == [0, 1, 2, 3]
    room.leave()
    room.leave()
    assert room.taken == 0


async def test_who_waits_too_long_is_told_and_takes_no_room() -> None:
    room = Room(1, within_seconds=0.01)
    await room.enter()
    with pytest.raises(TimeoutError):
        await room.enter()

    room.leave()
    await room.enter()
    assert room.taken == 1


@pytest.mark.parametrize("was_let_in", [False, True])
async def test_who_goes_away_leaves_the_room_to_the_next(was_let_in: bool) -> None:
    room = Room(1, within_seconds=60)
    await room.enter()
    gone, next_one = asyncio.create_task(room.enter()), asyncio.create_task(room.enter())
    await asyncio.sleep(0)

    if was_let_in:
        room.leave()
    gone.cancel()
    if not was_let_in:
        await asyncio.sleep(0)
        room.leave()

    await asyncio.wait_for(next_one, 1)
    assert gone.cancelled()
    assert room.taken == 1


async def test_never_more_are_in_than_there_is_room_for_whoever_comes_and_goes() -> None:
    dice, room, inside, most = random.Random(3), Room(3, within_seconds=60), 0, 0

    async def visit() -> None:
        nonlocal inside, most
        await room.enter()
        try:
            inside += 1
            most = max(most, inside)
            for _ in range(dice.randrange(3)):
                await asyncio.sleep(0)
        finally:
            inside -= 1
            room.leave()

    visits = []
    for _ in range(500):
        visits.append(asyncio.create_task(visit()))
        if dice.random() < 0.5:
            await asyncio.sleep(0)
        if dice.random() < 0.3:
            dice.choice(visits).cancel()
    await asyncio.gather(*visits, return_exceptions=True)

    assert most == 3
    assert (inside, room.taken) == (0, 0)
