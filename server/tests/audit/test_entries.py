"""What is written into the audit log, and what is not."""

import orjson
import pytest

from learntrac.audit.service import forget_old, record
from learntrac.main import all_tasks
from learntrac.operations import add_user, remove_user
from tests.accounts.helpers import from_address, log_in, refresh, stay_within_one_window
from tests.audit.looking import acts, entries
from tests.conftest import Api, Clock, TracCopy, make_settings, serving


async def test_a_sign_in_is_kept_with_its_request_and_address(api: Api) -> None:
    async with from_address(api, "192.0.2.7") as elsewhere:
        await log_in(elsewhere, "alice", headers={"X-Request-ID": "my-request"})

    (entry,) = await entries(api)
    assert (entry.actor, entry.action, entry.subject) == ("alice", "login.ok", "alice")
    assert (entry.request_id, entry.address, entry.details) == ("my-request", "192.0.2.7", "{}")


async def test_a_sign_in_that_is_sent_again_is_one(api: Api) -> None:
    for _ in range(2):
        assert (await log_in(api.anybody, "alice", headers={"Idempotency-Key": "one"})).status == 200

    assert await acts(api) == [("alice", "login.ok", "alice")]


async def test_an_instructors_look_is_kept_and_learners_own_looks_are_not(api: Api) -> None:
    alice, ivan = await api.sign_in("alice"), await api.sign_in("ivan")
    for path in ("/progress", "/progress/alice", "/progress/history", "/auth/me", "/concepts", "/concepts/1"):
        assert (await alice.get(path)).status == 200
    assert (await alice.get("/progress/bob")).status == 403
    assert (await ivan.get("/progress/ivan")).status == 200
    assert (await ivan.get("/progress/nobody")).status == 404
    assert await acts(api, "progress.") == []

    assert (await ivan.get("/progress/alice")).status == 200
    assert await acts(api, "progress.") == [("ivan", "progress.view", "alice")]


async def test_an_instructors_look_at_achievements_is_recorded_and_ones_own_is_not(api: Api) -> None:
    ivan, alice = await api.sign_in("ivan"), await api.sign_in("alice")
    looks = [(alice, "alice", 200), (alice, "ivan", 403), (ivan, "ivan", 200), (ivan, "nobody", 404)]
    for person, whose, status in looks:
        assert (await person.get("/adaptive/achievements", user_id=whose)).status == status
    assert await acts(api, "achievements.") == []

    assert (await ivan.get("/adaptive/achievements", user_id="alice")).status == 200
    assert await acts(api, "achievements.") == [("ivan", "achievements.view", "alice")]


async def test_who_cannot_be_recorded_sees_nothing(trac_copy: TracCopy) -> None:
    async with serving(trac_copy) as api:
        ivan = await api.sign_in("ivan")
        async with api.parts.database.administer() as connection:
            await connection.exec_driver_sql("DROP TABLE audit_entry")

        answer = await ivan.get("/progress/alice")
        assert answer.status == 500
        assert "overall_progress" not in str(answer.body)


async def test_guessing_is_kept_once_and_single_wrong_passwords_are_not(api: Api) -> None:
    await stay_within_one_window(300)
    for number in range(10):
        assert await acts(api) == []
        await log_in(api.anybody, "alice", f"guess {number}")
    for number in range(5):
        assert (await log_in(api.anybody, "alice", f"more {number}")).status == 429

    (entry,) = await entries(api)
    assert (entry.actor, entry.action, entry.subject) == ("system", "login.blocked", "alice")
    assert entry.address == "127.0.0.1"


async def test_a_copied_refresh_token_is_kept(trac_copy: TracCopy) -> None:
    async with serving(trac_copy, refresh_rotation=True) as api:
        first = await log_in(api.anybody, "alice")
        await refresh(api.anybody, first["refresh_token"])
        api.clock.forward(seconds=11)
        for _ in range(2):
            assert (await refresh(api.anybody, first["refresh_token"])).status == 401

        assert await acts(api, "login.copied") == [("system", "login.copied", "alice")]


async def test_accounts_of_learntracs_own_come_and_go_with_an_entry(trac_copy: TracCopy) -> None:
    settings = make_settings(trac_copy.folder)
    await add_user(settings, name="zoe", role="instructor", password="long enough")
    assert await remove_user(settings, name="zoe")
    assert not await remove_user(settings, name="zoe"), "what was not there leaves no entry"

    async with serving(trac_copy) as api:
        added, removed = await entries(api)
        assert (added.actor, added.action, added.subject) == ("cli", "account.add", "zoe")
        assert orjson.loads(added.details) == {"role": "instructor"}
        assert (removed.actor, removed.action, removed.subject) == ("cli", "account.remove", "zoe")


@pytest.mark.parametrize("name", ["cli", "system"])
async def test_no_account_is_called_like_those_who_are_no_users(trac_copy: TracCopy, name: str) -> None:
    with pytest.raises(ValueError, match="take another name"):
        await add_user(make_settings(trac_copy.folder), name=name, role="student", password="long enough")


async def test_an_address_is_cut_to_what_the_table_holds(api: Api) -> None:
    async with from_address(api, "f" * 300) as elsewhere:
        assert (await log_in(elsewhere, "alice")).status == 200

    (entry,) = await entries(api)
    assert entry.address == "f" * 64


async def test_an_entry_goes_with_the_change_it_tells_of(api: Api) -> None:
    async def change_in_vain() -> None:
        async with api.parts.database.begin() as session:
            await record(session, actor="ivan", action="something.change", subject="alice", now=api.clock())
            raise LookupError

    with pytest.raises(LookupError):
        await change_in_vain()

    assert await acts(api) == []


async def test_old_entries_are_forgotten(api: Api) -> None:
    await api.sign_in("alice")
    api.clock.forward(days=200)
    await api.sign_in("bob")
    api.clock.forward(days=200)
    async with api.parts.database.begin() as session:
        await forget_old(session, now=api.clock(), days=365)

    assert await acts(api) == [("bob", "login.ok", "bob")]


async def test_house_keeping_forgets_them_after_the_days_that_are_set(trac_copy: TracCopy) -> None:
    async with serving(trac_copy) as api:
        await api.sign_in("alice")
    later = Clock()
    later.forward(days=29)
    async with serving(trac_copy, later, audit_days=28) as api:
        await api.sign_in("bob")

        await api.parts.queue.drain(all_tasks(api.parts), periodic=True)

        assert await acts(api) == [("bob", "login.ok", "bob")]
