"""Messages through a pipe: one letter that says what it is, the length, and UTF-8 text."""

import struct
from typing import BinaryIO

LONGEST_BYTES = 32 * 1024 * 1024
"""No message is longer: whoever sends a longer one is cut off."""
HEAD = struct.Struct("!cI")
READY, SAID, ENDED = b"R", b"S", b"E"
"""A box says that it is fresh, something of the guest's, or that the guest has come to an end."""


def packed(kind: bytes, text: str) -> bytes:
    """The bytes of one message."""
    content = text.encode("utf-8", "surrogatepass")
    return HEAD.pack(kind, len(content)) + content


def write(pipe: BinaryIO, kind: bytes, text: str) -> None:
    """Send one message, all of it."""
    pipe.write(packed(kind, text))
    pipe.flush()


def read(pipe: BinaryIO) -> str:
    """The text of the next message. Raises EOFError where the pipe has ended."""
    head = pipe.read(HEAD.size)
    if len(head) < HEAD.size:
        raise EOFError
    _kind, length = HEAD.unpack(head)
    content = pipe.read(length)
    if len(content) < length:
        raise EOFError
    return content.decode("utf-8", "surrogatepass")
