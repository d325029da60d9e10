"""Running code nobody trusts: what is asked of a sandbox, and what comes back.

The verdict is made outside. A sandbox gets source text and inputs, and returns plain values; what they should have
been never enters it. Tests that an author wrote as code run in a box of their own and reach the submission, in
another, only through calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from learntrac.kit.errors import RateLimited, Unavailable

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
"""What crosses the border: never an object of the submission's. No NaN, no infinity; depth and size are bounded."""

MEBIBYTE = 1024 * 1024
LONGEST_SOURCE_BYTES = 100 * 1024
NOT_STARTED = "it is made ready when it is first needed"
BEING_BUILT = "its interpreter is being built, which takes about a minute"
"""Why a tier is refused, where that will pass."""


class SandboxDown(Unavailable):
    """No working sandbox for this language: grading is refused, and the attempt is not counted."""


class SandboxBusy(RateLimited):
    """This user has one run going and three waiting already, or everybody's queue is full."""


@dataclass(frozen=True)
class Limits:
    """What one run may use. Time and memory are measured outside the box."""

    cpu_seconds: float = 3.0
    wall_seconds: float = 5.0
    memory_bytes: int = 256 * MEBIBYTE
    output_bytes: int = 64 * 1024


@dataclass(frozen=True)
class Call:
    """One question: a function of the submission with its arguments, or, without a function, the whole program with
    `stdin`, answered by what it prints.
    """

    function: str | None
    arguments: tuple[Plain, ...] = ()
    stdin: str = ""


@dataclass(frozen=True)
class Run:
    """A submission and the questions put to it, in order, in one box. `threads`: needs the native tier."""

    language: str
    source: str
    calls: tuple[Call, ...]
    limits: Limits = Limits()
    threads: bool = False


@dataclass(frozen=True)
class Answer:
    """What came of one call. `value` is set where it `returned`, `error` ("ZeroDivisionError: division by zero")
    where it `raised`; `output` is what it printed. `not_plain`: the value may not cross the border. `missing`: there
    is no such function. `not_reached`: the box ended at an earlier call.
    """

    status: Literal["returned", "raised", "not_plain", "missing", "timeout", "memory", "crashed", "not_reached"]
    value: Plain = None
    error: str = ""
    output: str = ""
    line: int | None = None


@dataclass(frozen=True)
class Ran:
    """One answer for each call, in order. `problem` says why the submission could not be loaded (a syntax error, with
    its line). Times are of the box.
    """

    answers: tuple[Answer, ...]
    cpu_seconds: float
    wall_seconds: float
    problem: str | None = None


@dataclass(frozen=True)
class Suite:
    """Tests written as code, and the submission that they import as `module`. `files` are further files that both may
    read, by name. `classes` are the names that stand for classes there: objects of no others are shown what the tests
    compare them with, or add to them; None, where nobody knows, is any class. `threads`: needs the native tier.
    """

    language: str
    source: str
    module: str
    tests: str
    files: Mapping[str, str] = field(default_factory=dict)
    classes: frozenset[str] | None = None
    threads: bool = False
    limits: Limits = Limits()


@dataclass(frozen=True)
class CaseResult:
    """One test, subtest or parameter set, by the name its author gave it. `expected` and `got` are what an equality
    compared, shown as text; `message` is what the failed assertion said. Nothing of it is the submission's to word.
    """

    name: str
    status: Literal["passed", "failed", "error", "timeout", "not_reached"]
    message: str = ""
    expected: str | None = None
    got: str | None = None


@dataclass(frozen=True)
class SuiteRan:
    """The results in the order of the test file. `problem` says why nothing could be run."""

    results: tuple[CaseResult, ...]
    cpu_seconds: float
    wall_seconds: float
    problem: str | None = None
    output: str = ""


@dataclass(frozen=True)
class Tier:
    """A way of running one language: `wasm` or `jail`, what else stands around its processes (`walls`), and whether
    its self-test passed, or why it is refused.
    """

    language: str
    kind: Literal["wasm", "jail"]
    threads: bool
    refused: str | None = None
    walls: str = ""


class Sandbox(Protocol):
    """Where submissions run. One of a user's runs at a time, three waiting; the queues of users are served in turn."""

    name: str

    async def run(self, run: Run, *, user_id: str) -> Ran:
        """Put the calls to the submission. Raises SandboxBusy, and SandboxDown where no tier runs the language."""
        ...

    async def test(self, run: Suite, *, user_id: str) -> SuiteRan:
        """Run an author's tests against the submission. Raises SandboxBusy and SandboxDown."""
        ...

    def tiers(self) -> tuple[Tier, ...]:
        """Every tier of this machine, the refused ones too."""
        ...

    def waiting(self) -> int:
        """How many runs wait for their turn."""
        ...

    def start(self) -> None:
        """Begin to get ready, in the background: build what is missing, and test each tier."""
        ...

    async def close(self) -> None:
        """End all workers; what runs is given up."""
        ...
