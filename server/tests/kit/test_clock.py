"""Time: aware UTC in Python, microseconds in the database, seconds with a Z in answers."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.kit.clock import from_micros, iso, iso_micros, to_micros, utc_now

moments = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]))


def test_now_is_aware_and_in_utc() -> None:
    assert utc_now().utcoffset() == timedelta(0)
    assert abs(utc_now() - datetime.now(UTC)) < timedelta(seconds=1)


@given(moments)
def test_microseconds_are_exact(moment: datetime) -> None:
    assert from_micros(to_micros(moment)) == moment
    assert from_micros(to_micros(moment)).utcoffset() == timedelta(0)


def test_microseconds_are_counted_from_1970() -> None:
    assert to_micros(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC)) == 1_000_005
    assert to_micros(datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)) == -1_000_000


def test_a_naive_time_is_a_mistake() -> None:
    with pytest.raises(TypeError):
        to_micros(datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake itself


def test_answers_have_seconds_and_a_z() -> None:
    moment = datetime(2024, 1, 15, 12, 30, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))

    assert iso(moment) == "2024-01-15T10:30:00Z"
    assert iso_micros(to_micros(moment)) == "2024-01-15T10:30:00Z"
