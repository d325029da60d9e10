"""Tests in one box, the submission in another: messages carried between them, and results told by the tests' box."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from learntrac.backends.sandbox import CaseResult, Suite, answering
from learntrac.backends.sandbox.boxes import Box, BoxEnded, Cause

MOST_TESTS = 5000
LONGEST_TEXT = 2000
_STATUSES = ("passed", "failed", "error", "timeout", "memory", "crashed")
Ended = Literal["timeout", "error"]


@dataclass
class Told:
    """What the tests' box has told so far."""

    names: list[str] = field(default_factory=list)
    results: list[CaseResult] = field(default_factory=list)
    begun: int = -1
    problem: str | None = None
    output: str = ""


async def run(suite: Suite, tests: Box, submission: Box, told: Told) -> Cause | None:
    """Run the suite, noting what is told; the cause, where a box came to its end before that."""
    try:
        loaded = answering.object_in(await submission.ask(_order_of_submission(suite)))
        told.problem = None if loaded.get("problem") is None else str(loaded["problem"])[:LONGEST_TEXT]
    except (BoxEnded, answering.Nonsense) as end:
        return _cause_of(end)
    if told.problem is not None:
        return None
    try:
        await _carry(tests, submission, _order_of_tests(suite, loaded.get("names")), told)
    except (BoxEnded, answering.Nonsense) as end:
        return _cause_of(end)
    return None


def _cause_of(end: Exception) -> Cause:
    return end.cause if isinstance(end, BoxEnded) else "crashed"


async def _carry(tests: Box, submission: Box, order: str, told: Told) -> None:
    """Give the tests' box its order, and see to what it says until its last word."""
    message = await tests.ask(order)
    while message[:1] in ("=", ">"):
        if message[0] == "=":
            note(told, answering.object_in(message[1:]))
            reply = "noted"
        else:
            reply = await _reply(submission, message[1:])
        message = await tests.ask(reply)
    last = answering.object_in(message)
    told.problem = None if last.get("problem") is None else str(last["problem"])[:LONGEST_TEXT]
    told.output = answering.text_of(last.get("output"), 10**6)


async def _reply(submission: Box, message: str) -> str:
    try:
        return ">" + await submission.ask(message)
    except BoxEnded as end:
        # In another form than anything that the submission's box can say.
        return "!" + ("crashed" if end.cause == "lost" else end.cause)


def _order_of_submission(suite: Suite) -> str:
    return json.dumps({
        "do": "submission",
        "source": suite.source,
        "module": suite.module,
        "files": dict(suite.files),
        "output": suite.limits.output_bytes,
    })  # fmt: skip


def _order_of_tests(suite: Suite, names: object) -> str:
    known = [name for name in names if type(name) is str][:1000] if type(names) is list else []
    return json.dumps({
        "do": "tests",
        "tests": suite.tests,
        "module": suite.module,
        "names": known,
        "classes": None if suite.classes is None else sorted(suite.classes),
        "files": dict(suite.files),
        "output": suite.limits.output_bytes,
    })  # fmt: skip


def note(told: Told, event: dict[str, Any]) -> None:
    """Take one event of the tests' box down. Raises Nonsense."""
    try:
        _note(told, event)
    except (KeyError, TypeError, ValueError):
        raise answering.Nonsense from None


def _note(told: Told, event: dict[str, Any]) -> None:
    if "tests" in event:
        told.names = [answering.text_of(name, 200) for name in event["tests"][:MOST_TESTS]]
    elif "begin" in event:
        told.begun = int(event["begin"])
    elif "result" in event and len(told.results) < MOST_TESTS:
        told.results.append(_result(event["result"]))


def _result(data: dict[str, Any]) -> CaseResult:
    status = data["status"]
    if status not in _STATUSES:
        raise answering.Nonsense
    if status in ("memory", "crashed"):
        return CaseResult(answering.text_of(data["name"], 200), "error", _MEANING[cast("Cause", status)])
    return CaseResult(
        name=answering.text_of(data["name"], 200),
        status=status,
        message=answering.text_of(data.get("message", ""), LONGEST_TEXT),
        expected=_optional(data.get("expected")),
        got=_optional(data.get("got")),
    )


def _optional(text: object) -> str | None:
    return None if text is None else answering.text_of(text, LONGEST_TEXT)


_MEANING: dict[Cause, str] = {
    "timeout": "the time was over",
    "memory": "the memory was used up",
    "crashed": "the interpreter came to its end",
    "lost": "the interpreter came to its end",
}


def completed(told: Told, cause: Cause | None) -> tuple[CaseResult, ...]:
    """The results with what did not come to be told: the test that was running, and those after it.

    What was told of a test before its end says nothing of the rest of it: one that was cut off has not passed.
    """
    results = list(told.results)
    if cause is not None and 0 <= told.begun < len(told.names):
        status: Ended = "timeout" if cause == "timeout" else "error"
        results.append(CaseResult(told.names[told.begun], status, _MEANING[cause]))
    unreached = told.names[told.begun + 1 :] if told.problem is None else []
    return (*results, *(CaseResult(name, "not_reached") for name in unreached))


def problem_of(told: Told, cause: Cause | None) -> str | None:
    """Why nothing could be run: what was told, or a box's end before the first test was known."""
    if told.problem is None and cause is not None and not told.names:
        return f"It could not be loaded: {_MEANING[cause]}."
    return told.problem
