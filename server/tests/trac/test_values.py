"""What people type into a ticket's fields, and what it is read as."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.trac.values import (
    MAX_MINUTES,
    concept_type,
    from_microseconds,
    owner_name,
    read_difficulty,
    read_ids,
    read_minutes,
    read_tags,
    read_threshold,
    show_minutes,
    ticket_standing,
)

FULL_WIDTH_THREE = "\uff13"
UNREADABLE_NUMBERS = [
    "",
    " ",
    "easy",
    "nan",
    "inf",
    "1e0",
    "1_0",
    "0x1",
    "-1",
    "+1",
    ".5",
    "1.",
    "1 2",
    FULL_WIDTH_THREE,
]


@pytest.mark.parametrize(
    ("text", "difficulty"),
    [("1", 1.0), ("5", 5.0), ("3.5", 3.5), ("3,5", 3.5), (" 4 ", 4.0), ("05", 5.0), ("2.25", 2.25)],
)
def test_difficulty_is_a_number_from_one_to_five(text: str, difficulty: float) -> None:
    assert read_difficulty(text) == difficulty


@pytest.mark.parametrize("text", [None, "0.99", "5.01", "0", "50%", "3%", "9" * 400, *UNREADABLE_NUMBERS])
def test_difficulty_that_cannot_be_read_is_none(text: str | None) -> None:
    assert read_difficulty(text) is None


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        ("0.8", 0.8),
        ("0,8", 0.8),
        ("80%", 0.8),
        (" 80 % ", 0.8),
        ("12,5%", 0.125),
        ("0", 0.0),
        ("1", 1.0),
        ("100%", 1.0),
    ],
)
def test_threshold_is_a_share_or_a_percentage(text: str, threshold: float) -> None:
    assert read_threshold(text) == threshold


@pytest.mark.parametrize("text", [None, "1.01", "80", "101%", "-0.1", "80%%", "%", *UNREADABLE_NUMBERS[:6]])
def test_threshold_that_cannot_be_read_is_none(text: str | None) -> None:
    assert read_threshold(text) is None


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("2h", 120),
        ("2H", 120),
        ("2 hrs", 120),
        ("1 hr. 5 min.", 65),
        ("90m", 90),
        ("45 min", 45),
        ("45 minutes", 45),
        ("1 minute", 1),
        ("1.5 hours", 90),
        ("1,5 h", 90),
        ("1h30m", 90),
        ("1h 30", 90),
        ("1h30", 90),
        ("1:30", 90),
        ("01:05 h", 65),
        ("0:45", 45),
        ("PT1H30M", 90),
        ("1 hour 30 minutes", 90),
        ("1 Hour and 30 Min", 90),
        ("1 hour, 30 minutes", 90),
        ("  2\u00a0h\t", 120),
        ("half an hour", 30),
        ("an hour", 60),
        ("two hours", 120),
        ("ten minutes", 10),
        ("~2h", 120),
        ("about 2 hours", 120),
        ("90 s", 2),
        ("1m 15s", 1),
    ],
)
def test_a_duration_is_read_in_any_usual_writing(text: str, minutes: int) -> None:
    assert read_minutes(text) == minutes


@pytest.mark.parametrize(
    ("text", "minutes"), [("1d", 480), ("2 days", 960), ("half a day", 240), ("1 week", 2400), ("1w 2d", 3360)]
)
def test_a_day_is_eight_hours_of_work_and_a_week_five_days(text: str, minutes: int) -> None:
    assert read_minutes(text) == minutes


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "45",
        "1.5",
        "h",
        "about",
        "soon",
        "-2h",
        "1e2h",
        "\uff12h",
        "2 months",
        "1-2 hours",
        "2h 1d",
        "1 30",
        "1:75",
        "1:3",
        "1:30 min",
        "30m 20",
    ],
)
def test_a_duration_without_a_clear_unit_is_none(text: str | None) -> None:
    assert read_minutes(text) is None


def test_a_duration_is_at_least_a_minute_and_at_most_a_year() -> None:
    assert read_minutes("29 s") is None
    assert read_minutes("30 s") == 1
    assert read_minutes("0h") is None
    assert read_minutes(f"{MAX_MINUTES}m") == MAX_MINUTES
    assert read_minutes(f"{MAX_MINUTES + 1}m") is None


def test_a_text_too_long_for_a_duration_is_none() -> None:
    assert read_minutes(" " * 98 + "2h") == 120
    assert read_minutes(" " * 99 + "2h") is None


@pytest.mark.parametrize(
    ("minutes", "shown"),
    [
        (120, "2 hours"),
        (60, "1 hour"),
        (90, "1 hour 30 minutes"),
        (61, "1 hour 1 minute"),
        (45, "45 minutes"),
        (1, "1 minute"),
        (0, "0 minutes"),
        (-5, "0 minutes"),
    ],
)
def test_a_duration_is_shown_in_hours_and_minutes(minutes: int, shown: str) -> None:
    assert show_minutes(minutes) == shown


@given(st.integers(1, MAX_MINUTES))
def test_a_shown_duration_reads_as_itself(minutes: int) -> None:
    assert read_minutes(show_minutes(minutes)) == minutes


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (None, []),
        ("", []),
        ("12", [12]),
        ("#12, #13", [12, 13]),
        ("12 13;14\n15", [12, 13, 14, 15]),
        ("ticket:12 Ticket:#7", [12, 7]),
        ("3, #3, 1, 003", [3, 1]),
        ("2147483647", [2147483647]),
    ],
)
def test_ids_are_read_in_order_without_repeats(text: str | None, ids: list[int]) -> None:
    assert read_ids(text) == (ids, [])


def test_what_is_no_id_is_left_over() -> None:
    assert read_ids("#1 and 2, 0, 2147483648, -3, #x, and, 1.5, \uff14") == (
        [1, 2],
        ["and", "0", "2147483648", "-3", "#x", "1.5", "\uff14"],
    )


@given(st.lists(st.integers(1, 2**31 - 1), unique=True), st.sampled_from([",", " ", ", ", "; ", " #"]))
def test_ids_written_are_ids_read(ids: list[int], between: str) -> None:
    assert read_ids(between.join(map(str, ids))) == (ids, [])


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        (None, []),
        (" ,; ", []),
        ("api, rest design-patterns;http", ["api", "rest", "design-patterns", "http"]),
        ("b a b", ["b", "a"]),
        ("API api", ["API", "api"]),
    ],
)
def test_tags_are_split_in_order_without_repeats(text: str | None, tags: list[str]) -> None:
    assert read_tags(text) == tags


@pytest.mark.parametrize(
    ("ticket_type", "expected"),
    [
        ("defect", "bug"),
        ("task", "task"),
        ("enhancement", "enhancement"),
        ("Übung 1", "Übung 1"),
        (None, "task"),
        ("", "task"),
        ("  ", "task"),
    ],
)
def test_a_defect_is_a_bug_and_no_type_is_a_task(ticket_type: str | None, expected: str) -> None:
    assert concept_type(ticket_type) == expected


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        ("closed", "mastered"),
        ("reopened", "practicing"),
        ("assigned", "learning"),
        ("accepted", "learning"),
        ("new", "new"),
        ("someday", "new"),
        ("", "new"),
        (None, "new"),
    ],
)
def test_a_ticket_stands_where_its_status_says(status: str | None, standing: str) -> None:
    assert ticket_standing(status) == standing


@pytest.mark.parametrize(("text", "owner"), [("alice", "alice"), (" bob ", "bob"), ("< default >", ""), (None, "")])
def test_the_default_owner_is_nobody(text: str | None, owner: str) -> None:
    assert owner_name(text) == owner


def test_times_are_microseconds_in_utc() -> None:
    assert from_microseconds(1_705_312_800_000_001) == datetime(2024, 1, 15, 10, 0, 0, 1, tzinfo=UTC)
    assert from_microseconds(-1) == datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, 0])
def test_no_time_is_the_epoch(value: int | None) -> None:
    assert from_microseconds(value) == datetime(1970, 1, 1, tzinfo=UTC)


def test_times_beyond_the_calendar_are_its_ends() -> None:
    assert from_microseconds(2**80) == datetime.max.replace(tzinfo=UTC)
    assert from_microseconds(-(2**80)) == datetime.min.replace(tzinfo=UTC)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_reads_as_itself(moment: datetime) -> None:
    since_epoch = moment - datetime(1970, 1, 1, tzinfo=UTC)
    assert from_microseconds(since_epoch // timedelta(microseconds=1)) == moment


FIELD_PIECES = st.sampled_from(
    ["1", "12", ".", ",", "%", "h", " ", "min", ":", "30", "half", "and", "d", "#", "~", "½"]
)


@given(st.text() | st.lists(FIELD_PIECES, max_size=12).map("".join))
def test_no_text_is_too_odd_for_any_reader(text: str) -> None:
    difficulty, threshold, minutes = read_difficulty(text), read_threshold(text), read_minutes(text)
    ids, leftovers = read_ids(text)
    assert difficulty is None or 1 <= difficulty <= 5
    assert threshold is None or 0 <= threshold <= 1
    assert minutes is None or 1 <= minutes <= MAX_MINUTES
    assert len(ids) + len(leftovers) <= len(text.split()) + text.count(",") + text.count(";")
    assert all(tag.strip() for tag in read_tags(text))
    assert owner_name(text) == owner_name(owner_name(text))
    assert concept_type(text)
    assert ticket_standing(text) in {"mastered", "practicing", "learning", "new"}


@pytest.mark.parametrize("unit", [" ", "1", "1 ", "1h ", "and ", "12,", "#", ".", ",", "0.", "half ", "%"])
def test_a_very_long_field_is_read_like_any_other(unit: str) -> None:
    text = unit * 100_000
    assert (read_difficulty(text), read_threshold(text), read_minutes(text)) == (None, None, None)
    assert len(read_tags(text)) <= 1
    assert len(read_ids(text)[0]) <= 1
