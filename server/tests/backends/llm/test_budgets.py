"""The ceilings hold: by user, day and month, over all who ask at once, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from learntrac.backends.llm import BudgetSpent
from learntrac.backends.llm.budgets import Budgets, Ceilings, Spent, forget_old
from learntrac.kit.db import Database
from learntrac.schema import migrate
from tests.backends.llm.conftest import PLENTY, PROMPT, make_provider
from tests.backends.llm.protocols import ChatCompletions, Count, words_of
from tests.backends.llm.wire import wire_server
from tests.conftest import Clock
from tests.environments import Postgres

TIGHT = Ceilings(user_day=100, day=250, month=400, user_day_tokens=10**6)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database with our tables, of each kind in turn."""
    url = f"sqlite:///{tmp_path}/learntrac.db"
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        postgres.create_database("spending")
        url = postgres.url("spending", "plain")
    database = Database(url)
    await migrate(database)
    yield database
    await database.close()
    if request.param == "postgresql":
        postgres.drop_database("spending")


async def reserve(budgets: Budgets, user_id: str | None, micro_usd: int, tokens: int = 1) -> bool:
    """Whether it was allowed."""
    try:
        await budgets.reserve(user_id, tokens=tokens, micro_usd=micro_usd)
    except BudgetSpent:
        return False
    return True


async def test_each_ceiling_refuses_and_says_which_it_is(database: Database) -> None:
    clock = Clock()
    budgets = Budgets(database, clock, TIGHT)

    for user in ("alice", "bob"):
        await budgets.reserve(user, tokens=1, micro_usd=100)
    with pytest.raises(BudgetSpent, match="does not answer") as refused:
        await budgets.reserve("alice", tokens=1, micro_usd=1)
    assert refused.value.ceiling == "user_day"
    await budgets.reserve("carol", tokens=1, micro_usd=50)
    with pytest.raises(BudgetSpent) as refused:
        await budgets.reserve("carol", tokens=1, micro_usd=1)
    assert refused.value.ceiling == "day"
    with pytest.raises(BudgetSpent) as refused:
        await Budgets(database, clock, replace(TIGHT, day=1000, month=300)).reserve("dave", tokens=1, micro_usd=51)
    assert refused.value.ceiling == "month"
    clock.forward(days=1)
    assert await budgets.today() == Spent()


async def test_what_is_refused_is_counted_nowhere(database: Database) -> None:
    budgets = Budgets(database, Clock(), TIGHT)

    assert not await reserve(budgets, "alice", 101)
    assert await budgets.today() == await budgets.this_month() == await budgets.today("alice") == Spent()


async def test_tokens_have_a_ceiling_where_a_model_costs_nothing(database: Database) -> None:
    budgets = Budgets(database, Clock(), replace(TIGHT, user_day_tokens=10))

    allowed = [await reserve(budgets, "alice", 0, tokens=4) for _ in range(4)]

    assert allowed == [True, True, False, False]
    assert await reserve(budgets, "bob", 0, tokens=10)
    assert await reserve(budgets, None, 0, tokens=10**9), "what nobody asked has the site's ceilings only"


async def test_a_settled_call_leaves_room_for_others(database: Database) -> None:
    budgets = Budgets(database, Clock(), TIGHT)

    reserved = await budgets.reserve("alice", tokens=50, micro_usd=100)
    await budgets.settle(reserved, tokens=7, micro_usd=30)
    assert await budgets.today("alice") == Spent(1, 7, 30)
    await budgets.release(await budgets.reserve("alice", tokens=50, micro_usd=70))
    assert await budgets.today("alice") == await budgets.today() == Spent(1, 7, 30)


async def test_a_call_over_midnight_is_settled_where_it_was_reserved(database: Database) -> None:
    clock = Clock()
    budgets = Budgets(database, clock, TIGHT)
    yesterday = await budgets.reserve("alice", tokens=50, micro_usd=100)

    clock.forward(days=1)
    await budgets.settle(yesterday, tokens=5, micro_usd=10)

    assert await budgets.today("alice") == Spent()
    assert await reserve(budgets, "alice", 100)


async def test_a_hundred_at_once_in_two_processes_stay_under_the_ceiling(database: Database) -> None:
    other = Database(database.url.render_as_string(hide_password=False))
    both = [Budgets(database, Clock(), TIGHT), Budgets(other, Clock(), TIGHT)]

    allowed = await asyncio.gather(*(reserve(both[n % 2], f"user-{n % 10}", 7) for n in range(100)))

    assert sum(allowed) == 250 // 7
    assert (await both[0].today()).micro_usd == sum(allowed) * 7
    await other.close()


async def test_old_spending_is_forgotten(database: Database) -> None:
    clock = Clock()
    budgets = Budgets(database, clock, TIGHT)
    await budgets.reserve("alice", tokens=1, micro_usd=1)

    clock.forward(days=500)
    async with database.begin() as session:
        await forget_old(session, now=clock())

    clock.forward(days=-500)
    assert await budgets.today("alice") == await budgets.this_month() == Spent()


async def test_a_provider_that_counts_sees_no_more_than_the_ceiling(budgets: Budgets) -> None:
    """A hundred calls at once, of which a few have room; what the provider counted is what it was paid for."""
    one_call = 10 * 2 + 20 * 8
    ceilings = replace(PLENTY, day=20_000)
    async with wire_server() as server:
        speaks = ChatCompletions()
        provider = make_provider(speaks, server, Budgets(budgets._database, Clock(), ceilings))
        provider.will(words_of(speaks, "Over.", count=Count(read=10, made=20)))

        async def ask(number: int) -> bool:
            try:
                async with provider.model.stream(PROMPT, user_id=f"user-{number}") as stream:
                    return bool([delta async for delta in stream])
            except BudgetSpent:
                return False

        answered = sum(await asyncio.gather(*(ask(number) for number in range(100))))

        assert 1 <= answered == len(server.received)
        assert len(server.received) * one_call <= ceilings.day
        assert (await budgets.today()).micro_usd == answered * one_call
        await provider.model.close()


async def test_a_model_that_says_nothing_of_its_tokens_took_all_that_was_reserved(budgets: Budgets) -> None:
    async with wire_server() as server:
        speaks = ChatCompletions()
        provider = make_provider(speaks, server, budgets)
        provider.will(words_of(speaks, "Over.", count=Count(0, 0, 0)))

        async with provider.model.stream(PROMPT, user_id="alice") as stream:
            assert [delta async for delta in stream] == ["Over."]

        spent = await budgets.today("alice")
        assert stream.usage.micro_usd == spent.micro_usd > 200 * 8
        await provider.model.close()


async def test_a_model_that_lies_about_its_tokens_breaks_nothing(budgets: Budgets) -> None:
    async with wire_server() as server:
        speaks = ChatCompletions()
        provider = make_provider(speaks, server, budgets)
        provider.will(words_of(speaks, "Over.", count=Count(read=2**70, made=1)))

        async with provider.model.stream(PROMPT, user_id="alice") as stream:
            assert [delta async for delta in stream] == ["Over."]

        assert (await budgets.today("alice")).tokens == 10**9 + 1
        await provider.model.close()
