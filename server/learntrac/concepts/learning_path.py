"""The way through a concept: which resources in which order, for a mode and the minutes there are. Pure.

guided: the resources, preferred kinds first, then exercises, then a look back at the objectives.
self-paced: the resources, preferred kinds first, and exercises; the learner decides what to do with them.
challenge: the objectives and exercises first, without help; the resources come after, for what did not work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Mode = Literal["guided", "self-paced", "challenge"]
StepType = Literal["read", "watch", "open", "reflect", "check", "practice"]

_VERBS: dict[str, StepType] = {"documentation": "read", "video": "watch"}
MOST_EXERCISES = 3
CHECK_SHARE = 0.2
"""What looking at the objectives takes of the time that a concept is estimated at."""


@dataclass(frozen=True)
class Material:
    """A resource; `minutes` None where its length is not known. An exercise has an id and instructions."""

    type: str
    title: str
    url: str
    minutes: int | None
    exercise_id: str = ""
    instructions: str = ""


@dataclass(frozen=True)
class PathStep:
    """One step, and the minutes it is expected to take (0: nobody knows)."""

    type: StepType
    material: Material
    minutes: int
    objectives: tuple[str, ...] = ()


def plan(
    *,
    mode: Mode,
    ticket: Material,
    materials: Sequence[Material],
    objectives: Sequence[str],
    estimated_minutes: int,
    commitment_minutes: int | None,
    preferred: Sequence[str],
    exercises: Sequence[Material] = (),
) -> list[PathStep]:
    """The steps that fit into the commitment, at least one. `ticket` is what there is to read where nothing else is.

    A resource of unknown length counts an equal share of what the concept's estimate leaves beside the known ones.
    Of the exercises the first few are taken.
    """
    timed = _with_shares(_preferred_first(materials or [ticket], preferred), estimated_minutes)
    reading = [PathStep(_VERBS.get(material.type, "open"), material, minutes) for material, minutes in timed]
    practice = [PathStep("practice", each, each.minutes or 0) for each in exercises[:MOST_EXERCISES]]
    look = _look(mode, ticket, objectives, estimated_minutes)
    if look is None:
        order = [*practice, *reading] if mode == "challenge" else [*reading, *practice]
        return _fitting(order, commitment_minutes)
    if mode == "challenge":
        return _fitting([look, *practice, *reading], commitment_minutes)
    room = None if commitment_minutes is None else max(0, commitment_minutes - look.minutes)
    return [*_fitting([*reading, *practice], room), look]


def _preferred_first(materials: Sequence[Material], preferred: Sequence[str]) -> list[Material]:
    rank = {kind: place for place, kind in reversed(list(enumerate(preferred)))}
    return sorted(materials, key=lambda material: rank.get(material.type, len(preferred)))


def _with_shares(materials: Sequence[Material], estimated_minutes: int) -> list[tuple[Material, int]]:
    unknown = sum(1 for material in materials if material.minutes is None)
    known = sum(material.minutes or 0 for material in materials)
    share = max(1, (estimated_minutes - known) // unknown) if unknown else 0
    return [(material, share if material.minutes is None else material.minutes) for material in materials]


def _look(mode: Mode, ticket: Material, objectives: Sequence[str], estimated_minutes: int) -> PathStep | None:
    if mode == "self-paced" or not objectives:
        return None
    minutes = max(1, round(estimated_minutes * CHECK_SHARE))
    return PathStep("check" if mode == "challenge" else "reflect", ticket, minutes, tuple(objectives))


def _fitting(steps: Sequence[PathStep], minutes: int | None) -> list[PathStep]:
    """The first step whatever it takes, then every one that still fits, in order."""
    if minutes is None:
        return list(steps)
    fitting, left = [steps[0]], minutes - steps[0].minutes
    for step in steps[1:]:
        if step.minutes <= left:
            fitting.append(step)
            left -= step.minutes
    return fitting
