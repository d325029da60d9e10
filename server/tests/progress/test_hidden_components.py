"""A component is known from its tickets only: one whose tickets Trac hides from the caller is named nowhere."""

import pytest

from tests.concepts.test_visibility import METHODS, use_authz
from tests.conftest import Api, Person, TracCopy, serving
from tests.progress.studying import RIGHT, WRONG, days_ago, study

MESSAGES, FUNCTIONS, HANDLERS = 1, 2, 4
ONLY_HTTP = "[ticket:2]\nivan = TICKET_VIEW\n* = !TICKET_VIEW\n\n[ticket:4]\nivan = TICKET_VIEW\n* = !TICKET_VIEW\n"
BY_PATTERN = METHODS.replace("ticket:3", "ticket:[24]@*")
NOTHING = "[*]\nivan = TICKET_VIEW\n* = !TICKET_VIEW\n"


async def alice_learns(api: Api) -> None:
    """She is good at functions, which are Python, and bad at messages, which are HTTP."""
    await study(api, "alice", FUNCTIONS, days_ago(api, 3), RIGHT, RIGHT, RIGHT)
    await study(api, "alice", MESSAGES, days_ago(api, 2), WRONG, WRONG)


async def profile(person: Person) -> tuple[list[str], list[str], str]:
    """(strengths, areas for improvement, level) as the caller's own profile names them."""
    found = (await person.get("/auth/me"))["learning_profile"]
    return found["strengths"], found["areas_for_improvement"], found["level"]


async def areas(person: Person, user_id: str) -> list[str]:
    """The components among somebody's strengths, as this person is told of them."""
    return [line["area"] for line in (await person.get(f"/progress/{user_id}"))["strengths"]]


async def test_what_nobody_hides_is_named(api: Api) -> None:
    await alice_learns(api)
    alice = await api.sign_in("alice")

    assert await profile(alice) == (["python"], ["http"], "intermediate")
    assert await areas(alice, "alice") == ["python"]


@pytest.mark.parametrize("rules", [ONLY_HTTP, BY_PATTERN], ids=["by number", "by pattern"])
async def test_a_component_of_hidden_tickets_is_not_named(trac_copy: TracCopy, rules: str) -> None:
    use_authz(trac_copy, rules)
    async with serving(trac_copy) as api:
        await alice_learns(api)
        alice, ivan = await api.sign_in("alice"), await api.sign_in("ivan")

        assert await profile(alice) == ([], ["http"], "beginner")
        assert await areas(alice, "alice") == []
        assert "python" not in str((await alice.get("/progress")).body).lower()
        assert (await alice.get("/concepts", component="python"))["total"] == 0
        assert await areas(ivan, "alice") == ["python"], "to whoever may view the tickets nothing changes"


async def test_where_nothing_may_be_viewed_nothing_is_said(trac_copy: TracCopy) -> None:
    use_authz(trac_copy, NOTHING)
    async with serving(trac_copy) as api:
        await alice_learns(api)
        alice = await api.sign_in("alice")

        assert await profile(alice) == ([], [], "beginner")
        assert await areas(alice, "alice") == []


async def test_an_area_counts_the_tickets_that_are_shown(trac_copy: TracCopy) -> None:
    use_authz(trac_copy, METHODS.replace("ticket:3", "ticket:2"))
    async with serving(trac_copy) as api:
        await alice_learns(api)
        await study(api, "alice", HANDLERS, days_ago(api, 1), WRONG, RIGHT)
        alice = await api.sign_in("alice")

        assert await profile(alice) == ([], ["http", "python"], "beginner")
