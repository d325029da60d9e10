"""The real server on a real socket: what is sent by halves, and who goes away too early."""

import asyncio
import errno
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from learntrac.kit.clock import utc_now
from learntrac.kit.fields import Body
from learntrac.kit.http import server as server_module
from learntrac.kit.http.edge import Edge
from learntrac.kit.http.errors import handle_errors
from learntrac.kit.http.server import make_server
from tests.environments import find_free_port
from tests.kit.conftest import Log

PATIENCE_SECONDS = 0.3
POST = "POST {} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"


class Note(Body):
    """A body."""

    words: str


def make_app() -> FastAPI:
    app = FastAPI()
    handle_errors(app, utc_now)
    add_answers(app)
    add_streams(app)
    return app


def add_answers(app: FastAPI) -> None:
    @app.get("/who")
    async def who(request: Request) -> str:
        assert request.client
        return request.client.host

    @app.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(PATIENCE_SECONDS * 1.5)
        return "done"

    @app.post("/note")
    async def note(body: Note) -> str:
        return body.words

    @app.post("/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())


def add_streams(app: FastAPI) -> None:
    @app.get("/breaks-off")
    async def breaks_off() -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"one"
            raise RuntimeError("a secret")

        return StreamingResponse(pieces())

    @app.post("/slow-note")
    async def slow_note(body: Note) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield body.words.encode()
            await asyncio.sleep(PATIENCE_SECONDS * 1.5)
            yield b"!"

        return StreamingResponse(pieces())


@dataclass
class Connection:
    """One socket to the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, text: str) -> None:
        self.writer.write(text.encode())
        await self.writer.drain()

    async def answer(self) -> tuple[int, bytes]:
        """(status, body) of one answer."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        return int(head.split()[1]), await self.reader.readexactly(length)

    async def ends_within(self, seconds: float) -> bytes:
        """What still comes until the server closes the connection, which it has to do in time."""
        async with asyncio.timeout(seconds):
            return await self.reader.read()


@dataclass
class Running:
    """The server, and the way to it."""

    port: int
    server: uvicorn.Server
    task: asyncio.Task[None]

    async def stop(self) -> None:
        """Have it begun to stop."""
        self.server.should_exit = True
        await asyncio.sleep(0.15)  # it looks ten times a second
        assert not self.task.done()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Connection]:
        connection = Connection(*await asyncio.open_connection("127.0.0.1", self.port))
        try:
            yield connection
        finally:
            connection.writer.close()
            with suppress(ConnectionError):
                await connection.writer.wait_closed()

    async def is_well(self) -> bool:
        async with self.connected() as connection:
            await connection.send(POST.format("/note", 14) + '{"words":"ok"}')
            return await connection.answer() == (200, b'"ok"')


async def served(trusted_proxies: tuple[str, ...] = ()) -> AsyncIterator[Running]:
    port = find_free_port()
    app = Edge(make_app(), body_timeout_seconds=PATIENCE_SECONDS, whole_body_timeout_seconds=PATIENCE_SECONDS * 5)
    server = make_server(app, host="127.0.0.1", port=port, trusted_proxies=trusted_proxies)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
        await asyncio.sleep(0.01)
    yield Running(port, server, task)
    server.should_exit = True
    await task


@pytest.fixture
async def running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    """A server that is not very patient."""
    monkeypatch.setattr(server_module, "HEADERS_WITHIN_SECONDS", PATIENCE_SECONDS)
    async for server in served():
        yield server


async def test_a_body_sent_by_half_is_answered_with_408_and_the_connection_ends(running: Running) -> None:
    async def send_half(path: str) -> None:
        async with running.connected() as connection:
            await connection.send(POST.format(path, 100) + '{"words":')
            status, body = await connection.answer()
            assert (status, orjson.loads(body)["error"]["code"]) == (408, "REQUEST_TIMEOUT")

            # One more byte now and then must not keep it alive.
            begun = time.monotonic()
            while not connection.reader.at_eof() and time.monotonic() - begun < 3:
                connection.writer.write(b" ")
                await asyncio.sleep(PATIENCE_SECONDS / 3)
            assert time.monotonic() - begun < 3

    await asyncio.gather(send_half("/note"), send_half("/raw"))
    assert await running.is_well()


async def test_a_request_without_its_headers_is_dropped(running: Running) -> None:
    async def send(text: str) -> bytes:
        async with running.connected() as connection:
            await connection.send(text)
            return await connection.ends_within(3)

    halves = ("", "GET", "GET /who HTTP/1.1\r\n", "GET /who HTTP/1.1\r\nHost: x\r\nX-Half: ")
    assert await asyncio.gather(*(send(half) for half in halves)) == [b""] * 4
    assert await running.is_well()


async def test_so_is_the_second_request_of_a_connection(running: Running) -> None:
    async with running.connected() as connection:
        await connection.send("GET /who HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await connection.answer() == (200, b'"127.0.0.1"')
        await connection.send("GET /who HTTP/1.1\r\n")

        assert await connection.ends_within(3) == b""


async def test_a_body_that_comes_in_pieces_is_waited_for(running: Running) -> None:
    async with running.connected() as connection:
        await connection.send(POST.format("/note", 18))
        for piece in ('{"words"', ':"pie', "ces", '"}'):
            await asyncio.sleep(PATIENCE_SECONDS / 2)
            await connection.send(piece)

        assert await connection.answer() == (200, b'"pieces"')


async def test_but_not_for_ever(running: Running) -> None:
    async with running.connected() as connection:
        begun = time.monotonic()
        await connection.send(POST.format("/note", 1000) + '{"words":"')

        async def drip() -> None:
            while True:
                await connection.send("x")
                await asyncio.sleep(PATIENCE_SECONDS / 3)

        dripping = asyncio.create_task(drip())
        status, body = await connection.answer()
        dripping.cancel()

    assert (status, orjson.loads(body)["error"]["code"]) == (408, "REQUEST_TIMEOUT")
    assert PATIENCE_SECONDS * 4 < time.monotonic() - begun < PATIENCE_SECONDS * 10


WHO = "GET /who HTTP/1.1\r\nHost: x\r\n\r\n"


async def last_answer(connection: Connection) -> tuple[int, bytes]:
    """(status, rest) of an answer that must say that it is the last, and be it."""
    head = (await connection.reader.readuntil(b"\r\n\r\n")).lower()
    assert b"connection: close\r\n" in head
    return int(head.split()[1]), await connection.ends_within(3)


async def test_while_it_stops_the_next_answer_on_each_connection_is_the_last(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    for patience in ("HEADERS_WITHIN_SECONDS", "LAST_REQUEST_WITHIN_SECONDS"):
        monkeypatch.setattr(server_module, patience, 30)  # this machine may be slow
    async with running.connected() as used, running.connected() as new, running.connected() as slow:
        await used.send(WHO)
        assert await used.answer() == (200, b'"127.0.0.1"')
        await slow.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.05)
        await running.stop()
        for connection in (used, new):
            await connection.send(WHO)
            assert await last_answer(connection) == (200, b'"127.0.0.1"')
        assert await last_answer(slow) == (200, b'"done"')

        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", running.port)
        async with asyncio.timeout(2):
            await running.task


async def test_a_connection_that_stays_idle_does_not_keep_it(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "LAST_REQUEST_WITHIN_SECONDS", 0.05)
    async with running.connected() as idle, running.connected() as half, running.connected() as slow:
        await idle.send(WHO)
        assert await idle.answer() == (200, b'"127.0.0.1"')
        await half.send(POST.format("/note", 14) + '{"words":')
        await slow.send(POST.format("/slow-note", 14) + '{"words":"ok"}')
        await slow.reader.readuntil(b"ok\r\n")
        await running.stop()
        assert await idle.ends_within(3) == b""
        assert (await half.answer())[0] == 408
        assert await slow.ends_within(3) == b"1\r\n!\r\n0\r\n\r\n", "an answer that was begun comes to its end"
        async with asyncio.timeout(2):
            await running.task


async def test_a_handler_may_take_longer_than_a_request(running: Running) -> None:
    async with running.connected() as connection:
        await connection.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")

        assert await connection.answer() == (200, b'"done"')


async def test_while_it_does_the_client_may_be_silent(running: Running) -> None:
    async with running.connected() as connection:
        await connection.send(POST.format("/slow-note", 14) + '{"words":"ok"}')
        head = await connection.reader.readuntil(b"\r\n\r\n")

        assert head.startswith(b"HTTP/1.1 200 ")
        assert await connection.reader.readuntil(b"0\r\n\r\n") == b"2\r\nok\r\n1\r\n!\r\n0\r\n\r\n"


async def test_an_answer_before_the_body_lets_the_rest_of_it_come(running: Running) -> None:
    async with running.connected() as connection:
        await connection.send(POST.format("/nothing", 18) + '{"words":')
        status, _body = await connection.answer()
        assert status == 404
        await connection.send('"later"}\n')  # the rest of the first body
        await connection.send("GET /who HTTP/1.1\r\nHost: x\r\n\r\n")

        assert await connection.answer() == (200, b'"127.0.0.1"')


async def test_who_goes_away_in_the_middle_does_no_harm(running: Running, log: Log) -> None:
    for path in ("/note", "/raw"):
        async with running.connected() as connection:
            await connection.send(POST.format(path, 100) + '{"words":')
            await asyncio.sleep(PATIENCE_SECONDS / 3)
    async with running.connected() as connection:
        await connection.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.sleep(PATIENCE_SECONDS * 2)

    assert await running.is_well()
    assert {line["path"] for line in log.lines if line["event"] == "request"} == {"/note", "/raw", "/slow"}
    assert "error" not in {line["level"] for line in log.lines}


async def test_an_answer_that_breaks_off_ends_the_connection_and_is_logged(running: Running, log: Log) -> None:
    async with running.connected() as connection:
        await connection.send("GET /breaks-off HTTP/1.1\r\nHost: x\r\nX-Request-ID: mine\r\n\r\n")
        answer = await connection.ends_within(3)
    logged = next(line for line in log.lines if line["level"] == "error")

    assert answer.endswith(b"\r\n\r\n3\r\none\r\n")  # and no last chunk
    assert b"secret" not in answer
    assert (logged["event"], logged["path"], logged["request_id"]) == ("unexpected error", "/breaks-off", "mine")
    assert await running.is_well()


async def test_what_is_no_http_is_refused(running: Running) -> None:
    async with running.connected() as connection:
        await connection.send("zork\r\n\r\n")

        assert (await connection.ends_within(3)).startswith(b"HTTP/1.1 400 ")
        assert await running.is_well()


async def test_the_answer_does_not_say_which_server_it_is(running: Running) -> None:
    async with running.connected() as connection:
        await connection.send("GET /who HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await connection.reader.readuntil(b"\r\n\r\n")

        assert b"\r\nserver:" not in head.lower()


@pytest.mark.parametrize(("trusted", "seen"), [((), b'"127.0.0.1"'), (("127.0.0.1",), b'"10.1.2.3"')])
async def test_only_a_trusted_proxy_says_for_whom_it_asks(trusted: tuple[str, ...], seen: bytes) -> None:
    async for server in served(trusted):
        async with server.connected() as connection:
            await connection.send("GET /who HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.1.2.3\r\n\r\n")
            assert await connection.answer() == (200, seen)


async def test_processes_that_share_a_socket_share_what_comes_at_once() -> None:
    # Two servers of one process stand for two processes: each has the socket under a descriptor of its own.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        servers = [make_server(Edge(make_app()), host="127.0.0.1", port=port) for _ in range(2)]
        tasks = [asyncio.create_task(server.serve(sockets=[listener.dup()])) for server in servers]
        while not all(server.started for server in servers):  # noqa: ASYNC110 - uvicorn tells it in no other way
            await asyncio.sleep(0.01)
        async with AsyncExitStack() as stack:
            kept = [await stack.enter_async_context(Running(port, servers[0], tasks[0]).connected()) for _ in range(40)]
            for connection in kept:
                await connection.send(WHO)
            assert {await connection.answer() for connection in kept} == {(200, b'"127.0.0.1"')}
            shares = [len(server.server_state.connections) for server in servers]
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*tasks)

    assert sum(shares) == 40
    assert min(shares) >= 8


class FullOnce(socket.socket):
    """A socket whose process has no descriptors left at first."""

    refused = 0

    def accept(self) -> tuple[socket.socket, Any]:
        if not self.refused:
            self.refused += 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def test_where_no_connection_can_be_taken_it_is_tried_again(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "WHILE_FULL_SECONDS", 0.1)
    listener = FullOnce()
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = make_server(Edge(make_app()), host="127.0.0.1", port=port)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
        await asyncio.sleep(0.01)
    assert await Running(port, server, task).is_well()
    server.should_exit = True
    await task

    assert listener.refused == 1
    assert [line["error"] for line in log.lines if line["level"] == "error"] == ["[Errno 24] Too many open files"]
