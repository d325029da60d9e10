"""Where a learner stands, through the door and on both databases."""

from datetime import timedelta

from tests.conftest import Answer, Api, TracCopy, eventually, serving
from tests.progress.studying import RIGHT, WRONG, begin, days_ago, study

MESSAGES, FUNCTIONS, METHODS, HANDLERS, ERRORS, EXTRAS = 1, 2, 3, 4, 5, 6


async def alice_learns(api: Api) -> None:
    """Two concepts mastered, one completed but failed, one open, one given up; over some weeks."""
    await study(api, "alice", MESSAGES, days_ago(api, 200), RIGHT, RIGHT, minutes=60)
    await study(api, "alice", FUNCTIONS, days_ago(api, 20), WRONG, WRONG, minutes=30)
    await study(api, "alice", METHODS, days_ago(api, 5), *[RIGHT] * 6, minutes=120)
    await study(api, "alice", EXTRAS, days_ago(api, 4), abandon=True, minutes=10)
    await begin(api, "alice", HANDLERS, days_ago(api, 3))


def numbers(answer: Answer) -> tuple[int, int, int, int]:
    """(all, completed, mastered, in progress)"""
    overall = answer["overall_progress"]
    names = ("total_concepts", "completed_concepts", "mastered_concepts", "in_progress_concepts")
    return tuple(overall[name] for name in names)


async def test_whoever_begins_has_honest_zeros(api: Api) -> None:
    alice = await api.sign_in("alice")

    answer = await alice.get("/progress")

    assert answer.status == 200
    assert answer.body == {
        "user_id": "alice",
        "overall_progress": {
            "total_concepts": 6,
            "completed_concepts": 0,
            "mastered_concepts": 0,
            "in_progress_concepts": 0,
            "completion_percentage": 0.0,
            "mastery_percentage": 0.0,
        },
        "milestones": [
            {"name": name, "total_concepts": total, "completed": 0, "progress_percentage": 0.0}
            | {"estimated_completion": None}
            for name, total in (("Basics", 3), ("Beyond", 2))
        ],
        "recent_activity": [],
        "learning_velocity": {"concepts_per_week": 0.0, "hours_per_week": 0.0, "trend": "stable"},
        "strengths": [],
        "recommendations": answer["recommendations"],
    }
    assert [line["concept_id"] for line in answer["recommendations"]] == [MESSAGES, FUNCTIONS, EXTRAS]


async def test_where_alice_stands(api: Api) -> None:
    await alice_learns(api)
    alice = await api.sign_in("alice")

    answer = await alice.get("/progress", timeframe="all")

    assert numbers(answer) == (6, 3, 2, 1)
    assert answer["overall_progress"]["completion_percentage"] == 50.0
    assert answer["overall_progress"]["mastery_percentage"] == 33.3
    assert answer["learning_velocity"] == {
        "concepts_per_week": 0.5,
        "hours_per_week": round((30 + 120 + 10) / 60 / 4, 2),
        "trend": "stable",
    }
    (http,) = answer["strengths"]
    assert (http["area"], http["concepts_mastered"]) == ("http", 2)
    assert 0.8 < http["mastery_level"] < 0.9
    seen = [(line["concept_id"], line["action"], line["time_spent"]) for line in answer["recent_activity"]]
    # An answer and its consequence bear one time: the later row comes first.
    assert seen[:5] == [
        (HANDLERS, "started", 0),
        (EXTRAS, "abandoned", 600),
        (EXTRAS, "started", 0),
        (METHODS, "completed", 7200),
        (METHODS, "mastered", 0),
    ]


async def test_milestones_tell_what_is_done_and_when_the_rest_will_be(api: Api) -> None:
    await alice_learns(api)
    alice = await api.sign_in("alice")

    basics, beyond = (await alice.get("/progress"))["milestones"]

    assert (basics["name"], basics["completed"], basics["progress_percentage"]) == ("Basics", 3, 100.0)
    assert basics["estimated_completion"] is None
    assert (beyond["name"], beyond["completed"], beyond["progress_percentage"]) == ("Beyond", 0, 0.0)
    # Two concepts at half a concept a week.
    assert beyond["estimated_completion"] == str(api.clock().date() + timedelta(weeks=4))


async def test_a_timeframe_counts_what_happened_in_it(api: Api) -> None:
    await alice_learns(api)
    alice = await api.sign_in("alice")
    expected = {
        "week": (7, (6, 1, 1, 1)),
        "month": (30, (6, 2, 1, 1)),
        "quarter": (91, (6, 2, 1, 1)),
        "year": (365, (6, 3, 2, 1)),
        "all": (10_000, (6, 3, 2, 1)),
    }
    for timeframe, (days, counted) in expected.items():
        answer = await alice.get("/progress", timeframe=timeframe)

        assert numbers(answer) == counted, timeframe
        oldest = answer["recent_activity"][-1]["timestamp"]
        assert oldest >= days_ago(api, days).strftime("%Y-%m-%dT%H:%M:%SZ"), timeframe


def new_ones(answer: Answer) -> list[int]:
    return [line["concept_id"] for line in answer["recommendations"] if line["kind"] == "new"]


async def test_a_milestone_counts_its_own_concepts(api: Api) -> None:
    await alice_learns(api)
    alice = await api.sign_in("alice")
    expected: dict[str, tuple[object, list[str], list[int], set[int]]] = {
        "Basics": ((3, 3, 2, 0), ["Basics"], [FUNCTIONS], {MESSAGES, FUNCTIONS, METHODS}),
        "Beyond": ((2, 0, 0, 1), ["Beyond"], [HANDLERS, ERRORS], {HANDLERS}),
        "": ((1, 0, 0, 0), [], [EXTRAS], {EXTRAS}),
        "No such milestone": ((0, 0, 0, 0), [], [], set()),
    }
    for milestone, (counted, named, recommended, active) in expected.items():
        answer = await alice.get("/progress", milestone=milestone)

        assert numbers(answer) == counted, milestone
        assert [line["name"] for line in answer["milestones"]] == named
        assert sorted(new_ones(answer)) == recommended
        assert {line["concept_id"] for line in answer["recent_activity"]} == active


async def test_timeframe_and_milestone_together(api: Api) -> None:
    await alice_learns(api)
    alice = await api.sign_in("alice")

    answer = await alice.get("/progress", timeframe="week", milestone="Basics")

    assert numbers(answer) == (3, 1, 1, 0)
    assert answer["milestones"][0]["completed"] == 1
    # What remains of a milestone does not depend on the period that is looked at.
    assert answer["milestones"][0]["estimated_completion"] is None


async def test_recommendations_are_ready_and_near_the_learners_level(api: Api) -> None:
    await study(api, "alice", MESSAGES, days_ago(api, 9), RIGHT, RIGHT)
    alice = await api.sign_in("alice")

    found = (await alice.get("/progress"))["recommendations"]

    # Mastered is difficulty 2: 3.0 is nearest, and the shorter one promises more a minute; 4.0 waits for METHODS.
    found = [line for line in found if line["kind"] == "new"]
    assert [line["concept_id"] for line in found] == [FUNCTIONS, METHODS, EXTRAS]
    assert [line["difficulty_match"] for line in found] == [0.75, 0.75, 0.25]
    assert found[0]["reason"] != found[1]["reason"]
    assert found[1]["title"] == "Methods of HTTP"


async def test_what_was_completed_without_a_grade_opens_the_way_too(api: Api) -> None:
    await study(api, "alice", MESSAGES, days_ago(api, 2))
    alice = await api.sign_in("alice")

    found = (await alice.get("/progress"))["recommendations"]

    assert METHODS in [line["concept_id"] for line in found]
    assert MESSAGES not in [line["concept_id"] for line in found]


async def test_no_more_than_ten_activities_newest_first(api: Api) -> None:
    for day in range(20, 12, -1):
        await study(api, "alice", EXTRAS, days_ago(api, day))
    alice = await api.sign_in("alice")

    activities = (await alice.get("/progress"))["recent_activity"]

    assert len(activities) == 10
    times = [line["timestamp"] for line in activities]
    assert times == sorted(times, reverse=True)


async def test_a_bad_query_is_told_so(api: Api) -> None:
    alice = await api.sign_in("alice")
    bad = [("timeframe", "century"), ("timeframe", ""), ("timeframe", "Week")]
    for name, value in [*bad, ("milestone", "x" * 501), ("milestone", "a\0b")]:
        answer = await alice.get("/progress", **{name: value})

        assert answer.error == (400, "VALIDATION_ERROR"), value
        assert [line["field"] for line in answer["error"]["details"]] == [name]


async def test_who_may_see_whose_progress(api: Api) -> None:
    await alice_learns(api)
    alice, bob = await api.sign_in("alice"), await api.sign_in("bob")
    ivan, admin = await api.sign_in("ivan"), await api.sign_in("admin")

    assert (await api.anybody.get("/progress")).error == (401, "AUTHENTICATION_ERROR")
    assert (await api.anybody.get("/progress/alice")).error == (401, "AUTHENTICATION_ERROR")
    assert (await bob.get("/progress/alice")).error == (403, "AUTHORIZATION_ERROR")
    assert (await bob.get("/progress/nobody-at-all")).error == (403, "AUTHORIZATION_ERROR")
    own = await alice.get("/progress/alice")
    assert own.status == 200
    for teacher in (ivan, admin):
        seen = await teacher.get("/progress/alice")
        assert (seen.status, seen["user_id"]) == (200, "alice")
        assert seen["overall_progress"] == own["overall_progress"]
        assert (await teacher.get("/progress/nobody-at-all")).error == (404, "NOT_FOUND")


async def test_somebody_with_an_account_who_never_signed_in_has_begun_nothing(api: Api) -> None:
    ivan = await api.sign_in("ivan")

    answer = await ivan.get("/progress/bob")

    assert answer.status == 200
    assert numbers(answer) == (6, 0, 0, 0)


async def test_history_wins_over_a_user_of_that_name(api: Api) -> None:
    ivan = await api.sign_in("ivan")

    answer = await ivan.get("/progress/history")

    assert set(answer.body) == {"history", "totals"}


async def test_a_name_may_hold_what_an_address_can_carry(api: Api) -> None:
    ivan = await api.sign_in("ivan")

    assert (await ivan.get("/progress/%C3%BCnal%20%3F")).error == (404, "NOT_FOUND")
    assert (await ivan.get("/progress/" + "x" * 256)).error == (400, "VALIDATION_ERROR")
    assert (await ivan.get("/progress/a%00b")).error == (400, "VALIDATION_ERROR")


def hide(trac: TracCopy, *tickets: int) -> None:
    """Hide these tickets from everybody but the instructor, by Trac's own AuthzPolicy."""
    rules = "".join(f"[ticket:{ticket}@*]\nivan = TICKET_VIEW\n* =\n" for ticket in tickets)
    (trac.folder / "conf" / "authz.conf").write_text(rules)
    policies = "AuthzPolicy, DefaultWikiPolicy, DefaultTicketPolicy, DefaultPermissionPolicy, LegacyAttachmentPolicy"
    trac.set_option("trac", "permission_policies", policies)
    trac.set_option("authz_policy", "authz_file", str(trac.folder / "conf" / "authz.conf"))
    trac.set_option("components", "tracopt.perm.authz_policy.*", "enabled")


async def test_a_hidden_ticket_shows_nowhere(trac_copy: TracCopy) -> None:
    hide(trac_copy, METHODS, ERRORS)
    async with serving(trac_copy) as api:
        await alice_learns(api)
        alice, ivan = await api.sign_in("alice"), await api.sign_in("ivan")

        hers, his = await alice.get("/progress"), await ivan.get("/progress/alice")
        history = await alice.get("/progress/history", start_date="2000-01-01")

    assert numbers(his) == (6, 3, 2, 1)
    assert numbers(hers) == (4, 2, 1, 1)
    assert [line["total_concepts"] for line in hers["milestones"]] == [2, 1]
    assert METHODS not in {line["concept_id"] for line in hers["recent_activity"]}
    assert METHODS not in {line["concept_id"] for line in hers["recommendations"]}
    assert hers["learning_velocity"]["concepts_per_week"] == 0.25
    assert hers["strengths"][0]["concepts_mastered"] == 1
    assert history["totals"]["concepts_mastered"] == 1
    assert history["totals"]["total_time_spent"] == (60 + 30 + 10) * 60


async def test_where_everything_is_hidden_there_is_nothing_to_count(trac_copy: TracCopy) -> None:
    trac_copy.execute("DELETE FROM permission WHERE action = 'TICKET_VIEW'")
    async with serving(trac_copy) as api:
        await alice_learns(api)
        alice = await api.sign_in("alice")

        answer = await alice.get("/progress")

    assert numbers(answer) == (0, 0, 0, 0)
    assert (answer["milestones"], answer["recent_activity"], answer["recommendations"]) == ([], [], [])
    assert answer["learning_velocity"]["hours_per_week"] == 0


async def test_a_deleted_tickets_records_stay_but_it_leaves_the_lists(api: Api) -> None:
    await alice_learns(api)
    alice = await api.sign_in("alice")
    api.trac.execute("DELETE FROM ticket WHERE id = ?", METHODS)

    async def gone() -> bool:
        return (await alice.get(f"/concepts/{METHODS}")).status == 404

    await eventually(gone)
    answer = await alice.get("/progress")
    history = await alice.get("/progress/history")

    assert numbers(answer) == (5, 2, 1, 1)
    assert METHODS not in {line["concept_id"] for line in answer["recent_activity"]}
    assert METHODS not in {line["concept_id"] for line in answer["recommendations"]}
    kept = await api.parts.database.hot.rows("SELECT count(*) FROM standing WHERE concept_id = $1", METHODS)
    assert kept[0][0] == 1
    assert history["totals"]["concepts_mastered"] == 1


async def test_overall_figures_are_what_the_history_adds_up_to(api: Api) -> None:
    await alice_learns(api)
    alice = await api.sign_in("alice")

    overall = (await alice.get("/progress"))["overall_progress"]
    for granularity in ("day", "week", "month"):
        history = await alice.get("/progress/history", start_date="2000-01-01", granularity=granularity)
        assert history["totals"]["concepts_completed"] == overall["completed_concepts"]
        assert history["totals"]["concepts_mastered"] == overall["mastered_concepts"]
        assert sum(entry["concepts_completed"] for entry in history["history"]) == 3
        assert sum(entry["time_spent"] for entry in history["history"]) == (60 + 30 + 120 + 10) * 60
