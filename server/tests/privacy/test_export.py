"""One person's data as a document: all of it, readable, and nothing about anybody else."""

import re
from datetime import datetime
from typing import Any

import orjson
import pytest

from learntrac.operations import export_user
from learntrac.privacy import service
from learntrac.privacy.sections import SECTIONS
from tests.audit.looking import acts
from tests.conftest import Api, make_settings
from tests.privacy.people import have_learned

NAMES = ["about", *(section.name for section in SECTIONS)]


async def exported(api: Api, name: str) -> tuple[str, list[tuple[int, int]]]:
    """The document that the command writes, and the progress it told of."""
    pieces: list[bytes] = []
    told: list[tuple[int, int]] = []
    settings = make_settings(api.trac.folder)
    rows = await export_user(
        settings, name=name, write=pieces.append, on_progress=lambda done, total: told.append((done, total))
    )
    assert told[-1][0] == rows
    return b"".join(pieces).decode(), told


def rows_of(document: str) -> dict[str, list[dict[str, Any]]]:
    """{section: rows}"""
    parsed = orjson.loads(document)
    assert list(parsed) == NAMES
    return {name: parsed[name]["rows"] for name in NAMES[1:]}


async def test_it_has_everything_about_its_person(api: Api) -> None:
    await have_learned(api, "alice", "bob")

    document, _ = await exported(api, "alice")
    found = rows_of(document)

    assert {name: len(rows) for name, rows in found.items()} == {
        "account": 1,
        "local_account": 1,
        "sign_ins": 1,
        "learning_sessions": 2,
        "graded_answers": 3,
        "contests": 1,
        "learner_state": 1,
        "standings": 2,
        "events": 8,
        "days": 4,
        "needs_help": 1,
        "exercise_sessions": 1,
        "exercise_standings": 1,
        "submissions": 1,
        "exercises": 1,
        "exercise_versions": 1,
        "achievements": 1,
        "feedback": 1,
        "preferences": 1,
        "placement_tests": 1,
        "placed_concepts": 4,
        "voice_connections": 1,
        "voice_minutes": 1,
        "spoken_answers": 1,
        "spoken_answers_sound": 1,
        "chats": 1,
        "chat_messages": 2,
        "handed_over_questions": 1,
        "relationships": 1,
        "certificates": 1,
        "webhooks": 1,
        "announced_events": 1,
        "exports": 1,
        "ai_spending": 1,
        "audit_log": 8,
    }
    account, session = found["account"][0], found["learning_sessions"][1]
    assert (account["email"], account["full_name"], account["preferences"]) == ("alice@example.org", "Alice", {})
    assert session["reported"] == {
        "completion_type": "completed",
        "exercises_completed": [],
        "quiz_score": 0.5,
        "feedback": "Said by alice.",
    }
    assert [answer["outcome"] for answer in found["graded_answers"]] == [1.0, 0.0, 0.5]
    (contest,), (state,) = found["contests"], found["learner_state"]
    assert (contest["user_id"], contest["decided_by"], contest["reason"]) == (
        "you",
        "another user",
        "Contested by alice.",
    )
    assert set(state) == {"model", "updated_at"}, "the model's own numbers tell nobody anything"
    assert len(found["standings"][0]["terms"]) == 12
    assert (found["feedback"][0]["comments"], found["feedback"][0]["difficulty_rating"]) == ("Words of alice.", 4)
    assert found["achievements"][0]["achievement_id"] == "first_step"
    assert found["preferences"][0]["resource_weights"].keys() == {"documentation", "exercises", "video"}
    assert all(knows for _, knows in found["placement_tests"][0]["answers"])
    assert [event["kind"] for event in found["events"]][:4] == ["started", "answered", "answered", "completed"]
    assert session["started_at"] < session["ended_at"]
    assert datetime.fromisoformat(session["started_at"]).tzinfo is not None
    assert orjson.loads(document)["about"]["user"] == "alice"


async def test_it_names_nobody_else_and_holds_no_secret(api: Api) -> None:
    people = await have_learned(api, "alice", "bob")
    login = people["alice"].login

    document, _ = await exported(api, "alice")

    assert not re.search(r"\b(bob|ivan|carol|admin)\b", document, re.IGNORECASE)
    assert "argon2" not in document
    async with api.parts.database.read() as session:
        digests = await session.run_sync(
            lambda sync: list(sync.connection().exec_driver_sql("SELECT id, refresh_digest FROM auth_session"))
        )
    secrets = [value for row in digests for value in row] + [login["access_token"], login["refresh_token"]]
    assert [secret for secret in secrets if secret in document] == []


async def test_the_log_tells_what_others_did_without_saying_who(api: Api) -> None:
    await have_learned(api, "alice")

    log = rows_of((await exported(api, "alice"))[0])["audit_log"]

    assert [(row["actor"], row["action"], row["subject"], row["address"]) for row in log] == [
        ("another user", "progress.view", "you", ""),
        ("cli", "account.add", "you", ""),
        ("system", "login.blocked", "you", ""),
        ("you", "progress.view", "another user", ""),
        ("you", "audit.view", None, ""),
        ("you", "login.ok", "you", "127.0.0.1"),
        ("you", "voice.connect", "you", ""),
        ("cli", "user.export", "you", ""),
    ]
    assert log[0]["details"] == {"n": 1}


async def test_pages_leave_nothing_out_and_repeat_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await have_learned(api, "alice")
    whole = rows_of((await exported(api, "alice"))[0])
    monkeypatch.setattr(service, "ROWS_AT_A_TIME", 1)
    document, told = await exported(api, "alice")
    by_ones = rows_of(document)

    assert {name: rows for name, rows in by_ones.items() if name != "audit_log"} == {
        name: rows for name, rows in whole.items() if name != "audit_log"
    }
    assert by_ones["audit_log"][:-1] == whole["audit_log"]
    assert [done for done, _ in told] == list(range(1, len(told) + 1))
    assert all(done <= total for done, total in told)


async def test_a_person_nothing_is_held_about_has_no_export(api: Api) -> None:
    with pytest.raises(ValueError, match="LearnTrac holds nothing about zoe"):
        await exported(api, "zoe")

    assert await acts(api) == []


class TestOverHttp:
    """`GET /users/me/export`"""

    async def test_it_is_the_callers_own(self, api: Api) -> None:
        people = await have_learned(api, "alice", "bob")

        answer = await people["bob"].get("/users/me/export")

        assert answer.status == 200
        assert answer.headers["content-disposition"] == 'attachment; filename="learntrac-export.json"'
        assert list(answer.body) == NAMES
        assert answer["about"]["user"] == "bob"
        assert "alice" not in str(answer.body)
        assert answer["learning_sessions"]["rows"][1]["reported"]["feedback"] == "Said by bob."
        assert await acts(api, "user.export") == [("bob", "user.export", "bob")]

    async def test_it_is_the_commands_document(self, api: Api) -> None:
        alice = (await have_learned(api, "alice"))["alice"]
        over_http = (await alice.get("/users/me/export")).body
        by_command = orjson.loads((await exported(api, "alice"))[0])

        assert by_command["audit_log"]["rows"].pop()["actor"] == "cli"
        for document in (over_http, by_command):
            document["about"].pop("exported_at")
        assert over_http == by_command

    async def test_ten_a_day(self, api: Api) -> None:
        alice, bob = await api.sign_in("alice"), await api.sign_in("bob")
        answers = [await alice.get("/users/me/export") for _ in range(11)]

        assert [answer.status for answer in answers] == [200] * 10 + [429]
        assert answers[-1].error == (429, "RATE_LIMIT_EXCEEDED")
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 86_400
        assert (await bob.get("/users/me/export")).status == 200
        assert len(await acts(api, "user.export")) == 11, "what was refused is no export"
