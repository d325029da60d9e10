"""Reading a log of answers, predicting each next answer of another log, and how good the predictions were.

A log is CSV (gzip where the name ends in `.gz`) with at least the columns of `COLUMNS`. A learner's rows are
consecutive and in order.
"""

import csv
import gc
import gzip
import json
import math
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import IO, cast

from learntrac.mastery import parameters
from learntrac.mastery.fitting import Answer, Learner, Progress, no_progress
from learntrac.mastery.fitting import fit as fit_parameters
from learntrac.mastery.parameters import Parameters
from learntrac.mastery.tracing import State, Tracer

COLUMNS = ("user_id", "item_id", "skill_id", "correct", "order", "timestamp")
BINS = 15
LATEST_SECONDS = 2.0**62
"""Times are kept as numbers of 64 bits."""
_SMALLEST = 1e-12

Pair = tuple[float, bool]
"""A prediction and what came."""


class MalformedFile(ValueError):
    """A file is not what it has to be; the text names file, line (where it has one) and fault."""

    exit_code = 2


@dataclass(frozen=True)
class Figures:
    """How good predictions are; None where there is nothing to judge by, such as an AUC of nothing but right answers.

    `auc`: over all rows. `rmse`: root of the mean squared error of p. `ece`: expected calibration error, 15 bins of
    equal width. `skill_ece`: mean distance of p and outcome within a skill, weighed by its answers. `log_loss`: in
    nats. `accuracy`: share of rows where p is on the outcome's side of ½.
    """

    auc: float | None
    rmse: float | None
    ece: float | None
    skill_ece: float | None
    log_loss: float | None
    accuracy: float | None


@dataclass(frozen=True)
class FitStats:
    """What a fit was made from, and its seconds without the reading of the file."""

    rows: int
    students: int
    fit_s: float


@dataclass(frozen=True)
class Stats:
    """An evaluation: rows and learners of the test log, times without the reading of files, and the figures."""

    rows: int
    students: int
    fit_s: float
    predict_us_per_row: float
    figures: Figures

    def to_json(self) -> str:
        """One flat JSON object."""
        content = asdict(self)
        return json.dumps(content | content.pop("figures"), indent=1) + "\n"


def evaluate(
    *,
    test: Path,
    out: Path,
    train: Path | None = None,
    model: Path | None = None,
    seed: int = 0,
    stats: Path | None = None,
    progress: Progress = no_progress,
) -> Stats:
    """Predict every answer of a log from the same learner's earlier ones; write `row,p` lines and the stats.

    What was learned beforehand comes from `train`, a log, or from `model`, a parameter file; from neither, the shipped
    defaults are at work. Raise ValueError where both are given, MalformedFile where a file is not what it has to be.
    """
    if train is not None and model is not None:
        raise ValueError("a log to learn from and a parameter file exclude each other")
    known = read_parameters(model) if model is not None else Parameters()
    learners = read_log(test)
    fit_s = 0.0
    if train is not None:
        known, fit_s = timed_fit(read_log(train), seed, progress)
    started = time.perf_counter()
    predicted = predict(known, learners, progress)
    each_us = 1e6 * (time.perf_counter() - started) / len(predicted) if predicted else 0.0
    _write_predictions(out, predicted)
    made = Stats(len(predicted), len(learners), fit_s, each_us, judge(predicted, learners))
    if stats is not None:
        stats.write_text(made.to_json(), encoding="utf-8")
    return made


def fit(*, train: Path, out: Path, seed: int = 0, progress: Progress = no_progress) -> FitStats:
    """Learn the parameters from a log and write them as a readable file. Raise MalformedFile."""
    learners = read_log(train)
    learned, fit_s = timed_fit(learners, seed, progress)
    out.write_text(parameters.dumps(learned), encoding="utf-8")
    return FitStats(sum(len(learner.answers) for learner in learners), len(learners), fit_s)


def timed_fit(learners: list[Learner], seed: int, progress: Progress = no_progress) -> tuple[Parameters, float]:
    """The parameters for a log, and the seconds that it took."""
    started = time.perf_counter()
    with _collector_paused():
        learned = fit_parameters(learners, seed=seed, progress=progress)
    return learned, time.perf_counter() - started


@contextmanager
def _collector_paused() -> Iterator[None]:
    """A fit makes a million small lists and no cycles: the collector would look through them all, many times over."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def read_parameters(path: Path) -> Parameters:
    """The parameters in a file. Raise MalformedFile, naming the place in it and what is wrong there."""
    try:
        return parameters.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise MalformedFile(f"{path}: {error}") from error


def predict(known: Parameters, learners: Sequence[Learner], progress: Progress = no_progress) -> list[float]:
    """The probability of a right answer for each answer, from the same learner's earlier ones and nothing else."""
    tracer = Tracer(known)
    predicted: list[float] = []
    for number, learner in enumerate(learners):
        progress("predicting", number, len(learners))
        state = State()
        for item, skills, correct, answered_at in learner.answers:
            predicted.append(tracer.predict(state, item, skills, answered_at))
            tracer.update(state, item, skills, correct, answered_at)
    return predicted


def _write_predictions(path: Path, predicted: Sequence[float]) -> None:
    lines = (f"{row},{share:.8f}\n" for row, share in enumerate(predicted))
    path.write_text("row,p\n" + "".join(lines), encoding="utf-8")


def read_log(path: Path) -> list[Learner]:
    """The learners of a log, in its order. Raise MalformedFile, naming the line."""
    with cast("IO[bytes]", gzip.open(path) if path.suffix == ".gz" else path.open("rb")) as stream:
        lines = _Lines(stream)
        try:
            return _read_learners(csv.reader(lines, strict=True))
        except (ValueError, csv.Error, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise MalformedFile(f"{path}: line {lines.number}: {error}") from error


class _Lines:
    """The lines of a file as text, and the number of the one that was asked for last."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.number = 0
        self._stream = stream

    def __iter__(self) -> Iterator[str]:
        while True:
            self.number += 1
            line = self._stream.readline()
            if not line:
                return
            yield line.decode()


def _read_learners(rows: Iterator[list[str]]) -> list[Learner]:
    header = [name.removeprefix("\ufeff") for name in next(rows, [])]
    for column in COLUMNS:
        if column not in header:
            raise ValueError(f"the column {column} is missing")
    pick = itemgetter(*map(header.index, COLUMNS))
    learners: dict[str, Learner] = {}
    skills: dict[str, tuple[str, ...]] = {}
    user, last_order = None, 0
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"expected {len(header)} fields, got {len(row)}")
        name, item, skill_id, correct, order_text, timestamp = pick(row)
        order = _read_order(order_text)
        if name != user:
            learners[name] = _new_learner(learners, name)
            user = name
        elif order <= last_order:
            raise ValueError(f"order: {order} after {last_order}; the rows of a student have to be in order")
        last_order = order
        if skill_id not in skills:
            skills[skill_id] = tuple(dict.fromkeys(filter(None, skill_id.split(";"))))
        answer = Answer(item, skills[skill_id], _read_correct(correct), _read_time(timestamp))
        learners[name].answers.append(answer)
    return list(learners.values())


def _new_learner(learners: dict[str, Learner], name: str) -> Learner:
    if not name:
        raise ValueError("user_id: empty")
    if name in learners:
        raise ValueError(f"user_id: {name} was there before; the rows of a student have to be consecutive")
    return Learner(name, [])


def _read_order(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise ValueError(f"order: expected a whole number, got {text!r}") from error


def _read_correct(text: str) -> bool:
    if text not in {"0", "1"}:
        raise ValueError(f"correct: expected 0 or 1, got {text!r}")
    return text == "1"


def _read_time(text: str) -> int:
    """Seconds; 0 where there are none."""
    try:
        seconds = float(text or 0)
    except ValueError as error:
        raise ValueError(f"timestamp: expected seconds, got {text!r}") from error
    if not abs(seconds) < LATEST_SECONDS:
        raise ValueError(f"timestamp: expected seconds, got {text!r}")
    return int(seconds)


def judge(predicted: Sequence[float], learners: Sequence[Learner]) -> Figures:
    """The figures of predictions, one for each answer of these learners in order."""
    answers = [answer for learner in learners for answer in learner.answers]
    outcomes = [answer.correct for answer in answers]
    pairs = list(zip(predicted, outcomes, strict=True))
    if not pairs:
        return Figures(None, None, None, None, None, None)
    tags = ((skill, pair) for pair, answer in zip(pairs, answers, strict=True) for skill in answer.skills)
    return Figures(
        auc=area_under_curve(pairs),
        rmse=math.sqrt(_mean([(share - outcome) ** 2 for share, outcome in pairs])),
        ece=calibration_error((min(BINS - 1, int(share * BINS)), (share, outcome)) for share, outcome in pairs),
        skill_ece=calibration_error(tags),
        log_loss=_mean([-math.log(max(_SMALLEST, share if outcome else 1 - share)) for share, outcome in pairs]),
        accuracy=_mean([float((share >= 0.5) == outcome) for share, outcome in pairs]),
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def area_under_curve(pairs: Sequence[Pair]) -> float | None:
    """The probability that a right answer was given a higher p than a wrong one, ties half; None without both.

    The rank sum of Mann and Whitney (1947).
    """
    right = sum(outcome for _, outcome in pairs)
    wrong = len(pairs) - right
    if not right or not wrong:
        return None
    below, above = 0, 0.0
    for _, tied in groupby(sorted(pairs), key=itemgetter(0)):
        outcomes = [outcome for _, outcome in tied]
        rights = sum(outcomes)
        above += rights * (below + (len(outcomes) - rights) / 2)
        below += len(outcomes) - rights
    return above / (right * wrong)


def calibration_error(groups: Iterable[tuple[object, Pair]]) -> float | None:
    """The distance of mean p and share right within a group, as a mean over the groups weighed by their pairs."""
    gaps: dict[object, list[float]] = {}
    for group, (share, outcome) in groups:
        gaps.setdefault(group, []).append(share - outcome)
    pairs = sum(map(len, gaps.values()))
    return sum(abs(math.fsum(gap)) for gap in gaps.values()) / pairs if pairs else None
