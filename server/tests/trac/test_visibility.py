"""Which tickets may be seen, as one value: equal to asking every rule for every ticket, and shorter."""

from fnmatch import fnmatchcase
from time import perf_counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from learntrac.trac.visibility import Visibility

EVERYTHING = Visibility(default=True)
NOTHING = Visibility(default=False)

patterns = st.one_of(
    st.sampled_from(
        [
            "*@*",
            "*",
            "*:*@*",
            "ticket:*@*",
            "tick*@*",
            "ticket:*",
            "wiki:*@*",
            "*/attachment:*@*",
            "ticket:3@*",
        ]
    ),
    st.integers(1, 30).map("ticket:{}@*".format),
    st.lists(
        st.sampled_from(["ticket", ":", "*", "?", "1", "2", "0", "@", "@*", "/", "[12]", "[!3]", "wiki", "\0"]),
        max_size=7,
    ).map("".join),
)
rules_of_patterns = st.lists(st.tuples(patterns, st.booleans()), max_size=6)
IDS = [*range(1, 35), 100, 112, 120, 121, 123_456]


def slowly(rules: list[tuple[str, bool]], ticket_id: int, *, default: bool) -> bool:
    return next((says for pattern, says in rules if fnmatchcase(f"ticket:{ticket_id}@*", pattern)), default)


@given(rules_of_patterns, st.booleans())
@example([("ticket:*1@*", False), ("ticket:1@*", True), ("ticket:21@*", True)], True)
@example([("ticket:1@*", True), ("ticket:*1@*", False), ("ticket:21@*", True)], True)
@example([("ticket:[!3]@*", False)], True)
def test_answers_as_the_first_matching_pattern_does(rules: list[tuple[str, bool]], default: bool) -> None:
    seen = Visibility.from_patterns(rules, default=default)
    expected = {ticket_id: slowly(rules, ticket_id, default=default) for ticket_id in IDS}

    assert {ticket_id: seen.allows(ticket_id) for ticket_id in IDS} == expected
    assert seen.hidden(IDS) == {ticket_id for ticket_id, may in expected.items() if not may}
    if seen.uniform:
        assert set(expected.values()) == {seen.default}
    if seen.exceptions is not None:
        assert {i for i, may in expected.items() if may != seen.default} == seen.exceptions.intersection(IDS)


@given(rules_of_patterns, rules_of_patterns, st.booleans())
def test_a_shared_key_means_the_same_tickets(
    some: list[tuple[str, bool]], others: list[tuple[str, bool]], default: bool
) -> None:
    one = Visibility.from_patterns(some, default=default)
    two = Visibility.from_patterns(others, default=default)

    assert (one.key == two.key) == (one == two)
    if one.key == two.key:
        assert one.hidden(IDS) == two.hidden(IDS)


@pytest.mark.parametrize("pattern", ["*@*", "*", "*:*@*", "ticket:*@*", "t*t:*@*", "ticket:*"])
def test_a_rule_for_every_ticket_is_the_default(pattern: str) -> None:
    assert Visibility.from_patterns([(pattern, False), ("ticket:1@*", True)], default=True) == NOTHING


@pytest.mark.parametrize(
    "pattern",
    ["wiki:*@*", "*/attachment:*@*", "ticket:1@*/attachment:*@*", "ticket:1@2", "ticket:07@*", "tickets:*"],
)
def test_a_rule_for_no_ticket_is_left_out(pattern: str) -> None:
    assert Visibility.from_patterns([(pattern, False)], default=True) == EVERYTHING


def test_everything_and_nothing_have_plain_keys() -> None:
    assert (EVERYTHING.key, NOTHING.key) == ("all", "none")


def test_named_tickets_are_exceptions_in_any_order() -> None:
    rules = [("ticket:9@*", True), ("ticket:7@*", False), ("ticket:3@*", False), ("ticket:3@*", True)]
    seen = Visibility.from_patterns(rules, default=True)

    assert seen.exceptions == frozenset({3, 7})
    assert seen.key == Visibility.from_patterns(reversed(rules[:3]), default=True).key
    assert seen.hidden([1, 3, 5, 7]) == {3, 7}


def test_only_named_tickets_may_be_seen() -> None:
    seen = Visibility.from_patterns([("ticket:3@*", True), ("*@*", False)], default=True)

    assert (seen.default, seen.exceptions) == (False, frozenset({3}))
    assert seen.hidden([1, 3]) == {1}


def test_a_last_rule_that_says_what_the_default_says_is_left_out() -> None:
    rules = [("ticket:2@*", False), ("ticket:1?@*", True), ("ticket:11@*", True)]

    assert Visibility.from_patterns(rules, default=True).exceptions == frozenset({2})


def test_patterns_leave_no_plain_list_of_exceptions() -> None:
    seen = Visibility.from_patterns([("ticket:1?@*", False)], default=True)

    assert seen.exceptions is None
    assert seen.hidden(range(1, 25)) == set(range(10, 20))


def test_thousands_of_rules_do_not_make_a_large_catalog_slow() -> None:
    rules = [(f"ticket:{ticket_id}@*", False) for ticket_id in range(1, 20_001, 4)]
    seen = Visibility.from_patterns([*rules, ("ticket:*99@*", False)], default=True)

    start = perf_counter()
    hidden = seen.hidden(range(1, 100_001))
    elapsed_seconds = perf_counter() - start

    assert len(hidden) == 5_000 + 1_000
    assert elapsed_seconds < 2  # comparing each ticket with each rule takes minutes
