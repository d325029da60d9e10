"""Events by the thousand while the deliverer is killed again and again: all arrive, each under one id."""

import asyncio
import os
import sys
from pathlib import Path

from learntrac.webhooks.outbox import announce
from tests.conftest import Api, eventually
from tests.webhooks.receiving import read_request, reply, serving_raw
from tests.webhooks.test_webhooks import add

EVENTS, KILLS = {"sqlite": 1000, "postgresql": 300}, {"sqlite": 3, "postgresql": 2}
SERVER = Path(__file__).parents[2]


async def start(api: Api) -> asyncio.subprocess.Process:
    url = api.parts.database.url.render_as_string(hide_password=False).replace("+aiosqlite", "").replace("+asyncpg", "")
    command = [sys.executable, "-m", "tests.webhooks.deliver_process", url]
    return await asyncio.create_subprocess_exec(*command, cwd=SERVER, env=os.environ)


async def test_nothing_is_lost_when_the_deliverer_is_killed(hooked: Api) -> None:
    ids: dict[str, set[str]] = {}
    kind = "sqlite" if hooked.parts.database.is_sqlite else "postgresql"
    events, kills = EVENTS[kind], KILLS[kind]

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got = await read_request(reader)
        ids.setdefault(got.json["data"]["export_id"], set()).add(got.headers["webhook-id"])
        await asyncio.sleep(0.02)  # so that a kill finds some under way
        writer.write(reply(204))

    async with serving_raw(handle) as port:
        await add(await hooked.sign_in("ivan"), f"http://127.0.0.1:{port}/", "export.ready")
        async with hooked.parts.database.begin() as session:
            for number in range(events):
                await announce(session, "export.ready", {"export_id": str(number)}, now=hooked.clock())
        for kill in range(kills):
            process = await start(hooked)
            wanted = (kill + 1) * events // (kills + 1)
            await eventually(lambda wanted=wanted: _reached(ids, wanted), within_seconds=60)  # type: ignore[misc]
            process.kill()
            await process.wait()
        process = await start(hooked)

        async def all_kept() -> bool:
            rows = await hooked.parts.database.hot.slow_rows(
                "SELECT count(*) FROM webhook_delivery WHERE status = 'delivered'"
            )
            return bool(rows[0][0] == events)

        await eventually(all_kept, within_seconds=60)
        process.terminate()
        await process.wait()

    assert set(ids) == {str(number) for number in range(events)}, "0 lost"
    assert {len(found) for found in ids.values()} == {1}, "ids are stable"


async def _reached(ids: dict[str, set[str]], wanted: int) -> bool:
    return len(ids) >= wanted
