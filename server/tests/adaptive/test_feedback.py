"""What feedback adds up to."""

import pytest

from learntrac.adaptive.feedback import Preferences, Word, add_up, in_words


def test_nothing_said_is_no_preference() -> None:
    assert add_up([]) == Preferences()


@pytest.mark.parametrize(("rating", "shift"), [(1, 0.2), (2, 0.1), (3, 0.0), (4, -0.1), (5, -0.2)])
def test_what_was_too_easy_raises_the_difficulty(rating: int, shift: float) -> None:
    assert add_up([Word(difficulty_rating=rating)]).difficulty == shift


def test_no_preference_leaves_its_bounds() -> None:
    easy = add_up([Word(difficulty_rating=1, pace="too_slow")] * 50)
    hard = add_up([Word(difficulty_rating=5, pace="too_fast", is_time_sufficient=False)] * 50)

    assert (easy.difficulty, easy.pace) == (1.0, 1.0)
    assert (hard.difficulty, hard.pace) == (-1.0, -1.0)


def test_a_kind_that_is_named_weighs_more_and_all_weigh_one() -> None:
    weights = add_up([Word(preferred_resources=["video", "exercises", "video"])]).resource_weights

    assert weights == {"documentation": 0.25, "exercises": 0.375, "video": 0.375}
    odd = add_up([Word(preferred_resources=["podcast"]), Word(preferred_resources=["video"])]).resource_weights
    assert odd["podcast"] > 0
    assert round(sum(odd.values()), 6) == 1


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        (0.0, 0.0, "maintained"),
        (0.0, 0.1, "slightly_increased"),
        (0.1, 0.3, "increased"),
        (0.3, 0.2, "slightly_decreased"),
        (0.3, 0.0, "decreased"),
    ],
)
def test_changes_in_words(before: float, after: float, word: str) -> None:
    assert in_words(before, after) == word
