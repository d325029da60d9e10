"""`python -m learntrac.backends.speech.engines KIND [OPTION …]`: one engine, asked over its own pipes."""

import os
import sys

from learntrac.backends.speech.engines.serving import Asked, confine, serve


def main(kind: str, *options: str) -> None:
    """Load the engine, then answer until the server goes away."""
    # Whatever a library prints must not get among the frames.
    asked = Asked(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    confine(kind)
    serve(kind, options, asked)


if __name__ == "__main__":
    main(*sys.argv[1:])
