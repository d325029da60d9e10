"""The learner model on logs of answers, with pyBKT beside it: how good the predictions are, and how fast.

    python -m benchmarks.learner_model [FOLDER]

FOLDER holds sets of logs, NAME_train.csv.gz and NAME_test.csv.gz, as `learntrac mastery evaluate` reads them. Without
it a made-up log is used, whose figures say nothing about real learners. pyBKT is installed by pip, where that works,
into an environment of its own under .cache/. This file runs there too: as `--pybkt TRAIN TEST` it takes the names of
tasks on its standard input and answers each with a line.
"""

import csv
import gzip
import importlib
import json
import math
import os
import random
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import ROOT
from learntrac.mastery.evaluation import (
    COLUMNS,
    Figures,
    judge,
    predict,
    read_log,
    timed_fit,
)
from learntrac.mastery.fitting import Answer, Learner
from learntrac.mastery.parameters import Parameters
from learntrac.mastery.tracing import State, Tracer

ROUNDS = 5
ONLINE_ANSWERS = 300
PYBKT = "pyBKT==1.4.3"
PYBKT_NEEDS = (
    "numpy",
    "pandas",
    "requests",
    "scikit-learn==1.5.2",
    "setuptools<81",
    "wheel",
)
PYBKT_FOLDER = ROOT / ".cache" / "pybkt-1.4.3"
AIMS = {"assist09": 0.775, "ednet1k": 0.697, "spanish37": 0.867}
COLD_AIMS = {"assist09": 0.695}
TASKS = {
    "online": ("one answer, predict and update", "µs", 0.35),
    "predict": ("a row", "µs", 2.5),
    "fit": ("fit", "s", 4.0),
}
"""What is timed, in which unit, and the most it may take of what pyBKT takes."""
STATE_TARGET_BYTES = 200

Times = dict[str, list[float]]
"""Processor times of a task's rounds."""


def main(folder: Path | None = None) -> None:
    """Print the figures of each set of logs in a folder, or of a made-up one."""
    python = find_pybkt()
    with TemporaryDirectory() as scratch:
        logs = folder or write_made_up_logs(Path(scratch))
        for train in sorted(logs.glob("*_train.csv.gz")):
            name = train.name.removesuffix("_train.csv.gz")
            measure_set(name, train, logs / f"{name}_test.csv.gz", python)


def measure_set(name: str, train: Path, test: Path, python: Path | None) -> None:
    """Print quality and speed on one set."""
    ours = Ours(read_log(train), read_log(test))
    print(f"\n{name}: {describe(ours.train)} to learn from, {describe(ours.test)} to predict")
    print_quality("learned", ours.judge(ours.learned), AIMS.get(name))
    print_quality("cold start", ours.judge(Parameters()), COLD_AIMS.get(name))
    if python is None:
        print_speeds({task: [ours.measure(task) for _ in range(ROUNDS)] for task in TASKS}, None)
    else:
        with Theirs.started(python, train, test) as theirs:
            print_quality(theirs.name, theirs.judge(ours.test), None)
            print_speeds(*interleave(ours, theirs))
    print(f"  no prediction moves with the future: {'pass' if ours.is_causal() else 'FAIL'}")
    sizes = ours.state_sizes()
    print(
        f"  state, bytes a touched skill (at most {STATE_TARGET_BYTES}): "
        f"median {statistics.median(sizes):.0f}, most {max(sizes):.0f}"
    )


def describe(learners: list[Learner]) -> str:
    """`1,234 answers of 56 learners`"""
    return f"{sum(len(learner.answers) for learner in learners):,} answers of {len(learners):,} learners"


def print_quality(name: str, figures: Figures, aim: float | None) -> None:
    """A line of figures."""
    shown = "  ".join(f"{label} {value:.4f}" for label, value in vars(figures).items() if value is not None)
    print(f"  {name:28} {shown}" + (f"  (AUC to aim at: {aim})" if aim else ""))


def print_speeds(ours: Times, theirs: Times | None) -> None:
    """Medians of the rounds; the ratio is made within each round, with the lowest and the highest beside its median."""
    for task, (label, unit, most) in TASKS.items():
        line = f"  {label:31} {statistics.median(ours[task]):8.2f} {unit}"
        if theirs is not None:
            ratios = sorted(mine / other for mine, other in zip(ours[task], theirs[task], strict=True))
            line += f", pyBKT {statistics.median(theirs[task]):8.2f} {unit}: ratio {statistics.median(ratios):.2f}"
            line += f" ({ratios[0]:.2f} to {ratios[-1]:.2f}; at most {most})"
        print(line)


def interleave(ours: "Ours", theirs: "Theirs") -> tuple[Times, Times]:
    """Ours, theirs, ours, theirs … for each task."""
    mine: Times = {task: [] for task in TASKS}
    others: Times = {task: [] for task in TASKS}
    for _ in range(ROUNDS):
        for task in TASKS:
            mine[task].append(ours.measure(task))
            others[task].append(theirs.measure(task))
    return mine, others


class Ours:
    """The learner model on one set."""

    def __init__(self, train: list[Learner], test: list[Learner]) -> None:
        self.train = train
        self.test = test
        self.learned, _ = timed_fit(train, seed=0)

    def judge(self, known: Parameters) -> Figures:
        """How good the predictions of the test log are."""
        return judge(predict(known, self.test), self.test)

    def measure(self, task: str) -> float:
        """Processor time of a task of `TASKS`, in its unit."""
        if task == "online":
            return online_us(self._answer_online())
        if task == "fit":
            return cpu_seconds(lambda: timed_fit(self.train, seed=0))
        rows = sum(len(learner.answers) for learner in self.test)
        return 1e6 * cpu_seconds(lambda: predict(self.learned, self.test)) / rows

    def _answer_online(self) -> Callable[[bool], None]:
        tracer, state = Tracer(self.learned), State()
        item, skills, _, now = self.train[0].answers[0]

        def answer(correct: bool) -> None:  # noqa: FBT001
            tracer.predict(state, item, skills, now)
            tracer.update(state, item, skills, correct, now)

        return answer

    def is_causal(self) -> bool:
        """Whether the predictions stay as they are when the second half of each learner's answers is inverted."""
        halves = [len(learner.answers) // 2 for learner in self.test]
        changed = [inverted_from(learner, half) for learner, half in zip(self.test, halves, strict=True)]
        before, after = predict(self.learned, self.test), predict(self.learned, changed)
        place = 0
        for learner, half in zip(self.test, halves, strict=True):
            if before[place : place + half + 1] != after[place : place + half + 1]:
                return False
            place += len(learner.answers)
        return True

    def state_sizes(self) -> list[float]:
        """For each learner of the test log, the bytes of the final state over the skills met."""
        tracer = Tracer(self.learned)
        return [state_size(tracer, learner) for learner in self.test]


def inverted_from(learner: Learner, place: int) -> Learner:
    """The learner with the answers from a place on inverted."""
    later = [answer._replace(correct=not answer.correct) for answer in learner.answers[place:]]
    return Learner(learner.name, learner.answers[:place] + later)


def state_size(tracer: Tracer, learner: Learner) -> float:
    """Bytes of the learner's final state over the skills met."""
    state = State()
    for item, skills, correct, now in learner.answers:
        tracer.update(state, item, skills, correct, now)
    return len(state.to_bytes()) / max(1, len(state.skills))


def cpu_seconds(run: Callable[[], object]) -> float:
    """Processor time of a call."""
    started = time.process_time()
    run()
    return time.process_time() - started


def online_us(answer: Callable[[bool], None]) -> float:
    """The median processor time of an answer, right and wrong in turn, in µs."""
    times = []
    for number in range(ONLINE_ANSWERS):
        started = time.process_time_ns()
        answer(number % 2 == 0)
        times.append(time.process_time_ns() - started)
    return statistics.median(times) / 1000


class Theirs:
    """pyBKT on the same set, in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.name = str(self._ask("name"))

    @classmethod
    @contextmanager
    def started(cls, python: Path, train: Path, test: Path) -> Iterator["Theirs"]:
        """A process with pyBKT, until the end of the block."""
        command = [
            str(python),
            "-W",
            "ignore",
            "-m",
            "benchmarks.learner_model",
            "--pybkt",
            str(train),
            str(test),
        ]
        # Threads that wait for each other would count as processor time.
        single = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        pipe = subprocess.PIPE
        with subprocess.Popen(command, cwd=ROOT, env=single, stdin=pipe, stdout=pipe, text=True) as process:
            yield cls(process)
            process.communicate()

    def measure(self, task: str) -> float:
        """Processor time of a task of `TASKS`, in its unit."""
        return float(self._ask(task))

    def judge(self, test: list[Learner]) -> Figures:
        """How good the predictions of the test log are."""
        return judge(self._ask("predictions"), test)

    def _ask(self, task: str) -> Any:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("pyBKT was started without pipes")
        print(task, file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())


def find_pybkt() -> Path | None:
    """The Python of an environment with pyBKT, made where there is none; None, with a word why, where it cannot be."""
    python = PYBKT_FOLDER / "bin" / "python"
    if (PYBKT_FOLDER / "complete").exists():
        return python
    venv.create(PYBKT_FOLDER, with_pip=True, clear=True)
    # Built here and from source: what pip finds already built may be the version in plain Python, which is slower.
    from_source = ("--no-build-isolation", "--no-deps", "--no-binary", "pyBKT", PYBKT)
    for wanted in (PYBKT_NEEDS, from_source):
        installed = subprocess.run(
            [python, "-m", "pip", "install", "-q", *wanted],
            capture_output=True,
            text=True,
            check=False,
        )
        if installed.returncode:
            print(f"Without pyBKT, which could not be installed: {installed.stderr.strip()[-300:]}")
            return None
    (PYBKT_FOLDER / "complete").touch()
    return python


class PyBKT:
    """The model in this process; only its own environment has it. Several skills of an answer are one of their own."""

    def __init__(self, train: Path, test: Path) -> None:
        self._models = importlib.import_module("pyBKT.models")
        self._train, self._test = _frame(train), _frame(test)
        self._model = self._fitted()

    def _fitted(self) -> Any:
        model = self._models.Model(seed=42)
        model.fit(data=self._train)
        return model

    def answer(self, task: str) -> object:
        """The answer to an order."""
        match task:
            case "name":
                folder = Path(importlib.import_module("pyBKT").__file__ or "").parent
                return f"pyBKT ({'compiled' if list(folder.glob('fit/E_step*.so')) else 'pure Python'})"
            case "predictions":
                return self._predicted()
            case "fit":
                return cpu_seconds(self._fitted)
            case "predict":
                return 1e6 * cpu_seconds(lambda: self._model.predict(data=self._test)) / len(self._test)
        return online_us(self._answer_online())

    def _predicted(self) -> list[float]:
        """A skill that was not in the train log has the train log's share right: pyBKT itself would say ½."""
        predicted = self._model.predict(data=self._test).sort_index()
        known = predicted.skill_name.isin(set(self._train.skill_name))
        shares: list[float] = predicted.correct_predictions.where(known, self._train.correct.mean()).tolist()
        return shares

    def _answer_online(self) -> Callable[[bool], None]:
        skill = self._train.skill_name.iloc[0]
        roster = self._models.Roster(students=["learner"], skills=[skill], model=self._model)

        def answer(correct: bool) -> None:  # noqa: FBT001
            roster.update_state(skill, "learner", int(correct))
            roster.get_correct_prob(skill, "learner")

        return answer


def _frame(path: Path) -> Any:
    pandas = importlib.import_module("pandas")
    read = pandas.read_csv(
        path,
        dtype={"skill_id": str, "user_id": str},
        usecols=["user_id", "skill_id", "correct"],
    )
    frame = read.rename(columns={"skill_id": "skill_name"})
    frame["order_id"] = range(len(frame))
    return frame


def serve_pybkt(train: Path, test: Path) -> None:
    """Answer each line of standard input with a line of JSON, until there are no more."""
    with redirect_stdout(sys.stderr):
        pybkt = PyBKT(train, test)
    for line in sys.stdin:
        with redirect_stdout(sys.stderr):
            answer = pybkt.answer(line.strip())
        print(json.dumps(answer), flush=True)


def write_made_up_logs(folder: Path) -> Path:
    """Write a train and a test log of learners who come upon skills, stay a while and improve."""
    chance = random.Random(20201)
    skills = [chance.gauss(0.3, 0.8) for _ in range(120)]
    items = [[chance.gauss(0, 0.9) for _ in range(chance.randint(2, 60))] for _ in skills]
    for part, learners in (("train", 1000), ("test", 250)):
        with gzip.open(folder / f"made-up_{part}.csv.gz", "wt", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(COLUMNS)
            for number in range(learners):
                for order, (item, skills_met, correct, _) in enumerate(make_up_answers(chance, skills, items)):
                    writer.writerow(
                        [
                            f"{part}-{number}",
                            item,
                            ";".join(skills_met),
                            int(correct),
                            order,
                            "",
                        ]
                    )
    return folder


def make_up_answers(chance: random.Random, skills: list[float], items: list[list[float]]) -> Iterator[Answer]:
    """The answers of one learner: a Rasch model whose ability grows with the tries of a skill."""
    ability, tries, skill = chance.gauss(0.4, 1), [0] * len(skills), 0
    for place in range(int(chance.lognormvariate(3.9, 1)) + 3):
        if place == 0 or chance.random() < 0.12:
            skill = chance.randrange(len(skills))
        item = chance.randrange(len(items[skill]))
        logit = ability + skills[skill] - items[skill][item] + 0.25 * math.log1p(tries[skill])
        tries[skill] += 1
        yield Answer(
            f"{skill}-{item}",
            (str(skill),),
            chance.random() < 1 / (1 + math.exp(-logit)),
            0,
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--pybkt"]:
        serve_pybkt(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main(Path(sys.argv[1]) if sys.argv[1:] else None)
