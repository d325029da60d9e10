"""Invented learners follow the rules that real ones do."""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from learntrac.kit.clock import to_micros
from learntrac.mastery.model import NOTHING_KNOWN, Graded, Replayed, replay
from learntrac.mastery.parameter_file import Model
from learntrac.mastery.rows import graded_of
from learntrac.seeding.course import InventedCourse
from learntrac.seeding.learning import COLUMNS, School, Topic, learned, quotas

DAY = datetime(2026, 3, 2, tzinfo=UTC)
MODEL = Model().current


def school(concepts: int = 200, *, seed: int = 3) -> School:
    course = InventedCourse(concepts, seed)
    above = {number: tuple(range(max(1, number - 2), number)) for number in range(1, concepts + 1)}
    topics = {number: Topic((0.7, 0.8, 0.9)[number % 3], 60, needed) for number, needed in above.items()}
    return School(course, topics, seed, DAY, MODEL)


def rows(table: str, *, concepts: int = 200, learners: int = 30, events: int = 1500) -> list[dict[str, Any]]:
    """The rows of one table, all learners'."""
    shares = quotas(learners, events, seed=3)
    found = [learned(school(concepts), number, share)[table] for number, share in enumerate(shares, 1)]
    return [dict(zip(COLUMNS[table], row, strict=True)) for table_rows in found for row in table_rows]


@pytest.mark.parametrize("events", [0, 1, 7, 5000])
def test_the_events_are_as_many_as_were_asked_for(events: int) -> None:
    assert sum(quotas(40, events, seed=1)) == events
    assert len(rows("learning_event", learners=40, events=events)) == events


def test_without_learners_there_is_nobody_to_do_anything() -> None:
    assert quotas(0, 0, seed=1) == []


def test_some_learn_much_more_than_others() -> None:
    shares = quotas(200, 20_000, seed=1)

    assert max(shares) > 5 * min(shares) > 0


def test_standings_say_what_the_answers_and_the_log_say() -> None:
    answers: defaultdict[str, list[Graded]] = defaultdict(list)
    for answer in rows("evidence"):
        answers[answer["user_id"]].append(graded_of(SimpleNamespace(**answer)))
    replayed = defaultdict(Replayed, {user_id: replay(MODEL.tracer, graded) for user_id, graded in answers.items()})
    log = defaultdict(list)
    for event in rows("learning_event"):
        log[event["user_id"], event["concept_id"]].append(event)

    standings = rows("standing")
    assert {standing["status"] for standing in standings} == {"learning", "practicing", "mastered"}
    for standing in standings:
        key = standing["user_id"], standing["concept_id"]
        events, known = log[key], replayed[key[0]].known.get(key[1], NOTHING_KNOWN)
        assert (standing["mastery_score"], standing["answers"]) == (known.score, known.answers)
        assert (standing["due_at"], standing["mastered_at"]) == (known.due_at, known.mastered_at)
        assert standing["updated_at"] == events[-1]["at"]
        completed = [event["at"] for event in events if event["kind"] == "completed"]
        assert standing["completed_at"] == (completed[-1] if completed else None)
        if standing["status"] == "mastered":
            assert standing["mastered_at"] in [event["at"] for event in events if event["kind"] == "mastered"]
        else:
            assert standing["mastered_at"] is None
            assert (standing["status"] == "practicing") == bool(completed or known.answers)


def test_states_are_what_the_model_makes_of_the_answers() -> None:
    answers: defaultdict[str, list[Graded]] = defaultdict(list)
    for answer in rows("evidence"):
        answers[answer["user_id"]].append(graded_of(SimpleNamespace(**answer)))

    states = {row["user_id"]: (row["model"], row["state"]) for row in rows("learner_state")}

    assert states == {
        user_id: (MODEL.digest, replay(MODEL.tracer, graded).state.to_bytes()) for user_id, graded in answers.items()
    }


def test_a_concept_that_was_only_given_up_leaves_no_standing() -> None:
    kept = {(standing["user_id"], standing["concept_id"]) for standing in rows("standing")}
    tried = {(event["user_id"], event["concept_id"]) for event in rows("learning_event") if event["kind"] != "started"}
    begun = {(event["user_id"], event["concept_id"]) for event in rows("learning_event")}
    given_up = begun - kept

    assert given_up <= tried
    assert given_up
    answered = {(answer["user_id"], answer["concept_id"]) for answer in rows("evidence")}
    assert given_up.isdisjoint(answered)


def test_sessions_and_the_log_agree() -> None:
    sessions, kinds = rows("learning_session"), Counter(event["kind"] for event in rows("learning_event"))
    how = Counter(session["status"] for session in sessions)

    assert len(sessions) == kinds["started"]
    assert how["abandoned"] == kinds["abandoned"] > 0
    assert how["completed"] + how["mastered"] == kinds["completed"]
    assert len(rows("evidence")) == kinds["answered"]
    spent = sum(session["time_spent_seconds"] for session in sessions)
    assert spent == sum(event["seconds"] for event in rows("learning_event"))


def test_nobody_is_in_two_sessions_at_once_and_only_the_last_is_open() -> None:
    for session, following in pairwise(rows("learning_session")):
        if session["user_id"] == following["user_id"]:
            assert session["ended_at"] is not None
            assert session["started_at"] <= session["ended_at"] < following["started_at"]
    open_ = [session for session in rows("learning_session") if session["ended_at"] is None]
    assert {session["status"] for session in open_} == {"active"}


@pytest.mark.parametrize("events", [1500, 60_000])
def test_every_log_is_in_order_and_over_when_the_day_begins(events: int) -> None:
    log = rows("learning_event", learners=5, events=events)

    for event, following in pairwise(log):
        assert event["user_id"] != following["user_id"] or event["at"] <= following["at"]
    assert max(event["at"] for event in log) < to_micros(DAY)


def test_a_small_course_is_gone_through_again() -> None:
    log = rows("learning_event", concepts=3, learners=2, events=400)

    assert len(log) == 400
    assert {event["concept_id"] for event in log} == {1, 2, 3}


def test_the_same_seed_invents_the_same() -> None:
    assert learned(school(), 4, 50) == learned(school(), 4, 50)
    assert learned(school(), 4, 50) != learned(school(seed=4), 4, 50)
    assert learned(school(), 4, 50)["learning_event"] != learned(school(), 5, 50)["learning_event"]
