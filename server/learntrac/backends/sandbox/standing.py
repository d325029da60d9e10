"""How every process of a box begins: nothing of the server's is left in it, and then the wall is built."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from learntrac.backends.sandbox import frames, walls

Serve = Callable[[], object]


def begin(
    prepare: Callable[[BinaryIO, BinaryIO], Serve],
    *,
    build: Callable[[], list[str]] = walls.build,
    insist: bool = False,
) -> None:
    """Prepare what needs files, give everything up, say which walls stand, and serve until the parent is gone.

    The first argument of the process is its parent's number. With `insist` there is no serving without the walls.
    """
    walls.die_with_parent(int(sys.argv[1]))
    walls.close_descriptors()
    receive, send = sys.stdin.buffer, sys.stdout.buffer
    serve = prepare(receive, send)
    try:
        told = ", ".join(build())
    except walls.NoWall as missing:
        if insist:
            frames.write(send, frames.ENDED, str(missing))
            os._exit(1)
        told = f"no second wall ({missing})"
    frames.write(send, frames.SAID, told)
    with suppress(EOFError, BrokenPipeError):
        serve()
    os._exit(0)
