"""Whether a sign-in is over: what one process may remember, and what is asked where many serve."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from learntrac.accounts import live_sessions, queries, service
from learntrac.accounts.live_sessions import LiveSessions, find_alone, find_together
from learntrac.accounts.tokens import Claims
from learntrac.kit.errors import Unavailable
from learntrac.kit.readers import HotReader, Row
from tests.accounts.helpers import log_in
from tests.conftest import Api, Person, TracCopy, serving


class CountingReader:
    """Reads as another reader does, and counts; `meanwhile` happens between the reading and its end."""

    def __init__(self, reader: HotReader) -> None:
        self._reader = reader
        self.readings = 0
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def rows(self, sql: str, *args: object) -> "list[Row]":
        self.readings += 1
        found = list(await self._reader.rows(sql, *args))
        if self.meanwhile:
            await self.meanwhile()
        return found

    slow_rows = rows

    async def close(self) -> None:
        return None


async def claims_of(api: Api, name: str = "alice") -> Claims:
    found = api.parts.tokens.find_claims((await api.sign_in(name)).token or "", now=api.clock())
    assert found
    return found


class TestRemembered:
    async def test_for_a_while(self, sqlite_api: Api) -> None:
        reader, claims = CountingReader(sqlite_api.parts.database.hot), await claims_of(sqlite_api)
        live = LiveSessions(find_alone(reader), remember_seconds=60)
        assert [await live.find_local_role(claims) for _ in range(3)] == [(True, None)] * 3
        assert reader.readings == 1

        live.forget()
        assert await live.find_local_role(claims) == (True, None)
        assert reader.readings == 2

    async def test_not_at_all(self, sqlite_api: Api) -> None:
        reader, claims = CountingReader(sqlite_api.parts.database.hot), await claims_of(sqlite_api)
        live = LiveSessions(find_alone(reader), remember_seconds=0)
        assert [await live.find_local_role(claims) for _ in range(3)] == [(True, None)] * 3
        assert reader.readings == 3

    async def test_not_where_a_logout_came_during_the_reading(self, sqlite_api: Api) -> None:
        reader, claims = CountingReader(sqlite_api.parts.database.hot), await claims_of(sqlite_api)
        live = LiveSessions(find_alone(reader), remember_seconds=60)

        async def log_out() -> None:
            live.close(claims.session_id)

        reader.meanwhile = log_out
        assert await live.find_local_role(claims) == (False, None)
        assert await live.find_local_role(claims) == (False, None)

    async def test_no_more_than_it_should(self, sqlite_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(live_sessions, "REMEMBERED_SESSIONS", 2)
        live = LiveSessions(find_alone(sqlite_api.parts.database.hot), remember_seconds=60)
        everybody = [await claims_of(sqlite_api, name) for name in ("alice", "bob", "ivan", "admin")]
        for claims in everybody:
            assert await live.find_local_role(claims) == (True, None)
        assert len(live._live) == 2

        for claims in everybody:
            live.close(claims.session_id)
        assert len(live._closed) == 2


async def another_server_ends(api: Api, claims: Claims) -> None:
    """A logout that this server knows nothing of."""
    async with api.parts.database.begin() as session:
        await service.close_session(session, session_id=claims.session_id, user_id=claims.user_id, now=api.clock())


class Away:
    """A database that does not answer."""

    async def rows(self, _sql: str, *_args: object) -> Sequence[Row]:
        raise Unavailable("The database does not answer.", retry_after_seconds=2)

    slow_rows = rows

    async def close(self) -> None:
        return None


async def test_a_database_that_is_away_is_told_to_each() -> None:
    find = find_together(Away())
    refused = await asyncio.gather(*(find("one") for _ in range(3)), return_exceptions=True)

    assert [type(error) for error in refused] == [Unavailable] * 3


@pytest.mark.parametrize("trac_copy", ["postgresql"], indirect=True)
class TestTogether:
    """On PostgreSQL only: SQLite is served by one process."""

    async def test_who_come_during_a_reading_share_the_next(self, api: Api) -> None:
        reader = CountingReader(api.parts.database.hot)
        find = find_together(reader)
        sessions = [(await claims_of(api, name)).session_id for name in ("alice", "bob")]
        found = await asyncio.gather(*(find(session) for session in [*sessions, "unheard-of"] * 40))

        assert [row and row[0] for row in found] == ["alice", "bob", None] * 40
        assert reader.readings == 1
        first = asyncio.ensure_future(find(sessions[0]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # now its reading is under way
        await asyncio.gather(*(find(sessions[1]) for _ in range(10)))
        await first
        assert reader.readings == 3

    async def test_a_reading_that_began_before_a_logout_answers_nobody_who_came_after(self, api: Api) -> None:
        claims = await claims_of(api)
        reader = CountingReader(api.parts.database.hot)
        find, later = find_together(reader), list[asyncio.Task[Row | None]]()

        async def log_out_and_come_later() -> None:
            reader.meanwhile = None
            await another_server_ends(api, claims)
            later.append(asyncio.ensure_future(find(claims.session_id)))
            await asyncio.sleep(0)

        reader.meanwhile = log_out_and_come_later
        assert await find(claims.session_id), "who asked before it is let in"
        assert await later[0] is None

    async def test_who_goes_away_does_not_keep_the_others_waiting(self, api: Api) -> None:
        find, claims = find_together(api.parts.database.hot), await claims_of(api)
        gone, there = [asyncio.ensure_future(find(claims.session_id)) for _ in range(2)]
        await asyncio.sleep(0)
        gone.cancel()

        assert await there
        assert gone.cancelled()

    async def test_the_index_is_used(self, api: Api) -> None:
        await claims_of(api)
        explain = "EXPLAIN " + queries.ARE_LIVE.replace("$1", "'{a,b}'")
        async with api.parts.database.read() as session:
            connection = await (await session.connection()).get_raw_connection()
            assert connection.driver_connection
            await connection.driver_connection.execute("SET enable_seqscan = off")
            plan = await connection.driver_connection.fetch(explain)
        assert any("auth_session" in row[0] and "Index" in row[0] for row in plan), plan


@pytest.mark.parametrize("trac_copy", ["postgresql"], indirect=True)
async def test_a_logout_on_one_server_counts_on_every_other_at_once(trac_copy: TracCopy) -> None:
    async with serving(trac_copy) as one, serving(trac_copy) as other:
        for _ in range(20):
            token = (await log_in(one.anybody, "alice"))["access_token"]
            here, there = Person(one.client, token), Person(other.client, token)
            assert (await here.get("/auth/me")).status == (await there.get("/auth/me")).status == 200
            assert (await here.post("/auth/logout")).status == 200
            assert (await there.get("/auth/me")).error == (401, "AUTHENTICATION_ERROR")
