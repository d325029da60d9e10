"""The command as it is typed, run in the process of a test."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import orjson
import pytest
import structlog

from learntrac import cli


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def problem(self) -> str:
        """The one line that says what is wrong."""
        assert self.code == 1, self
        *logged, line = self.err.splitlines()
        assert all("event" in orjson.loads(entry) for entry in logged), self.err
        assert line.startswith("learntrac: ")
        return line.removeprefix("learntrac: ")


Learntrac = Callable[..., Said]


@contextmanager
def logs_as_they_were() -> Iterator[None]:
    """Commands set up the logs of a whole process, which here is not theirs."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Learntrac:
    """Runs the command in this process: `learntrac("doctor", "--trac-env", folder, given="", LEARNTRAC_…="…")`."""

    def run(*arguments: str | Path, given: str = "", **variables: str) -> Said:
        with monkeypatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("LEARNTRAC_")]:
                patch.delenv(name)
            for name, value in variables.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["learntrac", *map(str, arguments)])
            patch.setattr(sys, "stdin", StringIO(given))
            capsys.readouterr()
            try:
                cli.main()
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
        return Said(code, *capsys.readouterr())

    return run
