"""The order that prerequisites put on things to learn. Pure; a graph maps each key to the keys it needs."""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter


def stages(graph: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The stage of each key, from 1: one after the latest stage among what it needs.

    What stands in a circle, or needs something that does, comes together in one last stage.
    """
    placed: dict[str, int] = {}
    stage = 0
    while len(placed) < len(graph):
        stage += 1
        waiting = [key for key in graph if key not in placed]
        ready = [key for key in waiting if all(need in placed or need not in graph for need in graph[key])]
        placed |= dict.fromkeys(ready or waiting, stage)
    return placed


def find_circles(graph: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The circles of prerequisites: every key of a circle is needed by the next; the last is the first.

    Circles that share a link are found once: after the link is left out no circle is left.
    """
    left = {key: list(needs) for key, needs in graph.items()}
    circles: list[list[str]] = []
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            circle: list[str] = error.args[1]
            circles.append(circle)
            left[circle[1]].remove(circle[0])
        else:
            return circles
