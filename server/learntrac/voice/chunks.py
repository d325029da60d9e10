"""The order of a stream's chunks, by their `chunk_id`. Pure.

Over one socket they come in order. Behind a gateway each is a request of its own, and a later one may overtake.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

MOST_HELD = 64
MOST_HELD_CHARACTERS = 1_000_000

Problem = Literal["chunk_repeated", "chunk_missing"]


@dataclass
class Chunk:
    """A piece of a stream; `audio` is still base64."""

    chunk_id: int
    audio: str
    is_final: bool = False


@dataclass
class Chunks:
    """Lets chunks through in the order of their numbers, which go up by one. A stream begins with 0 or 1, and after a
    final chunk another begins: with one of these, or with the number that is next.

    Where `may_overtake`, chunks that come too early are held until those before them are there; else what is missing
    is lost at once.
    """

    may_overtake: bool = False
    next_id: int | None = None
    held: list[Chunk] = field(default_factory=list)
    has_ended: bool = False

    def take(self, chunk: Chunk) -> tuple[list[Chunk], Problem | None]:
        """The chunks that are to be heard now, and what is wrong with this one."""
        expected = self._expected(chunk)
        if chunk.chunk_id == expected:
            return list(self._from(chunk)), None
        if chunk.chunk_id < expected or any(one.chunk_id == chunk.chunk_id for one in self.held):
            return [], "chunk_repeated"
        if not self.may_overtake:
            return list(self._from(chunk)), "chunk_missing"
        self.next_id = expected
        self.held = sorted([*self.held, chunk], key=lambda one: one.chunk_id)
        return ([], None) if self._has_room() else (self.give_up(), "chunk_missing")

    def give_up(self) -> list[Chunk]:
        """What is missing will not come: the chunks that were held for it."""
        return list(self._from(self.held.pop(0))) if self.held else []

    def _expected(self, chunk: Chunk) -> int:
        begins = chunk.chunk_id in (0, 1) and not self.held
        if self.next_id is None:
            return chunk.chunk_id if begins else 1
        if begins and self.has_ended:
            return chunk.chunk_id
        return self.next_id

    def _from(self, chunk: Chunk) -> Iterator[Chunk]:
        """This chunk, and the held ones that follow it without a gap."""
        yield self._let_through(chunk)
        while self.held and self.held[0].chunk_id == self.next_id:
            yield self._let_through(self.held.pop(0))

    def _let_through(self, chunk: Chunk) -> Chunk:
        self.next_id, self.has_ended = chunk.chunk_id + 1, chunk.is_final
        return chunk

    def _has_room(self) -> bool:
        return len(self.held) <= MOST_HELD and sum(len(one.audio) for one in self.held) <= MOST_HELD_CHARACTERS
