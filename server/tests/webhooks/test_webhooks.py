"""Webhooks through their doors, on both databases."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, get_args

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.main import all_tasks
from learntrac.webhooks.events import EVENTS
from learntrac.webhooks.schemas import EventName, WebhookRequest
from learntrac.webhooks.service import Owner, WebhookExists, register
from tests.conftest import Api, Person
from tests.webhooks.receiving import inbox, reply

HOOK: dict[str, Any] = {
    "url": "https://example.com/webhook",
    "events": ["concept.completed", "milestone.achieved", "user.struggled"],
    "secret": "webhook_secret_key",
    "active": True,
}


async def add(person: Person, url: str, *events: str, **more: Any) -> str:
    answer = await person.post("/webhooks", {"url": url, "events": list(events or EVENTS), **more})
    assert answer.status == 201, answer.body
    return str(answer["webhook_id"])


async def deliveries(person: Person, hook: str, **query: Any) -> Any:
    return (await person.get(f"/webhooks/{hook}/deliveries", **query)).body["deliveries"]


async def at_once(api: Api, work: Callable[[], Coroutine[Any, Any, None]]) -> Sequence[BaseException | None]:
    """Do this twice, the second time while the first is not committed yet; what came of both."""
    begun, go_on, database = asyncio.Event(), asyncio.Event(), api.parts.database
    begin = database.begin

    @asynccontextmanager
    async def slowly() -> AsyncIterator[AsyncSession]:
        async with begin() as session:
            yield session
            begun.set()
            await go_on.wait()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(database, "begin", slowly)
        first = asyncio.create_task(work())
        await begun.wait()
    second = asyncio.create_task(work())
    await asyncio.sleep(0.3)
    assert not second.done(), "it waits for the first"
    go_on.set()
    return await asyncio.gather(first, second, return_exceptions=True)


def test_the_schema_names_the_events_that_there_are() -> None:
    assert get_args(EventName) == EVENTS


class TestRegistering:
    async def test_as_the_specification_shows_it(self, hooked: Api) -> None:
        answer = await (await hooked.sign_in("ivan")).post("/webhooks", HOOK)

        assert answer.status == 201
        assert {name: answer[name] for name in ("webhook_id", "url", "events", "status")} == {
            "webhook_id": "webhook-1",
            "url": HOOK["url"],
            "events": HOOK["events"],
            "status": "active",
        }
        assert answer["created_at"].endswith("Z")
        assert answer["secret"] is None, "the caller knows it"

    async def test_a_secret_is_made_and_told_once(self, hooked: Api) -> None:
        ivan = await hooked.sign_in("ivan")
        answer = await ivan.post("/webhooks", {"url": HOOK["url"], "events": HOOK["events"]})

        assert answer["secret"].startswith("whsec_")
        assert "secret" not in (await ivan.get("/webhooks/webhook-1")).body
        rows = await hooked.parts.database.hot.rows("SELECT secret FROM webhook")
        assert answer["secret"] not in rows[0][0], "it is kept encrypted"

    async def test_the_same_url_twice_at_once(self, hooked: Api) -> None:
        request = WebhookRequest(**HOOK | {"secret": None})

        async def again() -> None:
            async with hooked.parts.database.begin() as session:
                sealer = hooked.parts.webhook_sealer
                await register(session, owner=Owner("ivan"), request=request, sealer=sealer, now=hooked.clock())

        first, second = await at_once(hooked, again)

        assert first is None
        assert isinstance(second, WebhookExists)

    async def test_the_same_url_twice(self, hooked: Api) -> None:
        ivan, admin = await hooked.sign_in("ivan"), await hooked.sign_in("admin")
        await ivan.post("/webhooks", HOOK)

        for other in (HOOK | {"secret": "another secret"}, {"url": HOOK["url"], "events": HOOK["events"]}):
            assert (await ivan.post("/webhooks", other)).error == (409, "CONFLICT")
        assert (await admin.post("/webhooks", HOOK)).status == 201

    async def test_the_same_again_is_the_same_webhook(self, hooked: Api) -> None:
        ivan = await hooked.sign_in("ivan")
        await ivan.post("/webhooks", HOOK)
        again = await ivan.post("/webhooks", HOOK | {"events": ["export.ready"], "active": False})

        assert (again.status, again["webhook_id"], again["secret"]) == (201, "webhook-1", None)
        assert (again["events"], again["status"]) == (["export.ready"], "paused")
        assert (await ivan.get("/webhooks"))["total"] == 1

    async def test_one_that_was_sealed_with_a_lost_key_is_not_the_same(self, hooked: Api) -> None:
        ivan = await hooked.sign_in("ivan")
        await ivan.post("/webhooks", HOOK)
        async with hooked.parts.database.begin() as session:
            await session.execute(text("UPDATE webhook SET secret = 'lost'"))

        assert (await ivan.post("/webhooks", HOOK)).error == (409, "CONFLICT")

    async def test_sent_again_with_a_key(self, hooked: Api) -> None:
        ivan, key = await hooked.sign_in("ivan"), {"Idempotency-Key": "once"}
        answers = [await ivan.post("/webhooks", HOOK, headers=key) for _ in range(2)]

        assert answers[0].body == answers[1].body
        assert (await ivan.get("/webhooks"))["total"] == 1

    async def test_nobody_needs_more_than_two_thousand(self, hooked: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("learntrac.webhooks.service.MOST_WEBHOOKS", 1)
        ivan = await hooked.sign_in("ivan")
        await ivan.post("/webhooks", HOOK)

        answer = await ivan.post("/webhooks", HOOK | {"url": "https://example.com/other"})
        assert answer.error == (409, "CONFLICT")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"url": "ftp://example.com/"},
            {"url": "https://user:pass@example.com/"},
            {"url": "https://"},
            {"url": "not a url"},
            {"url": ""},
            {"url": "https://example.com/" + "x" * 3000},
            {"url": "https://xn--/"},
            {"url": "https://10.0.0.1/hook"},
            {"url": "https://[::ffff:10.0.0.1]/hook"},
            {"url": "https://0xa.1/hook"},
            {"url": "https://[64:ff9b::a00:1]/hook"},
            {"url": "http://unknown.invalid/hook"},
            {"events": []},
            {"events": ["nothing.happened"]},
            {"events": ["webhook.test"]},
            {"events": ["user.struggled", "user.struggled"]},
            {"events": "user.struggled"},
            {"secret": "short"},
            {"secret": "with a\nbreak in it"},
            {"secret": "whsec_no base64"},
            {"active": "yes"},
            {"url": "https://exa\u0000mple.com/"},
        ],
    )
    async def test_what_is_refused(self, hooked: Api, wrong: dict[str, Any]) -> None:
        ivan = await hooked.sign_in("ivan")

        assert (await ivan.post("/webhooks", HOOK | wrong)).error == (400, "VALIDATION_ERROR")


class TestManaging:
    async def test_each_sees_their_own_and_an_administrator_all(self, hooked: Api) -> None:
        ivan, admin = await hooked.sign_in("ivan"), await hooked.sign_in("admin")
        theirs = await add(admin, "https://example.com/admin")
        mine = await add(ivan, "https://example.com/ivan")

        assert [hook["webhook_id"] for hook in (await ivan.get("/webhooks"))["webhooks"]] == [mine]
        assert [hook["owner"] for hook in (await admin.get("/webhooks"))["webhooks"]] == ["admin", "ivan"]
        assert (await ivan.get(f"/webhooks/{theirs}")).error == (404, "NOT_FOUND")
        assert (await admin.get(f"/webhooks/{mine}"))["url"] == "https://example.com/ivan"

    @pytest.mark.parametrize("name", ["webhook-99", "webhook-0", "webhook-99999999999999999999", "webhook-\uff11"])
    async def test_what_is_not_there(self, hooked: Api, name: str) -> None:
        ivan = await hooked.sign_in("ivan")
        answers = [
            await ivan.get(f"/webhooks/{name}"),
            await ivan.send("PUT", f"/webhooks/{name}", json={}),
            await ivan.send("DELETE", f"/webhooks/{name}"),
            await ivan.post(f"/webhooks/{name}/test"),
            await ivan.post(f"/webhooks/{name}/rotate-secret", {}),
            await ivan.get(f"/webhooks/{name}/deliveries"),
            await ivan.post(f"/webhooks/{name}/deliveries/delivery-1/redeliver"),
        ]

        assert {answer.error for answer in answers} == {(404, "NOT_FOUND")}

    async def test_it_is_changed(self, hooked: Api) -> None:
        ivan = await hooked.sign_in("ivan")
        hook = await add(ivan, HOOK["url"], "user.struggled")
        await add(ivan, "https://example.com/other")

        changed = await ivan.send(
            "PUT", f"/webhooks/{hook}", json={"url": "https://example.com/new", "events": ["export.ready"]}
        )
        assert (changed["url"], changed["events"]) == ("https://example.com/new", ["export.ready"])
        taken = await ivan.send("PUT", f"/webhooks/{hook}", json={"url": "https://example.com/other"})
        assert taken.error == (409, "CONFLICT")
        internal = await ivan.send("PUT", f"/webhooks/{hook}", json={"url": "https://10.0.0.1/"})
        assert internal.error == (400, "VALIDATION_ERROR")

    async def test_one_that_is_paused_hears_nothing_new(self, hooked: Api) -> None:
        ivan = await hooked.sign_in("ivan")
        async with inbox() as receiver:
            hook = await add(ivan, receiver.url, "concept.started", active=False)
            alice = await hooked.sign_in("alice")
            await alice.post("/concepts/1/start", {})
            assert (await ivan.post(f"/webhooks/{hook}/test")).error == (409, "CONFLICT")
            resumed = await ivan.send("PUT", f"/webhooks/{hook}", json={"active": True})
            await alice.post("/concepts/2/start", {})
            await hooked.parts.deliverer.drain()

        assert resumed["status"] == "active"
        assert [got.json["data"]["concept_id"] for got in receiver.got] == [2]

    async def test_it_is_removed_with_its_deliveries(self, hooked: Api) -> None:
        ivan = await hooked.sign_in("ivan")
        async with inbox() as receiver:
            hook = await add(ivan, receiver.url)
            await ivan.post(f"/webhooks/{hook}/test")
            await hooked.parts.deliverer.drain()
            removed = await ivan.send("DELETE", f"/webhooks/{hook}")

        assert removed.body == {"webhook_id": hook, "removed": True}
        for table in ("webhook", "webhook_subscription", "webhook_delivery", "webhook_attempt"):
            assert await hooked.parts.database.hot.slow_rows(f"SELECT 1 FROM {table}") == [], table

    async def test_changes_are_in_the_audit_log(self, hooked: Api) -> None:
        ivan, admin = await hooked.sign_in("ivan"), await hooked.sign_in("admin")
        hook = await add(ivan, HOOK["url"])
        await ivan.send("PUT", f"/webhooks/{hook}", json={"active": False})
        await ivan.post(f"/webhooks/{hook}/rotate-secret", {})
        await ivan.send("DELETE", f"/webhooks/{hook}")

        entries = (await admin.get("/audit", action="webhook."))["entries"]
        assert [(entry["action"], entry["actor"], entry["details"]) for entry in reversed(entries)] == [
            (f"webhook.{verb}", "ivan", {"webhook": 1}) for verb in ("add", "update", "rotate", "remove")
        ]


class TestDeliveries:
    async def test_they_show_request_and_response(self, hooked: Api) -> None:
        ivan = await hooked.sign_in("ivan")
        async with inbox(reply(201, b"thanks, token=abcdef", Set_Cookie="session=1")) as receiver:
            hook = await add(ivan, receiver.url)
            tested = await ivan.post(f"/webhooks/{hook}/test")
            [before] = await deliveries(ivan, hook, status="pending")
            await hooked.parts.deliverer.drain()
        [done] = await deliveries(ivan, hook, event="webhook.test")

        assert (tested.status, before) == (201, tested.body)
        assert before["attempts"] == []
        assert (done["status"], done["next_attempt_at"]) == ("delivered", None)
        [attempt] = done["attempts"]
        assert (attempt["number"], attempt["response_status"], attempt["error"]) == (1, 201, None)
        assert attempt["request_headers"]["webhook-id"] == done["message_id"] == receiver.got[0].headers["webhook-id"]
        assert attempt["response_headers"]["set-cookie"] == "***"
        assert attempt["response_body"] == "thanks, token=***"
        shown = (await ivan.get(f"/webhooks/{hook}")).body
        assert (shown["failed_attempts"], shown["failing_since"]) == (0, None)
        assert shown["last_success_at"]

    async def test_one_is_sent_again_under_the_same_id(self, hooked: Api) -> None:
        ivan = await hooked.sign_in("ivan")
        async with inbox() as receiver:
            hook = await add(ivan, receiver.url)
            tested = await ivan.post(f"/webhooks/{hook}/test")
            await hooked.parts.deliverer.drain()
            again = await ivan.post(f"/webhooks/{hook}/deliveries/{tested['delivery_id']}/redeliver")
            await hooked.parts.deliverer.drain()

        assert again.status == 201
        assert again["delivery_id"] != tested["delivery_id"]
        assert [got.headers["webhook-id"] for got in receiver.got] == [tested["message_id"]] * 2
        assert receiver.got[0].json == receiver.got[1].json

    async def test_not_after_thirty_days(self, hooked: Api) -> None:
        ivan = await hooked.sign_in("ivan")
        async with inbox() as receiver:
            hook = await add(ivan, receiver.url)
            tested = await ivan.post(f"/webhooks/{hook}/test")
            await hooked.parts.deliverer.drain()
        again = f"/webhooks/{hook}/deliveries/{tested['delivery_id']}/redeliver"
        hooked.clock.forward(days=29, hours=23)
        ivan = await hooked.sign_in("ivan")
        assert (await ivan.post(again)).status == 201

        hooked.clock.forward(hours=2)
        ivan = await hooked.sign_in("ivan")
        assert (await ivan.post(again)).error == (404, "NOT_FOUND")
        task = next(task for task in all_tasks(hooked.parts) if task.name == "webhooks.forget_old")
        await task.handler({})
        assert len(await deliveries(ivan, hook)) == 1, "the one that was asked for yesterday"

    async def test_not_to_one_that_is_paused_nor_of_another(self, hooked: Api) -> None:
        ivan = await hooked.sign_in("ivan")
        async with inbox() as receiver:
            hook = await add(ivan, receiver.url)
            other = await add(ivan, HOOK["url"])
            tested = await ivan.post(f"/webhooks/{hook}/test")
            await hooked.parts.deliverer.drain()
        await ivan.send("PUT", f"/webhooks/{hook}", json={"active": False})

        again = f"deliveries/{tested['delivery_id']}/redeliver"
        assert (await ivan.post(f"/webhooks/{hook}/{again}")).error == (409, "CONFLICT")
        assert (await ivan.post(f"/webhooks/{other}/{again}")).error == (404, "NOT_FOUND")
