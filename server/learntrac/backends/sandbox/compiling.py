"""What is put to Go's compiler beside a submission, and what it says, put into a learner's words. Pure."""

import re
from collections.abc import Iterable

LONGEST_READ_BYTES = 64 * 1024
"""Of what a tool or a program says, so much of the end is looked at."""
LONGEST_TOLD = 2000
_SOLUTION, _CALLS = "solution.go", "calls.go"
_HARNESS = "learntracHarness"
_CLAUSE = re.compile(r"\A(?>\s|//[^\n]*|/\*(?s:.*?)\*/)*+package\s+([^\W\d]\w*)")
_MAIN = re.compile(r"^func\s+main\s*\(", re.MULTILINE)
_PLACE = re.compile(r"^(solution|calls)\.go:(\d+)(?::\d+)?: ")
_ABSENT = re.compile(r"^calls\.go:\d+(?::\d+)?: undefined: (\w+)$", re.MULTILINE)
_NOT_OFFERED = re.compile(r" \(open : no such file or directory\)")
_WHERE_ELSE = re.compile(r"\[/proc/self/fd/[\d:]+\]")
_LAST_WORDS = re.compile(r"^(?:panic|fatal error): .*(?:\n(?!\n).*)*", re.MULTILINE)
_LINE = re.compile(r"\bsolution\.go:(\d+)")


def as_main(source: str) -> str:
    """The source as a part of package main, whatever its author calls it, with its own numbers of lines."""
    clause = _CLAUSE.match(source)
    if clause is not None:
        source = f"{source[: clause.start(1)]}main{source[clause.end(1) :]}"
    return f"//line {_SOLUTION}:1:1\n{source}"


def calls_of(source: str, functions: Iterable[str], most_printed: int) -> str:
    """A second file of the submission's package, which offers these functions to the harness, before any `main`."""
    offers = [f'\t{_HARNESS}.Offer("{name}", {name})' for name in functions if name.isascii() and name.isidentifier()]
    lines = [
        f"//line {_CALLS}:1:1",
        "package main",
        f'import {_HARNESS} "learntrac/harness"',
        "func init() {",
        *offers,
        f"\t{_HARNESS}.Serve({most_printed})",
        "}",
    ]
    return "\n".join(lines if _MAIN.search(source) else [*lines, "func main() {}"]) + "\n"


def absent_functions(said: str) -> list[str]:
    """The functions that are asked for and not there, where the compiler finds nothing else wrong."""
    return [] if f"{_SOLUTION}:" in said else _ABSENT.findall(said)


def what_is_wrong(said: str) -> str:
    """What the compiler says of the submission's own lines; of calls of it, where that is all."""
    of_whom: dict[str, list[str]] = {"solution": [], "calls": []}
    current = of_whom["solution"]
    for line in said.splitlines():
        place = _PLACE.match(line)
        current = of_whom[place[1]] if place else current
        current.append(line)
    told = of_whom["solution"] or [f"It cannot be called: {_PLACE.sub('', line)}" for line in of_whom["calls"]]
    text = _WHERE_ELSE.sub("", _NOT_OFFERED.sub(" (it is not offered here)", "\n".join(told))).strip()
    return text[:LONGEST_TOLD] or "It could not be compiled: it is too large, or takes the compiler too long."


def why_it_ended(said: str) -> str:
    """The last words of a program that has ended: `panic: …` or `fatal error: …`, with the line they come from."""
    found = list(_LAST_WORDS.finditer(said))
    if not found:
        return ""
    words = found[-1][0].strip()
    line = _LINE.search(said, found[-1].end())
    if "cannot allocate memory" in words:
        words = "fatal error: out of memory"
    return words[:LONGEST_TOLD] + (f" (line {line[1]})" if line else "")
