"""Signing in, through the door."""

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.accounts.helpers import is_signed_in, log_in, rows
from tests.conftest import PASSWORDS, Api, Person

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
WRONG = (401, "AUTHENTICATION_ERROR")
INVALID = (400, "VALIDATION_ERROR")
MARK = "zork"
"""Stands in everything that is sent wrongly, and must not come back."""


async def test_the_reply_has_tokens_and_the_user(api: Api) -> None:
    body = {"username": "ivan", "password": PASSWORDS["ivan"], "grant_type": "password"}
    answer = await api.anybody.post("/auth/login", body)

    assert answer.status == 200
    assert answer.body.keys() == {"access_token", "refresh_token", "token_type", "expires_in", "user"}
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 3600)
    assert answer["user"] == {
        "id": "ivan",
        "username": "ivan",
        "email": "ivan@example.org",
        "roles": ["student", "instructor"],
        "preferences": {},
    }
    assert await is_signed_in(api, answer["access_token"])
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("kind", [FORM, "Application/X-WWW-Form-Urlencoded; charset=UTF-8"])
async def test_the_form_of_the_interactive_page_is_taken_too(sqlite_api: Api, kind: str) -> None:
    form = {"grant_type": "password", "username": "alice", "password": PASSWORDS["alice"], "scope": "", "client_id": ""}
    body = urlencode(form)

    plain = await sqlite_api.anybody.send("POST", "/auth/login", content=body, headers={"Content-Type": kind})
    keyed = await sqlite_api.anybody.send(
        "POST", "/auth/login", content=body, headers={"Content-Type": kind, "Idempotency-Key": "one"}
    )

    assert [plain.status, keyed.status] == [200, 200]
    assert await is_signed_in(sqlite_api, plain["access_token"])


async def test_a_wrong_password_and_an_unknown_user_are_answered_alike(sqlite_api: Api) -> None:
    wrong = await log_in(sqlite_api.anybody, "alice", "not her password")
    unknown = await log_in(sqlite_api.anybody, MARK, "not her password")

    assert wrong.error == unknown.error == WRONG
    assert wrong["error"]["message"] == unknown["error"]["message"]
    assert wrong.headers["www-authenticate"] == "Bearer"
    assert MARK not in str(unknown.body)


def refused() -> Iterator[tuple[str, str | None, bytes, tuple[int, str]]]:
    """Name, content type, body and the error of what is no login."""
    yield "nothing", None, b"", INVALID
    yield "empty JSON", JSON, b"", INVALID
    yield "not JSON", JSON, b"{zork", INVALID
    yield "not UTF-8", JSON, b'{"username":"alice","password":"zork\xff"}', INVALID
    yield "a list", JSON, b'["zork"]', INVALID
    yield "a string", JSON, b'"zork"', INVALID
    yield "no password", JSON, b'{"username":"zork"}', INVALID
    yield "no username", JSON, b'{"password":"zork"}', INVALID
    yield "an empty password", JSON, b'{"username":"zork","password":""}', INVALID
    yield "an empty username", JSON, b'{"username":"","password":"zork"}', INVALID
    yield "a number", JSON, b'{"username":7,"password":"zork"}', INVALID
    yield "other grant", JSON, b'{"username":"alice","password":"zork","grant_type":"zork"}', INVALID
    yield "a surrogate", JSON, b'{"username":"alice","password":"zork\\ud800"}', INVALID
    yield "a surrogate in the name", JSON, b'{"username":"\\udfffzork","password":"zork"}', INVALID
    yield "a NUL", JSON, b'{"username":"alice","password":"zork\\u0000"}', INVALID
    yield "a NUL in the name", JSON, b'{"username":"zork\\u0000","password":"zork"}', INVALID
    yield "NaN", JSON, b'{"username":"alice","password":"zork","zork":NaN}', INVALID
    yield "1025 characters", JSON, b'{"username":"alice","password":"zork' + b"x" * 1021 + b'"}', INVALID
    yield "a name of 256", JSON, b'{"username":"zork' + b"x" * 252 + b'","password":"zork"}', INVALID
    yield (
        "deeply nested",
        JSON,
        b'{"username":"alice","password":"zork","a":' + b"[" * 9999 + b"]" * 9999 + b"}",
        INVALID,
    )
    yield "an empty form", FORM, b"", INVALID
    yield "a form without password", FORM, b"username=zork", INVALID
    yield "a form with a NUL", FORM, b"username=alice&password=zork%00", INVALID
    yield "a form of other grant", FORM, b"username=alice&password=zork&grant_type=zork", INVALID
    yield "too many fields", FORM, b"&".join(b"zork%d=1" % number for number in range(2000)), INVALID
    yield "64 MiB", JSON, b'{"username":"alice","password":"zork' + b"x" * 2**26 + b'"}', (413, "PAYLOAD_TOO_LARGE")
    yield "a form of 2 MiB", FORM, b"password=zork" + b"x" * 2**21, (413, "PAYLOAD_TOO_LARGE")
    for other in ("text/plain", "text/zork", "multipart/form-data; boundary=zork", "application/xml"):
        yield other, other, b'{"username":"alice","password":"zork"}', (415, "UNSUPPORTED_MEDIA_TYPE")
    yield "no type", None, b'{"username":"alice","password":"zork"}', (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_what_is_no_login_is_refused_in_the_envelope_and_not_echoed(sqlite_api: Api) -> None:
    for name, kind, body, error in refused():
        headers = {} if kind is None else {"Content-Type": kind}
        answer = await sqlite_api.anybody.send("POST", "/auth/login", content=body, headers=headers)

        assert answer.error == error, name
        assert MARK not in str(answer.body), name
    assert await rows(sqlite_api, "SELECT * FROM auth_session") == []


async def test_the_details_name_the_fields(sqlite_api: Api) -> None:
    named: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["username", "password"]),
        ({"username": "alice", "password": "x" * 1025}, ["password"]),
        ({"username": "alice", "password": "x", "grant_type": "code"}, ["grant_type"]),
    ]
    for body, fields in named:
        answer = await sqlite_api.anybody.post("/auth/login", body)
        assert [line["field"] for line in answer["error"]["details"]] == fields

    no_json = await sqlite_api.anybody.send("POST", "/auth/login", content=b"{", headers={"Content-Type": JSON})
    assert [line["field"] for line in no_json["error"]["details"]] == [""]


async def test_unknown_keys_are_passed_over_as_clients_grow(sqlite_api: Api) -> None:
    answer = await sqlite_api.anybody.post(
        "/auth/login", {"username": "bob", "password": PASSWORDS["bob"], "device": "phone", "scope": "all"}
    )

    assert answer.status == 200


async def test_me_is_who_signed_in_and_when_first(api: Api) -> None:
    first = await api.sign_in("alice")
    began = (await first.get("/auth/me"))["created_at"]
    api.clock.forward(days=3)
    again = await api.sign_in("alice")
    me = await again.get("/auth/me")

    assert me.body.keys() == {"id", "username", "email", "roles", "created_at", "learning_profile"}
    assert (me["id"], me["username"], me["roles"]) == ("alice", "alice", ["student"])
    assert me["created_at"] == began
    assert began.endswith("Z")
    assert me["learning_profile"]["level"] == "beginner"


async def test_an_address_that_changed_in_trac_is_known_at_the_next_login(sqlite_api: Api) -> None:
    await sqlite_api.sign_in("bob")
    change = "UPDATE session_attribute SET value = ? WHERE sid = ? AND name = ?"
    await asyncio.to_thread(sqlite_api.trac.execute, change, "b@new.org", "bob", "email")
    again = await log_in(sqlite_api.anybody, "bob")

    assert again["user"]["email"] == "b@new.org"
    assert (await Person(sqlite_api.client, again["access_token"]).get("/auth/me"))["email"] == "b@new.org"


async def test_a_learner_whom_an_operator_deleted_is_not_found(sqlite_api: Api) -> None:
    bob = await sqlite_api.sign_in("bob")
    assert (await bob.get("/auth/me")).status == 200
    await rows(sqlite_api, "DELETE FROM auth_session")
    await rows(sqlite_api, "DELETE FROM learner")

    # The sign-in itself is remembered for some seconds.
    assert (await bob.get("/auth/me")).error == (404, "NOT_FOUND")


async def test_me_needs_a_token(sqlite_api: Api) -> None:
    assert (await sqlite_api.anybody.get("/auth/me")).error == WRONG
    for header in ("Basic YWxpY2U6eA==", "Bearer", "Bearer ", "Token zork", ""):
        answer = await sqlite_api.anybody.send("GET", "/auth/me", headers={"Authorization": header})
        assert answer.error == WRONG, header
