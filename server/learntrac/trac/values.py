"""Ticket fields as values: what people type in Trac, read as numbers, durations, ids and names. Pure.

A reader gives None (or hands the text back as a leftover) where it cannot be sure what was meant; the caller
then takes its default. Digits are ASCII digits only. No reader raises on any text.
"""

import re
from datetime import UTC, datetime, timedelta

MAX_MINUTES = 60 * 24 * 365
MAX_TICKET_ID = 2**31 - 1

_EASIEST, _HARDEST = 1, 5
_DEFAULT_OWNER = "< default >"
_STANDINGS = {"closed": "mastered", "reopened": "practicing", "assigned": "learning", "accepted": "learning"}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EARLIEST_MICROSECONDS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LATEST_MICROSECONDS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND

# The digit counts are bounded so that no text, however long, becomes a long number.
_DECIMAL = r"[0-9]{1,9}(?:[.,][0-9]{1,20})?"
_NUMBER = re.compile(rf"({_DECIMAL})\s*(%?)")
_BETWEEN_FIELDS = re.compile(r"[,;\s]+")
_TICKET_ID = re.compile(r"(?:#|ticket:#?)?([0-9]{1,10})", re.IGNORECASE | re.ASCII)

_COUNT_WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
_COUNTS = {word: float(count) for count, word in enumerate(_COUNT_WORDS, start=1)}
_COUNTS |= {"a": 1.0, "an": 1.0, "half": 0.5, "half a": 0.5, "half an": 0.5}
_COUNT = rf"(?:{_DECIMAL}|half(?:\ an?)?|an?|{'|'.join(_COUNT_WORDS)})"
_THEN = r"(?:\ |,|&|\+|and\b)*"
# An estimate is effort, not a date: a day is 8 hours of work, a week 5 such days.
_MINUTES_PER = {"weeks": 5 * 8 * 60.0, "days": 8 * 60.0, "hours": 60.0, "minutes": 1.0, "seconds": 1 / 60}
_LONGEST_DURATION_CHARACTERS = 100
_CLOCK = re.compile(r"([0-9]{1,5}):([0-5][0-9])(?: ?(?:h|hrs?|hours?))?")
_DURATION = re.compile(
    rf"""
    (?:(?:about|approx\.?|ca\.?|~)\ ?)?  (?:pt)?
    (?: (?P<weeks>{_COUNT})   \ ?(?:weeks?|wks?|w)      \.?{_THEN} )?
    (?: (?P<days>{_COUNT})    \ ?(?:days?|d)            \.?{_THEN} )?
    (?: (?P<hours>{_COUNT})   \ ?(?:hours?|hrs?|h)      \.?{_THEN} )?
    (?: (?P<minutes>{_COUNT}) \ ?(?:minutes?|mins?|m|(?(hours)\Z|(?!)))\.?{_THEN} )?  # "1h 30" needs no unit
    (?: (?P<seconds>{_COUNT}) \ ?(?:seconds?|secs?|s)\.? )?
    """,
    re.VERBOSE | re.ASCII,
)


def read_difficulty(text: str | None) -> float | None:
    """How hard a concept is, 1 to 5, written `3`, `3.5` or `3,5`; None when unreadable or outside."""
    number = _find_number(text)
    if number is None or number[1] or not _EASIEST <= number[0] <= _HARDEST:
        return None
    return number[0]


def read_threshold(text: str | None) -> float | None:
    """The mastery that counts as mastered, 0 to 1, `0.8`, `0,8` or `80%`; None when unreadable or outside."""
    number = _find_number(text)
    if number is None:
        return None
    share = number[0] / 100 if number[1] else number[0]
    return share if share <= 1 else None


def read_minutes(text: str | None) -> int | None:
    """A duration in whole minutes, 1 to `MAX_MINUTES`; None when unreadable, outside, or a bare number.

    Read are `2h`, `90m`, `1.5 hours`, `1,5 h`, `1h30m`, `1h 30`, `1:30` (hours and minutes), `PT1H30M`,
    `1 hour and 30 min`, `half an hour`, `two hours`, `~2h`. A day is 8 hours of work, a week 5 such days.
    Half a minute is rounded up.
    """
    if text is None or len(text) > _LONGEST_DURATION_CHARACTERS:
        return None
    minutes = _count_minutes(" ".join(text.lower().split()))
    rounded = int(minutes + 0.5)
    return rounded if 1 <= rounded <= MAX_MINUTES else None


def show_minutes(minutes: int) -> str:
    """A duration as people say it: `45 minutes`, `1 hour`, `2 hours 30 minutes`. Below zero is zero."""
    hours, rest = divmod(max(0, minutes), 60)
    parts = [_show_count(hours, "hour")] if hours else []
    if rest or not hours:
        parts.append(_show_count(rest, "minute"))
    return " ".join(parts)


def read_ids(text: str | None) -> tuple[list[int], list[str]]:
    """The ticket ids in a field, and what could not be read as one; both in order, without repeats.

    `12`, `#12` and `ticket:12` are read, between commas, semicolons and blanks. Trac's ids are 1 to 2^31 - 1.
    """
    ids: dict[int, None] = {}
    leftovers: dict[str, None] = {}
    for field in read_tags(text):
        match = _TICKET_ID.fullmatch(field)
        if match and 1 <= int(match[1]) <= MAX_TICKET_ID:
            ids[int(match[1])] = None
        else:
            leftovers[field] = None
    return list(ids), list(leftovers)


def read_tags(text: str | None) -> list[str]:
    """The words of a keywords field, split at commas, semicolons and white space; in order, no repeats."""
    return list(dict.fromkeys(tag for tag in _BETWEEN_FIELDS.split(text or "") if tag))


def concept_type(ticket_type: str | None) -> str:
    """The type of a concept: Trac's `defect` is a `bug`, none is a `task`, any other passes as it is."""
    if not ticket_type or ticket_type.isspace():
        return "task"
    return "bug" if ticket_type == "defect" else ticket_type


def ticket_standing(status: str | None) -> str:
    """What a ticket's own status says to nobody in particular: mastered, practicing, learning or new."""
    return _STANDINGS.get(status or "", "new")


def owner_name(text: str | None) -> str:
    """The owner's username, or nothing: Trac leaves `< default >` on tickets that no form has saved."""
    owner = (text or "").strip()
    return "" if owner == _DEFAULT_OWNER else owner


def from_microseconds(value: int | None) -> datetime:
    """Trac's time, microseconds since 1970, in UTC. None and 0 give 1970; off the calendar, its end."""
    within = min(max(value or 0, _EARLIEST_MICROSECONDS), _LATEST_MICROSECONDS)
    return _EPOCH + within * _MICROSECOND


def _find_number(text: str | None) -> tuple[float, bool] | None:
    """A plain decimal number that is the whole text, and whether a percent sign follows it."""
    match = _NUMBER.fullmatch((text or "").strip())
    return (_to_float(match[1]), bool(match[2])) if match else None


def _to_float(decimal: str) -> float:
    return float(decimal.replace(",", "."))


def _count_minutes(text: str) -> float:
    """The minutes written in lower case with single blanks; 0 when unreadable."""
    if clock := _CLOCK.fullmatch(text):
        return int(clock[1]) * 60.0 + int(clock[2])
    duration = _DURATION.fullmatch(text)
    counts = duration.groupdict() if duration else {}
    return sum(_read_count(count) * _MINUTES_PER[unit] for unit, count in counts.items() if count)


def _read_count(text: str) -> float:
    return _COUNTS[text] if text in _COUNTS else _to_float(text)


def _show_count(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
