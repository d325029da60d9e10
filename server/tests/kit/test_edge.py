"""What every answer has: a request id, safe headers, and the envelope where it is an error."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from learntrac.kit.clock import utc_now
from learntrac.kit.errors import CODES_BY_STATUS, Detail, LearnTracError, Unavailable, ValidationFailed
from learntrac.kit.fields import Body, QueryInt
from learntrac.kit.http.edge import Edge, Message, Receive, Scope, Send
from learntrac.kit.http.errors import handle_errors
from tests.conftest import Answer, Api, Person, TracCopy, serving
from tests.kit.conftest import Log

SAFE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
JSON = {"Content-Type": "application/json"}


class Numbers(Body):
    """A body with one field of many errors."""

    numbers: list[int]


def make_app() -> FastAPI:
    app = FastAPI(max_body_size=1000)
    handle_errors(app, utc_now)
    add_what_works(app)
    add_what_fails(app)
    return app


def add_what_works(app: FastAPI) -> None:
    @app.get("/fine")
    async def fine(limit: QueryInt = 1) -> int:
        return limit

    @app.post("/numbers")
    async def numbers(body: Numbers) -> int:
        return len(body.numbers)

    @app.post("/form")
    async def form(request: Request) -> list[str]:
        return list(await request.form())

    @app.get("/own-headers")
    async def own_headers() -> Response:
        return Response("x", headers={"Cache-Control": "max-age=60", "X-Frame-Options": "SAMEORIGIN"})


def add_what_fails(app: FastAPI) -> None:
    @app.get("/boom")
    async def boom(token: str = "") -> None:
        raise RuntimeError(f"a secret {token}")

    @app.get("/refused/{status}")
    async def refused(status: int) -> None:
        if status == 503:
            raise Unavailable("Not now.", retry_after_seconds=7)
        if status == 400:
            raise ValidationFailed("Not so.", details=[Detail("a.b", "must be c")])
        raise HTTPException(status, "In its own words.", headers={"X-More": "1"})


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = Edge(make_app(), form_paths=frozenset({"/form"}))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://learn.test") as made:
        yield made


def envelope(response: httpx.Response) -> tuple[int, str]:
    """(status, code) of an error, whose id is also in the header."""
    answer = Answer(response.status_code, response.json(), response.headers)
    error = answer.error
    assert answer["error"]["request_id"] == response.headers["x-request-id"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer["error"]["timestamp"])
    return error


class TestRequestIds:
    @pytest.mark.parametrize("own", ["a", "req-1", "A.b_c-9", "x" * 64])
    async def test_a_sane_one_is_taken_over(self, client: httpx.AsyncClient, own: str) -> None:
        response = await client.get("/nothing", headers={"X-Request-ID": own})

        assert response.headers.get_list("x-request-id") == [own]
        assert response.json()["error"]["request_id"] == own

    @pytest.mark.parametrize("own", ["", "x" * 65, "a b", "a\tb", "é", '"', "a;b", "<script>", "a\\n"])
    async def test_any_other_is_replaced(self, client: httpx.AsyncClient, own: str) -> None:
        response = await client.get("/nothing", headers=[(b"X-Request-ID", own.encode())])

        assert re.fullmatch(r"req-[0-9a-f]{16}", response.headers["x-request-id"])

    async def test_each_request_has_another(self, client: httpx.AsyncClient) -> None:
        ids = {(await client.get("/fine")).headers["x-request-id"] for _ in range(20)}
        assert len(ids) == 20


async def test_every_answer_has_an_id_and_safe_headers(client: httpx.AsyncClient, log: Log) -> None:
    answers = {
        "fine": await client.get("/fine"),
        "unknown": await client.get("/nothing"),
        "method": await client.delete("/fine"),
        "options": await client.options("/fine"),
        "invalid": await client.get("/fine", params={"limit": "x"}),
        "no JSON": await client.post("/numbers", content="{", headers=JSON),
        "type": await client.post("/numbers", content="x", headers={"Content-Type": "text/plain"}),
        "too large": await client.post("/numbers", content=b"x" * 1001, headers=JSON),
        "broken": await client.get("/boom"),
    }

    for name, answer in answers.items():
        assert {header: answer.headers.get(header) for header in SAFE} == SAFE, name
        assert answer.headers["x-request-id"], name
    errors = {name: envelope(answer) for name, answer in answers.items() if answer.status_code >= 400}
    assert errors == {
        "unknown": (404, "NOT_FOUND"),
        "method": (405, "METHOD_NOT_ALLOWED"),
        "options": (405, "METHOD_NOT_ALLOWED"),
        "invalid": (400, "VALIDATION_ERROR"),
        "no JSON": (400, "VALIDATION_ERROR"),
        "type": (415, "UNSUPPORTED_MEDIA_TYPE"),
        "too large": (413, "PAYLOAD_TOO_LARGE"),
        "broken": (500, "SERVER_ERROR"),
    }
    assert answers["method"].headers["allow"] == "GET"


async def test_headers_that_an_answer_brings_along_stay(client: httpx.AsyncClient) -> None:
    response = await client.get("/own-headers")

    assert response.headers.get_list("cache-control") == ["max-age=60"]
    assert response.headers.get_list("x-frame-options") == ["SAMEORIGIN"]
    assert response.headers["x-content-type-options"] == "nosniff"


class TestErrors:
    async def test_carry_their_details_and_how_long_to_wait(self, client: httpx.AsyncClient) -> None:
        invalid, later = await client.get("/refused/400"), await client.get("/refused/503")

        assert invalid.json()["error"]["details"] == [{"field": "a.b", "message": "must be c"}]
        assert invalid.json()["error"]["message"] == "Not so."
        assert envelope(later) == (503, "SERVICE_UNAVAILABLE")
        assert later.headers["retry-after"] == "7"

    @pytest.mark.parametrize(("status", "code"), [*sorted(CODES_BY_STATUS.items()), (418, "VALIDATION_ERROR")])
    async def test_of_the_framework_get_the_code_of_their_status(
        self, client: httpx.AsyncClient, status: int, code: str
    ) -> None:
        response = await client.get(f"/refused/{status}")
        assert envelope(response) == (status, code)
        if status not in (400, 503):
            assert response.headers["x-more"] == "1"
        assert ("www-authenticate" in response.headers) == (status == 401)

    async def test_of_validation_name_the_field_and_not_the_value(self, client: httpx.AsyncClient) -> None:
        response = await client.post("/numbers", json={"numbers": ["zork"] * 50})
        details = response.json()["error"]["details"]

        assert envelope(response) == (400, "VALIDATION_ERROR")
        assert [line["field"] for line in details] == [f"numbers.{place}" for place in range(20)]
        assert "zork" not in response.text

    async def test_that_nobody_foresaw_say_nothing_and_are_logged_with_the_id(
        self, client: httpx.AsyncClient, log: Log
    ) -> None:
        response = await client.get("/boom?token=t0ken", headers={"X-Request-ID": "mine"})
        (logged,) = [line for line in log.lines if line["level"] == "error"]

        assert envelope(response) == (500, "SERVER_ERROR")
        assert response.json()["error"]["message"] == "Internal server error"
        assert "secret" not in response.text
        assert "Traceback" not in response.text
        assert (logged["request_id"], logged["path"]) == ("mine", "/boom")
        assert "RuntimeError: a secret" in logged["exception"]

    def test_have_the_codes_of_the_table(self) -> None:
        kinds = LearnTracError.__subclasses__()
        assert len(kinds) >= 7
        for kind in kinds:
            assert CODES_BY_STATUS[kind.status] == kind.code


class TestBodies:
    @pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/x+json"])
    async def test_of_json_are_taken(self, client: httpx.AsyncClient, kind: str) -> None:
        response = await client.post("/numbers", content='{"numbers":[1]}', headers={"Content-Type": kind})
        assert (response.status_code, response.json()) == (200, 1)

    @pytest.mark.parametrize("kind", [None, "text/json", "application/xml", "application/x-www-form-urlencoded", "x"])
    async def test_of_another_kind_are_refused(self, client: httpx.AsyncClient, kind: str | None) -> None:
        headers = {"Content-Type": kind} if kind else {}
        assert envelope(await client.post("/numbers", content="numbers=1", headers=headers))[0] == 415

    async def test_of_a_form_are_taken_where_a_form_is_expected(self, client: httpx.AsyncClient) -> None:
        assert (await client.post("/form", data={"a": "1"})).json() == ["a"]
        assert envelope(await client.post("/form", files={"a": b"1"}))[0] == 415

    async def test_without_content_need_no_type(self, client: httpx.AsyncClient) -> None:
        assert envelope(await client.post("/numbers"))[0] == 400

    @pytest.mark.parametrize("size", [1000, 1001, 100_000])
    async def test_are_as_long_as_they_may_be_declared_or_not(self, client: httpx.AsyncClient, size: int) -> None:
        body = b'{"numbers":[]}'.ljust(size)

        async def in_pieces() -> AsyncIterator[bytes]:
            for start in range(0, size, 300):
                yield body[start : start + 300]

        declared = await client.post("/numbers", content=body, headers=JSON)
        counted = await client.post("/numbers", content=in_pieces(), headers=JSON)
        for response in (declared, counted):
            if size == 1000:
                assert response.json() == 0
            else:
                assert envelope(response) == (413, "PAYLOAD_TOO_LARGE")

    async def test_nested_as_deep_as_one_likes_are_no_500(self, sqlite_api: Api) -> None:
        statuses = set()
        for depth in range(10, 1200, 11):
            nested = b'{"refresh_token":"x","more":' + b"[" * depth + b"]" * depth + b"}"
            answer = await sqlite_api.anybody.send("POST", "/auth/refresh", content=nested, headers=JSON)
            statuses.add(answer.status)
        assert statuses == {400, 401}


ORIGIN = {"Origin": "https://learn.example.org"}
ASK = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,idempotency-key"}


class TestOtherApplications:
    """The edge around whatever speaks ASGI."""

    async def test_what_is_no_request_passes_through(self) -> None:
        seen = []

        async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
            seen.append(dict(scope))

        await Edge(app)({"type": "lifespan"}, hear_nothing, say_nothing)
        assert seen == [{"type": "lifespan"}]

    async def test_one_that_fails_before_it_answers_is_left_to_the_server(self, log: Log) -> None:
        async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
            raise RuntimeError("it broke")

        scope: Scope = {"type": "http", "method": "GET", "path": "/here", "headers": []}
        with pytest.raises(RuntimeError, match="it broke"):
            await Edge(app)(scope, hear_nothing, say_nothing)
        assert [line["event"] for line in log.lines] == ["unexpected error", "request"]
        assert log.lines[1]["status"] == 500


async def hear_nothing() -> Message:
    raise AssertionError("nobody is there")


async def say_nothing(_message: Message) -> None:
    raise AssertionError("nobody is there")


class TestOrigins:
    async def test_on_the_list_may_call(self, sqlite_copy: TracCopy) -> None:
        async with serving(sqlite_copy, cors_origins="https://learn.example.org https://b.example.org") as api:
            asked = await api.anybody.send("OPTIONS", "/concepts/1/start", headers=ORIGIN | ASK)
            answers = [
                await api.anybody.send("GET", "/concepts", headers=ORIGIN),
                await api.anybody.send("GET", "/auth/me", headers=ORIGIN),
            ]

        assert asked.status == 200
        assert "POST" in asked.headers["access-control-allow-methods"]
        assert "Idempotency-Key" in asked.headers["access-control-allow-headers"]
        assert [answer.status for answer in answers] == [200, 401]
        for answer in (asked, *answers):
            assert answer.headers["access-control-allow-origin"] == "https://learn.example.org"
            assert "access-control-allow-credentials" not in answer.headers
            assert answer.headers["x-request-id"]
        for answer in answers:
            assert "X-Request-ID" in answer.headers["access-control-expose-headers"]

    async def test_not_on_the_list_may_not(self, sqlite_copy: TracCopy) -> None:
        others = ("https://evil.example.org", "https://learn.example.org.evil.org", "null", "http://learn.example.org")
        async with serving(sqlite_copy, cors_origins="https://learn.example.org") as api:
            for other in others:
                for method in ("OPTIONS", "GET"):
                    answer = await api.anybody.send(method, "/concepts", headers={"Origin": other} | ASK)
                    assert "access-control-allow-origin" not in answer.headers, other

    async def test_without_a_list_there_are_none(self, sqlite_api: Api) -> None:
        answer = await sqlite_api.anybody.send("GET", "/concepts", headers=ORIGIN)
        assert "access-control-allow-origin" not in answer.headers


async def test_the_real_doors_have_it_all(sqlite_api: Api) -> None:
    alice = await sqlite_api.sign_in("alice")
    too_large = await alice.send("POST", "/concepts/1/start", content=b" " * 2**21, headers=JSON)
    answers = [
        await alice.get("/concepts"),
        await alice.get("/nothing"),
        await alice.send("PUT", "/concepts"),
        await Person(alice.client, "zork").get("/concepts"),
        too_large,
    ]

    assert [answer.status for answer in answers] == [200, 404, 405, 401, 413]
    for answer in answers:
        assert {header: answer.headers.get(header) for header in SAFE} == SAFE
        if answer.status != 200:
            assert answer.error[0] == answer.status
            assert answer["error"]["request_id"] == answer.headers["x-request-id"]
