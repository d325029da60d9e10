"""AWS's event stream encoding, for messages that we send; botocore decodes those that come. Pure.

https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream
"""

import struct
import zlib
from collections.abc import Mapping

_STRING = 7


def encoded(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message: lengths with their checksum, headers, payload, and the checksum of all."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    lengths = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    message = lengths + struct.pack(">I", zlib.crc32(lengths)) + head + payload
    return message + struct.pack(">I", zlib.crc32(message))


def _header(name: str, value: str) -> bytes:
    name_bytes, value_bytes = name.encode(), value.encode()
    return struct.pack(">B", len(name_bytes)) + name_bytes + struct.pack(">BH", _STRING, len(value_bytes)) + value_bytes
