"""What the figures of progress mean: examples, and what holds for any log."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.activity.days import Happened, day_number, days_of
from learntrac.activity.windows import WINDOWS
from learntrac.kit.clock import to_micros
from learntrac.progress.figures import (
    Granularity,
    Pace,
    Trend,
    begins,
    difficulty_match,
    estimated_completion,
    first_day,
    history,
    pace,
    percentage,
    trend,
)

NOW = datetime(2026, 3, 18, 15, 30, tzinfo=UTC)
TODAY = NOW.date()
GRANULARITIES = st.sampled_from(["day", "week", "month"])


def happened(kind: str, concept: int, at: datetime, seconds: int = 0) -> Happened:
    return Happened("alice", concept, to_micros(at), kind, seconds)


events = st.lists(
    st.builds(
        happened,
        st.sampled_from(["started", "completed", "mastered", "abandoned", "answered"]),
        st.integers(1, 5),
        st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - what it wants
        st.integers(0, 10**6),
    ),
    max_size=30,
)


def graded(at: datetime, outcome: float, source: str) -> Happened:
    return Happened("alice", 1, to_micros(at), "graded", 0, outcome, 0.8, outcome, source)


def ago(days: int, kind: str = "completed", concept: int = 1, seconds: int = 0) -> Happened:
    return happened(kind, concept, NOW - timedelta(days=days), seconds)


def pace_of(*log: Happened) -> Pace:
    return pace(days_of(log), day_number(NOW))


def test_percentages_have_one_decimal() -> None:
    assert percentage(38, 150) == 25.3
    assert percentage(1, 3) == 33.3
    assert percentage(2, 2) == 100
    assert percentage(0, 0) == 0


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_percentage_of_a_part_is_between_0_and_100(part: int, more: int) -> None:
    assert 0 <= percentage(part, part + more) <= 100
    assert percentage(part + more, part + more) == 100


@pytest.mark.parametrize(("timeframe", "days"), [("week", 7), ("month", 30), ("quarter", 91), ("year", 365)])
def test_a_timeframe_has_so_many_days_with_today(timeframe: str, days: int) -> None:
    begun = begins(timeframe, NOW)

    assert begun is not None
    assert (begun.hour, begun.minute, begun.microsecond) == (0, 0, 0)
    assert (TODAY - begun.date()).days + 1 == days == WINDOWS[timeframe]


def test_all_time_has_no_beginning() -> None:
    assert begins("all", NOW) is None


def test_the_pace_counts_distinct_concepts_and_time_of_four_weeks() -> None:
    log = [
        ago(40, concept=9, seconds=99_999),
        ago(20, concept=1, seconds=7200),
        ago(19, concept=1, seconds=3600),
        ago(3, concept=2, seconds=1800),
        ago(2, "abandoned", concept=3, seconds=1800),
    ]

    found = pace_of(*log)

    assert found.concepts_per_week == 0.5
    assert found.hours_per_week == 1.0
    assert found.trend == "stable"


def test_without_a_log_the_pace_is_an_honest_nothing() -> None:
    found = pace_of()

    assert (found.concepts_per_week, found.hours_per_week, found.trend) == (0, 0, "stable")


def test_the_pace_is_of_28_days_with_today() -> None:
    assert pace_of(ago(28), ago(27, concept=2), ago(0, concept=3), ago(-1, concept=4)).concepts_per_week == 0.5


def test_the_trend_compares_the_last_two_weeks_with_the_two_before() -> None:
    assert pace_of(ago(20), ago(3, concept=2), ago(4, concept=3)).trend == "increasing"
    assert pace_of(ago(20), ago(21, concept=2), ago(3, concept=3)).trend == "decreasing"
    assert pace_of(ago(14), ago(13, concept=2)).trend == "stable"


@pytest.mark.parametrize(
    ("later", "earlier", "named"),
    [
        (0, 0, "stable"),
        (1, 0, "increasing"),
        (0, 1, "decreasing"),
        (11, 10, "stable"),
        (12, 10, "increasing"),
        (9, 10, "stable"),
        (8, 10, "decreasing"),
    ],
)
def test_up_to_ten_percent_either_way_is_stable(later: int, earlier: int, named: Trend) -> None:
    assert trend(later, earlier) == named


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_more_is_never_called_less(later: int, earlier: int) -> None:
    found = trend(later, earlier)

    assert found != "increasing" or later > earlier
    assert found != "decreasing" or later < earlier


@given(events)
def test_a_pace_is_made_from_what_was_completed(log: list[Happened]) -> None:
    found = pace_of(*log)
    completed = {event.concept_id for event in log if event.what == "completed"}

    assert 0 <= found.concepts_per_week <= len(completed) / 4
    assert 0 <= found.hours_per_week <= round(sum(event.seconds for event in log) / 3600 / 4, 2)


def test_what_remains_is_done_at_the_same_pace() -> None:
    assert estimated_completion(7, 3.5, TODAY) == TODAY + timedelta(days=14)
    assert estimated_completion(1, 2, TODAY) == TODAY + timedelta(days=4)


@pytest.mark.parametrize(("remaining", "pace_"), [(0, 2.0), (-1, 2.0), (5, 0.0)])
def test_without_a_pace_or_a_rest_there_is_no_date(remaining: int, pace_: float) -> None:
    assert estimated_completion(remaining, pace_, TODAY) is None


def test_a_date_beyond_the_calendar_is_none() -> None:
    assert estimated_completion(10**9, 0.01, TODAY) is None
    assert estimated_completion(1, 0.25, date.max) is None
    assert estimated_completion(10**18, 1e-300, TODAY) is None


@given(st.integers(1, 10**6), st.floats(0.01, 100))
def test_an_estimate_is_never_in_the_past(remaining: int, pace_: float) -> None:
    found = estimated_completion(remaining, pace_, TODAY)

    assert found is None or found >= TODAY


def test_difficulty_match_is_1_at_the_learners_level() -> None:
    assert difficulty_match(3.0, 3.0) == 1
    assert difficulty_match(3.0, 4.0) == difficulty_match(5.0, 4.0) == 0.75
    assert difficulty_match(1, 5) == 0


@pytest.mark.parametrize(
    ("day", "granularity", "first"),
    [
        (date(2026, 3, 18), "day", date(2026, 3, 18)),
        (date(2026, 3, 18), "week", date(2026, 3, 16)),
        (date(2026, 3, 16), "week", date(2026, 3, 16)),
        (date(2026, 3, 1), "week", date(2026, 2, 23)),
        (date(2026, 1, 1), "week", date(2025, 12, 29)),
        (date(2024, 2, 29), "month", date(2024, 2, 1)),
        (date.min, "week", date.min),
        (date.min, "month", date.min),
        (date.max, "week", date(9999, 12, 27)),
        (date.max, "month", date(9999, 12, 1)),
    ],
)
def test_the_first_day_of_a_period(day: date, granularity: Granularity, first: date) -> None:
    assert first_day(day, granularity) == first


@given(st.dates(), GRANULARITIES)
def test_a_first_day_is_in_its_own_period(day: date, granularity: Granularity) -> None:
    first = first_day(day, granularity)

    assert first <= day
    assert first_day(first, granularity) == first


def test_a_period_adds_up_what_happened_in_it() -> None:
    day = datetime(2026, 3, 18, 9, tzinfo=UTC)
    log = [
        happened("started", 1, day),
        happened("started", 2, day),
        *(graded(day, outcome, source) for outcome, source in ((1.0, "quiz"), (0.5, "quiz"), (0.2, "exercise"))),
        happened("solved", 1, day),
        happened("mastered", 1, day),
        happened("completed", 1, day, 1200),
        happened("completed", 1, day, 600),
        happened("abandoned", 2, day, 60),
    ]

    ((first, period),) = history(days_of(log), "day").items()

    assert first == date(2026, 3, 18)
    assert (len(period.started), len(period.completed), len(period.mastered)) == (2, 1, 1)
    assert period.seconds == 1860
    assert period.exercises == 1
    assert period.quiz_average() == 0.75


def test_without_a_quiz_the_average_is_an_honest_0() -> None:
    ((_, period),) = history(days_of([happened("started", 1, NOW)]), "day").items()

    assert period.quiz_average() == 0


def test_periods_in_which_nothing_happened_are_left_out() -> None:
    log = [ago(0), ago(8), ago(40)]

    assert list(history(days_of(log), "day")) == [TODAY - timedelta(days=n) for n in (40, 8, 0)]
    assert list(history(days_of(log), "week")) == [date(2026, 2, 2), date(2026, 3, 9), date(2026, 3, 16)]
    assert list(history(days_of(log), "month")) == [date(2026, 2, 1), date(2026, 3, 1)]
    assert history([], "day") == {}


@given(events, GRANULARITIES)
def test_whatever_the_granularity_nothing_is_lost(log: list[Happened], granularity: Granularity) -> None:
    periods = history(days_of(log), granularity)

    assert list(periods) == sorted(periods)
    assert sum(period.seconds for period in periods.values()) == sum(event.seconds for event in log)
    completed = {event.concept_id for event in log if event.what == "completed"}
    assert {concept for period in periods.values() for concept in period.completed} == completed
    assert all(0 <= period.quiz_average() <= 1 for period in periods.values())
