"""The list's statements: what is a parameter, and which requests share a total."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.concepts.listing import Listing
from learntrac.concepts.schemas import ConceptQuery
from learntrac.concepts.viewing import Viewer
from learntrac.trac.visibility import Visibility

EVERYTHING = Visibility(default=True)
DIALECTS = ("sqlite", "postgresql")


def listing(
    dialect: str = "sqlite",
    user_id: str | None = None,
    visibility: Visibility = EVERYTHING,
    exceptions: frozenset[int] = frozenset(),
    **filters: object,
) -> Listing:
    query = ConceptQuery.model_validate(filters)
    return Listing(query, Viewer(user_id, visibility), dialect, exceptions)


@pytest.mark.parametrize("dialect", DIALECTS)
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20))
def test_no_text_of_a_client_is_in_the_statement(dialect: str, text: str) -> None:
    plain = listing(dialect, "alice", component="x", milestone="x", owner="x", type="x", q="x").page()[0]
    asked = listing(dialect, "alice", component=text, milestone=text, owner=text, type=text, q=text + " x")

    sql, args = asked.page()
    assert sql == plain
    assert args.count(text) >= 4
    assert [int(number) for number in re.findall(r"\$([0-9]+)", sql)] == list(range(1, len(args) + 1))


def test_parameters_are_numbered_in_the_order_they_are_given() -> None:
    sql, args = listing("postgresql", "alice", component="http", difficulty=3, q="get").page()

    assert "s.user_id = $1" in sql
    assert "c.component = $2" in sql
    assert "c.level = $3" in sql
    assert args == ["alice", "http", 3, "get:*", "get:*"]


def test_a_difficulty_that_is_not_whole_means_exactly_that() -> None:
    sql, args = listing(difficulty="3.5").total()

    assert "c.difficulty = $1" in sql
    assert args == [3.5]


def test_words_without_a_letter_find_nothing() -> None:
    assert "1 = 0" in listing(q='*"').total()[0]


def test_no_more_than_twenty_words_are_looked_for() -> None:
    assert len(str(listing(q="a " * 200).total()[1][0]).split("AND")) == 20


def test_a_total_is_shared_by_pages_orders_and_learners_but_not_by_filters() -> None:
    def key(user_id: str | None = None, **filters: object) -> object:
        return listing("sqlite", user_id, **filters).total_key()  # type: ignore[arg-type] # by name

    assert key(component="http") == key(component="http", limit=5, offset=3, sort="-title")
    assert key("alice", component="http") == key("bob", component="http", status="learning")
    assert key(component="http") == key("alice", component="http")
    assert key(status="learning") != key()
    assert key(component="http") != key(milestone="http")
    assert key(component="http") != key(component="http", visibility=Visibility(default=False))


def test_what_is_hidden_from_a_viewer_is_left_out() -> None:
    assert "1 = 0" in listing(visibility=Visibility(default=False)).total()[0]
    hides = Visibility.from_patterns([("ticket:3@*", False), ("ticket:1@*", False)], default=True)
    assert "c.id NOT IN (1, 3)" in listing(visibility=hides, exceptions=frozenset({3, 1})).total()[0]
    only = Visibility.from_patterns([("ticket:3@*", True)], default=False)
    assert "c.id IN (3)" in listing(visibility=only, exceptions=frozenset({3})).total()[0]
    assert "c.id IN (0)" in listing(visibility=only).total()[0]


def test_the_viewers_own_view() -> None:
    only = Visibility.from_patterns([("ticket:3@*", True)], default=False)

    assert Viewer(None, EVERYTHING).seen([1, 3]) == [1, 3]
    assert Viewer(None, Visibility(default=False)).seen([1, 3]) == []
    assert Viewer(None, only).seen([1, 3]) == [3]
