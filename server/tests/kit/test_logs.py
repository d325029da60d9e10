"""Log lines: one style for all, each with its request, none with a secret."""

import asyncio
import logging

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from learntrac.kit import logs
from learntrac.kit.db import Database
from tests.accounts.helpers import log_in, refresh
from tests.conftest import PASSWORDS, Api, Person
from tests.kit.conftest import Log


async def test_a_line_of_json_says_when_what_and_for_which_request(log: Log) -> None:
    logs.bind_request("req-1")
    logs.get_logger("learntrac.test").warning("it happened", count=3)
    (line,) = log.lines

    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "it happened", "level": "warning", "count": 3, "request_id": "req-1"}


async def test_each_task_has_its_own_request(log: Log) -> None:
    async def serve(name: str) -> None:
        logs.bind_request(name)
        await asyncio.sleep(0)
        logs.get_logger("learntrac.test").info(name)

    await asyncio.gather(*(asyncio.create_task(serve(f"req-{number}")) for number in range(5)))

    assert [line["event"] for line in log.lines] == [line["request_id"] for line in log.lines]
    assert len(log.lines) == 5


def test_lines_of_libraries_look_alike(log: Log) -> None:
    logging.getLogger("library.part").warning("%s of %d %%", "some", 7)
    try:
        int("their own")
    except ValueError:
        logging.getLogger("library.part").exception("it broke")
    plain, broken = log.lines

    assert (plain["event"], plain["level"]) == ("some of 7 %", "warning")
    assert (broken["event"], broken["level"]) == ("it broke", "error")
    assert "ValueError: invalid literal" in broken["exception"]


def test_what_json_cannot_carry_is_written_all_the_same(log: Log) -> None:
    logs.get_logger("learntrac.test").warning("odd", path="/\ud800", number=2**70, thing={1, 2}, raw=b"\xff")
    (line,) = log.lines

    assert (line["event"], line["path"], line["number"]) == ("odd", "/?", 2**70)


@pytest.mark.parametrize(
    ("level", "events"),
    [
        ("DEBUG", ["debug", "info", "warning", "error"]),
        ("INFO", ["info", "warning", "error"]),
        ("ERROR", ["error"]),
    ],
)
def test_only_what_is_grave_enough_is_written(log: Log, level: str, events: list[str]) -> None:
    log.configure("json", level)
    ours, theirs = logs.get_logger("learntrac.test"), logging.getLogger("library.part")
    theirs.setLevel("DEBUG")  # as some libraries do
    for event in ("debug", "info", "warning", "error"):
        getattr(ours, event)(event)
        getattr(theirs, event)(event)
    theirs.setLevel("NOTSET")

    assert [line["event"] for line in log.lines] == [event for event in events for _ in range(2)]


def test_a_request_is_no_line_where_only_warnings_are_wanted(log: Log) -> None:
    log.configure("json", "WARNING")
    logs.access_log(path="/quiet")
    log.configure("json", "INFO")
    logs.access_log(path="/loud")

    assert [line["path"] for line in log.lines] == ["/loud"]


def test_a_terminal_gets_plain_text_with_the_trace_and_without_values(log: Log) -> None:
    log.configure("console")

    def fail(password: str) -> None:
        raise ValueError("it broke")

    try:
        fail("a secret")
    except ValueError as error:
        logs.error_log(error, path="/here")
    logging.getLogger("library.part").warning("theirs")

    assert "unexpected error" in log.text
    assert "path=/here" in log.text
    assert "ValueError: it broke" in log.text
    assert "theirs" in log.text
    assert "password" not in log.text.replace("def fail(password", "")


async def test_a_request_is_one_line_without_its_query(sqlite_api: Api, log: Log) -> None:
    alice = await sqlite_api.sign_in("alice")
    await alice.send("GET", "/concepts?token=t0ken&q=words", headers={"X-Request-ID": "mine"})
    (line,) = [line for line in log.lines if line.get("request_id") == "mine" and line["event"] == "request"]

    assert line["duration_ms"] >= 0
    assert {name: line[name] for name in ("method", "path", "status", "user_id")} == {
        "method": "GET",
        "path": "/api/learntrac/v1/concepts",
        "status": 200,
        "user_id": "alice",
    }


async def test_no_line_has_a_password_or_a_token(api: Api, log: Log) -> None:
    log.configure("json", "DEBUG")
    wrong = "a wrong passw0rd"
    login = await log_in(api.anybody, "alice", headers={"Idempotency-Key": "a k3y"})
    await log_in(api.anybody, "alice", wrong)
    await log_in(api.anybody, wrong, wrong + "\0")
    form = {"grant_type": "password", "username": "bob", "password": PASSWORDS["bob"]}
    await api.anybody.send("POST", "/auth/login?token=t0ken", data=form)
    renewed = await refresh(api.anybody, login["refresh_token"])
    alice = Person(api.client, renewed["access_token"])
    await alice.send("GET", "/concepts?token=t0ken")
    await alice.post("/auth/logout")
    (api.trac.folder / "conf" / "htpasswd").unlink()
    await log_in(api.anybody, "alice")
    secrets = [
        *(PASSWORDS["alice"], PASSWORDS["bob"], wrong, "a k3y", "t0ken"),
        *(login["access_token"], login["refresh_token"], renewed["access_token"]),
    ]

    written = [line for line in log.lines if not line["event"].startswith("HTTP Request: ")]  # the test's own client
    assert len([line for line in written if line["event"] == "request"]) == 8
    assert [secret for secret in secrets if secret in str(written)] == []


async def test_what_went_wrong_in_the_database_is_logged_without_the_values(
    sqlite_database: Database, log: Log
) -> None:
    words = str(2**100)  # which is not in this file, as the trace quotes it
    async with sqlite_database.administer():
        pass
    try:
        async with sqlite_database.begin() as session:
            await session.execute(text("INSERT INTO zork VALUES (:words)"), {"words": words})
    except DBAPIError as error:
        logs.error_log(error, path="/")
    (logged,) = [line for line in log.lines if line["level"] == "error"]

    assert "no such table: zork" in logged["exception"]
    assert words not in str(logged)
