"""Many who ask at once share a question."""

import asyncio
from collections.abc import Sequence

import pytest

from learntrac.kit.together import Together


class Squares:
    """Answers with squares, and keeps what was asked at once; refuses while it is `away`."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.away = False

    async def ask(self, numbers: Sequence[int]) -> list[int]:
        self.asked.append(list(numbers))
        await asyncio.sleep(0.01)
        if self.away:
            raise ConnectionError("away")
        return [number * number for number in numbers]


async def test_each_gets_their_own_answer_and_no_question_is_too_large() -> None:
    squares = Squares()
    together = Together(squares.ask, most=3)

    assert await asyncio.gather(*map(together.ask, range(7))) == [0, 1, 4, 9, 16, 25, 36]
    assert squares.asked == [[0, 1, 2], [3, 4, 5], [6]]


async def test_who_comes_while_an_answer_is_under_way_waits_for_the_next() -> None:
    squares = Squares()
    together = Together(squares.ask)
    first = asyncio.create_task(together.ask(1))
    await asyncio.sleep(0.005)
    await asyncio.gather(together.ask(2), together.ask(3))

    assert squares.asked == [[1], [2, 3]]
    assert await first == 1


async def test_an_error_is_everybodys_and_the_next_are_asked_again() -> None:
    squares = Squares()
    together = Together(squares.ask)
    squares.away = True
    refused = await asyncio.gather(together.ask(1), together.ask(2), return_exceptions=True)
    squares.away = False

    assert [str(error) for error in refused] == ["away", "away"]
    assert await together.ask(3) == 9


async def test_who_has_gone_is_not_asked_for() -> None:
    squares = Squares()
    together = Together(squares.ask)
    gone, there = asyncio.create_task(together.ask(1)), asyncio.create_task(together.ask(2))
    await asyncio.sleep(0)
    gone.cancel()

    assert await there == 4
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert squares.asked == [[2]]
