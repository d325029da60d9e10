"""The first message says what this box is for; what follows is up to that part."""

import json
import random
from collections.abc import Callable

from . import calls, library, submission, testing

Exchange = Callable[[str], str]
"""Say one thing to the outside and get its reply. The outside ends a box by not replying."""

library.load()


def serve(message: str, exchange: Exchange) -> str:
    """Do what `message` asks for, to the end, and return the last word."""
    # The interpreter was started once, when the component was built: every box would draw the same numbers.
    random.seed()
    order = json.loads(message)
    parts = {"calls": calls.serve, "submission": submission.serve, "tests": testing.serve}
    return parts[order["do"]](order, exchange)
