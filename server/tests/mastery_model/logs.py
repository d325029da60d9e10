"""Made-up logs: learners who differ, skills that are learned by practice, items that differ in difficulty."""

import gzip
import math
import random
from collections.abc import Sequence
from pathlib import Path

from hypothesis import strategies as st

from learntrac.mastery.fitting import Answer, Learner

HEADER = "user_id,item_id,skill_id,correct,order,timestamp"
SKILLS = 6
ITEMS_PER_SKILL = 8


def make_learners(count: int, *, seed: int, answers: int = 40) -> list[Learner]:
    """Learners of the same course; another seed gives other learners, not another course."""
    chance = random.Random(seed)
    return [Learner(f"u{seed}-{number}", _answers(chance, answers)) for number in range(count)]


def _answers(chance: random.Random, count: int) -> list[Answer]:
    ability = chance.gauss(0.3, 1)
    tries = [0] * SKILLS
    answers = []
    for place in range(count):
        skill = chance.randrange(SKILLS)
        item = chance.randrange(ITEMS_PER_SKILL)
        logit = ability + 0.3 * tries[skill] - (skill - 2) * 0.4 - (item - 4) * 0.3
        correct = chance.random() < 1 / (1 + math.exp(-logit))
        tries[skill] += 1
        answers.append(Answer(f"i{skill}-{item}", (f"s{skill}",), correct, 1_700_000_000 + 60 * place))
    return answers


def rows_of(learners: Sequence[Learner]) -> list[str]:
    """The lines of a log, without the header."""
    return [
        f"{learner.name},{answer.item},{';'.join(answer.skills)},{int(answer.correct)},{order},{answer.answered_at}"
        for learner in learners
        for order, answer in enumerate(learner.answers)
    ]


def write_log(path: Path, learners: Sequence[Learner]) -> Path:
    """Write a log, packed where the name says so."""
    content = "\n".join([HEADER, *rows_of(learners), ""]).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


names = st.sampled_from(["a", "b", "c", "ä é"])
answers = st.lists(
    st.builds(
        Answer,
        item=st.sampled_from(["", "x", "y", "z"]),
        skills=st.lists(names, max_size=3, unique=True).map(tuple),
        correct=st.booleans(),
        answered_at=st.integers(0, 2**40),
    ),
    max_size=30,
)
logs = st.lists(answers, max_size=8).map(
    lambda found: [Learner(str(number), given) for number, given in enumerate(found)]
)
"""Learners with any answers: several skills or none, items without a name."""
