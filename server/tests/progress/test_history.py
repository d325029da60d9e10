"""The history of a learner, through the door and on both databases."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import Api, Person
from tests.progress.studying import RIGHT, begin, days_ago, study

EMPTY: dict[str, Any] = {
    "history": [],
    "totals": {
        "concepts_completed": 0,
        "concepts_mastered": 0,
        "total_time_spent": 0,
        "average_mastery_score": 0.0,
    },
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def of_january(api: Api) -> Person:
    """Alice, who learned on some days of January 2026."""
    await study(api, "alice", 1, at("2026-01-05 10:00"), RIGHT, RIGHT, minutes=60)
    await study(api, "alice", 2, at("2026-01-05 15:00"), 0.5, 1.0, minutes=30)
    await study(api, "alice", 3, at("2026-01-11 23:50"), RIGHT, source="exercise", minutes=20)
    await study(api, "alice", 6, at("2026-01-12 09:00"), abandon=True, minutes=5)
    return await api.sign_in("alice")


async def ask(person: Person, start: str, end: str, granularity: str = "day") -> list[dict[str, Any]]:
    answer = await person.get("/progress/history", start_date=start, end_date=end, granularity=granularity)
    assert answer.status == 200, answer.body
    entries: list[dict[str, Any]] = answer["history"]
    return entries


async def test_a_day_adds_up_what_was_done(api: Api) -> None:
    alice = await of_january(api)

    (entry,) = await ask(alice, "2026-01-05", "2026-01-05")

    assert entry == {
        "date": "2026-01-05",
        "concepts_started": 2,
        "concepts_completed": 2,
        "concepts_mastered": 1,
        "time_spent": 5400,
        "exercises_completed": 0,
        "quiz_average": 0.875,
    }


async def test_time_counts_where_its_session_ended(api: Api) -> None:
    alice = await of_january(api)

    eleventh, twelfth = await ask(alice, "2026-01-11", "2026-01-12")

    assert (eleventh["concepts_started"], eleventh["time_spent"]) == (1, 0)
    assert (twelfth["concepts_completed"], twelfth["time_spent"]) == (1, 1500)
    assert twelfth["exercises_completed"] == 0  # an answer to an exercise is not yet an exercise solved


async def test_weeks_are_named_by_their_monday_and_months_by_their_first(api: Api) -> None:
    alice = await of_january(api)

    weeks = await ask(alice, "2026-01-01", "2026-01-31", "week")
    months = await ask(alice, "2026-01-01", "2026-01-31", "month")

    assert [(entry["date"], entry["concepts_started"]) for entry in weeks] == [
        ("2026-01-05", 3),
        ("2026-01-12", 1),
    ]
    assert [(entry["date"], entry["time_spent"]) for entry in months] == [("2026-01-01", 6900)]


async def test_the_totals_are_over_all_the_days_asked_for(api: Api) -> None:
    alice = await of_january(api)

    answer = await alice.get("/progress/history", start_date="2026-01-01", end_date="2026-01-31")

    totals = answer["totals"]
    assert (totals["concepts_completed"], totals["concepts_mastered"]) == (3, 2)
    assert totals["total_time_spent"] == 6900
    # After the last answer to each; the concept that was given up has no evidence.
    assert totals["average_mastery_score"] == pytest.approx(0.7996, abs=1e-4)


async def test_both_ends_are_included_to_the_last_moment(api: Api) -> None:
    await begin(api, "alice", 1, at("2026-01-05 00:00"))
    await begin(api, "alice", 2, at("2026-01-05 23:59:59.999999"))
    await begin(api, "alice", 3, at("2026-01-06 00:00"))
    alice = await api.sign_in("alice")

    entries = await ask(alice, "2026-01-05", "2026-01-05")

    assert [(entry["date"], entry["concepts_started"]) for entry in entries] == [("2026-01-05", 2)]


async def test_without_dates_the_last_thirty_days(api: Api) -> None:
    today = api.clock().replace(hour=0, minute=0, second=0, microsecond=0)
    await begin(api, "alice", 1, today - timedelta(days=30, microseconds=1))
    await begin(api, "alice", 2, today - timedelta(days=29))
    await begin(api, "alice", 3, api.clock())
    alice = await api.sign_in("alice")

    answer = await alice.get("/progress/history")

    assert [entry["date"] for entry in answer["history"]] == [
        str((today - timedelta(days=29)).date()),
        str(api.clock().date()),
    ]


async def test_one_date_alone_is_enough(api: Api) -> None:
    alice = await of_january(api)

    since = await alice.get("/progress/history", start_date="2026-01-12")
    until = await alice.get("/progress/history", end_date="2026-01-12")
    future = await alice.get("/progress/history", start_date=str(days_ago(api, -400).date()))

    assert [entry["date"] for entry in since["history"]] == ["2026-01-12"]
    assert [entry["date"] for entry in until["history"]] == ["2026-01-05", "2026-01-11", "2026-01-12"]
    assert future.body == EMPTY


async def test_any_day_of_the_calendar_may_be_asked_for(api: Api) -> None:
    alice = await of_january(api)

    for granularity in ("day", "week", "month"):
        assert (
            len(await ask(alice, "0001-01-01", "9999-12-31", granularity))
            == {"day": 3, "week": 2, "month": 1}[granularity]
        )
    assert await ask(alice, "0001-01-01", "0001-01-01") == []
    assert await ask(alice, "9999-12-31", "9999-12-31") == []
    assert (await alice.get("/progress/history", end_date="0001-01-01")).body == EMPTY
    assert (await alice.get("/progress/history", start_date="9999-12-31")).body == EMPTY


async def test_dates_the_wrong_way_round(api: Api) -> None:
    alice = await api.sign_in("alice")

    answer = await alice.get("/progress/history", start_date="2026-01-02", end_date="2026-01-01")

    assert answer.error == (400, "VALIDATION_ERROR")
    assert answer["error"]["details"] == [{"field": "start_date", "message": "must not be after end_date"}]


async def test_a_bad_query_is_told_so(api: Api) -> None:
    alice = await api.sign_in("alice")
    dates = ["2024-02-30", "2024-2-3", "yesterday", "", "0", "1700000000", "2024-01-01T00:00:00"]
    dates += ["\uff12024-01-01", "0000-01-01", "10000-01-01"]
    bad = [(name, value) for value in dates for name in ("start_date", "end_date")]
    for name, value in [*bad, ("granularity", "hour"), ("granularity", "Day")]:
        answer = await alice.get("/progress/history", **{name: value})

        assert answer.error == (400, "VALIDATION_ERROR"), value
        assert [line["field"] for line in answer["error"]["details"]] == [name]


async def test_nobody_has_no_history_and_everybody_only_their_own(api: Api) -> None:
    await of_january(api)
    bob = await api.sign_in("bob")

    assert (await api.anybody.get("/progress/history")).error == (401, "AUTHENTICATION_ERROR")
    assert await ask(bob, "2026-01-01", "2026-01-31") == []
