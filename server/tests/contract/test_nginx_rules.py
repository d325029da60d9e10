"""What the shipped nginx file does with a request, seen from what stands behind it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.contract.nginx import proxy
from tests.environments import find_free_port

pytestmark = pytest.mark.service("nginx")

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
Reply = Callable[[socket.socket], object]


@dataclass
class Behind:
    """A server at the end of the line: what reached it, as it came."""

    port: int
    heads: list[str] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        """A header of the last request."""
        lines = dict(line.lower().split(": ", 1) for line in self.heads[-1].split("\r\n")[1:] if ": " in line)
        return lines.get(name)


@contextmanager
def behind(reply: Reply) -> Iterator[Behind]:
    """A server that reads one request of each connection, lets `reply` answer it and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Behind(listener.getsockname()[1])

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    server.heads.append(_read(connection))
                    reply(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _read(connection: socket.socket) -> str:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    return data.decode("latin-1")


def answer(connection: socket.socket) -> None:
    connection.sendall(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))


def hang_up(connection: socket.socket) -> None:
    """Nothing is said at all."""


@dataclass(frozen=True)
class Line:
    url: str
    first: Behind
    second: Behind
    trac: Behind

    def asked(self) -> int:
        return len(self.first.heads) + len(self.second.heads)

    def last(self) -> Behind:
        return self.first if self.first.heads else self.second


@contextmanager
def line(folder: Path, first: Reply = answer, second: Reply = answer) -> Iterator[Line]:
    with ExitStack() as stack:
        servers = [stack.enter_context(behind(reply)) for reply in (first, second, answer)]
        ports = [server.port for server in servers]
        url = stack.enter_context(proxy(folder, api=(ports[0], ports[1]), trac=ports[2]))
        yield Line(url, *servers)


@pytest.mark.parametrize(
    "path",
    ["/", "/api/learntrac/v1/health", "/api/learntrac/v1/auth/me", "/certificates/x", "/wiki/Start", "/ticket/1"],
)
def test_what_is_learntracs_goes_to_the_api(tmp_path: Path, path: str) -> None:
    with line(tmp_path) as there:
        assert httpx.get(there.url + path).status_code == 200

        assert there.asked() == 1
        assert there.trac.heads == []


def test_what_is_tracs_goes_to_trac_and_the_rest_nowhere(tmp_path: Path) -> None:
    with line(tmp_path) as there:
        assert httpx.get(f"{there.url}/trac/wiki").status_code == 200
        assert httpx.get(f"{there.url}/trac").headers["location"] == f"{there.url}/trac/"
        for path, status in (("/metrics", 403), ("/metrics/x", 403), ("/.env", 404), ("/tracker", 404)):
            assert httpx.get(there.url + path).status_code == status, path

        assert there.trac.heads[0].startswith("GET /trac/wiki ")
        assert (there.asked(), len(there.trac.heads)) == (0, 1)


def test_what_the_proxy_knows_is_passed_on_and_cannot_be_forged(tmp_path: Path) -> None:
    forged = {"X-Forwarded-For": "10.9.8.7", "X-Forwarded-Proto": "https", "X-Request-ID": "bad id", "Upgrade": "h2c"}
    with line(tmp_path) as there:
        httpx.get(f"{there.url}/api/learntrac/v1/health", headers=forged)
        seen = there.last()

        assert (seen.header("x-forwarded-for"), seen.header("x-forwarded-proto")) == ("127.0.0.1", "http")
        assert seen.header("host") == there.url.removeprefix("http://")
        assert len(seen.header("x-request-id") or "") == 32
        assert (seen.header("upgrade"), seen.header("connection")) == (None, None)
    with line(tmp_path) as there:
        httpx.get(f"{there.url}/api/learntrac/v1/health", headers={"X-Request-ID": "mine-1"})
        assert there.last().header("x-request-id") == "mine-1"


def test_a_websocket_is_upgraded_and_its_token_is_in_no_log(tmp_path: Path) -> None:
    def switch(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello")

    with line(tmp_path, switch, switch) as there:
        host, _, port = there.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=5) as client:
            client.sendall(
                b"GET /ws/voice?token=t0psecret HTTP/1.1\r\nHost: x\r\n"
                b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
            )
            said = b"".join(iter(lambda: client.recv(4096), b""))
        seen = there.last()

    assert said.startswith(b"HTTP/1.1 101 ")
    assert said.endswith(b"hello")
    assert (seen.header("upgrade"), seen.header("connection")) == ("websocket", "upgrade")
    with line(tmp_path, hang_up, hang_up) as there:
        assert httpx.get(f"{there.url}/ws/voice?token=t0psecret").status_code == 503
    logged = (tmp_path / "access.log").read_text()
    assert logged.count("/ws/voice") == 2
    assert "t0psecret" not in logged + (tmp_path / "error.log").read_text()


def test_a_get_is_asked_again_elsewhere_and_a_post_that_was_sent_is_not(tmp_path: Path) -> None:
    with line(tmp_path, hang_up, answer) as there:
        statuses = {httpx.get(f"{there.url}/api/learntrac/v1/health").status_code for _ in range(4)}
        assert statuses == {200}
        assert there.first.heads, "the one that hangs up was tried"
    with line(tmp_path, hang_up, hang_up) as there:
        refused = httpx.post(f"{there.url}/api/learntrac/v1/auth/login", json={})

        assert there.asked() == 1
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")


def test_nobody_there_is_told_in_the_apis_form(tmp_path: Path) -> None:
    ports = find_free_port(), find_free_port()
    with proxy(tmp_path, api=ports, trac=find_free_port()) as url:
        away = httpx.get(f"{url}/api/learntrac/v1/concepts", headers={"X-Request-ID": "mine-2"})
        large = httpx.post(f"{url}/api/learntrac/v1/concepts/1/start", content=b"x" * (33 << 20))
        trac = httpx.get(f"{url}/trac/wiki")

    error = away.json()["error"]
    assert (away.status_code, error["code"], error["request_id"]) == (503, "SERVICE_UNAVAILABLE", "mine-2")
    assert set(error) == {"code", "message", "details", "request_id", "timestamp"}
    assert away.headers["content-type"] == "application/json"
    assert away.headers["retry-after"] == "2"
    assert (large.status_code, large.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert (trac.status_code, trac.text) == (503, "Trac does not answer. Try again in a moment.\n")


def test_a_stream_comes_through_piece_by_piece(tmp_path: Path) -> None:
    read = threading.Event()

    def stream(connection: socket.socket) -> None:
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: 1\n\n"
        )
        if read.wait(5):
            connection.sendall(b"data: 2\n\n")

    with line(tmp_path, stream, stream) as there:
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "gzip"}
        url = f"{there.url}/api/learntrac/v1/chat/1/message"
        with httpx.stream("POST", url, headers=headers, json={"message": "Hello"}, timeout=5) as answered:
            pieces = answered.iter_raw()
            assert next(pieces) == b"data: 1\n\n"
            read.set()
            assert next(pieces) == b"data: 2\n\n"
        assert there.last().heads[0].startswith("POST ")


def test_answers_are_compressed_but_for_those_with_tokens(tmp_path: Path) -> None:
    def long(connection: socket.socket) -> None:
        body = b'["' + b"x" * 5000 + b'"]'
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(body) + body)

    with line(tmp_path, long, long) as there:
        api = f"{there.url}/api/learntrac/v1"
        assert httpx.get(f"{api}/concepts").headers.get("content-encoding") == "gzip"
        assert "content-encoding" not in httpx.get(f"{api}/auth/me").headers
