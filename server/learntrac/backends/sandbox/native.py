"""The process of one run in the native jail: this machine's own Python, with threads, behind the walls alone.

    python -I -m learntrac.backends.sandbox.native PARENT MEMORY_BYTES

What runs here may do to the process what it likes; it has nothing to do it with. It serves one run and ends.
"""

import os
import sys
import threading
from functools import partial
from typing import BinaryIO

from learntrac.backends.sandbox import MEBIBYTE, frames, standing, walls
from learntrac.backends.sandbox.guest import serving

OWN_BYTES = 64 * MEBIBYTE
"""What the interpreter and the standard library take of the process's memory."""
STACK_BYTES = 512 * 1024


def serve_one(receive: BinaryIO, send: BinaryIO) -> None:
    """Serve one run: the same guest as in WASM, with pipes in place of an import."""

    def exchange(message: str) -> str:
        frames.write(send, frames.SAID, message)
        reply = frames.read(receive)
        if not reply:
            os._exit(0)
        return reply

    frames.write(send, frames.READY, "")
    order = frames.read(receive)
    frames.write(send, frames.SAID, serving.serve(order, exchange))
    frames.read(receive)


def main() -> None:
    """Build the walls, without which nothing is run here, then serve."""
    threading.stack_size(STACK_BYTES)
    library = os.path.dirname(os.__file__)  # noqa: PTH120 - a folder by name
    standing.begin(
        lambda receive, send: lambda: serve_one(receive, send),
        build=partial(walls.build, readable=[library], memory_bytes=int(sys.argv[2]) + OWN_BYTES),
        insist=True,
    )


if __name__ == "__main__":
    main()
