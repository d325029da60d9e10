"""Access tokens: only our own count, and only for an hour."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from learntrac.accounts import tokens
from learntrac.accounts.tokens import Claims, Tokens
from tests.accounts.helpers import is_signed_in, log_in
from tests.conftest import SECRET, Api, Person, TracCopy, serving

WRONG = (401, "AUTHENTICATION_ERROR")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OTHER_KEY = "another key, as long as the first one is"


def decoded(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_exp": False}))


def made(claims: dict[str, Any], key: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, key, algorithm=algorithm)


def without(claims: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in claims.items() if key != name}


def forgeries(token: str, refresh_token: str) -> Iterator[tuple[str, str]]:
    """By name, what is no access token of ours."""
    claims, (header, payload, signature) = decoded(token), token.split(".")
    yield "a changed signature", f"{header}.{payload}.{signature[::-1]}"
    yield "no signature", f"{header}.{payload}."
    yield "other claims", f"{header}.{made({**claims, 'sub': 'admin'}, OTHER_KEY).split('.')[1]}.{signature}"
    yield "another key", made(claims, OTHER_KEY)
    yield "no algorithm", jwt.encode(claims, "", algorithm="none")
    yield "another algorithm", made(claims, SECRET * 2, "HS512")
    for name in ("exp", "sub", "sid", "typ", "iss"):
        yield f"no {name}", made(without(claims, name))
    yield "of another kind", made({**claims, "typ": "refresh"})
    yield "of somebody else", made({**claims, "iss": "somebody"})
    yield "an hour as text", made({**claims, "exp": "never"})
    yield "half an hour more", made({**claims, "exp": claims["exp"] + 0.5})
    yield "no text for a session", made({**claims, "sid": 7})
    yield "no text for a user", made({**claims, "sub": 7})
    yield "another user's session", made({**claims, "sub": "bob"})
    yield "an unknown session", made({**claims, "sid": "00000000-0000-4000-8000-000000000000"})
    yield "too long", made({**claims, "more": "x" * 2048})
    yield "the refresh token", refresh_token
    yield "nothing like a token", "zork"
    yield "three dots", "..."
    yield "a header of brackets", "W1tb" * 400 + ".e30.x"


async def test_nothing_but_a_token_of_ours_is_accepted(api: Api) -> None:
    login = await log_in(api.anybody, "alice")
    token = login["access_token"]

    for name, forged in forgeries(token, login["refresh_token"]):
        for method, path in (("GET", "/auth/me"), ("GET", "/concepts"), ("POST", "/auth/logout")):
            answer = await Person(api.client, forged).send(method, path)
            assert answer.error == WRONG, (name, path)
    # What is changed above is what counts: made by the same means, the claims as they were are accepted.
    assert await is_signed_in(api, made(decoded(token)))


async def test_a_token_is_good_for_an_hour_by_our_own_clock(sqlite_api: Api) -> None:
    alice = await log_in(sqlite_api.anybody, "alice")
    sqlite_api.clock.forward(seconds=3590)
    assert await is_signed_in(sqlite_api, alice["access_token"])
    sqlite_api.clock.forward(seconds=11)
    assert not await is_signed_in(sqlite_api, alice["access_token"])


async def test_an_operator_may_make_the_hour_shorter(sqlite_copy: TracCopy) -> None:
    async with serving(sqlite_copy, access_token_seconds=60) as api:
        alice = await log_in(api.anybody, "alice")
        assert alice["expires_in"] == 60
        api.clock.forward(seconds=61)
        assert not await is_signed_in(api, alice["access_token"])


async def test_a_token_of_a_server_with_another_key_is_refused(sqlite_copy: TracCopy) -> None:
    async with serving(sqlite_copy, secret_key=OTHER_KEY) as other:
        token = (await other.sign_in("alice")).token or ""
    async with serving(sqlite_copy) as api:
        assert not await is_signed_in(api, token)


class TestTokens:
    def test_what_is_issued_is_found(self) -> None:
        made_here = Tokens(SECRET.encode(), lifetime_seconds=60)
        token = made_here.issue(user_id="alice", session_id="one", now=NOW)
        expected = Claims("alice", "one", int(NOW.timestamp()) + 60)

        assert made_here.find_claims(token, now=NOW) == expected
        assert Tokens(SECRET.encode(), lifetime_seconds=9).find_claims(token, now=NOW) == expected
        assert made_here.find_claims(token, now=NOW + timedelta(seconds=60)) is None

    def test_two_tokens_of_one_moment_differ(self) -> None:
        made_here = Tokens(SECRET.encode(), lifetime_seconds=60)
        assert len({made_here.issue(user_id="alice", session_id="one", now=NOW) for _ in range(5)}) == 5

    def test_a_short_key_is_refused(self) -> None:
        with pytest.raises(ValueError, match="at least 32 bytes"):
            Tokens(b"x" * 31, lifetime_seconds=60)

    def test_remembers_no_more_than_it_should(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tokens, "REMEMBERED", 2)
        made_here = Tokens(SECRET.encode(), lifetime_seconds=60)
        issued = [made_here.issue(user_id="alice", session_id=str(number), now=NOW) for number in range(5)]

        assert all(made_here.find_claims(token, now=NOW) for token in issued * 2)
        assert len(made_here._known) == 2
