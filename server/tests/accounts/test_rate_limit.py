"""The hourly limit: counted for each user, told in every answer that knows who asks."""

import time
from collections.abc import AsyncIterator

import pytest

from tests.accounts.helpers import from_address, is_signed_in, stay_within_one_window
from tests.conftest import Answer, Api, TracCopy, serving

HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


@pytest.fixture
async def api(sqlite_copy: TracCopy) -> AsyncIterator[Api]:
    """Five requests an hour; on SQLite only, as what is counted is in the cache."""
    await stay_within_one_window(3600)
    async with serving(sqlite_copy, rate_limit_per_hour=5) as running:
        yield running


def stand(answer: Answer) -> tuple[int, int]:
    """(limit, remaining) of an answer."""
    limit, remaining, reset = (int(answer.headers[name]) for name in HEADERS)
    assert -1 <= reset - time.time() <= 3600
    return limit, remaining


async def test_every_answer_says_where_one_stands_errors_included(api: Api) -> None:
    alice = await api.sign_in("alice")
    answers = [
        await alice.get("/auth/me"),
        await alice.get("/concepts"),
        await alice.get("/concepts/99"),
        await alice.get("/concepts/x"),
        await alice.get("/progress/bob"),
        await alice.get("/auth/me"),
    ]

    assert [answer.status for answer in answers] == [200, 200, 404, 400, 403, 429]
    assert [stand(answer) for answer in answers] == [(5, 4), (5, 3), (5, 2), (5, 1), (5, 0), (5, 0)]


async def test_beyond_the_limit_one_has_to_wait(api: Api) -> None:
    alice = await api.sign_in("alice")
    for _ in range(5):
        assert (await alice.get("/auth/me")).status == 200
    refused = [
        await alice.get("/concepts"),
        await alice.post("/concepts/1/start", {}),
        await alice.post("/auth/logout"),
    ]

    for answer in refused:
        assert answer.error == (429, "RATE_LIMIT_EXCEEDED")
        assert 1 <= int(answer.headers["retry-after"]) <= 3600
        assert "5 requests" in answer["error"]["message"]


async def test_each_user_has_a_limit_of_their_own_whatever_the_address_and_sign_in(api: Api) -> None:
    alice, bob = await api.sign_in("alice"), await api.sign_in("bob")
    for _ in range(4):
        await alice.get("/concepts")
    async with from_address(api, "10.0.0.9") as elsewhere:
        elsewhere.token = (await api.sign_in("alice")).token
        assert stand(await elsewhere.get("/concepts")) == (5, 0)

    assert (await alice.get("/concepts")).status == 429
    assert stand(await bob.get("/concepts")) == (5, 4)


async def test_who_is_not_signed_in_has_no_limit_and_no_headers(api: Api) -> None:
    answers = [await api.anybody.get("/concepts") for _ in range(7)]
    refused = await api.anybody.get("/auth/me")

    assert {answer.status for answer in answers} == {200}
    assert not set(HEADERS) & {name for answer in [*answers, refused] for name in answer.headers}


async def test_the_token_of_a_sign_in_that_is_over_uses_up_nothing(api: Api) -> None:
    alice, thief = await api.sign_in("alice"), await api.sign_in("alice")
    await thief.post("/auth/logout")
    for _ in range(9):
        assert not await is_signed_in(api, thief.token or "")
        assert (await thief.post("/auth/logout")).status == 401

    assert stand(await alice.get("/concepts")) == (5, 3)
