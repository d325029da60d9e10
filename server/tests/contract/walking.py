"""The walk over the whole specification, done by the specification's own script against a running server."""

import subprocess
import sys
from dataclasses import dataclass

import pytest

from tests.contract.servers import ROOT

SCRIPT = ROOT.parent / "shared" / "spec" / "conformance.py"


@dataclass(frozen=True)
class Step:
    """A line of the walk: ok, thin (right, but a list was empty) or FAIL, what was asked, and what is to say of it."""

    verdict: str
    name: str
    detail: str

    @property
    def place(self) -> str:
        """The name without its method."""
        method, _, rest = self.name.partition(" ")
        return rest if method in ("GET", "POST", "WebSocket") else self.name


def walk(url: str, *, student: str, instructor: str) -> list[Step]:
    """Every step of the walk; people are given as NAME:PASSWORD. Skips the test where the script is not there."""
    if not SCRIPT.exists():
        pytest.skip(f"no {SCRIPT.name} beside the repository")
    command = [sys.executable, str(SCRIPT), "--url", url, "--student", student, "--instructor", instructor]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    *lines, counts = done.stdout.splitlines()
    assert counts.endswith("FAIL"), done.stdout + done.stderr
    return [_step(line) for line in lines]


def _step(line: str) -> Step:
    verdict, _, rest = line.partition(" ")
    name, _, detail = rest.strip().partition("  ")
    return Step(verdict, name, detail)


def assert_conforms(steps: list[Step]) -> None:
    """No step fails."""
    failed = [f"{step.name}: {step.detail}" for step in steps if step.verdict == "FAIL"]
    assert not failed, "\n".join(failed)
