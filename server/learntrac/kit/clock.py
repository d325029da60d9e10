"""Time as LearnTrac keeps it: aware UTC in Python, microseconds since 1970 in the database, as Trac itself stores
it.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Anything that tells the time: the system's clock, or a test's."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def utc_now() -> datetime:
    """The system's clock, aware, in UTC."""
    return datetime.now(UTC)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware UTC moment of `micros` since 1970."""
    return _EPOCH + timedelta(microseconds=micros)


def iso(moment: datetime) -> str:
    """`2024-01-15T10:00:00Z`: how the API writes a time, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_micros(micros: int) -> str:
    """`iso` of a stored time."""
    return iso(from_micros(micros))
