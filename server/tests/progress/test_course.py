"""What is kept of a course: its starts, and for how long anything is kept."""

import sqlite3
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from learntrac.kit.readers import SqliteReader
from learntrac.progress.course import KnownCourse, Start, Starts

LEVELS = st.sampled_from([1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0])
NAMES = st.sampled_from(["Basics", "Week 1", ""])
STARTS = st.lists(
    st.builds(Start, st.integers(1, 40), NAMES, LEVELS, st.integers(5, 90)), unique_by=lambda start: start.id
)


@given(STARTS, NAMES, LEVELS, st.none() | NAMES, st.none() | st.integers(5, 90), st.integers(0, 12))
def test_the_nearest_are_those_that_come_first_when_all_are_put_in_order(
    starts: list[Start], milestone: str, wanted: float, only: str | None, minutes: int | None, most: int
) -> None:
    fitting = [one for one in starts if only in (None, one.milestone) and (minutes is None or one.minutes <= minutes)]
    in_order = sorted(fitting, key=lambda one: (one.milestone != milestone, abs(one.difficulty - wanted), one.id))

    found = Starts(starts).nearest(most, milestone=milestone, wanted=wanted, only=only, minutes=minutes)

    assert found == [one.id for one in in_order[:most]]


def test_what_is_a_start_is_known() -> None:
    assert Starts([Start(1, "", 1.0, 5), Start(2, "", 1.0, 5)]).among([2, 3]) == {2}


async def test_it_is_read_once_for_each_generation(tmp_path: Path) -> None:
    rows = sqlite3.connect(tmp_path / "course.db", isolation_level=None)
    rows.execute("CREATE TABLE concept (id, milestone)")
    rows.execute("CREATE TABLE prerequisite (concept_id, prerequisite_id, state)")
    rows.execute("INSERT INTO concept VALUES (1, 'Basics'), (2, 'Basics'), (3, 'Basics')")
    rows.execute("INSERT INTO prerequisite VALUES (2, 1, 'kept'), (3, 1, 'cyclic')")
    course, reader = KnownCourse(), SqliteReader(tmp_path / "course.db")

    assert await course.needed_by(reader, 7, "Basics") == {1: [2]}
    rows.execute("UPDATE prerequisite SET state = 'kept'")
    assert await course.needed_by(reader, 7, "Basics") == {1: [2]}
    assert await course.needed_by(reader, 8, "Basics") == {1: [2, 3]}
    assert await course.needed_by(reader, 7, "Basics") == {1: [2, 3]}, "a later one serves as well"
    await reader.close()
    rows.close()
