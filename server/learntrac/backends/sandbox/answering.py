"""What a box says, taken apart with suspicion: a guest may have been changed by what runs in it."""

import json
import math
from typing import Any, Literal, NoReturn, cast

from learntrac.backends.sandbox import Answer, Call, Plain, Run
from learntrac.backends.sandbox.guest.plain import DEEPEST, MOST_ITEMS

LONGEST_ERROR = 2000
Status = Literal["returned", "raised", "not_plain", "missing", "memory"]
_STATUSES = ("returned", "raised", "not_plain", "missing", "memory")


class Nonsense(Exception):
    """This is nothing that an unchanged guest would say."""


def order_of(run: Run) -> str:
    """The first message to a box: the source, and what is to be done with it."""
    return json.dumps({
        "do": "calls",
        "source": run.source,
        "load": any(call.function is not None for call in run.calls),
        "functions": [call.function for call in run.calls],
        "output": run.limits.output_bytes,
    })  # fmt: skip


def question_of(call: Call) -> str:
    """One call as a message. Raises ValueError for a function that no language could have."""
    if call.function is not None and not call.function.isidentifier():
        raise ValueError(f"{call.function!r} is no name of a function")
    return json.dumps({"function": call.function, "arguments": list(call.arguments), "stdin": call.stdin})


def problem_in(message: str) -> str | None:
    """Why the source could not be loaded, as the guest has it. Raises Nonsense."""
    problem = object_in(message).get("problem")
    return None if problem is None else text_of(problem, LONGEST_ERROR)


def program_in(message: str) -> int:
    """The number of the process that a compiled submission runs in. Raises Nonsense."""
    pid = object_in(message).get("pid")
    if type(pid) is not int or pid < 2:
        raise Nonsense
    return pid


def answer_in(message: str, *, output_bytes: int) -> Answer:
    """One answer. A value that may not cross is not taken for one that may. Raises Nonsense."""
    found = object_in(message)
    status = found.get("status")
    if status not in _STATUSES:
        raise Nonsense
    value, error, line = found.get("value"), text_of(found.get("error", ""), LONGEST_ERROR), found.get("line")
    output = text_of(found.get("output", ""), output_bytes).encode()[:output_bytes].decode(errors="ignore")
    if status == "returned" and not is_plain(value):
        status, error = "not_plain", "too deep, too large or no number"
    return Answer(
        status=cast("Status", status),
        value=cast("Plain", value) if status == "returned" else None,
        error=error,
        output=output,
        line=line if type(line) is int and 0 < line < 10**6 else None,
    )


def is_plain(value: object) -> bool:
    """Whether this has the types, depth and size of what may cross; never deeper than can be looked at."""
    level, items = [value], 0
    for _depth in range(DEEPEST + 1):
        items += len(level)
        if items > MOST_ITEMS or not all(map(_is_fine, level)):
            return False
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return True
    return False


def _is_fine(value: object) -> bool:
    if type(value) is float:
        return math.isfinite(value)
    if type(value) is str:
        return _is_text(value)
    return value is None or type(value) in (bool, int, list, dict)


def _inside(value: object) -> list[Any]:
    if type(value) is dict:
        return [*value.keys(), *value.values()]
    return value if type(value) is list else []


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def text_of(value: object, most: int) -> str:
    """Text of at most so many characters that can be written down. Raises Nonsense for anything else."""
    if type(value) is not str:
        raise Nonsense
    return value[:most].encode(errors="replace").decode()


def object_in(message: str) -> dict[str, Any]:
    """A JSON object. Raises Nonsense for anything else."""
    try:
        found = json.loads(message, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Nonsense from None
    if type(found) is not dict:
        raise Nonsense
    return found


def _refuse(_constant: str) -> NoReturn:
    raise Nonsense
