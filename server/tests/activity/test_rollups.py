"""Rollups through the database: brought up to date bit by bit they are what they are when made anew."""

import random
from typing import Any

import pytest
from sqlalchemy import text

from learntrac.activity import service
from learntrac.activity.jobs import alone_with_rollups, tasks
from tests.conftest import Api
from tests.progress.studying import RIGHT, WRONG, begin, days_ago, study

TABLES = ("activity_day", "day_total", "window_change", "concept_window", "learner_total")
KEYS = {"user_id", "day", "concept_id", "timeframe"}


async def rollups(api: Api) -> dict[str, list[str]]:
    """Every row but those of nothing."""
    found = {}
    async with api.parts.database.read() as session:
        for table in TABLES:
            rows = [dict(row) for row in (await session.execute(text(f"SELECT * FROM {table}"))).mappings()]
            found[table] = sorted(
                repr(sorted(row.items())) for row in rows if any(value for key, value in row.items() if key not in KEYS)
            )
    return found


async def anew(api: Api) -> dict[str, list[str]]:
    await service.rebuild(api.parts.database, now=api.clock())
    return await rollups(api)


async def some_learning(api: Api, dice: random.Random, *names: str) -> None:
    for name in names:
        concept, ago = dice.choice([1, 2, 3, 6]), dice.choice([0.1, 0.2, 3, 8, 40, 200, 500])
        outcomes = [dice.choice([RIGHT, WRONG, 0.5]) for _ in range(dice.randrange(4))]
        await study(api, name, concept, days_ago(api, ago), *outcomes, abandon=dice.random() < 0.2)


@pytest.mark.parametrize("seed", [1, 2])
async def test_bit_by_bit_is_the_same_as_anew(api: Api, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Late events, days that turn, sessions that end later and reading in small parts included."""
    monkeypatch.setattr(service, "EVENTS_AT_ONCE", 3)
    monkeypatch.setattr(service, "LEARNERS_IN_A_TRANSACTION", 1)
    dice = random.Random(seed)
    for turn in range(5):
        await some_learning(api, dice, "alice", "bob")
        if turn == 2:
            await begin(api, "alice", 4, api.clock())
        if turn % 2:
            await service.keep_up(api.parts.database, now=api.clock())
        else:
            await service.roll_up(api.parts.database, now=api.clock())
        api.clock.forward(days=dice.choice([0, 1, 6, 33]))
    await service.roll_up(api.parts.database, now=api.clock())

    bit_by_bit = await rollups(api)

    assert bit_by_bit == await anew(api)
    assert all(bit_by_bit.values())


async def test_rolling_up_again_changes_nothing(api: Api) -> None:
    await study(api, "alice", 1, days_ago(api, 1), RIGHT, WRONG)
    await service.roll_up(api.parts.database, now=api.clock())
    once = await rollups(api)

    await service.roll_up(api.parts.database, now=api.clock())
    api.clock.forward(minutes=11)
    await service.roll_up(api.parts.database, now=api.clock())

    assert await rollups(api) == once


async def test_an_event_that_is_committed_after_one_with_a_higher_number_is_read(api: Api) -> None:
    """As two transactions do that overlap: the one that drew its number first ends last."""
    await study(api, "alice", 1, days_ago(api, 1), RIGHT)
    async with api.parts.database.begin() as session:
        await session.execute(text("UPDATE learning_event SET id = id + 100"))
    await service.roll_up(api.parts.database, now=api.clock())
    async with api.parts.database.begin() as session:
        await session.execute(
            text(
                "INSERT INTO learning_event (id, user_id, concept_id, kind, seconds, data, at)"
                " SELECT 1, 'bob', concept_id, kind, seconds, data, at FROM learning_event WHERE kind = 'started'"
            )
        )
    api.clock.forward(minutes=5)

    await service.roll_up(api.parts.database, now=api.clock())

    assert any("bob" in row for row in (await rollups(api))["activity_day"])
    assert await rollups(api) == await anew(api)


async def test_a_log_that_was_there_before_is_rolled_up_by_the_first_job(api: Api) -> None:
    await study(api, "alice", 1, days_ago(api, 1), RIGHT)
    async with api.parts.database.begin() as session:  # as the migration leaves it beside a log
        await session.execute(text("UPDATE activity_state SET is_whole = false"))
    assert await service.keep_up(api.parts.database, now=api.clock()) >= 0
    assert not any((await rollups(api)).values())

    (task,) = tasks(api.parts.database, clock=api.clock)
    await task.handler({})

    assert len((await rollups(api))["activity_day"]) == 1


async def test_a_reader_waits_for_a_few_events_and_for_no_more(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await study(api, "alice", 1, days_ago(api, 1), RIGHT)
    monkeypatch.setattr(service, "EVENTS_AT_ONCE", 1)
    await service.keep_up(api.parts.database, now=api.clock())
    assert not any((await rollups(api)).values())

    monkeypatch.setattr(service, "EVENTS_AT_ONCE", 300)
    await service.keep_up(api.parts.database, now=api.clock())

    assert await rollups(api) == await anew(api)


async def test_after_a_long_silence_everything_is_made_anew(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "ANEW_FROM_EVENTS", 2)
    await study(api, "alice", 1, days_ago(api, 1), RIGHT)

    await service.roll_up(api.parts.database, now=api.clock())

    assert (await rollups(api)) == await anew(api)


async def test_making_anew_begins_its_sums_again_when_somebody_changes_a_row_meanwhile(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await study(api, "alice", 1, days_ago(api, 1), RIGHT)
    await study(api, "bob", 1, days_ago(api, 1), RIGHT)
    await service.roll_up(api.parts.database, now=api.clock())
    calls: list[int] = []
    add_up = service._add_up

    async def add_up_while_bob_goes(*args: Any) -> Any:
        shares = await add_up(*args)
        if not calls:
            async with api.parts.database.begin() as session:
                await service.forget_learner(session, user_id="bob")
        calls.append(1)
        return shares

    monkeypatch.setattr(service, "_add_up", add_up_while_bob_goes)
    await service.rebuild(api.parts.database, now=api.clock())

    assert len(calls) == 2
    async with api.parts.database.read() as session:
        assert (await session.execute(text("SELECT sum(completed_last) FROM day_total"))).scalar_one() == 1


async def test_only_one_at_a_time(api: Api) -> None:
    await study(api, "alice", 1, days_ago(api, 1), RIGHT)
    (task,) = tasks(api.parts.database, clock=api.clock)
    async with alone_with_rollups(api.parts.database):
        await task.handler({})
        assert not any((await rollups(api)).values())

    await task.handler({})

    assert any((await rollups(api)).values())
