"""What the tutor may say: decided from the prerequisite graph and what the learner knows, before a word is made. Pure.

The concepts of a question and all that they build on are required. Where all are known the answer is plain; where some
are missing, the tutor guides, aimed at a missing one whose own prerequisites are known. The server decides and a model
is told; nothing that anybody writes into a message is asked here (arXiv 2604.22134 measures the difference).
"""

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Mode = Literal["tutoring", "debugging", "explaining", "practice"]
Kind = Literal["answer", "guide", "nothing", "talk"]


@dataclass(frozen=True)
class Known:
    """What is known of the learner and the course around a question.

    `needs` is {concept: its prerequisites}; `mastered` what the learner has mastered; `met` what counts as a met
    prerequisite, completed without a graded answer included (docs/decisions/0006-when-a-prerequisite-is-met.md);
    `open_tasks` the concepts of graded exercises that the learner has open.
    """

    needs: Mapping[int, Sequence[int]]
    mastered: Collection[int] = ()
    met: Collection[int] = ()
    open_tasks: Collection[int] = ()


@dataclass(frozen=True)
class Decision:
    """What the tutor may do: answer plainly, guide towards `aim`, say that the course has nothing, or just talk.

    `targets` are the concepts of the question, `missing` those that are required and not known, nearest first. With
    `in_task` the learner has a graded exercise open on what is asked: its solution is not given in any case.
    """

    kind: Kind
    targets: tuple[int, ...] = ()
    aim: int | None = None
    missing: tuple[int, ...] = ()
    in_task: bool = False

    @property
    def reason(self) -> str:
        """Why, in words for the learner."""
        if self.kind == "talk":
            return "Nothing was asked about the course."
        if self.kind == "nothing":
            return "The course's material says nothing about this."
        if self.kind == "answer":
            return "You know everything that this builds on."
        if self.in_task:
            return "You have a graded exercise open about this: its solution stays yours to find."
        if self.aim in self.targets:
            return "You are still learning this: questions help more than an answer."
        return "This builds on something that you have not mastered yet."


NOTHING, TALK = Decision("nothing"), Decision("talk")


def decide(targets: Sequence[int], known: Known) -> Decision:
    """What the tutor may do about a question on these concepts."""
    if not targets:
        return NOTHING
    distance = required(targets, known.needs)
    missing = tuple(number for number in distance if not _is_known(number, targets, known))
    in_task = not distance.keys().isdisjoint(known.open_tasks)
    aims = [
        number for number in missing if all(_is_met(below, known, missing) for below in known.needs.get(number, ()))
    ]
    if not missing and not in_task:
        return Decision("answer", tuple(targets))
    aim = aims[0] if aims else (missing[0] if missing else targets[0])
    return Decision("guide", tuple(targets), aim, missing, in_task)


def required(targets: Sequence[int], needs: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """{concept: steps from the question}, nearest first: the targets and all that they build on."""
    distance = dict.fromkeys(targets, 0)
    waiting = deque(targets)
    while waiting:
        concept = waiting.popleft()
        for below in sorted(needs.get(concept, ())):
            if below not in distance:
                distance[below] = distance[concept] + 1
                waiting.append(below)
    return distance


def _is_known(number: int, targets: Collection[int], known: Known) -> bool:
    return number in known.mastered or (number not in targets and number in known.met)


def _is_met(number: int, known: Known, missing: Collection[int]) -> bool:
    return number not in missing or number in known.met
