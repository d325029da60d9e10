"""Asking an outside system for all who came while the last answer was under way: under load one round trip serves many.

Nobody is answered by a question that was put before they asked, so nothing is ever remembered.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

_Question = TypeVar("_Question")
_Answer = TypeVar("_Answer")


class Together(Generic[_Question, _Answer]):
    """`ask_all` answers questions in their order, at most `most` at once; its error is the error of each."""

    def __init__(
        self, ask_all: Callable[[Sequence[_Question]], Awaitable[Sequence[_Answer]]], *, most: int = 1000
    ) -> None:
        self._ask_all, self._most = ask_all, most
        self._waiting: list[tuple[_Question, asyncio.Future[_Answer]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def ask(self, question: _Question) -> _Answer:
        """The answer to this one."""
        answer: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await answer

    async def _ask(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                # Who is gone by now asks nothing any more.
                await self._ask_for([one for one in asked if not one[1].done()])
        finally:
            self._asking = None

    async def _ask_for(self, asked: "list[tuple[_Question, asyncio.Future[_Answer]]]") -> None:
        if not asked:
            return
        try:
            answers = await self._ask_all([question for question, _ in asked])
        except Exception as error:  # noqa: BLE001 - it is theirs who asked
            for _, answer in asked:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), found in zip(asked, answers, strict=True):
            if not answer.done():
                answer.set_result(found)
