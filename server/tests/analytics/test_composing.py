"""The words of reports."""

from datetime import UTC, datetime

import pytest

from learntrac.analytics.composing import Wanted, counted, due_in, head_of
from learntrac.analytics.gathering import Gathered, Scope, bars_by_time
from learntrac.concepts.viewing import Viewer
from learntrac.trac.visibility import Visibility

DAY = 20_000  # 4 October 2024


def scope_of(*milestones: str, learners: int) -> str:
    scope = Scope(DAY - 30, DAY, milestones=milestones or None)
    viewer = Viewer("ivan", Visibility(default=True))
    wanted = Wanted("learner_progress", scope, viewer, {}, datetime(2024, 10, 4, 9, 5, tzinfo=UTC))
    gathered = Gathered(scope, {})
    gathered.learners = learners
    return head_of(gathered, wanted).scope


def test_the_head_says_of_whom_and_of_what() -> None:
    assert scope_of(learners=0) == "0 learners, all milestones"
    assert scope_of(learners=1) == "1 learner, all milestones"
    assert scope_of("Basics", "Beyond", learners=1200) == "1,200 learners, Basics, Beyond"


def test_the_head_stays_a_line_however_many_milestones_are_asked_for() -> None:
    assert scope_of(*"abcdef", learners=2) == "2 learners, a, b, c, d, e and 1 other milestone"
    assert scope_of(*map(str, range(1000)), learners=2).endswith("3, 4 and 995 other milestones")


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (-2, "was due 2 days ago"),
        (-1, "was due 1 day ago"),
        (0, "is due today"),
        (1, "is due in 1 day"),
        (14, "is due in 14 days"),
    ],
)
def test_when_a_milestone_is_due(days: int, words: str) -> None:
    assert due_in(days) == words


def test_a_count_has_its_word() -> None:
    assert (counted(0, "day"), counted(1, "day"), counted(1000, "day")) == ("0 days", "1 day", "1,000 days")


@pytest.mark.parametrize(
    ("length", "words", "bars", "label"),
    [
        (1, "by day", 1, "4 Oct"),
        (14, "by day", 14, "21 Sep"),
        (15, "by week", 3, "20 Sep"),
        (112, "by week", 16, "15 Jun"),
        (113, "by month", 5, "Jun 24"),
        (700, "by month", 24, "Nov 22"),
        (3000, "in 24 months", 24, "Nov 22"),
    ],
)
def test_bars_of_time_say_how_they_go(length: int, words: str, bars: int, label: str) -> None:
    said, made = bars_by_time({DAY: 3}, DAY - length + 1, DAY)

    assert (said, len(made), made[0][0], made[-1][1]) == (words, bars, label, 3)
