"""A submission that answers questions: calls of its functions, or runs of it as a whole program."""

import builtins
import io
import json
import sys
import traceback
import types
from collections.abc import Callable, Mapping
from typing import Any

from . import plain

MODULE = "solution"
Message = dict[str, Any]


class Printed(io.StringIO):
    """What was printed, up to so many characters; the rest is let go of."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._left = most

    def write(self, text: str) -> int:
        taken = text[: self._left]
        self._left -= super().write(taken)
        return len(text)

    def take(self) -> str:
        """What was printed since it was last taken."""
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


def serve(order: Message, exchange: Callable[[str], str]) -> str:
    """Load `order["source"]`, then answer one question after the other: the first reply is what is wrong with the
    source, or nothing.
    """
    code, problem = compile_source(order["source"])
    namespace: dict[str, Any] = {}
    printed = Printed(order["output"])
    if code is not None and order["load"]:
        namespace, problem = load(code, printed)
    reply: Message = {"problem": problem, "output": printed.getvalue()}
    while True:
        question = json.loads(exchange(json.dumps(reply)))
        printed = Printed(order["output"])
        sys.stdout = sys.stderr = printed
        if question["function"] is None:
            reply = run_program(code, question["stdin"])
        else:
            reply = call(namespace, question["function"], question["arguments"])
        reply["output"] = printed.getvalue()


def compile_source(source: str) -> tuple[types.CodeType | None, str | None]:
    """The code, or what is wrong with it."""
    try:
        return compile(source, f"{MODULE}.py", "exec", dont_inherit=True), None
    except BaseException as error:  # noqa: BLE001 - a compiler meets a RecursionError, MemoryError and more
        return None, describe(error)


def load(code: types.CodeType, printed: Printed) -> tuple[dict[str, Any], str | None]:
    """What the source defines, and what went wrong while it ran."""
    module = types.ModuleType(MODULE)
    sys.modules[MODULE] = module
    sys.stdout = sys.stderr = printed
    sys.stdin = io.StringIO()
    try:
        exec(code, module.__dict__)  # noqa: S102 - this is what a box is for
    except BaseException as error:  # noqa: BLE001 - SystemExit too
        return {}, describe(error)
    return module.__dict__, None


def run_program(code: types.CodeType | None, stdin: str) -> Message:
    """Run the whole source as a program; what it prints is its answer."""
    sys.stdin = io.StringIO(stdin)
    namespace = {"__name__": "__main__", "__builtins__": builtins}
    try:
        exec(code, namespace)  # type: ignore[arg-type] # noqa: S102 - None raises, as a source that does not compile
    except SystemExit:
        return {"status": "returned", "value": None}
    except BaseException as error:  # noqa: BLE001 - whatever it raises is its answer
        return raised(error)
    return {"status": "returned", "value": None}


def call(namespace: Mapping[str, Any], name: str, arguments: list[Any]) -> Message:
    """Call a function of the submission, and give what it returns as a plain value."""
    function = namespace.get(name)
    if not callable(function):
        return {"status": "missing"}
    try:
        value = function(*arguments)
        return {"status": "returned", "value": plain.to_plain(value)}
    except plain.NotPlain as error:
        return {"status": "not_plain", "error": str(error)}
    except BaseException as error:  # noqa: BLE001 - whatever it raises is its answer
        return raised(error)


def raised(error: BaseException) -> Message:
    """An exception as an answer, with the line of the submission that it came from."""
    status = "memory" if type(error) is MemoryError else "raised"
    return {"status": status, "error": describe(error), "line": line_of(error)}


def describe(error: BaseException) -> str:
    """Like `ZeroDivisionError: division by zero`; a syntax error with its line."""
    name = type(error).__name__
    try:
        message = str(error)
    except BaseException:  # noqa: BLE001 - its own __str__
        message = "(it has no message)"
    if isinstance(error, SyntaxError):
        message = f"{error.msg} (line {error.lineno})"
    return f"{name}: {message}"[:2000].removesuffix(": ")


def line_of(error: BaseException) -> int | None:
    """The last line of the submission on the way to this exception."""
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__)
             if frame.f_code.co_filename == f"{MODULE}.py"]  # fmt: skip
    return lines[-1] if lines else None
