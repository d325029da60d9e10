"""The learner model at work: its parameters from a file, and again when the file has changed.

Without a file the shipped defaults are at work, and with one that cannot be read as well: learners must not wait for
an operator to mend it. `learntrac doctor` tells what is wrong with it.
"""

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from learntrac.kit.logs import get_logger
from learntrac.mastery import parameters
from learntrac.mastery.evaluation import MalformedFile, read_parameters
from learntrac.mastery.parameters import Parameters
from learntrac.mastery.tracing import Tracer

RELOADED_SECONDS = 2.0
"""How often the file is looked at."""

_log = get_logger("learntrac.mastery")


@dataclass(frozen=True)
class Loaded:
    """Parameters with their tracer and digest, by which a learner's state knows what it was made with.

    `problem` is what is wrong with the file, in which case the shipped defaults serve.
    """

    parameters: Parameters
    tracer: Tracer
    digest: str
    problem: str | None = None


class Model:
    """The learner model of this process: `current` is what is loaded, and verbs take it once each."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._seen: tuple[int, ...] | None = None
        self.current = load(Parameters())
        self.refresh()

    @property
    def tracer(self) -> Tracer:
        """The model's predictions."""
        return self.current.tracer

    def refresh(self) -> bool:
        """Look at the file, and load it where it has changed; whether it had. Reads a file: not for the event loop."""
        seen = _look_at(self._path)
        if seen == self._seen:
            return False
        self._seen = seen
        self.current = _read(self._path) if self._path is not None and seen is not None else load(Parameters())
        if self.current.problem is not None:
            _log.error("the learner model's file cannot be used; the shipped defaults serve", why=self.current.problem)
        return True


def load(known: Parameters, problem: str | None = None) -> Loaded:
    """Parameters ready for use."""
    digest = hashlib.sha256(parameters.dumps(known).encode()).hexdigest()
    return Loaded(known, Tracer(known), digest, problem)


def write(known: Parameters, path: Path) -> None:
    """Write the file, whole or not at all: a server may be looking at it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with part.open("w", encoding="utf-8") as stream:
            stream.write(parameters.dumps(known))
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def find_problem(path: Path) -> str | None:
    """What is wrong with the file; None where it can be used or is not there."""
    return _read(path).problem if _look_at(path) is not None else None


def _look_at(path: Path | None) -> tuple[int, ...] | None:
    try:
        found = path.stat() if path is not None else None
    except FileNotFoundError:
        return None
    except OSError as error:
        return (error.errno or 0,)
    return (found.st_mtime_ns, found.st_size, found.st_ino) if found is not None else None


def _read(path: Path) -> Loaded:
    try:
        return load(read_parameters(path))
    except MalformedFile as error:
        return load(Parameters(), str(error))
    except OSError as error:
        return load(Parameters(), f"{path}: {error.strerror}")
