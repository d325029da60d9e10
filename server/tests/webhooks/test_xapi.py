"""Events as xAPI statements, in a real learning record store: Ralph."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from learntrac.webhooks.outbox import announce
from learntrac.webhooks.service import keep_store
from learntrac.webhooks.statements import TOLD, Told, statement
from tests.conftest import TracCopy, eventually, serving
from tests.mastery.answering import answer_as
from tests.webhooks import ralph
from tests.webhooks.receiving import inbox, reply
from tests.webhooks.test_webhooks import at_once

HOME = "https://learn.example.org"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ralph.Ralph]:
    """A store for one test: kept in a file, it takes no second batch of anything new."""
    with ralph.running(tmp_path / "ralph") as running:
        yield running


@pytest.mark.service("ralph")
async def test_a_store_is_told_what_learners_do_and_counts_nothing_twice(
    trac_copy: TracCopy, store: ralph.Ralph
) -> None:
    settings: dict[str, Any] = {"xapi_endpoint": store.endpoint, "xapi_key": ralph.KEY, "xapi_secret": ralph.SECRET}
    async with serving(trac_copy, public_url=HOME, **settings) as api:
        alice = await api.sign_in("alice")
        begun = await alice.post("/concepts/1/start", {})
        await answer_as(api, "alice", 1, 1, 1)
        await alice.post("/concepts/1/complete", {"session_id": begun["session_id"], "time_spent": 0})
        await answer_as(api, "alice", 2, 0, 0, 0)
        async with api.parts.database.begin() as session:
            grade = {"user_id": "alice", "exercise_id": "ex-1", "concept_id": 1, "score": 8, "max_score": 10}
            await announce(session, "exercise.submitted", grade, now=api.clock(), user_id="alice")
            await announce(session, "milestone.achieved", {"user_id": "alice", "milestone": "Basics"}, now=api.clock())
        await api.parts.deliverer.drain()
        # As after a crash between the store's answer and our note of it.
        async with api.parts.database.begin() as session:
            await session.execute(text("UPDATE webhook_delivery SET status = 'pending'"))

        async def everything_is_told() -> bool:
            await api.parts.deliverer.drain()
            left = "SELECT id FROM webhook_delivery WHERE status <> 'delivered'"
            return not await api.parts.database.hot.slow_rows(left)

        await eventually(everything_is_told, within_seconds=60)  # a store that is slow is asked again
        told = await api.parts.database.hot.slow_rows("SELECT id, event FROM webhook_event")

    kept = store.statements()
    assert sorted(one["id"] for one in kept) == sorted(row[0] for row in told)
    assert {row[1] for row in told} == set(TOLD)
    words = {one["verb"]["display"]["en-US"] for one in kept}
    assert words == {"initialized", "mastered", "earned", "completed", "failed", "attempted"}
    assert {one["actor"]["account"]["name"] for one in kept} == {"alice"}
    [mastered] = [one for one in kept if one["verb"]["id"].endswith("/mastered")]
    assert mastered["object"]["id"] == f"{HOME}/ticket/1"
    assert mastered["object"]["definition"]["name"] == {"und": "HTTP messages"}
    assert mastered["result"] == {"score": {"scaled": 0.815}, "success": True}
    [attempted] = [one for one in kept if one["verb"]["id"].endswith("/attempted")]
    assert attempted["result"]["score"] == {"scaled": 0.8, "raw": 8, "min": 0, "max": 10}


async def test_one_bad_statement_does_not_hold_up_the_others(trac_copy: TracCopy) -> None:
    """The store refuses the batch, then each alone: 409 is told already, 400 waits for its next try."""
    answers = [reply(400, b"no"), reply(200), reply(409), reply(400)]
    async with inbox(*answers) as receiver:
        settings: dict[str, Any] = {"xapi_endpoint": receiver.url, "xapi_key": "k", "xapi_secret": "a-secret"}
        async with serving(trac_copy, **settings) as api:
            for number in range(3):
                async with api.parts.database.begin() as session:
                    data = {"user_id": "alice", "concept_id": number + 1}
                    await announce(session, "concept.mastered", data, now=api.clock())
            await api.parts.deliverer.drain()
            rows = await api.parts.database.hot.slow_rows("SELECT status FROM webhook_delivery ORDER BY id")
            admin, ivan = await api.sign_in("admin"), await api.sign_in("ivan")
            [hook] = (await admin.get("/webhooks"))["webhooks"]
            deliveries = (await admin.get(f"/webhooks/{hook['webhook_id']}/deliveries"))["deliveries"]
            mine = await ivan.get("/webhooks")
            kept = await admin.send("DELETE", f"/webhooks/{hook['webhook_id']}")

    assert [len(got.json) for got in receiver.got] == [3, 1, 1, 1]
    assert receiver.got[0].headers["x-experience-api-version"] == "2.0.0"
    assert [row[0] for row in rows] == ["delivered", "delivered", "pending"]
    assert deliveries[0]["attempts"][0]["request_headers"]["authorization"] == "***"
    assert mine["total"] == 0, "it is the operator's"
    assert kept.error == (404, "NOT_FOUND"), "it is there as long as the setting is"


async def test_without_the_setting_nothing_more_is_told(trac_copy: TracCopy) -> None:
    async with inbox() as receiver:
        async with serving(trac_copy, xapi_endpoint=receiver.url, xapi_key="k", xapi_secret="a-secret"):
            pass
        async with serving(trac_copy) as api:
            await answer_as(api, "alice", 1, 1, 1)
            await api.parts.deliverer.drain()
            assert await api.parts.database.hot.slow_rows("SELECT id FROM webhook_event") == []
        async with serving(trac_copy, xapi_endpoint=receiver.url, xapi_key="k", xapi_secret="a-secret") as api:
            await answer_as(api, "bob", 1, 1, 1)
            await api.parts.deliverer.drain()

    assert {one["actor"]["account"]["name"] for got in receiver.got for one in got.json} == {"bob"}


async def test_a_store_that_stays_is_one_and_another_takes_its_place(trac_copy: TracCopy) -> None:
    kept = []
    for url in ("https://one.example.org", "https://one.example.org", "https://two.example.org"):
        async with serving(trac_copy, xapi_endpoint=url, xapi_key="k", xapi_secret="a-secret") as api:
            admin = await api.sign_in("admin")
            hooks = (await admin.get("/webhooks"))["webhooks"]
            kept.append({hook["url"]: hook["status"] for hook in hooks})

    one, two = "https://one.example.org/statements", "https://two.example.org/statements"
    assert kept == [{one: "active"}, {one: "active"}, {one: "paused", two: "active"}]


async def test_two_servers_that_start_at_once_keep_one_store(trac_copy: TracCopy) -> None:
    async with serving(trac_copy) as api:

        async def keep() -> None:
            async with api.parts.database.begin() as session:
                await keep_store(session, url="https://one.example.org/statements", now=api.clock())

        await at_once(api, keep)
        [row] = await api.parts.database.hot.rows("SELECT status FROM webhook")

    assert row[0] == "active"


def test_a_concept_that_is_gone_has_its_number() -> None:
    told = Told("id", "concept.started", {"user_id": "alice", "concept_id": 7}, 0)
    made = statement(told, home=HOME, titles={})

    assert made["object"]["definition"]["name"] == {"und": "Concept 7"}
    assert "result" not in made
    assert made["timestamp"] == "1970-01-01T00:00:00Z"


def test_time_spent_is_a_duration() -> None:
    data = {"user_id": "alice", "concept_id": 7, "mastery_score": 0.5, "time_spent": 7200}
    made = statement(Told("id", "concept.completed", data, 0), home=HOME, titles={7: "Seven"})

    assert made["result"] == {"score": {"scaled": 0.5}, "duration": "PT7200S", "completion": True}
