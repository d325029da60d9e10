"""Who may be sent to now: those that are well are never held up by the others."""

import pytest

from learntrac.webhooks.slots import AT_ONCE_EACH, BEGUN_A_SECOND, WELL_AT_ONCE, Slots, health_of


@pytest.mark.parametrize(
    ("failures", "has_succeeded", "health"),
    [(0, True, "well"), (0, False, "unknown"), (1, True, "failing"), (3, False, "failing")],
)
def test_a_receiver_is_as_its_last_answer(failures: int, has_succeeded: bool, health: str) -> None:
    assert health_of(failures=failures, has_succeeded=has_succeeded) == health


def test_one_that_fails_has_one_try_at_a_time_and_one_that_is_well_several() -> None:
    slots = Slots()
    assert slots.room(1, "failing", 0) == 1
    slots.take(10, 1, "failing", 0)

    assert slots.is_busy(10)
    assert slots.room(1, "failing", 0) == 0
    assert slots.room(2, "well", 0) == AT_ONCE_EACH["well"]
    slots.free(10)
    assert (slots.is_busy(10), slots.room(1, "failing", 0)) == (False, 1)


def test_of_the_others_only_so_many_begin_a_second() -> None:
    slots = Slots()
    for number in range(BEGUN_A_SECOND):
        slots.take(number, number, "unknown", 0.5)

    assert slots.room(9999, "unknown", 1.4) == 0
    assert slots.room(9999, "well", 1.4) == AT_ONCE_EACH["well"], "they wait for nobody"
    assert slots.room(9999, "unknown", 1.5) == 1


def test_the_others_together_have_so_many_slots_and_the_well_have_their_own() -> None:
    slots = Slots(others_at_once=2)
    slots.take(1, 1, "failing", 0)
    slots.take(2, 2, "unknown", 0)
    assert slots.room(3, "failing", 10) == 0

    for number in range(WELL_AT_ONCE - 1):
        slots.take(100 + number, 100 + number, "well", 10)
    assert slots.room(99, "well", 10) == 1
    slots.take(50, 99, "well", 10)
    assert slots.room(98, "well", 10) == 0
    slots.free(2)
    assert slots.room(3, "failing", 10) == 1
