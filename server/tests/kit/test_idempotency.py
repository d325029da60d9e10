"""`Idempotency-Key` on every POST: sent again, the same request gets the same reply and has no second effect."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import text

from learntrac.kit import idempotency
from learntrac.kit.clock import utc_now
from learntrac.kit.db import Database
from learntrac.kit.http.doors import API
from learntrac.kit.http.writing import _writing
from learntrac.main import make_api
from learntrac.schema import migrate
from tests.accounts.helpers import is_signed_in, log_in, refresh, rows
from tests.conftest import PASSWORDS, Answer, Api, Person, make_settings

CONFLICT = (409, "CONFLICT")
START, COMPLETE = "/concepts/1/start", "/concepts/1/complete"


def key(text: str = "one") -> dict[str, str]:
    return {"Idempotency-Key": text}


async def count(api: Api, table: str) -> int:
    ((number,),) = await rows(api, f"SELECT count(*) FROM {table}")
    return int(number)


async def test_every_post_sent_again_gets_the_same_reply_and_has_one_effect(api: Api) -> None:
    logins = [await log_in(api.anybody, "alice", headers=key()) for _ in range(3)]
    assert same(logins) == 200
    assert await count(api, "auth_session") == 1
    alice = Person(api.client, logins[0]["access_token"])

    refreshes = [await refresh(api.anybody, logins[0]["refresh_token"], headers=key()) for _ in range(3)]
    assert same(refreshes) == 200

    starts = [await alice.post(START, {}, headers=key()) for _ in range(3)]
    assert same(starts) == 200
    assert await count(api, "learning_session") == 1

    ended = {"session_id": starts[0]["session_id"], "quiz_score": 0.9}
    completions = [await alice.post(COMPLETE, ended, headers=key()) for _ in range(3)]
    assert same(completions) == 200
    assert (await alice.get("/progress"))["overall_progress"]["completed_concepts"] == 1

    logouts = [await alice.post("/auth/logout", headers=key()) for _ in range(3)]
    assert same(logouts) == 200
    assert not await is_signed_in(api, refreshes[0]["access_token"])


def same(answers: Sequence[Answer]) -> int:
    """The status of answers that are all one."""
    assert {str(answer.body) for answer in answers} == {str(answers[0].body)}
    (status,) = {answer.status for answer in answers}
    return status


async def test_the_key_of_another_request_is_a_conflict(sqlite_api: Api) -> None:
    alice, other = await sqlite_api.sign_in("alice"), await sqlite_api.sign_in("alice")
    grant = {"username": "alice", "password": PASSWORDS["alice"], "grant_type": "password"}
    session_id = (await alice.post(START, {}, headers=key()))["session_id"]
    ended = {"session_id": session_id, "completion_type": "abandoned"}
    await log_in(sqlite_api.anybody, "alice", headers=key())
    await refresh(sqlite_api.anybody, alice.login["refresh_token"], headers=key())
    await alice.post(COMPLETE, ended, headers=key())
    sessions = await count(sqlite_api, "auth_session")

    assert (await sqlite_api.anybody.post("/auth/login", grant, headers=key())).error == CONFLICT
    assert (await refresh(sqlite_api.anybody, other.login["refresh_token"], headers=key())).error == CONFLICT
    assert (await alice.post(START, {"learning_mode": "challenge"}, headers=key())).error == CONFLICT
    assert (await alice.post(COMPLETE, {"session_id": session_id}, headers=key())).error == CONFLICT
    assert await count(sqlite_api, "auth_session") == sessions
    # What was first asked is still answered.
    assert (await alice.post(START, {}, headers=key()))["session_id"] == session_id

    await alice.post("/auth/logout", headers=key())
    assert (await other.post("/auth/logout", headers=key())).error == CONFLICT
    assert await is_signed_in(sqlite_api, other.token or "")


async def test_a_key_is_of_one_user_and_one_route(sqlite_api: Api) -> None:
    logins = {name: await log_in(sqlite_api.anybody, name, headers=key()) for name in ("alice", "bob")}
    assert {name: login["user"]["id"] for name, login in logins.items()} == {"alice": "alice", "bob": "bob"}
    for login in logins.values():
        assert (await refresh(sqlite_api.anybody, login["refresh_token"], headers=key())).status == 200
    alice, bob = (Person(sqlite_api.client, login["access_token"]) for login in logins.values())

    begun = [await person.post(START, {}, headers=key()) for person in (alice, bob) for _ in range(2)]
    begun.append(await alice.post("/concepts/2/start", {}, headers=key()))
    assert [answer.status for answer in begun] == [200] * 5
    assert len({answer["session_id"] for answer in begun}) == 3
    assert [answer["concept_id"] for answer in begun] == [1, 1, 1, 1, 2]


async def test_refusals_that_stay_are_replies_too(api: Api) -> None:
    alice = await api.sign_in("alice")
    session_id = (await alice.post(START, {}))["session_id"]
    ended = {"session_id": session_id}
    unknown = {"session_id": "nobody's"}
    conflicts = [await alice.post(START, {}, headers=key())]
    missing = [await alice.post(COMPLETE, unknown, headers=key())]
    assert (await alice.post(COMPLETE, ended)).status == 200  # from here on, a start would not be refused

    conflicts.append(await alice.post(START, {}, headers=key()))
    missing.append(await alice.post(COMPLETE, unknown, headers=key()))
    assert (same(conflicts), same(missing)) == (409, 404)
    assert (await alice.post(START, {}, headers=key("two"))).status == 200


async def test_of_many_refusals_at_once_all_are_one(api: Api) -> None:
    alice = await api.sign_in("alice")
    await alice.post(START, {})
    answers = await asyncio.gather(*(alice.post(START, {}, headers=key()) for _ in range(10)))
    kept = [answer for answer in answers if "already started" in answer["error"]["message"]]

    assert {answer.error for answer in answers} == {CONFLICT}
    assert same([*kept, await alice.post(START, {}, headers=key())]) == 409


async def test_other_refusals_are_not_kept(sqlite_api: Api) -> None:
    assert (await log_in(sqlite_api.anybody, "alice", "wrong", headers=key())).status == 401
    assert (await log_in(sqlite_api.anybody, "alice", headers=key())).status == 200
    alice = await sqlite_api.sign_in("alice")
    assert (await alice.post(START, {"learning_mode": "lazy"}, headers=key())).status == 400
    assert (await alice.post(START, {}, headers=key())).status == 200


async def test_after_a_day_the_key_is_free_again(sqlite_api: Api) -> None:
    first = await log_in(sqlite_api.anybody, "alice", headers=key())
    sqlite_api.clock.forward(hours=23, minutes=59)
    assert (await log_in(sqlite_api.anybody, "alice", headers=key())).body == first.body
    sqlite_api.clock.forward(minutes=2)
    again = await log_in(sqlite_api.anybody, "alice", headers=key())

    assert again["refresh_token"] != first["refresh_token"]
    assert (await log_in(sqlite_api.anybody, "alice", headers=key())).body == again.body


async def test_what_is_older_than_a_day_is_deleted(sqlite_api: Api) -> None:
    await log_in(sqlite_api.anybody, "alice", headers=key("old"))
    sqlite_api.clock.forward(hours=25)
    await log_in(sqlite_api.anybody, "alice", headers=key("new"))
    async with sqlite_api.parts.database.begin() as session:
        await idempotency.forget_old(session, now=sqlite_api.clock())

    assert await count(sqlite_api, "idempotent_reply") == 1


async def test_a_key_that_is_none_is_refused(sqlite_api: Api) -> None:
    alice = await sqlite_api.sign_in("alice")
    for wrong in ("", "x" * 256, "caf\u00e9", "tab\there"):
        answer = await alice.send("POST", START, json={}, headers={"Idempotency-Key": wrong.encode()})  # type: ignore[dict-item] # httpx takes bytes
        assert answer.error == (400, "VALIDATION_ERROR")
        assert answer["error"]["details"][0]["field"] == "Idempotency-Key"
    assert (await alice.post(START, {}, headers=key("x" * 255))).status == 200


async def test_of_many_at_once_one_has_an_effect(api: Api) -> None:
    alice = await api.sign_in("alice")
    bob = {"username": "bob", "password": PASSWORDS["bob"]}
    for path, body, times, table in (("/auth/login", bob, 10, "auth_session"), (START, {}, 20, "learning_session")):
        before = await count(api, table)
        answers = await asyncio.gather(*(alice.post(path, body, headers=key()) for _ in range(times)))

        assert {answer.status for answer in answers} <= {200, 409}
        assert same([answer for answer in answers if answer.status == 200]) == 200
        assert await count(api, table) == before + 1
        # Whoever was told to wait gets the same reply afterwards.
        assert (await alice.post(path, body, headers=key())).body in [answer.body for answer in answers]


async def test_on_postgresql_a_request_that_still_runs_is_a_conflict(postgres_database: Database) -> None:
    await migrate(postgres_database)
    once = idempotency.Once.of(b"secret", caller="alice", route="POST /", key="one", body=b"")
    async with postgres_database.begin() as first, postgres_database.begin() as second:
        assert await idempotency.claim(first, once, now=utc_now()) is None
        with pytest.raises(idempotency.KeyConflict, match="still running") as refused:
            await idempotency.claim(second, once, now=utc_now())
    assert refused.value.retry_after_seconds == 1


async def test_nothing_that_is_stored_gives_a_token_away(sqlite_api: Api) -> None:
    login = await log_in(sqlite_api.anybody, "alice", headers=key("a key of the client"))
    again = await refresh(sqlite_api.anybody, login["refresh_token"], headers=key("a key of the client"))
    async with sqlite_api.parts.database.read() as session:
        stored = list(await session.execute(text("SELECT * FROM idempotent_reply")))
    held = b"".join(value if isinstance(value, bytes) else str(value).encode() for row in stored for value in row)

    assert len(stored) == 2
    for secret in (
        login["access_token"],
        login["refresh_token"],
        again["access_token"],
        "a key of the client",
        "alice",
    ):
        assert secret.encode() not in held
    assert PASSWORDS["alice"].encode() not in held


def post_routes(routes: Sequence[Any]) -> Iterator[APIRoute]:
    """Every route that may change something, those of included routers too."""
    for route in routes:
        if isinstance(route, APIRoute) and route.methods and route.methods & {"POST", "PUT", "PATCH", "DELETE"}:
            yield route
        yield from post_routes(getattr(getattr(route, "original_router", route), "routes", ()))


def asked_for(dependant: Any) -> Iterator[Any]:
    """Everything a route depends on, directly or not."""
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from asked_for(dependency)


def test_no_post_forgets_the_key(tmp_path: Any) -> None:
    app: FastAPI = make_api(make_settings(tmp_path), utc_now)
    found = list(post_routes(app.routes))
    documented = [
        operation
        for methods in app.openapi()["paths"].values()
        for method, operation in methods.items()
        if method != "get"
    ]

    assert len(found) == len(documented) >= 5
    keeps_nothing = [f"{API}/exercises/preview"]
    assert [route.path for route in found if _writing not in asked_for(route.dependant)] == keeps_nothing
    for operation in documented:
        assert "Idempotency-Key" in str(operation["parameters"])
