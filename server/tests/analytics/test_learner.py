"""One learner in detail, and who may need help, through the door."""

from datetime import UTC, date, datetime

import pytest

from learntrac.activity.days import DAY_MICROSECONDS, Figures, Happened
from learntrac.activity.totals import Part
from learntrac.analytics import habits
from learntrac.analytics.learner import peers_of
from tests.conftest import Api
from tests.progress.studying import RIGHT, WRONG, begin, days_ago, study

MESSAGES, FUNCTIONS, METHODS = 1, 2, 3


async def test_a_learner_in_detail(api: Api) -> None:
    monday = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    await study(api, "alice", MESSAGES, monday, RIGHT, RIGHT, RIGHT, minutes=45)
    await study(api, "alice", FUNCTIONS, days_ago(api, 2), RIGHT, WRONG, minutes=75, source="exercise")
    alice, ivan = await api.sign_in("alice"), await api.sign_in("ivan")

    found = await alice.get("/analytics/learner/alice")

    assert found.status == 200, found.body
    assert found["user_id"] == "alice"
    assert found["learning_profile"]["average_session_length"] == 60
    assert found["performance_metrics"] == {
        "overall_mastery": pytest.approx(0.75, abs=0.15),
        "concepts_per_week": 0.25,
        "exercise_success_rate": 0.5,
        "quiz_average": 1.0,
    }
    (basics,) = found["milestone_progress"]
    assert (basics["milestone"], basics["start_date"]) == ("Basics", "2026-01-05")
    assert basics["progress"] == pytest.approx(2 / 3, abs=1e-4)
    assert date.fromisoformat(basics["target_date"]) == date(2026, 2, 4)
    assert basics["on_track"] is False
    assert found["recommendations"]["next_concepts"]
    assert "practice more exercises" in found["recommendations"]["focus_areas"]
    assert found["peers"] is None
    assert (await ivan.get("/analytics/learner/alice")).body == found.body


async def test_it_says_what_progress_says(api: Api) -> None:
    await study(api, "alice", MESSAGES, days_ago(api, 3), RIGHT, RIGHT)
    alice = await api.sign_in("alice")

    detail, progress = await alice.get("/analytics/learner/alice"), await alice.get("/progress")

    assert detail["performance_metrics"]["concepts_per_week"] == progress["learning_velocity"]["concepts_per_week"]
    shown = [one["concept_id"] for one in progress["recommendations"]]
    assert detail["recommendations"]["next_concepts"] == shown


async def test_a_newcomer_gets_honest_nothings(api: Api) -> None:
    alice = await api.sign_in("alice")

    found = await alice.get("/analytics/learner/alice")

    assert found["learning_profile"]["preferred_time"] == "unknown"
    assert found["performance_metrics"]["overall_mastery"] == 0
    assert found["engagement_patterns"] == {"most_active_days": [], "peak_hours": [], "resource_preferences": {}}
    assert found["milestone_progress"] == []
    assert found["recommendations"]["focus_areas"] == ["begin a first concept"]


async def test_who_may_see_whom(api: Api) -> None:
    alice, ivan = await api.sign_in("alice"), await api.sign_in("ivan")

    assert (await alice.get("/analytics/learner/bob")).error == (403, "AUTHORIZATION_ERROR")
    assert (await ivan.get("/analytics/learner/history")).error == (404, "NOT_FOUND"), "a name like any other"
    assert (await alice.get("/analytics/at-risk")).error == (403, "AUTHORIZATION_ERROR")


def test_peers_are_ten_or_nobody() -> None:
    def part(learners: int) -> Part:
        sums = Figures(completed_last=3 * learners, tried_last=learners, score_last=500_000 * learners)
        return Part(sums, learners, 0.5)

    assert peers_of(part(10), part(1)) is None
    others = peers_of(part(11), part(1))

    assert others is not None
    assert (others.learners, others.average_mastery_score, others.engagement_score) == (10, 0.5, 0.5)
    assert others.concepts_per_week == 0.7


def happened(hour: int, day: int = 0, what: str = "answered") -> Happened:
    return Happened("alice", 1, day * DAY_MICROSECONDS + hour * 3_600_000_000, what)


def test_hours_and_days_in_which_most_is_done() -> None:
    log = [happened(9), happened(9, 7), happened(14, 1), happened(14, 8), happened(23, 2), happened(3, 3, "mastered")]
    by_hour = habits.hours(log)

    assert habits.preferred_time(by_hour) == "afternoon"
    assert habits.peak_hours(by_hour) == ["09:00", "14:00"]
    assert habits.most_active_days(log) == ["Thursday", "Friday"]


@pytest.mark.parametrize(
    ("left", "target", "expected", "is_on_track"),
    [
        (0, date(2026, 1, 1), None, True),
        (3, None, None, False),
        (3, None, date(2027, 1, 1), True),
        (3, date(2026, 6, 1), date(2026, 6, 1), True),
        (3, date(2026, 6, 1), date(2026, 6, 2), False),
        (3, date(2026, 2, 1), None, False),
    ],
)
def test_on_track(left: int, target: date | None, expected: date | None, is_on_track: bool) -> None:
    found = habits.is_on_track(left=left, target=target, expected=expected, today=date(2026, 3, 1))

    assert found == is_on_track


async def test_who_needs_help_why_and_since_when(api: Api) -> None:
    await study(api, "alice", MESSAGES, days_ago(api, 2), WRONG, WRONG, WRONG, WRONG, abandon=True)
    await begin(api, "bob", FUNCTIONS, days_ago(api, 20))
    await begin(api, "carol", FUNCTIONS, days_ago(api, 200))
    await study(api, "dana", MESSAGES, days_ago(api, 2), WRONG, WRONG, WRONG, RIGHT)
    ivan = await api.sign_in("ivan")

    found = await ivan.get("/analytics/at-risk")

    assert (found["total"], [one["user_id"] for one in found["learners"]]) == (2, ["alice", "bob"])
    alice, bob = found["learners"]
    (failing,) = alice["reasons"]
    assert (failing["kind"], failing["concept_id"]) == ("failing", MESSAGES)
    assert failing["message"] == "The last 4 answers to HTTP messages failed."
    assert [(one["kind"], one["message"]) for one in bob["reasons"]] == [
        ("away", "Nothing for 20 days, with one concept begun and not completed.")
    ]
    assert bob["since"] == bob["last_active"]
    second = await ivan.get("/analytics/at-risk", limit=1, offset=1)
    assert [one["user_id"] for one in second["learners"]] == ["bob"]
