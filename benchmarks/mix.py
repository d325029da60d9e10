"""The mix of lists that the benchmarks ask for: twenty a page, every kind of filter equally often."""

from urllib.parse import urlencode

from benchmarks.seeding import COMPONENTS, MILESTONES
from learntrac.main import API

LEARNTRAC, BARE = f"{API}/concepts", "/concepts"

_FILTERS = {
    "component": COMPONENTS[:4],
    "milestone": MILESTONES[:4],
    "difficulty": (1, 2, 3, 4),
    "type": ("task", "bug", "feature", "enhancement"),
}
_NEW, _MASTERED = {"status": "new"}, {"status": "mastered"}


def _of(*names: str, **more: str) -> list[dict[str, object]]:
    """Four variants of a combination of filters."""
    return [{name: _FILTERS[name][number] for name in names} | more for number in range(4)]


SHAPES: dict[str, list[dict[str, object]]] = {
    "no filter": _of(),
    "component": _of("component"),
    "milestone": _of("milestone"),
    "difficulty": _of("difficulty"),
    "type": _of("type"),
    "status=new": _of(**_NEW),
    "status=mastered": _of(**_MASTERED),
    "component, difficulty": _of("component", "difficulty"),
    "component, milestone": _of("component", "milestone"),
    "type, milestone, difficulty": _of("type", "milestone", "difficulty"),
    "component, status=new": _of("component", **_NEW),
    "milestone, status=mastered": _of("milestone", **_MASTERED),
}


def paths_of(shape: str, base: str) -> list[str]:
    """The addresses of one kind of filter."""
    return [f"{base}?{urlencode(query | {'limit': 20})}" for query in SHAPES[shape]]


def all_paths(base: str) -> list[str]:
    """The addresses of the whole mix, each kind in turn."""
    by_shape = [paths_of(shape, base) for shape in SHAPES]
    return [paths[number] for number in range(4) for paths in by_shape]
