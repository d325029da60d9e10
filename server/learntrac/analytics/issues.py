"""What fails most in a concept: names of test cases, rubric points and quiz questions."""

from collections import Counter
from collections.abc import Iterable

import orjson

from learntrac.activity.days import DAY_MICROSECONDS
from learntrac.analytics import queries
from learntrac.kit.readers import HotReader

SHOWN = 3


async def read_common_issues(
    reader: HotReader, concepts: Iterable[int], *, first: int, last: int, user_id: str | None = None
) -> dict[int, list[str]]:
    """{concept: what failed most, most frequent first} in the latest 200 failed submissions from day `first` to `last`.

    Of one learner, where one is named.
    """
    since, until, numbers = first * DAY_MICROSECONDS, (last + 1) * DAY_MICROSECONDS, list(concepts)
    if not numbers:
        return {}
    failed: dict[int, list[list[str]]] = {number: [] for number in numbers}
    for concept_id, issues in await reader.rows(queries.issues(len(numbers)), since, until, user_id, *numbers):
        failed[concept_id].append(orjson.loads(issues))
    return {number: most_frequent(names) for number, names in failed.items()}


def most_frequent(failed: Iterable[Iterable[str]]) -> list[str]:
    """The names that occur in most submissions; of equally frequent ones by name."""
    counts = Counter(name for names in failed for name in set(names))
    return sorted(counts, key=lambda name: (-counts[name], name))[:SHOWN]
