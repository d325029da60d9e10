"""What comes first, and the words for it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from learntrac.progress.ranking import (
    Candidate,
    Ground,
    Grounds,
    Ranked,
    Situation,
    best_first,
    chance_fit,
    count_unlocks,
    fitting,
    on_day,
    rank_new,
    rank_reviews,
    reason,
    review_minutes,
    with_placement,
)

NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)  # a Wednesday
HERE = Situation(level=3.0, milestone="Basics")
PLAIN = Candidate(1, "Loops", "new", 3.0, 60, 0.75, 0.8)


def rank(candidates: Iterable[Candidate], situation: Situation) -> list[Ranked]:
    new, reviews = [[one for one in candidates if one.kind == kind] for kind in ("new", "review")]
    return best_first([*rank_new(new, situation), *rank_reviews(reviews)])


def order(*candidates: Candidate, situation: Situation = HERE) -> list[int]:
    return [one.candidate.id for one in rank(candidates, situation)]


def test_what_is_equal_stands_in_the_order_of_numbers() -> None:
    assert order(PLAIN._replace(id=2), PLAIN._replace(id=3), PLAIN) == [1, 2, 3]


@pytest.mark.parametrize(
    "better",
    [
        {"minutes": 30},
        {"unlocks": 3},
        {"milestone": "Basics"},
        {"begun": True},
    ],
)
def test_what_makes_a_concept_worth_more(better: dict[str, object]) -> None:
    assert order(PLAIN, PLAIN._replace(id=2, **better)) == [2, 1]  # type: ignore[arg-type] # of its own fields


@pytest.mark.parametrize("worse", [{"chance": 0.3}, {"chance": 0.99}, {"difficulty": 5.0}, {"minutes": 180}])
def test_what_makes_it_worth_less(worse: dict[str, float]) -> None:
    assert order(PLAIN._replace(**worse), PLAIN._replace(id=2)) == [2, 1]  # type: ignore[arg-type] # of its own fields


def test_whoever_wants_it_harder_gets_it_harder() -> None:
    hard, easy = PLAIN._replace(id=2, difficulty=4.0), PLAIN._replace(id=3, difficulty=2.0)

    assert order(hard, easy, situation=replace(HERE, preference=1.0)) == [2, 3]
    assert order(hard, easy, situation=replace(HERE, preference=-1.0)) == [3, 2]


def test_the_best_chance_is_neither_certain_nor_slight() -> None:
    assert chance_fit(0.7) == chance_fit(0.85) == 1
    assert chance_fit(1.0) == chance_fit(0.0) == 0.25
    assert chance_fit(0.35) == 0.5


def test_reviews_go_by_what_has_faded_and_leave_room_for_the_new() -> None:
    faded = [Candidate(n, "", "review", 3.0, 15, 0.8 - n / 100, 0.8) for n in range(10, 30)]
    new = [PLAIN._replace(id=n, minutes=30) for n in range(1, 4)]

    found = order(*faded, *new)

    assert found[0] == 29
    assert {1, 2, 3} <= set(found[:10])
    assert [n for n in found if n >= 10] == list(range(29, 9, -1))


def test_a_set_fits_into_the_time_there_is() -> None:
    ranked = rank([PLAIN, PLAIN._replace(id=2, minutes=70), PLAIN._replace(id=3, minutes=20)], HERE)

    def chosen(count: int, minutes: int | None) -> list[int]:
        return [one.candidate.id for one in fitting(ranked, count=count, minutes=minutes)]

    assert chosen(5, None) == [3, 1, 2]
    assert chosen(5, 100) == [3, 1]
    assert chosen(5, 90) == [3, 1]
    assert chosen(1, 90) == [3]
    assert chosen(5, 19) == []


def test_a_better_one_that_does_not_fit_makes_way() -> None:
    ranked = rank([PLAIN._replace(unlocks=20), PLAIN._replace(id=2, minutes=50, difficulty=5.0)], HERE)

    assert [one.candidate.id for one in ranked] == [1, 2]
    assert [one.candidate.id for one in fitting(ranked, count=5, minutes=55)] == [2]


def test_unlocks_count_all_that_builds_on_it_up_to_twenty() -> None:
    needed_by = {1: [2, 3], 2: [3], 4: [3], 5: range(10, 50)}

    assert count_unlocks([1, 2, 3, 4, 5], needed_by) == {1: 2, 2: 1, 3: 0, 4: 1, 5: 20}


def test_unlocks_do_not_count_what_is_left_out_nor_what_is_behind_it() -> None:
    assert count_unlocks([1], {1: [2, 3], 2: [4], 3: [5]}, left_out={2}) == {1: 2}


def test_placement_is_a_weak_word_and_none_against_answers() -> None:
    assert with_placement(0.5, 1.0, answers=0) == pytest.approx(0.6)
    assert with_placement(0.5, 1.0, answers=1) == with_placement(0.5, None, answers=0) == 0.5


def test_a_review_takes_a_quarter() -> None:
    assert (review_minutes(120), review_minutes(10)) == (30, 5)


def test_reasons() -> None:
    nothing, ago = Grounds(), Ground("HTTP messages", NOW - timedelta(days=2), mastered=True)

    def why(one: Candidate, grounds: Grounds = nothing) -> str:
        return reason(one, HERE, grounds, NOW)

    assert why(PLAIN._replace(kind="review", chance=0.68)) == "Due for review: you would now get about 7 of 10 right"
    assert why(PLAIN._replace(begun=True)) == "You have begun it and not finished it yet"
    assert why(PLAIN._replace(begun=True, answers=2, chance=0.6)).endswith("about 6 of 10 right; 80 % is mastery")
    assert why(PLAIN, Grounds((ago,), True)) == "Builds on HTTP messages, which you mastered on Monday"
    completed = replace(ago, mastered=False)
    assert why(PLAIN, Grounds((completed,), True)) == "Builds on HTTP messages, which you completed on Monday"
    assert why(PLAIN._replace(milestone="Basics")) == "Next in the milestone you work on: Basics"
    assert why(PLAIN, Grounds((), True)) == "You have finished all it builds on"
    assert why(PLAIN) == "It builds on nothing else: a place to begin"


@pytest.mark.parametrize(
    ("days", "words"),
    [(0, "today"), (1, "yesterday"), (6, "on Thursday"), (7, "on 11 March"), (100, "on 8 December 2025")],
)
def test_days_in_words(days: int, words: str) -> None:
    assert on_day(NOW - timedelta(days=days), NOW) == words
