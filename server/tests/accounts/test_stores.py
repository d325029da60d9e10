"""Users as Trac knows them: every kind of password store, roles, and what happens when Trac loses them."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from passlib.hash import apr_md5_crypt

from learntrac.kit.errors import Unavailable
from learntrac.trac.directory import TracDirectory, TracUser
from tests.accounts.helpers import is_signed_in, log_in, refresh, sha, write_htpasswd
from tests.conftest import Api, TracCopy, eventually, serving

WRONG = (401, "AUTHENTICATION_ERROR")
UNAVAILABLE = (503, "SERVICE_UNAVAILABLE")


def md5(*parts: str) -> str:
    return hashlib.md5(":".join(parts).encode()).hexdigest()


def session_store(trac: TracCopy, **hashes: str) -> None:
    """Let AccountManager keep these users' hashes in Trac's database."""
    trac.set_option("components", "acct_mgr.*", "enabled")
    trac.set_option("account-manager", "password_store", "SessionStore")
    for name, stored in hashes.items():
        insert = "INSERT INTO session_attribute (sid, authenticated, name, value) VALUES (?, 1, 'password', ?)"
        trac.execute(insert, name, stored)


async def expect(api: Api, passwords: dict[str, str]) -> None:
    """Each of these gets in, and with another password does not."""
    for name, password in passwords.items():
        assert (await log_in(api.anybody, name, password)).status == 200, name
        assert (await log_in(api.anybody, name, f"{password}!")).error == WRONG, name
    assert (await log_in(api.anybody, "nobody", "x")).error == WRONG


async def test_every_kind_of_hash_in_an_htpasswd_file(sqlite_copy: TracCopy) -> None:
    stored = {
        "bella": bcrypt.hashpw(b"bcrypt-ed", bcrypt.gensalt(4)).decode(),
        "arno": apr_md5_crypt.hash("apr1-ed"),
        "zoë": sha("SHA1-ed pässword"),
    }
    file = sqlite_copy.folder / "conf" / "htpasswd"
    file.write_text("".join(f"{name}:{known}\n" for name, known in stored.items()), encoding="utf-8")
    async with serving(sqlite_copy) as api:
        await expect(api, {"bella": "bcrypt-ed", "arno": "apr1-ed", "zoë": "SHA1-ed pässword"})


async def test_files_that_only_the_web_server_knows(sqlite_copy: TracCopy, tmp_path: Path) -> None:
    digests = tmp_path / "passwords.digest"
    digests.write_text(f"dora:Course:{md5('dora', 'Course', 'secret one')}\nedda:Other:{md5('edda', 'Other', 'x')}\n")
    plain = tmp_path / "passwords.basic"
    plain.write_text(f"carl:{sha('secret two')}\n")
    settings: dict[str, Any] = {"htdigest_file": digests, "htdigest_realm": "Course", "htpasswd_file": plain}
    async with serving(sqlite_copy, **settings) as api:
        await expect(api, {"dora": "secret one", "carl": "secret two"})
        assert (await log_in(api.anybody, "edda", "x")).error == WRONG  # of another realm


async def test_the_session_store_of_the_account_manager(trac_copy: TracCopy) -> None:
    session_store(trac_copy, fred=f":{md5('fred', '', 'digested')}")
    async with serving(trac_copy) as api:
        await expect(api, {"fred": "digested"})
        fred = await log_in(api.anybody, "fred", "digested")
        assert (await refresh(api.anybody, fred["refresh_token"])).status == 200

        await asyncio.to_thread(trac_copy.execute, "DELETE FROM session_attribute WHERE sid = ?", "fred")
        assert (await refresh(api.anybody, fred["refresh_token"])).error == WRONG


async def test_the_session_store_may_hold_htpasswd_hashes(sqlite_copy: TracCopy) -> None:
    sqlite_copy.set_option("account-manager", "hash_method", "HtPasswdHashMethod")
    session_store(sqlite_copy, gina=bcrypt.hashpw(b"bcrypt-ed", bcrypt.gensalt(4)).decode())
    async with serving(sqlite_copy) as api:
        await expect(api, {"gina": "bcrypt-ed"})


async def test_a_store_that_trac_ini_names_while_we_serve_counts_at_once(sqlite_api: Api) -> None:
    await asyncio.to_thread(session_store, sqlite_api.trac, hugo=f":{md5('hugo', '', 'digested')}")

    async def lets_hugo_in() -> bool:
        return (await log_in(sqlite_api.anybody, "hugo", "digested")).status == 200

    await eventually(lets_hugo_in)


async def test_a_password_changed_in_trac_counts_at_once(sqlite_api: Api) -> None:
    await sqlite_api.sign_in("alice")
    write_htpasswd(sqlite_api.trac.folder, alice="a new password")

    assert (await log_in(sqlite_api.anybody, "alice")).error == WRONG
    assert (await log_in(sqlite_api.anybody, "alice", "a new password")).status == 200


async def test_while_the_password_file_is_gone_only_signing_in_has_to_wait(sqlite_api: Api) -> None:
    bob = await sqlite_api.sign_in("bob")
    file = sqlite_api.trac.folder / "conf" / "htpasswd"
    kept = file.rename(file.with_name("moved"))

    for answer in (
        await log_in(sqlite_api.anybody, "alice"),
        await log_in(sqlite_api.anybody, "nobody", "x"),
        await refresh(sqlite_api.anybody, bob.login["refresh_token"]),
    ):
        assert answer.error == UNAVAILABLE
        assert int(answer.headers["retry-after"]) > 0
        assert str(file) not in str(answer.body)
    assert (await sqlite_api.anybody.get("/concepts")).status == 200
    assert (await bob.get("/progress")).status == 200

    kept.rename(file)
    assert (await log_in(sqlite_api.anybody, "alice")).status == 200
    assert (await refresh(sqlite_api.anybody, bob.login["refresh_token"])).status == 200


async def test_roles_come_from_tracs_permissions_through_nested_groups(sqlite_copy: TracCopy) -> None:
    for username, action in (("bob", "staff"), ("staff", "teachers"), ("teachers", "LEARNTRAC_INSTRUCTOR")):
        sqlite_copy.execute("INSERT INTO permission (username, action) VALUES (?, ?)", username, action)
    async with serving(sqlite_copy) as api:
        roles = {name: (await log_in(api.anybody, name))["user"]["roles"] for name in ("admin", "ivan", "alice", "bob")}

    assert roles == {
        "admin": ["student", "instructor", "admin"],
        "ivan": ["student", "instructor"],
        "alice": ["student"],
        "bob": ["student", "instructor"],
    }


async def test_a_right_given_to_all_who_sign_in_counts_for_all(sqlite_copy: TracCopy) -> None:
    sqlite_copy.execute("INSERT INTO permission VALUES (?, ?)", "authenticated", "LEARNTRAC_INSTRUCTOR")
    async with serving(sqlite_copy) as api:
        alice = await api.sign_in("alice")
        assert (await alice.get("/auth/me"))["roles"] == ["student", "instructor"]
        assert (await alice.get("/progress/bob")).status == 200


async def test_who_has_no_account_in_trac_any_more_is_signed_out_at_the_next_refresh(api: Api) -> None:
    phone, laptop, bob = [await api.sign_in(name) for name in ("alice", "alice", "bob")]
    write_htpasswd(api.trac.folder, bob="bob-password")

    assert (await refresh(api.anybody, phone.login["refresh_token"])).error == WRONG
    for person in (phone, laptop):
        assert not await is_signed_in(api, person.token or "")
        assert (await refresh(api.anybody, person.login["refresh_token"])).error == WRONG
    assert await is_signed_in(api, bob.token or "")
    assert (await refresh(api.anybody, bob.login["refresh_token"])).status == 200


class TestTheDirectory:
    async def test_knows_profiles_and_accounts(self, api: Api) -> None:
        directory = TracDirectory(api.parts.trac)

        assert await directory.get_profile("alice") == TracUser("alice@example.org", "Alice")
        assert await directory.get_profile("nobody") == TracUser("", "")
        assert await directory.has_account("alice")
        assert not await directory.has_account("nobody")
        assert directory.roles("ivan") == ("student", "instructor")

    async def test_names_the_user_as_trac_does(self, sqlite_copy: TracCopy) -> None:
        sqlite_copy.set_option("trac", "ignore_auth_case", "true")
        async with serving(sqlite_copy) as api:
            directory = TracDirectory(api.parts.trac)
            write_htpasswd(sqlite_copy.folder, Alice="secret", alice="secret")
            assert await directory.authenticate("Alice", "secret") == "alice"
            assert await directory.authenticate("Alice", "wrong") is None

    async def test_says_so_when_trac_cannot_be_asked(self, sqlite_api: Api) -> None:
        directory = TracDirectory(sqlite_api.parts.trac)
        (sqlite_api.trac.folder / "conf" / "htpasswd").unlink()

        with pytest.raises(Unavailable) as refused:
            await directory.authenticate("alice", "x")
        assert refused.value.retry_after_seconds == 5
        with pytest.raises(Unavailable):
            await directory.has_account("alice")
