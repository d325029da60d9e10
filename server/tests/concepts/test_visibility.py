"""What Trac hides from somebody does not exist for them: in no list, count, search, detail, prerequisite or path."""

import pytest

from tests.concepts.trac_edits import by_sql, detail, titles
from tests.conftest import Api, Person, TracCopy, eventually, serving

HIDDEN = (404, "NOT_FOUND")
METHODS = "[ticket:3]\nivan = TICKET_VIEW\n* = !TICKET_VIEW\n"
ALL_IN_THREES = METHODS.replace("ticket:3", "ticket:*3@*")
ONLY_EXTRAS = "[ticket:6]\n* = TICKET_VIEW\n\n[*]\nivan = TICKET_VIEW\n* = !TICKET_VIEW\n"


def use_authz(trac: TracCopy, text: str) -> None:
    file = trac.folder / "conf" / "authz.conf"
    file.write_text(text)
    trac.set_option("trac", "permission_policies", "AuthzPolicy, DefaultPermissionPolicy")
    trac.set_option("authz_policy", "authz_file", str(file))


async def ids(person: Person, **filters: str) -> list[int]:
    answer = await person.get("/concepts", **filters)
    found = [concept["id"] for concept in answer["concepts"]]
    assert answer["total"] == len(found)
    return found


async def test_without_ticket_view_there_is_nothing(api: Api) -> None:
    alice = await api.sign_in("alice")
    assert len(await ids(api.anybody)) == 6
    await by_sql(
        api.trac,
        "DELETE FROM permission WHERE username = 'anonymous' AND action = 'TICKET_VIEW'",
        "INSERT INTO permission (username, action) VALUES ('authenticated', 'TICKET_VIEW')",
    )
    api.parts.trac._permissions_due = 0  # as if five seconds were over

    async def nothing() -> bool:
        return not await ids(api.anybody)

    await eventually(nothing)
    assert (await api.anybody.get("/concepts/1")).error == HIDDEN
    assert await ids(api.anybody, q="http") == []
    assert await ids(api.anybody, status="new", sort="-title") == []
    assert len(await ids(alice)) == 6
    assert (await alice.get("/concepts/1")).status == 200


@pytest.mark.parametrize("rules", [METHODS, ALL_IN_THREES], ids=["by number", "by pattern"])
async def test_a_single_ticket_is_hidden_everywhere(trac_copy: TracCopy, rules: str) -> None:
    use_authz(trac_copy, rules)
    async with serving(trac_copy) as api:
        alice, ivan = await api.sign_in("alice"), await api.sign_in("ivan")
        for person in (api.anybody, alice):
            assert await ids(person) == [1, 2, 4, 5, 6]
            assert await ids(person, q="methods") == []
            assert await ids(person, component="http") == [1, 5]
            assert (await person.get("/concepts/3")).error == HIDDEN
            listed = {item["id"]: item["prerequisites"] for item in (await person.get("/concepts"))["concepts"]}
            assert (listed[4], listed[5]) == ([2], [])
            assert [item["id"] for item in (await person.get("/concepts/4"))["prerequisites"]] == [2]
        assert await ids(ivan) == [1, 2, 3, 4, 5, 6]
        assert (await ivan.get("/concepts", component="http"))["total"] == 3
        assert [item["id"] for item in (await ivan.get("/concepts/4"))["prerequisites"]] == [2, 3]

        assert (await alice.post("/concepts/3/start", {})).error == HIDDEN
        assert await unlocked_by_the_first(alice) == []
        assert await unlocked_by_the_first(ivan) == [3]


async def unlocked_by_the_first(person: Person) -> list[int]:
    begun = await person.post("/concepts/1/start", {})
    return list((await person.post("/concepts/1/complete", {"session_id": begun["session_id"]}))["next_concepts"])


async def test_a_learner_with_statuses_sees_only_those_that_are_shown(trac_copy: TracCopy) -> None:
    async with serving(trac_copy) as api:
        alice = await api.sign_in("alice")
        for concept_id in (1, 3):
            begun = await alice.post(f"/concepts/{concept_id}/start", {})
        assert (await ids(alice, status="learning"), await ids(alice, status="new")) == ([1, 3], [2, 4, 5, 6])
        use_authz(trac_copy, METHODS)

        async def hidden() -> bool:
            return await ids(alice, status="learning") == [1]

        await eventually(hidden)
        assert await ids(alice, status="new") == [2, 4, 5, 6]
        assert (await alice.post("/concepts/3/complete", {"session_id": begun["session_id"]})).error == HIDDEN


async def test_only_what_is_named_is_seen(trac_copy: TracCopy) -> None:
    use_authz(trac_copy, ONLY_EXTRAS)
    async with serving(trac_copy) as api:
        assert await titles(api) == ["Café extras"]
        assert (await detail(api, 6))["title"] == "Café extras"
        assert (await api.anybody.get("/concepts/1")).error == HIDDEN
        assert len(await ids(await api.sign_in("ivan"))) == 6

        use_authz(trac_copy, "nonsense")

        async def nothing() -> bool:
            return await titles(api) == []

        await eventually(nothing)
        assert (await api.anybody.get("/status"))["services"]["trac"] == "degraded"
