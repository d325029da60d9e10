"""Delivering: tries and their times, what a receiver may answer, secrets, and who must not wait for whom."""

import asyncio
import hashlib
import hmac
import json
import resource
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from learntrac.kit.clock import to_micros
from learntrac.kit.errors import Unavailable
from learntrac.webhooks import delivering
from learntrac.webhooks.outbox import announce
from learntrac.webhooks.schedule import MOST_ATTEMPTS, wished_seconds
from learntrac.webhooks.schemas import WebhookRequest
from learntrac.webhooks.service import Owner, register
from tests.conftest import Api, TracCopy, eventually, serving
from tests.environments import find_free_port
from tests.webhooks.receiving import NETWORKS, Got, inbox, read_request, reply, serving_raw
from tests.webhooks.test_webhooks import add, deliveries

SECRET = "webhook_secret_key"


async def tell(api: Api, number: int = 1, event: str = "export.ready") -> None:
    """Announce something."""
    async with api.parts.database.begin() as session:
        await announce(session, event, {"export_id": f"export-{number}"}, now=api.clock())


def body_is_signed(got: Got, secret: bytes) -> bool:
    """As the API specification says, by the standard library."""
    told = {name: got.json[name] for name in ("event", "timestamp", "data")}
    canonical = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return bool(got.json["signature"] == "sha256=" + hmac.new(secret, canonical, hashlib.sha256).hexdigest())


async def test_a_receiver_that_is_not_there_is_tried_again(hooked: Api) -> None:
    ivan, nobody = await hooked.sign_in("ivan"), f"http://127.0.0.1:{find_free_port()}/hook"
    hook = await add(ivan, nobody, "export.ready")
    await tell(hooked)
    await hooked.parts.deliverer.drain()

    [delivery] = await deliveries(ivan, hook)
    assert delivery["status"] == "pending"
    assert delivery["attempts"][0]["response_status"] is None
    assert delivery["attempts"][0]["error"] == "the connection failed: Connection refused"


def header_is_signed(got: Got, secret: bytes) -> bool:
    """As Standard Webhooks say."""
    content = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.raw
    wanted = "v1," + b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode()
    return wanted in got.headers["webhook-signature"].split(" ")


async def test_what_arrives_is_what_the_specification_shows(hooked: Api) -> None:
    ivan, alice = await hooked.sign_in("ivan"), await hooked.sign_in("alice")
    async with inbox() as receiver:
        await add(ivan, receiver.url, "concept.completed", secret=SECRET)
        begun = await alice.post("/concepts/1/start", {})
        await alice.post("/concepts/1/complete", {"session_id": begun["session_id"], "time_spent": 0})
        await hooked.parts.deliverer.drain()

    [got] = receiver.got
    assert list(got.json) == ["event", "timestamp", "data", "signature"]
    assert got.json["event"] == "concept.completed"
    assert got.json["timestamp"].endswith("Z")
    assert got.json["data"] == {"user_id": "alice", "concept_id": 1, "mastery_score": 0, "time_spent": 0}
    assert got.head == "POST /hook HTTP/1.1"
    assert got.headers["content-type"] == "application/json"
    assert body_is_signed(got, SECRET.encode())
    assert header_is_signed(got, SECRET.encode())


async def test_eight_tries_in_27_hours_and_35_minutes_under_one_id(hooked: Api) -> None:
    ivan = await hooked.sign_in("ivan")
    async with inbox(reply(500, b"no")) as receiver:
        hook = await add(ivan, receiver.url)
        await tell(hooked)
        waits = []
        for number in range(1, MOST_ATTEMPTS + 1):
            await hooked.parts.deliverer.drain()
            assert len(receiver.got) == number
            await hooked.parts.deliverer.drain()
            assert len(receiver.got) == number, "nothing before it is due"
            rows = await hooked.parts.database.hot.rows("SELECT due_at, status FROM webhook_delivery")
            waits.append(round((rows[0][0] - to_micros(hooked.clock())) / 1e6))
            hooked.clock.forward(seconds=max(0, waits[-1]) + 1)
    ivan = await hooked.sign_in("ivan")
    [failed] = await deliveries(ivan, hook)

    assert waits[:-1] == pytest.approx([5, 300, 1800, 7200, 18000, 36000, 36000], abs=2)
    assert timedelta(seconds=sum([5, 300, 1800, 7200, 18000, 36000, 36000])) == timedelta(
        hours=27, minutes=35, seconds=5
    )
    assert failed["status"] == "failed"
    assert [attempt["number"] for attempt in failed["attempts"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert {attempt["response_body"] for attempt in failed["attempts"]} == {"no"}
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    assert len({got.headers["webhook-timestamp"] for got in receiver.got}) == 8, "of the try, not of the event"
    assert (await ivan.get(f"/webhooks/{hook}"))["failed_attempts"] == 8


async def test_a_try_that_does_well_ends_it(hooked: Api) -> None:
    ivan = await hooked.sign_in("ivan")
    async with inbox(reply(503), reply(200)) as receiver:
        hook = await add(ivan, receiver.url)
        await tell(hooked)
        await hooked.parts.deliverer.drain()
        hooked.clock.forward(seconds=6)
        await hooked.parts.deliverer.drain()
        hooked.clock.forward(days=1)
        await hooked.parts.deliverer.drain()
    ivan = await hooked.sign_in("ivan")

    assert len(receiver.got) == 2
    assert [one["status"] for one in await deliveries(ivan, hook)] == ["delivered"]
    assert (await ivan.get(f"/webhooks/{hook}"))["failed_attempts"] == 0


@pytest.mark.parametrize(("asked", "seconds"), [("120", 120), ("999999999999999999", 86_400), ("soon", 5), ("", 5)])
async def test_retry_after_is_obeyed(hooked: Api, asked: str, seconds: int) -> None:
    ivan = await hooked.sign_in("ivan")
    async with inbox(reply(429, Retry_After=asked)) as receiver:
        hook = await add(ivan, receiver.url)
        await tell(hooked)
        await hooked.parts.deliverer.drain()
    rows = await hooked.parts.database.hot.rows("SELECT due_at FROM webhook_delivery")

    assert (rows[0][0] - to_micros(hooked.clock())) / 1e6 == pytest.approx(seconds, abs=3)
    assert (await deliveries(ivan, hook))[0]["attempts"][0]["response_status"] == 429


async def test_410_disables(hooked: Api) -> None:
    ivan, admin = await hooked.sign_in("ivan"), await hooked.sign_in("admin")
    async with inbox(reply(410)) as receiver:
        hook = await add(ivan, receiver.url)
        await tell(hooked, 1)
        await hooked.parts.deliverer.drain()
        await tell(hooked, 2)
        await hooked.parts.deliverer.drain()

    assert len(receiver.got) == 1
    shown = (await ivan.get(f"/webhooks/{hook}")).body
    assert (shown["status"], shown["disabled_reason"]) == ("disabled", "it answered 410 Gone")
    assert [one["status"] for one in await deliveries(ivan, hook)] == ["failed"]
    [entry] = (await admin.get("/audit", action="webhook.disable"))["entries"]
    assert (entry["actor"], entry["subject"]) == ("system", "ivan")
    renamed = await ivan.send("PUT", f"/webhooks/{hook}", json={"events": ["export.ready"]})
    assert (renamed["status"], renamed["disabled_reason"]) == ("disabled", "it answered 410 Gone")
    back = await ivan.send("PUT", f"/webhooks/{hook}", json={"active": True})
    assert (back["status"], back["disabled_reason"], back["failed_attempts"]) == ("active", None, 0)


async def test_410_to_several_at_once_disables_once(hooked: Api) -> None:
    ivan, admin = await hooked.sign_in("ivan"), await hooked.sign_in("admin")
    async with inbox(reply(204), reply(410)) as receiver:
        hook = await add(ivan, receiver.url)
        await tell(hooked)
        await hooked.parts.deliverer.drain()
        for number in (2, 3, 4):
            await tell(hooked, number)
        await hooked.parts.deliverer.drain()

    assert len(receiver.got) == 4, "one that is well is sent several at once"
    assert [one["status"] for one in await deliveries(ivan, hook)] == ["failed"] * 3 + ["delivered"]
    assert (await admin.get("/audit", action="webhook.disable"))["total"] == 1


async def test_one_that_answers_nothing_well_for_five_days_is_disabled(hooked: Api) -> None:
    ivan = await hooked.sign_in("ivan")
    async with inbox(reply(500)) as receiver:
        hook = await add(ivan, receiver.url)
        for day in range(4):
            await tell(hooked, day)
            for _ in range(MOST_ATTEMPTS):
                await hooked.parts.deliverer.drain()
                hooked.clock.forward(hours=10, seconds=1)
            ivan = await hooked.sign_in("ivan")
            status = (await ivan.get(f"/webhooks/{hook}"))["status"]
            assert status == ("active" if day == 0 else "disabled"), f"{(day + 1) * 80} hours"
            if status == "disabled":
                break
    assert (await ivan.get(f"/webhooks/{hook}"))["disabled_reason"] == "nothing was answered well for five days"


@pytest.mark.parametrize("location", ["http://127.0.0.1:9/", "https://example.com/"])
async def test_redirects_are_not_followed(hooked: Api, location: str) -> None:
    ivan = await hooked.sign_in("ivan")
    async with inbox(reply(307, Location=location)) as receiver:
        hook = await add(ivan, receiver.url)
        await tell(hooked)
        await hooked.parts.deliverer.drain()

    [one] = await deliveries(ivan, hook)
    assert (one["status"], one["attempts"][0]["response_status"]) == ("pending", 307)
    assert len(receiver.got) == 1


async def test_both_secrets_sign_for_a_while(hooked: Api) -> None:
    ivan = await hooked.sign_in("ivan")
    async with inbox() as receiver:
        hook = await add(ivan, receiver.url, secret=SECRET)
        rotated = await ivan.post(f"/webhooks/{hook}/rotate-secret", {"overlap_hours": 2})
        new = b64decode(rotated["secret"].removeprefix("whsec_"))
        await tell(hooked, 1)
        await hooked.parts.deliverer.drain()
        hooked.clock.forward(hours=2, seconds=1)
        await tell(hooked, 2)
        await hooked.parts.deliverer.drain()
        ivan = await hooked.sign_in("ivan")
        await ivan.post(f"/webhooks/{hook}/rotate-secret", {"secret": "another secret", "overlap_hours": 0})
        await tell(hooked, 3)
        await hooked.parts.deliverer.drain()

    first, second, third = receiver.got
    assert header_is_signed(first, new)
    assert header_is_signed(first, SECRET.encode())
    assert body_is_signed(first, new)
    assert header_is_signed(second, new)
    assert not header_is_signed(second, SECRET.encode())
    assert header_is_signed(third, b"another secret")
    assert len(third.headers["webhook-signature"].split()) == 1


async def test_secrets_of_another_key_are_not_guessed(trac_copy: TracCopy) -> None:
    """Of several webhooks: one that ends at once holds the next one up no more than it is held up."""
    async with inbox() as receiver:
        async with serving(trac_copy, webhook_networks=NETWORKS) as api:
            hook = await add(await api.sign_in("ivan"), receiver.url)
            await add(await api.sign_in("ivan"), f"{receiver.url}/other")
            await tell(api)
        async with serving(
            trac_copy, webhook_networks=NETWORKS, secret_key="quite another key for these tests of ours"
        ) as api:
            await api.parts.deliverer.drain()
            [one] = await deliveries(await api.sign_in("ivan"), hook)

    assert receiver.got == []
    assert "rotate it" in one["attempts"][0]["error"]


async def test_an_event_of_a_removed_webhook_in_flight_is_no_trouble(hooked: Api) -> None:
    ivan = await hooked.sign_in("ivan")
    removed: list[Any] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        removed.append(await ivan.send("DELETE", f"/webhooks/{hook}"))
        writer.write(reply(200))

    async with serving_raw(handle) as port:
        hook = await add(ivan, f"http://127.0.0.1:{port}/")
        await tell(hooked)
        await hooked.parts.deliverer.drain()

    assert removed[0].status == 200
    assert await hooked.parts.database.hot.slow_rows("SELECT 1 FROM webhook_attempt") == []


async def test_only_one_process_delivers(hooked: Api, trac_copy: TracCopy) -> None:
    ivan = await hooked.sign_in("ivan")
    async with inbox() as receiver, serving(trac_copy, webhook_networks=NETWORKS) as other:
        hook = await add(ivan, receiver.url)

        async def delivered(count: int) -> bool:
            return [one["status"] for one in await deliveries(ivan, hook)] == ["delivered"] * count

        running = asyncio.create_task(hooked.parts.deliverer.run())
        await tell(hooked, 1)
        await eventually(lambda: delivered(1))
        await tell(hooked, 2)
        await other.parts.deliverer.drain()
        await eventually(lambda: delivered(2))
        running.cancel()
        await asyncio.wait([running])
        await tell(hooked, 3)
        await other.parts.deliverer.drain()

    assert len(receiver.got) == 3


async def _has(got: list[Got], count: int) -> bool:
    return len(got) >= count


async def test_a_fault_of_ours_is_told_as_an_attempt(hooked: Api) -> None:
    ivan = await hooked.sign_in("ivan")
    hook = await add(ivan, "http://127.0.0.1:9/")
    await tell(hooked)
    async with hooked.parts.database.begin() as session:
        await session.execute(text("UPDATE webhook SET kind = 'xapi'"))
    await hooked.parts.deliverer.drain()
    async with hooked.parts.database.begin() as session:
        await session.execute(text("UPDATE webhook SET kind = 'webhook'"))

    assert (await deliveries(ivan, hook))[0]["attempts"][0]["error"] == "it could not be tried"


async def test_hanging_receivers_delay_nobody(hooked: Api) -> None:
    """A hundred that never answer, and one that does: it gets everything meanwhile."""
    ivan = await hooked.sign_in("ivan")

    async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(60)

    async with inbox() as receiver, serving_raw(hang) as port:
        for number in range(100):
            await _register(hooked, f"http://127.0.0.1:{port}/{number}")
        await add(ivan, receiver.url)
        running = asyncio.create_task(hooked.parts.deliverer.run())
        for number in range(5):
            await tell(hooked, number)
        await eventually(lambda: _has(receiver.got, 5))
        pending = await hooked.parts.database.hot.slow_rows(
            "SELECT count(*) FROM webhook_delivery WHERE status = 'pending'"
        )
        running.cancel()
        await asyncio.wait([running])

    assert sorted(got.json["data"]["export_id"] for got in receiver.got) == [f"export-{n}" for n in range(5)]
    assert pending[0][0] >= 500, "none of the others is done yet"


async def _register(api: Api, url: str) -> None:
    """Without a request of its own for each."""
    async with api.parts.database.begin() as session:
        request = WebhookRequest(url=url, events=["export.ready"])
        sealer = api.parts.webhook_sealer
        await register(session, owner=Owner("ivan"), request=request, sealer=sealer, now=api.clock())


async def test_the_database_may_be_away_for_a_while(hooked: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("learntrac.webhooks.delivering.AFTER_TROUBLE_SECONDS", 0.05)
    ivan = await hooked.sign_in("ivan")
    async with inbox() as receiver:
        await add(ivan, receiver.url)
        await tell(hooked)
        async with hooked.parts.database.begin() as session:
            await session.execute(text("ALTER TABLE webhook_event RENAME TO elsewhere"))
        running = asyncio.create_task(hooked.parts.deliverer.run())
        await asyncio.sleep(0.3)
        assert receiver.got == []
        async with hooked.parts.database.begin() as session:
            await session.execute(text("ALTER TABLE elsewhere RENAME TO webhook_event"))
        await eventually(lambda: _has(receiver.got, 1))
        running.cancel()
        await asyncio.wait([running])


async def test_trouble_is_told_once_until_it_is_over(hooked: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    deliverer, said = hooked.parts.deliverer, list[tuple[str, object]]()

    class Log:
        def warning(self, event: str, **more: object) -> None:
            said.append((event, more["exc_info"]))

    fault, away = LookupError("ours"), Unavailable("The database is away.")
    steps: list[Exception | None] = [fault, fault, None, away, away]

    async def step() -> int:
        trouble = steps.pop(0)
        if trouble is not None:
            raise trouble
        return 0

    monkeypatch.setattr("learntrac.webhooks.delivering._log", Log())
    monkeypatch.setattr(deliverer, "_step", step)
    while steps:
        await deliverer._try_step()

    assert said == [("webhooks have to wait", fault), ("webhooks have to wait", None)]


@pytest.mark.parametrize(
    ("limits", "files", "asked_for"),
    [
        ((256, 1024), 1024, [(1024, 1024)]),
        ((256, resource.RLIM_INFINITY), 4096, [(4096, resource.RLIM_INFINITY)]),
        ((8192, 8192), 8192, []),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), 4096, []),
    ],
)
def test_as_many_files_as_slow_receivers_take_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], files: int, asked_for: list[tuple[int, int]]
) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _which: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _which, wished: asked.append(wished))

    assert (delivering._files(), asked) == (files, asked_for)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("Mon, 30 Nov 2026 12:01:00 GMT", 60),
        ("Mon, 30 Nov 2026 13:02:00 +0100", 120),
        ("Mon, 30 Nov 2026 12:01:00 -0000", 60),
        ("Mon, 30 Nov 2026 11:00:00 GMT", 0),
        ("30 Foo 2026", 0),
        ("-5", 0),
        ("\u0665", 0),
        (" 7 ", 7),
    ],
)
def test_a_wish_is_seconds_or_a_date(written: str, seconds: float) -> None:
    assert wished_seconds({"retry-after": written}, datetime(2026, 11, 30, 12, tzinfo=UTC)) == seconds
