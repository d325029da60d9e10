"""Refresh tokens: a week of idleness, a month in all, and rotation where it is switched on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.accounts.helpers import is_signed_in, log_in, refresh, rows
from tests.conftest import Api, Person, TracCopy, serving

WRONG = (401, "AUTHENTICATION_ERROR")


async def test_a_refresh_gives_another_access_token_and_keeps_the_refresh_token(api: Api) -> None:
    alice = await log_in(api.anybody, "alice")
    api.clock.forward(hours=2)
    answer = await refresh(api.anybody, alice["refresh_token"])

    assert answer.status == 200
    assert answer.body.keys() == {"access_token", "token_type", "expires_in"}
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 3600)
    assert not await is_signed_in(api, alice["access_token"])
    assert await is_signed_in(api, answer["access_token"])
    assert (await refresh(api.anybody, alice["refresh_token"])).status == 200


async def test_what_is_no_refresh_token_is_refused(sqlite_api: Api) -> None:
    alice = await log_in(sqlite_api.anybody, "alice")
    for wrong in ("zork", alice["access_token"], alice["refresh_token"][:-1], alice["refresh_token"] + "x"):
        answer = await refresh(sqlite_api.anybody, wrong)
        assert answer.error == WRONG
        assert wrong not in str(answer.body)
    bodies: list[Any] = [{}, {"refresh_token": ""}, {"refresh_token": 7}, {"refresh_token": "x" * 513}, [], None]
    for body in bodies:
        assert (await sqlite_api.anybody.post("/auth/refresh", body)).error == (400, "VALIDATION_ERROR")
    surrogate = await sqlite_api.anybody.send(
        "POST", "/auth/refresh", content=b'{"refresh_token":"\\ud800"}', headers={"Content-Type": "application/json"}
    )
    assert surrogate.error == (400, "VALIDATION_ERROR")


async def test_a_week_unused_ends_it(sqlite_api: Api) -> None:
    alice, bob = await log_in(sqlite_api.anybody, "alice"), await log_in(sqlite_api.anybody, "bob")
    sqlite_api.clock.forward(days=6, hours=23)
    assert (await refresh(sqlite_api.anybody, alice["refresh_token"])).status == 200
    sqlite_api.clock.forward(hours=2)

    assert (await refresh(sqlite_api.anybody, bob["refresh_token"])).error == WRONG
    assert (await refresh(sqlite_api.anybody, alice["refresh_token"])).status == 200


async def test_a_month_ends_it_however_much_it_is_used(sqlite_api: Api) -> None:
    alice = await log_in(sqlite_api.anybody, "alice")
    for _ in range(5):
        sqlite_api.clock.forward(days=5, hours=23)
        assert (await refresh(sqlite_api.anybody, alice["refresh_token"])).status == 200
    sqlite_api.clock.forward(hours=6)
    assert (await refresh(sqlite_api.anybody, alice["refresh_token"])).error == WRONG


async def test_the_database_knows_it_by_digest_only(sqlite_api: Api) -> None:
    alice = await log_in(sqlite_api.anybody, "alice")
    (row,) = await rows(sqlite_api, "SELECT * FROM auth_session")

    assert alice["refresh_token"] not in str(tuple(row))


class TestRotation:
    @pytest.fixture
    async def api(self, trac_copy: TracCopy) -> AsyncIterator[Api]:
        async with serving(trac_copy, refresh_rotation=True) as running:
            yield running

    @pytest.fixture
    async def sqlite_api(self, sqlite_copy: TracCopy) -> AsyncIterator[Api]:
        async with serving(sqlite_copy, refresh_rotation=True) as running:
            yield running

    async def test_each_refresh_hands_out_the_next_token(self, sqlite_api: Api) -> None:
        token = (await log_in(sqlite_api.anybody, "alice"))["refresh_token"]
        seen = {token}
        for _ in range(3):
            sqlite_api.clock.forward(hours=1)
            answer = await refresh(sqlite_api.anybody, token)
            assert answer.body.keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
            token = answer["refresh_token"]
            seen.add(token)
        assert len(seen) == 4

    async def test_the_last_one_works_for_ten_seconds_more(self, sqlite_api: Api) -> None:
        first = await log_in(sqlite_api.anybody, "alice")
        second = await refresh(sqlite_api.anybody, first["refresh_token"])
        sqlite_api.clock.forward(seconds=9)
        again = await refresh(sqlite_api.anybody, first["refresh_token"])

        assert again.status == 200
        assert "refresh_token" not in again.body
        assert (await refresh(sqlite_api.anybody, second["refresh_token"])).status == 200

    async def test_a_copy_used_later_ends_the_sign_in_with_all_its_tokens(self, api: Api) -> None:
        first, elsewhere = await log_in(api.anybody, "alice"), await log_in(api.anybody, "alice")
        second = await refresh(api.anybody, first["refresh_token"])
        assert await is_signed_in(api, second["access_token"])
        api.clock.forward(seconds=11)

        assert (await refresh(api.anybody, first["refresh_token"])).error == WRONG
        for answer in (first, second):
            assert not await is_signed_in(api, answer["access_token"])
            assert (await refresh(api.anybody, answer["refresh_token"])).error == WRONG
        assert await is_signed_in(api, elsewhere["access_token"])

    async def test_of_five_at_once_all_get_in_and_one_gets_the_next_token(self, api: Api) -> None:
        first = await log_in(api.anybody, "alice")
        answers = await asyncio.gather(*(refresh(api.anybody, first["refresh_token"]) for _ in range(5)))
        handed_out = [answer["refresh_token"] for answer in answers if "refresh_token" in answer.body]

        assert {answer.status for answer in answers} == {200}
        assert len(handed_out) == 1
        api.clock.forward(minutes=1)
        assert (await refresh(api.anybody, handed_out[0])).status == 200

    async def test_a_keyed_refresh_sent_again_later_is_no_copy(self, api: Api) -> None:
        first, keyed = await log_in(api.anybody, "alice"), {"Idempotency-Key": "refresh 1"}
        second = await refresh(api.anybody, first["refresh_token"], headers=keyed)
        api.clock.forward(minutes=5)
        again = await refresh(api.anybody, first["refresh_token"], headers=keyed)

        assert again.body == second.body
        assert await is_signed_in(api, second["access_token"])
        assert (await refresh(api.anybody, second["refresh_token"])).status == 200


class TestLogout:
    async def test_takes_effect_at_once(self, api: Api) -> None:
        alice, elsewhere = await api.sign_in("alice"), await api.sign_in("alice")
        renewed = (await refresh(api.anybody, alice.login["refresh_token"]))["access_token"]
        assert await is_signed_in(api, renewed)
        answer = await alice.post("/auth/logout")

        assert (answer.status, answer.body) == (200, {"message": "Successfully logged out"})
        assert not await is_signed_in(api, alice.token or "")
        assert not await is_signed_in(api, renewed)
        assert (await refresh(api.anybody, alice.login["refresh_token"])).error == WRONG
        assert await is_signed_in(api, elsewhere.token or "")

    async def test_of_a_thousand_uses_after_it_none_is_accepted(self, api: Api) -> None:
        alice = await api.sign_in("alice")
        await alice.get("/progress")
        await alice.post("/auth/logout")
        path = "/concepts?limit=1"
        answers = [await asyncio.gather(*(alice.get(path) for _ in range(100))) for _ in range(10)]

        assert {answer.error for batch in answers for answer in batch} == {WRONG}

    async def test_needs_a_sign_in_that_is_not_over(self, sqlite_api: Api) -> None:
        alice = await sqlite_api.sign_in("alice")
        assert (await alice.post("/auth/logout")).status == 200

        assert (await alice.post("/auth/logout")).error == WRONG
        assert (await sqlite_api.anybody.post("/auth/logout")).error == WRONG
        assert (await Person(sqlite_api.client, "zork").post("/auth/logout")).error == WRONG

    async def test_of_many_at_once_one_ends_it(self, api: Api) -> None:
        alice = await api.sign_in("alice")
        answers = await asyncio.gather(*(alice.post("/auth/logout") for _ in range(5)))

        assert sorted(answer.status for answer in answers) == [200, 401, 401, 401, 401]
        assert not await is_signed_in(api, alice.token or "")
