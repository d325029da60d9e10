"""A first look at a learner's own code, without running it. Pure."""

import ast
import re

from learntrac.chat.composing import Work

_FENCED = re.compile(r"```([\w+#.-]*)[^\n]*\n(.*?)(?:```|\Z)", re.DOTALL)
_PYTHON = re.compile(r"^\s*(?:def |class |import |from \w+ import |for .+:|while .+:|if .+:|print\()", re.MULTILINE)


def find_code(message: str) -> tuple[str, str] | None:
    """(language, code) of the first block in a message, or of the message itself where it looks like Python."""
    if fenced := _FENCED.search(message):
        return fenced[1].lower(), fenced[2]
    return ("python", message) if _PYTHON.search(message) and "\n" in message.strip() else None


def without_code(message: str) -> str:
    """What a message says beside its blocks of code."""
    return _FENCED.sub(" ", message)


def look_at(language: str, code: str) -> Work:
    """What stands out before anything runs: where the code is no Python."""
    if language not in ("", "python", "py", "python3"):
        return Work()
    try:
        ast.parse(code)
    except SyntaxError as error:
        line = error.lineno or 1
        lines = code.splitlines()
        shown = lines[line - 1].strip()[:80] if 0 < line <= len(lines) else ""
        return Work(f"Python stops reading at line {line}, `{shown}`: {error.msg}. What does that line need?")
    except (ValueError, RecursionError, MemoryError):
        return Work("Python cannot read this code. Is all of it there?")
    return Work()


def tell_of_run(*, passed: bool, status: str, issues: tuple[str, ...], problem: str) -> Work:
    """What a learner's last graded run says that they may know: the visible tests that failed, by name."""
    if passed:
        return Work("Your last run passed. What would you like to make clearer in it?", passed=True)
    if problem:
        first = problem.strip().splitlines()[-1][:200]
        return Work(f"Your last run ended with `{first}`. Which line of yours does that come from?")
    if issues:
        more = f" and {len(issues) - 1} more" if len(issues) > 1 else ""
        return Work(
            f"In your last run **{issues[0][:120]}** failed{more}. What goes into that test, and what did you expect to"
            " come out?"
        )
    return Work(f"Your last run ended as {status}: the tests that you see passed, one that you do not see did not.")
