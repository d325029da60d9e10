"""The demo is made whole or not at all, and a later start keeps what there is."""

import json
import sqlite3
from pathlib import Path

import pytest

from learntrac.config import Settings
from learntrac.demo import building
from learntrac.kit.clock import utc_now
from learntrac.trac.ini import read_ini
from tests.contract.servers import PASSWORD, copied_demo, made_demo, make_demo

PEOPLE = ["admin", "ivan", "alice", "bob"]


@pytest.fixture
def demo(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    return copied_demo(tmp_path_factory, tmp_path / "demo")


def rows(database: Path, sql: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(database) as connection:
        found = connection.execute(sql).fetchall()
    connection.close()
    return found


def accounts(folder: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((folder / building.ACCOUNTS_FILE).read_text())
    return found


def test_the_demo_is_a_trac_with_a_course_and_four_people(tmp_path_factory: pytest.TempPathFactory) -> None:
    demo = made_demo(tmp_path_factory)

    assert building.is_built(demo)
    assert read_ini(demo).get("project", "name") == "LearnTrac demo"
    concepts = rows(demo / "db" / "learntrac.db", "SELECT count(*), count(DISTINCT milestone) FROM concept")
    assert concepts[0][0] >= 24  # type: ignore[operator] # a count
    assert concepts[0][1] == 4
    assert rows(demo / "db" / "learntrac.db", "SELECT count(*) FROM prerequisite WHERE state <> 'kept'") == [(0,)]
    assert rows(demo / "db" / "trac.db", "SELECT max(version) FROM wiki WHERE name = 'WikiStart'") != [(None,)]
    assert list(accounts(demo)) == PEOPLE
    assert set(accounts(demo).values()) == {PASSWORD}


def test_what_holds_passwords_is_for_its_owner_only(tmp_path_factory: pytest.TempPathFactory) -> None:
    demo = made_demo(tmp_path_factory)

    for file in (demo / building.ACCOUNTS_FILE, demo / "db" / "learntrac.key"):
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_second_start_keeps_the_passwords_and_what_learners_did(demo: Path) -> None:
    events = "SELECT id, user_id, at FROM learning_event ORDER BY id"
    before = rows(demo / "db" / "learntrac.db", events), accounts(demo), (demo / "conf" / "htpasswd").read_text()

    make_demo(demo, password=None)

    after = rows(demo / "db" / "learntrac.db", events), accounts(demo), (demo / "conf" / "htpasswd").read_text()
    assert after == before


def test_a_password_of_ones_own_replaces_the_four(demo: Path) -> None:
    htpasswd = (demo / "conf" / "htpasswd").read_text()

    found = building.set_accounts(demo, "another-password")

    assert found == accounts(demo) == dict.fromkeys(PEOPLE, "another-password")
    assert (demo / "conf" / "htpasswd").read_text() != htpasswd


def test_passwords_are_made_up_where_none_is_given(demo: Path) -> None:
    (demo / building.ACCOUNTS_FILE).write_text("{}")

    first = building.set_accounts(demo, None)

    assert list(first) == PEOPLE
    assert len(set(first.values())) == 4
    assert all(len(password) >= 12 for password in first.values())
    assert building.set_accounts(demo, None) == first


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("Chapter 1")

    with pytest.raises(FileExistsError, match=r"is not empty, and no demo of LearnTrac"):
        building.build(tmp_path, now=utc_now(), on_progress=lambda _done, _total: None)

    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_interrupted_start_leaves_nothing_that_hinders_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    part = tmp_path / "demo.part"
    (part / "conf").mkdir(parents=True)
    (part / "conf" / "trac.ini").write_text("[trac]\nhalf = done")
    seen: list[tuple[int, int]] = []

    building.build(folder, now=utc_now(), on_progress=lambda done, total: seen.append((done, total)))

    assert not part.exists()
    assert seen[-1][0] == seen[-1][1] > 0
    # A start that is cut off here goes on with the accounts the next time.
    assert building.is_built(folder)
    assert list(building.set_accounts(folder, None)) == PEOPLE


def test_the_settings_take_no_password_that_is_too_short() -> None:
    with pytest.raises(ValueError, match="at least 8"):
        Settings(demo_password="short")
