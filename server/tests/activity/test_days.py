"""Days, windows and shares: examples, and what holds for any log."""

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from learntrac.activity.days import (
    DAY_MICROSECONDS,
    Happened,
    active_days,
    date_of,
    day_number,
    days_of,
    total,
    within,
)
from learntrac.activity.shares import Shares
from learntrac.activity.trouble import trouble_of
from learntrac.activity.windows import WINDOWS, changes, engagement, engagement_parts, first_day

NOON = DAY_MICROSECONDS // 2


def line(day: int, what: str, concept: int = 1, *, seconds: int = 0, at: int = NOON, number: int = 0) -> Happened:
    return Happened("alice", concept, day * DAY_MICROSECONDS + at, what, seconds, id=number)


def graded(day: int, outcome: float, concept: int = 1, *, score: float = 0.5, source: str = "quiz") -> Happened:
    return Happened("alice", concept, day * DAY_MICROSECONDS + NOON, "graded", 0, outcome, 0.8, score, source)


KINDS = ["started", "completed", "mastered", "abandoned", "answered", "voided", "begun", "finished"]
lines = st.lists(
    st.one_of(
        st.builds(
            line,
            st.integers(0, 800),
            st.sampled_from(KINDS),
            st.integers(1, 4),
            seconds=st.integers(0, 9999),
            at=st.integers(0, DAY_MICROSECONDS - 1),
        ),
        st.builds(graded, st.integers(0, 800), st.sampled_from([0.0, 0.5, 0.8, 1.0]), st.integers(1, 4)),
    ),
    max_size=40,
)


def test_a_day_is_one_of_utc() -> None:
    last_moment = datetime(2026, 3, 1, 23, 59, 59, 999999, tzinfo=UTC)

    assert day_number(last_moment) == day_number(date(2026, 3, 1))
    assert day_number(datetime(2026, 3, 2, tzinfo=UTC)) == day_number(date(2026, 3, 1)) + 1
    assert date_of(day_number(date(2026, 3, 1))) == date(2026, 3, 1)


def test_what_is_counted_on_a_day() -> None:
    log = [
        line(10, "started"),
        line(10, "begun"),
        graded(10, 0.5),
        graded(10, 1.0, score=0.7),
        graded(10, 0.2, score=0.6, source="exercise"),
        line(10, "completed", seconds=1200, at=NOON + 1),
        line(11, "finished", 2),
        line(11, "abandoned", 3, seconds=60),
    ]

    first, second, third = days_of(log)

    assert (first.concept_id, first.day, first.score) == (1, 10, 600_000)
    figures = first.figures
    assert (figures.started, figures.completed, figures.begun, figures.finished) == (1, 1, 1, 0)
    assert (figures.answers, figures.failures, figures.exercises, figures.exercise_failures) == (3, 2, 1, 1)
    assert (figures.quizzes, figures.quiz_average, figures.exercise_success_rate) == (2, 0.75, 0)
    assert (figures.seconds, figures.average_seconds) == (1200, 1200)
    assert (second.figures.begun, second.figures.finished, second.figures.active) == (1, 1, 0)
    assert (third.figures.abandoned, third.figures.seconds, third.figures.active) == (1, 60, 1)


def test_what_an_instructor_decides_and_what_follows_by_itself_is_no_activity() -> None:
    log = [line(1, "voided"), line(2, "upheld"), line(3, "mastered"), line(4, "contested")]

    assert active_days(days_of(log)) == {4}


def test_without_anything_figures_are_honest_zeros() -> None:
    nothing = total([])

    assert (nothing.completion_rate, nothing.failure_rate, nothing.average_mastery) == (0, 0, 0)
    assert (nothing.average_attempts, nothing.quiz_average, nothing.average_seconds, nothing.hours) == (0, 0, 0, 0)
    assert engagement(0, 0, 7) == 0


@given(lines, st.integers(0, 900), st.integers(1, 400))
def test_pairs_are_counted_once_in_days_that_end_with_the_last(log: list[Happened], last: int, length: int) -> None:
    until = [one for one in log if one.at < (last + 1) * DAY_MICROSECONDS]
    sums = total(within(days_of(until), last - length + 1, last))
    since = (last - length + 1) * DAY_MICROSECONDS

    assert sums.completed_last == len({one.concept_id for one in until if one.what == "completed" and one.at >= since})
    assert sums.tried_last == len({one.concept_id for one in until if one.what == "graded" and one.at >= since})


@given(lines, st.randoms())
def test_the_order_in_which_a_log_is_read_does_not_matter(log: list[Happened], dice: object) -> None:
    numbered = [one._replace(id=number) for number, one in enumerate(log)]
    shuffled = list(numbered)
    dice.shuffle(shuffled)  # type: ignore[attr-defined] # what st.randoms gives

    assert days_of(shuffled) == days_of(numbered)


@given(st.sets(st.integers(0, 800), max_size=20), st.sampled_from([*WINDOWS]), st.integers(0, 1300))
def test_changes_up_to_a_day_add_up_to_the_window_that_ends_on_it(active: set[int], window: str, last: int) -> None:
    length = WINDOWS[window]
    found = changes(active, length)
    inside = len([day for day in active if first_day(window, last) <= day <= last])

    assert sum(learners for day, (learners, _) in found.items() if day <= last) == int(inside > 0)
    parts = sum(parts for day, (_, parts) in found.items() if day <= last)
    assert parts == engagement_parts(inside, length)
    assert engagement(parts, 1, length) == round(min(1, inside * 7 / length / 3), 4)


@given(lines, lines)
def test_a_share_that_was_added_and_taken_away_leaves_nothing(mine: list[Happened], others: list[Happened]) -> None:
    alone, both = Shares(800), Shares(800)
    alone.add(days_of(others))
    both.add(days_of(others))
    both.add(days_of(mine))
    both.add(days_of(mine), -1)

    def without_nothing(shares: Shares) -> tuple[object, ...]:
        return tuple(
            {key: value for key, value in found.items() if any(value if isinstance(value, list) else value.values())}
            for found in (shares.days, shares.concepts, shares.changes)
        )

    assert without_nothing(both) == without_nothing(alone)


def test_three_failures_in_a_row_are_trouble_from_the_third_on() -> None:
    answers = [graded(day, 0.2) for day in (1, 2, 3, 4)] + [graded(1, 0.0, 2), graded(2, 0.0, 2), graded(3, 0.9, 2)]

    trouble = trouble_of([line(1, "started"), line(1, "started", 2), line(5, "completed", 2), *answers])

    assert [(one.concept_id, one.failures, one.since // DAY_MICROSECONDS) for one in trouble.failing] == [(1, 4, 3)]
    assert (trouble.open_concepts, trouble.last_at // DAY_MICROSECONDS) == (1, 5)
