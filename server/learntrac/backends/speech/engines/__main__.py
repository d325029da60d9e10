"""`python -m learntrac.backends.speech.engines [--gently] KIND [OPTION …]`: one engine, asked over its own pipes."""

import os
import sys

from learntrac.backends.speech.engines.serving import Asked, confine, serve
from learntrac.backends.speech.frames import GENTLY


def main(*arguments: str) -> None:
    """Load the engine, `--gently` where nobody waits for it, then answer until the server goes away."""
    is_gentle = arguments[0] == GENTLY
    kind, *options = arguments[is_gentle:]
    # Whatever a library prints must not get among the frames.
    asked = Asked(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    confine(kind)
    serve(kind, tuple(options), asked, is_gentle=is_gentle)


if __name__ == "__main__":
    main(*sys.argv[1:])
