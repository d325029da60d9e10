"""Object storage for what is too large for a database and may be fetched from elsewhere: spoken answers.

Where none is configured there is none (`None`), and such things stay in the database.
"""

from typing import Protocol


class ObjectsDown(Exception):
    """The storage did not take it, or does not answer."""


class ObjectStorage(Protocol):
    """What a storage can do. Nothing in it is a truth: what is lost is gone an hour later anyway."""

    name: str

    async def put(self, name: str, content: bytes, *, content_type: str) -> None:
        """Keep `content`. Raises ObjectsDown."""
        ...

    async def url(self, name: str, *, seconds: int) -> str:
        """An address from which anybody who has it may fetch the object for so many seconds."""
        ...

    async def delete(self, name: str) -> None:
        """Delete it, be it there or not. Raises ObjectsDown."""
        ...

    async def ping(self) -> None:
        """Whether the bucket is there. Raises ObjectsDown."""
        ...

    async def close(self) -> None:
        """Give back the connections."""
        ...
