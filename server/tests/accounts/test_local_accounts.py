"""Accounts of LearnTrac's own, beside Trac's."""

import pytest
from argon2 import PasswordHasher

from learntrac.accounts import service
from tests.accounts.helpers import is_signed_in, log_in, refresh, rows
from tests.conftest import Api

WRONG = (401, "AUTHENTICATION_ERROR")


async def add(api: Api, name: str, password: str, role: str) -> None:
    async with api.parts.database.begin() as session:
        await service.add_local_account(session, user_id=name, password=password, role=role, now=api.clock())


async def remove(api: Api, name: str) -> bool:
    async with api.parts.database.begin() as session:
        return await service.remove_local_account(session, user_id=name, now=api.clock())


async def test_a_local_account_signs_in_with_the_role_it_was_given(api: Api) -> None:
    await add(api, "guest", "guest-password", "instructor")
    guest = await log_in(api.anybody, "guest", "guest-password")

    assert guest["user"] == {
        "id": "guest",
        "username": "guest",
        "email": "",
        "roles": ["student", "instructor"],
        "preferences": {},
    }
    assert (await log_in(api.anybody, "guest", "another")).error == WRONG
    assert (await refresh(api.anybody, guest["refresh_token"])).status == 200


async def test_the_role_counts_at_every_door(sqlite_api: Api) -> None:
    for role, roles in service.LOCAL_ROLES.items():
        await add(sqlite_api, f"a {role}", "password", str(role))
        token = (await log_in(sqlite_api.anybody, f"a {role}", "password"))["access_token"]
        person = sqlite_api.anybody
        person.token = token

        assert (await person.get("/auth/me"))["roles"] == list(roles)
        assert (await person.get("/progress/alice")).status == (403 if role == "student" else 200)


async def test_adding_it_again_changes_password_and_role(sqlite_api: Api) -> None:
    await add(sqlite_api, "guest", "old password", "student")
    await add(sqlite_api, "guest", "new password", "admin")

    assert (await log_in(sqlite_api.anybody, "guest", "old password")).error == WRONG
    assert (await log_in(sqlite_api.anybody, "guest", "new password"))["user"]["roles"] == [
        "student",
        "instructor",
        "admin",
    ]
    with pytest.raises(ValueError, match="student, instructor, admin, not 'emperor'"):
        await add(sqlite_api, "guest", "password", "emperor")


async def test_removing_it_ends_its_sign_ins(api: Api) -> None:
    await add(api, "guest", "guest-password", "student")
    guest, bob = await log_in(api.anybody, "guest", "guest-password"), await api.sign_in("bob")

    assert await remove(api, "guest")
    assert not await is_signed_in(api, guest["access_token"])
    assert (await refresh(api.anybody, guest["refresh_token"])).error == WRONG
    assert (await log_in(api.anybody, "guest", "guest-password")).error == WRONG
    assert await is_signed_in(api, bob.token or "")
    assert not await remove(api, "guest")


async def test_it_goes_before_an_account_of_that_name_in_trac(sqlite_api: Api) -> None:
    await add(sqlite_api, "alice", "local password", "instructor")

    assert (await log_in(sqlite_api.anybody, "alice")).error == WRONG
    assert (await log_in(sqlite_api.anybody, "alice", "local password"))["user"]["roles"] == ["student", "instructor"]


async def test_it_does_not_need_tracs_password_file(sqlite_api: Api) -> None:
    await add(sqlite_api, "guest", "guest-password", "student")
    (sqlite_api.trac.folder / "conf" / "htpasswd").unlink()
    guest = await log_in(sqlite_api.anybody, "guest", "guest-password")

    assert guest.status == 200
    assert (await refresh(sqlite_api.anybody, guest["refresh_token"])).status == 200


async def test_its_password_is_kept_as_an_argon2_hash_only(sqlite_api: Api) -> None:
    await add(sqlite_api, "guest", "guest-password", "student")
    ((stored,),) = await rows(sqlite_api, "SELECT password_hash FROM local_account")

    assert stored.startswith("$argon2id$")
    assert "guest-password" not in stored


def test_a_hash_is_of_one_password() -> None:
    kept = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("pass\ud800".encode("utf-8", "surrogatepass"))

    assert service.verify(kept, "pass\ud800")
    assert not service.verify(kept, "pass")
