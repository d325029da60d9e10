"""Whether commands that files and pages name exist in this LearnTrac's command line."""

import re
import shlex
from collections.abc import Iterator

from typer.testing import CliRunner

from learntrac.cli import app


def find_problem(arguments: list[str]) -> str | None:
    """Why `learntrac ARGUMENTS` would not be understood; None where it would. Nothing is run."""
    done = CliRunner().invoke(app, [*arguments, "--help"])
    return None if done.exit_code == 0 else done.output


def learntrac_commands(text: str) -> Iterator[list[str]]:
    """The arguments of every `learntrac …` at the beginning of a command in the shell blocks of a page."""
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            for part in re.split(r"&&|\||;", line.partition(" #")[0]):
                found = re.search(r"^\s*(?:\S*/)?learntrac ([a-z].*)$", part)
                if found:
                    yield shlex.split(re.sub(r"\s[<>].*$", "", found[1]))
