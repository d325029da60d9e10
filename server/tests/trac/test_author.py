import configparser
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from learntrac.trac.author import COMMENT, add_user, create_environment, write_course
from learntrac.trac.course import Component, Course, CourseConcept, Milestone, Page
from learntrac.trac.trac16 import Environment, Ticket, TracError, WikiPage, open_environment
from tests.environments import make_trac16

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
METHODS = CourseConcept(
    "methods",
    "HTTP methods",
    "= Goals =\n * Name the methods\n",
    component="web",
    milestone="Basics",
    difficulty=2.5,
    mastery_threshold=0.9,
    estimated_minutes=90,
    tags=("http", "rest"),
)
STATUS = CourseConcept("status", "Status codes", "", type="concept", component="web", milestone="Basics")
CACHING = CourseConcept("caching", "Caching", "", milestone="Later", prerequisites=("status", "methods"))
COURSE = Course(
    "The web",
    milestones=(Milestone("Basics", "First of all", 7),),
    components=(Component("web", "What browsers do"),),
    concepts=(CACHING, METHODS, STATUS),
    pages=(Page("WikiStart", "= The web =\n"), Page("Http/Methods", "GET and PUT\n")),
)


@pytest.fixture
def trac(tmp_path: Path) -> Path:
    make_trac16(tmp_path / "trac")
    return tmp_path / "trac"


def select(trac: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(trac / "db" / "trac.db")) as database:
        return database.execute(query).fetchall()


def dump(trac: Path) -> list[str]:
    with closing(sqlite3.connect(trac / "db" / "trac.db")) as database:
        return list(database.iterdump())


def custom(trac: Path, ticket: int) -> dict[str, str]:
    rows = select(trac, f"SELECT name, value FROM ticket_custom WHERE ticket = {ticket}")
    return {name: value for name, value in rows if not name.startswith("learntrac_")}


def microseconds(time: datetime) -> int:
    return int(time.timestamp()) * 10**6


def with_concepts(*concepts: CourseConcept) -> Course:
    return replace(COURSE, concepts=concepts)


def edit(trac: Path, ticket_id: int, comment: str = "", **fields: str) -> None:
    ticket = Ticket(open_environment(str(trac)), ticket_id)
    for name, value in fields.items():
        ticket[name] = value
    ticket.save_changes("ann", comment, NOW + timedelta(days=1))


def test_a_new_environment_is_bare_and_ready(trac: Path) -> None:
    for table in ("ticket", "component", "milestone", "version"):
        assert select(trac, f"SELECT * FROM {table}") == []
    assert select(trac, "SELECT name FROM wiki ORDER BY name") == [("TitleIndex",), ("WikiStart",)]
    types = select(trac, "SELECT name FROM enum WHERE type = 'ticket_type' ORDER BY value")
    assert types == [("defect",), ("enhancement",), ("task",)]
    ini = configparser.RawConfigParser()
    ini.read(trac / "conf" / "trac.ini", encoding="utf-8")
    for name in ("learning_difficulty", "mastery_threshold", "time_estimate", "prerequisites"):
        assert ini["ticket-custom"][name] == "text"
        assert ini["ticket-custom"][f"{name}.label"]
    assert ini["ticket-workflow"]["accept"]
    assert ini["trac"]["base_url"] == ""
    assert "trac.wiki.admin.wikiadmin" not in ini["components"]


def test_only_instructors_may_write_in_a_new_environment(trac: Path) -> None:
    rights = set(select(trac, "SELECT username, action FROM permission"))
    assert ("anonymous", "TICKET_VIEW") in rights
    assert not [action for username, action in rights if username == "authenticated"]
    assert ("instructors", "LEARNTRAC_INSTRUCTOR") in rights
    assert ("instructors", "TICKET_ADMIN") in rights


def test_a_new_environment_takes_further_options(tmp_path: Path) -> None:
    create_environment(tmp_path / "t", name="Äpfel", config=[("trac", "check_auth_ip", "true")])
    text = (tmp_path / "t" / "conf" / "trac.ini").read_text(encoding="utf-8")
    assert "name = Äpfel\n" in text
    assert "check_auth_ip = enabled\n" in text


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter").touch()
    with pytest.raises(TracError, match="not empty"):
        create_environment(tmp_path, name="T")
    assert list(tmp_path.iterdir()) == [tmp_path / "letter"]


def test_a_course_becomes_tickets_pages_and_lists(trac: Path) -> None:
    report = write_course(trac, COURSE, author="ivan", now=NOW)
    assert report.ticket_ids == {"status": 1, "methods": 2, "caching": 3}
    assert (report.created, report.updated, report.unchanged, report.kept) == (3, 0, 0, ())
    assert (report.pages_created, report.pages_updated, report.pages_kept) == (1, 1, ())
    columns = "summary, description, type, component, milestone, keywords, status, reporter, owner"
    assert select(trac, f"SELECT {columns} FROM ticket WHERE id = 2") == [
        (
            *("HTTP methods", "= Goals =\n * Name the methods\n", "task", "web", "Basics"),
            *("http, rest", "new", "ivan", None),
        )
    ]
    assert custom(trac, 2) == {
        "learning_difficulty": "2.5",
        "mastery_threshold": "0.9",
        "time_estimate": "1h30m",
    }
    assert custom(trac, 3) == {"prerequisites": "#1, #2"}
    assert select(trac, "SELECT DISTINCT time, changetime FROM ticket") == [(microseconds(NOW),) * 2]
    assert select(trac, "SELECT * FROM ticket_change") == []
    due = microseconds(NOW + timedelta(days=7))
    assert sorted(select(trac, "SELECT name, due, completed, description FROM milestone")) == [
        ("Basics", due, 0, "First of all"),
        ("Later", 0, 0, ""),
    ]
    assert select(trac, "SELECT name, description FROM component") == [("web", "What browsers do")]
    assert ("concept",) in select(trac, "SELECT name FROM enum WHERE type = 'ticket_type'")
    pages = select(trac, "SELECT name, version, author, text FROM wiki WHERE name != 'TitleIndex'")
    assert ("WikiStart", 2, "ivan", "= The web =\n") in pages
    assert ("Http/Methods", 1, "ivan", "GET and PUT\n") in pages


def test_writing_the_same_course_again_changes_nothing(trac: Path) -> None:
    first = write_course(trac, COURSE, author="ivan", now=NOW)
    before, ini = dump(trac), (trac / "conf" / "trac.ini").read_bytes()
    again = write_course(trac, COURSE, author="someone else", now=LATER)
    assert dump(trac) == before
    assert (trac / "conf" / "trac.ini").read_bytes() == ini
    assert (again.created, again.updated, again.unchanged) == (0, 0, 3)
    assert (again.pages_created, again.pages_updated, again.pages_unchanged) == (0, 0, 2)
    assert again.ticket_ids == first.ticket_ids


def test_a_changed_concept_is_one_change_of_its_ticket(trac: Path) -> None:
    write_course(trac, COURSE, author="ivan", now=NOW)
    easier = replace(METHODS, difficulty=1, prerequisites=("status",))
    report = write_course(trac, with_concepts(CACHING, easier, STATUS), author="ivan", now=LATER)
    assert (report.created, report.updated, report.unchanged) == (0, 1, 2)
    changes = select(trac, "SELECT ticket, time, author, field, oldvalue, newvalue FROM ticket_change")
    when = microseconds(LATER)
    assert (2, when, "ivan", "learning_difficulty", "2.5", "1") in changes
    assert (2, when, "ivan", "prerequisites", None, "#1") in changes
    assert (2, when, "ivan", "comment", "1", COMMENT) in changes
    assert {change[:2] for change in changes} == {(2, when)}
    assert select(trac, "SELECT id FROM ticket WHERE changetime != time") == [(2,)]


def test_a_value_that_is_gone_from_the_course_is_emptied(trac: Path) -> None:
    write_course(trac, COURSE, author="ivan", now=NOW)
    bare = CourseConcept("methods", "HTTP methods", "")
    write_course(trac, with_concepts(bare, STATUS), author="ivan", now=LATER)
    assert not any(custom(trac, 2).values())
    assert select(trac, "SELECT component, milestone, keywords FROM ticket WHERE id = 2") == [(None,) * 3]


def test_two_changes_at_the_same_time_are_two_changes(trac: Path) -> None:
    for title in ("One", "Two", "Three"):
        write_course(trac, with_concepts(replace(STATUS, title=title)), author="ivan", now=NOW)
    titles = select(trac, "SELECT newvalue FROM ticket_change WHERE field = 'summary' ORDER BY time")
    assert titles == [("Two",), ("Three",)]


def test_a_ticket_that_was_edited_by_hand_is_kept(trac: Path) -> None:
    write_course(trac, COURSE, author="ivan", now=NOW)
    edit(trac, 2, description="Ann says it better.")
    before = dump(trac)
    changed = with_concepts(CACHING, replace(METHODS, title="New title"), STATUS)
    report = write_course(trac, changed, author="ivan", now=LATER)
    assert report.kept == ("methods",)
    assert (report.updated, report.unchanged) == (0, 2)
    assert dump(trac) == before


def test_talk_and_progress_in_a_ticket_are_no_edit_of_the_course(trac: Path) -> None:
    write_course(trac, COURSE, author="ivan", now=NOW)
    edit(trac, 2, "I like it.", status="closed", resolution="fixed", owner="ann")
    changed = with_concepts(CACHING, replace(METHODS, title="New title"), STATUS)
    assert write_course(trac, changed, author="ivan", now=LATER).updated == 1
    columns = "summary, status, resolution, owner"
    assert select(trac, f"SELECT {columns} FROM ticket WHERE id = 2") == [("New title", "closed", "fixed", "ann")]


def test_the_line_ends_of_a_browser_are_no_edit(trac: Path) -> None:
    write_course(trac, COURSE, author="ivan", now=NOW)
    edit(trac, 2, description=METHODS.description.replace("\n", "\r\n"))
    assert write_course(trac, COURSE, author="ivan", now=LATER).unchanged == 3
    changed = with_concepts(CACHING, replace(METHODS, title="New title"), STATUS)
    assert write_course(trac, changed, author="ivan", now=LATER).updated == 1


def test_a_deleted_ticket_is_made_anew_and_what_needs_it_follows(trac: Path) -> None:
    write_course(trac, COURSE, author="ivan", now=NOW)
    Ticket(open_environment(str(trac)), 1).delete()
    report = write_course(trac, COURSE, author="ivan", now=LATER)
    assert (report.created, report.updated) == (1, 1)
    assert report.ticket_ids == {"status": 4, "methods": 2, "caching": 3}
    assert custom(trac, 3) == {"prerequisites": "#2, #4"}


def test_of_a_ticket_and_its_copy_the_first_is_the_concept(trac: Path) -> None:
    write_course(trac, COURSE, author="ivan", now=NOW)
    env = open_environment(str(trac))
    original, copy = Ticket(env, 1), Ticket(env)
    copy.populate(original.values)
    copy["status"] = "new"
    copy.insert()
    assert write_course(trac, COURSE, author="ivan", now=LATER).ticket_ids["status"] == 1


def test_prerequisites_that_run_in_a_circle_are_written_as_they_are(trac: Path) -> None:
    circle = with_concepts(
        CourseConcept("a", "A", "", prerequisites=("b",)), CourseConcept("b", "B", "", prerequisites=("a",))
    )
    report = write_course(trac, circle, author="ivan", now=NOW)
    assert (report.created, report.updated) == (2, 0)
    a, b = report.ticket_ids["a"], report.ticket_ids["b"]
    assert custom(trac, a) == {"prerequisites": f"#{b}"}
    assert custom(trac, b) == {"prerequisites": f"#{a}"}
    before = dump(trac)
    write_course(trac, circle, author="ivan", now=LATER)
    assert dump(trac) == before


def test_a_changed_page_is_a_new_version(trac: Path) -> None:
    write_course(trac, COURSE, author="ivan", now=NOW)
    changed = replace(COURSE, pages=(Page("Http/Methods", "GET, PUT and DELETE\n"),))
    assert write_course(trac, changed, author="ivan", now=LATER).pages_updated == 1
    versions = select(trac, "SELECT version, time, text FROM wiki WHERE name = 'Http/Methods'")
    assert versions == [
        (1, microseconds(NOW), "GET and PUT\n"),
        (2, microseconds(LATER), "GET, PUT and DELETE\n"),
    ]


def test_a_page_of_someone_else_is_kept(trac: Path) -> None:
    write_course(trac, COURSE, author="ivan", now=NOW)
    page = WikiPage(open_environment(str(trac)), "Http/Methods")
    page.text = "Ann says it better."
    page.save("ann", "")
    before = dump(trac)
    changed = replace(COURSE, pages=(Page("Http/Methods", "GET, PUT and DELETE\n"),))
    assert write_course(trac, changed, author="ivan", now=LATER).pages_kept == ("Http/Methods",)
    assert dump(trac) == before


def test_a_course_goes_into_a_trac_that_is_in_use(tmp_path: Path) -> None:
    trac = tmp_path / "trac"
    options = [("trac", "database", "sqlite:db/trac.db"), ("ticket-custom", "prerequisites", "textarea")]
    env = Environment(str(trac), create=True, options=options)
    theirs = Ticket(env)
    theirs["summary"], theirs["status"] = "It is broken", "new"
    theirs.insert(NOW)
    env.shutdown()
    ini = trac / "conf" / "trac.ini"
    ini.write_text(f"# Ask Ann before you change this.\n{ini.read_text()}")
    before, rows = ini.read_text().splitlines(), set(dump(trac))
    report = write_course(trac, COURSE, author="ivan", now=LATER)
    assert set(report.ticket_ids.values()) == {2, 3, 4}
    assert report.pages_kept == ("WikiStart",)
    assert [line for line in ini.read_text().splitlines() if line in before] == before
    assert ini.read_text().count("\nprerequisites = ") == 1
    gone = rows - set(dump(trac))
    assert {line.split('"')[1] for line in gone} <= {"cache", "sqlite_sequence"}
    assert custom(trac, 4) == {"prerequisites": "#2, #3"}


def test_a_workflow_of_ones_own_says_how_tickets_begin(tmp_path: Path) -> None:
    workflow = [
        ("create", "<none> -> idea"),
        ("create_ready", "<none> -> ready"),
        ("create_ready.default", "1"),
        ("finish", "idea,ready -> done"),
    ]
    config = [("ticket-workflow", name, value) for name, value in workflow]
    create_environment(tmp_path / "t", name="T", config=config)
    write_course(tmp_path / "t", COURSE, author="ivan", now=NOW)
    assert select(tmp_path / "t", "SELECT DISTINCT status FROM ticket") == [("ready",)]


@pytest.mark.parametrize(
    ("course", "error"),
    [
        (with_concepts(CACHING), ValueError),
        (replace(COURSE, pages=(Page("../../WikiStart", "No such name"),)), TracError),
    ],
)
def test_a_course_is_written_as_a_whole_or_not_at_all(trac: Path, course: Course, error: type[Exception]) -> None:
    before = dump(trac)
    with pytest.raises(error):
        write_course(trac, course, author="ivan", now=NOW)
    assert dump(trac) == before
    assert write_course(trac, COURSE, author="ivan", now=NOW).created == 3


def test_a_folder_that_is_no_trac_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TracError, match="No Trac environment"):
        write_course(tmp_path, COURSE, author="ivan", now=NOW)


def test_progress_is_told_after_every_concept_and_page(trac: Path) -> None:
    told: list[tuple[int, int]] = []
    write_course(trac, COURSE, author="ivan", now=NOW, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_a_user_has_a_password_rights_and_an_address(trac: Path) -> None:
    add_user(trac, "ann", "secret", permissions=["instructors", "REPORT_ADMIN"], email="ann@x.org", full_name="Ann")
    assert (trac / "conf" / "htpasswd").read_text().startswith("ann:$2b$")
    rights = select(trac, "SELECT action FROM permission WHERE username = 'ann' ORDER BY action")
    assert rights == [("REPORT_ADMIN",), ("instructors",)]
    assert select(trac, "SELECT sid, authenticated FROM session") == [("ann", 1)]
    assert sorted(select(trac, "SELECT sid, authenticated, name, value FROM session_attribute")) == [
        ("ann", 1, "email", "ann@x.org"),
        ("ann", 1, "name", "Ann"),
    ]


def test_a_user_who_is_there_keeps_what_they_have(trac: Path) -> None:
    add_user(trac, "ann", "secret", permissions=["instructors"], email="ann@x.org")
    before = (trac / "conf" / "htpasswd").read_bytes()
    add_user(trac, "ann", "secret", permissions=["REPORT_ADMIN"], email="other@x.org", full_name="Ann")
    assert (trac / "conf" / "htpasswd").read_bytes() == before
    rights = select(trac, "SELECT action FROM permission WHERE username = 'ann' ORDER BY action")
    assert rights == [("REPORT_ADMIN",), ("instructors",)]
    attributes = select(trac, "SELECT name, value FROM session_attribute ORDER BY name")
    assert attributes == [("email", "ann@x.org"), ("name", "Ann")]


def test_a_right_that_trac_does_not_know_gives_no_password_either(trac: Path) -> None:
    with pytest.raises(TracError, match="not a valid action"):
        add_user(trac, "ann", "secret", permissions=["TIKET_ADMIN"])
    assert not (trac / "conf" / "htpasswd").exists()


def test_an_instructor_of_a_trac_that_knows_no_instructors(tmp_path: Path) -> None:
    trac = tmp_path / "trac"
    Environment(str(trac), create=True, options=[("trac", "database", "sqlite:db/trac.db")]).shutdown()
    for _ in range(2):
        add_user(trac, "ann", "secret", permissions=["LEARNTRAC_INSTRUCTOR"])
    rights = select(trac, "SELECT action FROM permission WHERE username = 'ann'")
    assert rights == [("LEARNTRAC_INSTRUCTOR",)]
