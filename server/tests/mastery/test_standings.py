"""What follows from what a learner has begun."""

import pytest

from learntrac.mastery.memory import MICROS_PER_DAY
from learntrac.mastery.standings import Area, Begun, Profile, areas_of, profile_of

NOW = 20_000 * MICROS_PER_DAY
LOOPS = Begun(
    1, "Loops", "Basics", "python", 2.0, 60, 0.8, "mastered", 0.9, 3, NOW, NOW - 9, NOW - 9, NOW - 9,
    stability=10.0, hard=5.0, reviewed_at=NOW - 10 * MICROS_PER_DAY, generation=1,
)  # fmt: skip


def test_due_is_what_was_mastered_and_has_its_day_behind_it() -> None:
    assert LOOPS.is_due(NOW)
    assert not LOOPS.is_due(NOW - 1)
    assert not LOOPS._replace(due_at=None).is_due(NOW)
    assert not LOOPS._replace(status="practicing").is_due(NOW)


def test_a_score_fades_to_nine_tenths_in_as_many_days_as_the_memory_is_stable() -> None:
    assert LOOPS.score_at(NOW) == pytest.approx(0.9 * 0.9)
    assert LOOPS.score_at(NOW - 20 * MICROS_PER_DAY) == 0.9
    assert LOOPS._replace(stability=None, hard=None, reviewed_at=None).score_at(NOW) == 0.9


def test_what_is_completed_or_mastered_is_met() -> None:
    begun = LOOPS._replace(status="learning", completed_at=None)
    assert LOOPS.is_met
    assert begun._replace(completed_at=NOW).is_met
    assert not begun.is_met


def test_areas_and_profile() -> None:
    weak = LOOPS._replace(id=2, component="http", score=0.4, status="practicing", difficulty=5.0)
    nowhere = LOOPS._replace(id=3, component="", difficulty=5.0)
    begun = [weak, LOOPS, LOOPS._replace(id=4, score=0.7), nowhere]

    assert areas_of(begun) == [Area("python", 0.8, 2), Area("http", 0.4, 0)]
    assert profile_of(begun) == Profile("intermediate", 3.0, ("python",), ("http",))
    assert profile_of([]) == Profile("beginner", 0.0, (), ())


def test_of_equal_areas_the_first_by_name_is_the_best_and_the_last_the_worst() -> None:
    equal = [LOOPS._replace(component=name, score=0.5) for name in ("b", "a")]
    assert [area.name for area in areas_of(equal)] == ["a", "b"]
    assert profile_of(equal).weaknesses == ("b", "a")
