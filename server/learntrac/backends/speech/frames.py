"""What goes over the pipes between the server and the processes its engines live in: a head of JSON, and bytes."""

import asyncio
import json
import struct
from typing import Any, BinaryIO, NamedTuple

_LENGTHS = struct.Struct("<II")
LARGEST_HEAD_BYTES = 4 * 1024 * 1024
LARGEST_DATA_BYTES = 32 * 1024 * 1024
GENTLY = "--gently"
"""What an engine's process is told where nobody waits for it: to load behind everything else."""


class Frame(NamedTuple):
    """One message. `head` names what is asked or told; `data` is sound."""

    head: dict[str, Any]
    data: bytes = b""


def packed(frame: Frame) -> bytes:
    """The frame as it goes over the pipe."""
    head = json.dumps(frame.head).encode()
    return _LENGTHS.pack(len(head), len(frame.data)) + head + frame.data


async def read_frame(reader: asyncio.StreamReader) -> Frame:
    """The next frame. Raises asyncio.IncompleteReadError at the end, and ValueError for what is none of ours."""
    head, data = _checked(await reader.readexactly(_LENGTHS.size))
    return Frame(json.loads(await reader.readexactly(head)), await reader.readexactly(data))


def read_frame_blocking(pipe: BinaryIO) -> Frame | None:
    """The next frame, or None at the end."""
    lengths = pipe.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head, data = _checked(lengths)
    return Frame(json.loads(pipe.read(head)), pipe.read(data))


def write_frame_blocking(pipe: BinaryIO, frame: Frame) -> None:
    """Hand one over, whole."""
    pipe.write(packed(frame))
    pipe.flush()


def _checked(lengths: bytes) -> tuple[int, int]:
    head, data = _LENGTHS.unpack(lengths)
    if head > LARGEST_HEAD_BYTES or data > LARGEST_DATA_BYTES:
        raise ValueError("the frame is too large")
    return head, data
