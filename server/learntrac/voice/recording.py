"""A spoken answer while it is made: its pieces are written down, in order, for whoever fetches `audio_url`."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from learntrac.backends.objects import ObjectsDown, ObjectStorage
from learntrac.kit.clock import Clock
from learntrac.kit.db import Database
from learntrac.kit.errors import Unavailable
from learntrac.kit.logs import get_logger
from learntrac.voice import service

PART_BYTES = 32 * 1024

_log = get_logger("learntrac.voice")


@dataclass(frozen=True)
class Shelf:
    """Where spoken answers are kept: in the database while they are made, and then in the object storage, if any."""

    database: Database
    objects: ObjectStorage | None
    clock: Clock


class Recording:
    """Writes beside the talk, which does not wait for it. What cannot be written is lost to `audio_url` only."""

    def __init__(self, shelf: Shelf, *, user_id: str, on_begun: Callable[[str], None] | None = None) -> None:
        """`on_begun` is told its name as soon as it can be fetched."""
        self._on_begun = on_begun
        self.audio_id = service.new_audio_id()
        self._shelf = shelf
        self._user_id = user_id
        self._buffer = bytearray()
        self._parts: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._writing = asyncio.create_task(self._write())

    def add(self, mp3: bytes) -> None:
        """The next sound."""
        self._buffer += mp3
        if len(self._buffer) >= PART_BYTES:
            self.flush()

    def flush(self) -> None:
        """Let what there is be heard by whoever fetches it."""
        if self._buffer:
            self._parts.put_nowait(bytes(self._buffer))
            self._buffer.clear()

    async def complete(self) -> None:
        """No more comes, for whatever reason."""
        self.flush()
        self._parts.put_nowait(None)
        await self._writing

    async def _write(self) -> None:
        try:
            await self._write_all()
        except Unavailable as error:
            _log.warning("a spoken answer could not be kept", error=str(error.__cause__ or error))

    async def _write_all(self) -> None:
        database, audio_id, user_id = self._shelf.database, self.audio_id, self._user_id
        async with database.begin() as session:
            await service.begin_audio(session, audio_id=audio_id, user_id=user_id, now=self._shelf.clock())
        if self._on_begun is not None:
            self._on_begun(audio_id)
        whole, place = bytearray(), 0
        while (part := await self._parts.get()) is not None:
            whole, place = whole + part, place + 1
            async with database.begin() as session:
                await service.add_part(session, audio_id=audio_id, user_id=user_id, place=place, mp3=part)
        stored_as = await self._store(bytes(whole))
        async with database.begin() as session:
            await service.complete_audio(session, audio_id=audio_id, stored_as=stored_as)

    async def _store(self, mp3: bytes) -> str:
        """Its name in the object storage; empty where there is none, or it does not answer."""
        if self._shelf.objects is None or not mp3:
            return ""
        name = f"voice/{self.audio_id}.mp3"
        try:
            await self._shelf.objects.put(name, mp3, content_type="audio/mpeg")
        except ObjectsDown as error:
            _log.warning("a spoken answer stays in the database: the object storage does not answer", error=str(error))
            return ""
        return name
