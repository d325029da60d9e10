"""Guessing passwords is slowed down; the one whose password it is still gets in."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from tests.accounts.helpers import from_address, log_in, stay_within_one_window, write_htpasswd
from tests.conftest import Api, Person, TracCopy, serving

TOO_MANY = (429, "RATE_LIMIT_EXCEEDED")
WRONG = (401, "AUTHENTICATION_ERROR")


@pytest.fixture
async def api(sqlite_copy: TracCopy) -> AsyncIterator[Api]:
    """On SQLite only: what is counted is in the cache."""
    await stay_within_one_window(300)
    async with serving(sqlite_copy) as running:
        yield running


async def guess(person: Person, name: str, *, times: int) -> list[tuple[int, str]]:
    return [(await log_in(person, name, f"guess {number}")).error for number in range(times)]


async def test_after_ten_wrong_passwords_even_the_right_one_has_to_wait(api: Api) -> None:
    assert await guess(api.anybody, "alice", times=11) == [WRONG] * 10 + [TOO_MANY]
    right = await log_in(api.anybody, "alice")

    assert right.error == TOO_MANY
    assert 1 <= int(right.headers["retry-after"]) <= 300


async def test_nobody_else_is_kept_out(api: Api) -> None:
    await guess(api.anybody, "alice", times=11)

    assert (await log_in(api.anybody, "bob")).status == 200
    async with from_address(api, "10.0.0.9") as elsewhere:
        assert (await log_in(elsewhere, "alice")).status == 200
        # Getting in elsewhere does not open the door for the one who guesses here.
        assert (await log_in(api.anybody, "alice")).error == TOO_MANY


async def test_only_failures_count(api: Api) -> None:
    for _ in range(2):
        assert await guess(api.anybody, "alice", times=9) == [WRONG] * 9
        assert (await log_in(api.anybody, "alice")).status == 200
    assert {(await log_in(api.anybody, "bob")).status for _ in range(12)} == {200}


async def test_of_a_hundred_guesses_at_once_ten_are_checked(api: Api) -> None:
    answers = await asyncio.gather(*(log_in(api.anybody, "alice", f"guess {number}") for number in range(100)))

    assert Counter(answer.error for answer in answers) == {WRONG: 10, TOO_MANY: 90}


async def test_fifty_right_ones_at_once_are_all_let_in(api: Api) -> None:
    answers = await asyncio.gather(*(log_in(api.anybody, "alice") for _ in range(50)))

    assert Counter(answer.status for answer in answers) == {200: 50}


async def test_the_right_one_among_many_guesses_at_once_lets_in_nobody_else(api: Api) -> None:
    guesses = [log_in(api.anybody, "alice", f"guess {number}") for number in range(60)]
    right = log_in(api.anybody, "alice")
    answers = await asyncio.gather(*guesses[:5], right, *guesses[5:])

    assert answers[5].status == 200
    wrong = Counter(answer.error for answer in answers if answer.status != 200)
    assert wrong.keys() == {WRONG, TOO_MANY}
    assert wrong[WRONG] <= 20, "ten before it, and ten after"


async def test_names_that_differ_in_case_share_their_tries(sqlite_copy: TracCopy) -> None:
    sqlite_copy.set_option("trac", "ignore_auth_case", "true")
    sqlite_copy.set_option("account-manager", "password_store", "HtPasswdStore")
    sqlite_copy.set_option("account-manager", "htpasswd_file", "conf/htpasswd")
    await stay_within_one_window(300)
    async with serving(sqlite_copy) as api:
        assert (await log_in(api.anybody, "ALICE", "alice-password")).status == 200
        errors = [await guess(api.anybody, name, times=4) for name in ("alice", "ALICE", "Alice")]

    assert errors == [[WRONG] * 4, [WRONG] * 4, [WRONG, WRONG, TOO_MANY, TOO_MANY]]


async def test_one_password_tried_on_many_users_is_guessing_too(api: Api) -> None:
    write_htpasswd(api.trac.folder, alice="alice-password", **{f"user{number}": "x" for number in range(100)})
    sprayed = [(await log_in(api.anybody, f"user{number}", "summer")).error for number in range(100)]

    assert sprayed == [WRONG] * 100
    kept = len(api.parts.cache._counters)  # type: ignore[attr-defined] # the embedded twin's
    assert await guess(api.anybody, "nobody in particular", times=2) == [TOO_MANY] * 2
    assert len(api.parts.cache._counters) == kept  # type: ignore[attr-defined] # the embedded twin's
    assert (await log_in(api.anybody, "alice")).error == TOO_MANY
    async with from_address(api, "10.0.0.9") as elsewhere:
        assert (await log_in(elsewhere, "alice")).status == 200


async def test_guesses_from_no_known_address_are_counted_together(api: Api) -> None:
    app = api.client._transport.app  # type: ignore[attr-defined] # an ASGITransport

    async def over_a_socket_file(scope: dict[str, object], *rest: object) -> None:
        await app({**scope, "client": None}, *rest)

    api.client._transport.app = over_a_socket_file  # type: ignore[attr-defined] # an ASGITransport
    assert await guess(api.anybody, "alice", times=11) == [WRONG] * 10 + [TOO_MANY]
