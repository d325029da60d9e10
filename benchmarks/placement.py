"""Placement tests of simulated learners: states that come out right, concepts asked, and the time of a step.

    python -m benchmarks.placement

A course is layers of concepts, each of which needs one to three of the layer before. A learner knows a concept only
where all it needs is known, and then with a chance that falls with the layer; answers slip and are guessed. The model
knows neither the learner's curve nor their rates. Figures are over concepts that were asked and those that were not.
"""

import random
import statistics
import time
from dataclasses import dataclass
from math import exp

from benchmarks.rounds import print_table
from learntrac.adaptive.placement import (
    Course,
    believe,
    make_course,
    most_questions,
    next_step,
)

LEARNERS = 60
SHAPES = ((5, 8), (8, 15), (10, 30))
NOISE = ((0.0, 0.0), (0.05, 0.1), (0.1, 0.2))
LARGE = (50, 200)


@dataclass(frozen=True)
class Outcome:
    """One test: share of states right, the share without any test (the better of all and nothing), share asked."""

    right: float
    asked: float
    seconds: float


def make(layers: int, width: int, dice: random.Random) -> Course:
    """A layered course; difficulty rises with the layer, give or take one."""
    concepts, edges = [], []
    for number in range(layers * width):
        layer = number // width
        level = min(
            5.0,
            max(
                1.0,
                1 + 4 * layer / max(1, layers - 1) + dice.choice((-1, -0.5, 0, 0, 0.5, 1)),
            ),
        )
        concepts.append((number, level))
        if layer:
            before = range((layer - 1) * width, layer * width)
            edges += [(other, number) for other in dice.sample(before, k=min(width, dice.choice((1, 2, 2, 3))))]
    return make_course(concepts, edges)


def learner(course: Course, layers: int, width: int, dice: random.Random) -> set[int]:
    """What a simulated learner knows: closed under prerequisites."""
    end, steep = dice.uniform(-0.1, 1.1) * layers, dice.uniform(0.8, 2.5)
    known: set[int] = set()
    for number in range(layers * width):
        chance = 1 / (1 + exp(-steep * (end - number // width - 0.5)))
        if all(other in known for other in course.needs[number]) and dice.random() < chance:
            known.add(number)
    return known


def place(
    course: Course,
    known: set[int],
    slip: float,
    guess: float,
    dice: random.Random,
    most: int,
) -> Outcome:
    """One whole test."""
    answers: list[tuple[int, bool]] = []
    times = []
    while True:
        began = time.process_time()
        beliefs = believe(course, answers)
        step = next_step(beliefs, answers, most=most)
        times.append(time.process_time() - began)
        if step.question is None:
            break
        truth = step.question in known
        answers.append((step.question, dice.random() >= slip if truth else dice.random() < guess))
    found = beliefs.everything()
    right = sum((belief >= 0.5) == (concept in known) for concept, belief in found.items())
    return Outcome(right / len(course), len(answers) / len(course), max(times))


def main() -> None:
    """Print the figures."""
    rows = []
    for layers, width in SHAPES:
        for slip, guess in NOISE:
            dice = random.Random(f"{layers}:{width}:{slip}")
            outcomes, without = [], []
            for _ in range(LEARNERS):
                course = make(layers, width, dice)
                known = learner(course, layers, width, dice)
                share = len(known) / len(course)
                without.append(max(share, 1 - share))
                outcomes.append(place(course, known, slip, guess, dice, most_questions(course, 10**9)))
            rows.append(
                (
                    f"{layers} by {width}, slip {slip}, guess {guess}",
                    f"{statistics.mean(one.right for one in outcomes):.3f}",
                    f"{statistics.mean(without):.3f}",
                    f"{statistics.mean(one.asked for one in outcomes):.3f}",
                    f"{1000 * max(one.seconds for one in outcomes):.0f}",
                )
            )
    columns = (
        "course and noise",
        "right (≥ 0.90)",
        "guessing all or nothing",
        "asked (≤ 0.25)",
        "slowest, CPU ms",
    )
    print_table(f"Placement of {LEARNERS} simulated learners", columns, rows)
    _large()


def _large() -> None:
    dice = random.Random("large")
    course = make(*LARGE, dice)
    outcome = place(course, learner(course, *LARGE, dice), 0.05, 0.1, dice, 40)
    line = (
        f"{len(course):,} concepts, 40 questions",
        f"{outcome.right:.3f}",
        f"{1000 * outcome.seconds:.0f}",
    )
    print_table(
        "A large course (aim: a step within 50 ms)",
        ("course", "right", "slowest step, ms of CPU"),
        [line],
    )


if __name__ == "__main__":
    main()
