"""The mix of lists that the benchmarks ask for: twenty a page, every kind of filter equally often."""

from collections.abc import Mapping
from urllib.parse import urlencode

from benchmarks.seeding import COMPONENTS, MILESTONES
from learntrac.kit.http.doors import API

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


def path_of(query: Mapping[str, object], base: str) -> str:
    """The address of one query."""
    return f"{base}?{urlencode({**query, 'limit': 20})}"


def all_queries() -> list[dict[str, object]]:
    """The queries of the whole mix, each kind in turn."""
    return [SHAPES[shape][number] for number in range(4) for shape in SHAPES]


def all_paths(base: str) -> list[str]:
    """The addresses of the whole mix, each kind in turn."""
    return [path_of(query, base) for query in all_queries()]
