import asyncio
import base64
import locale
import re
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Message

from learntrac.trac.author import add_user, write_course
from learntrac.trac.course import Course, CourseConcept, Page
from learntrac.trac.mount import MAX_BODY_BYTES, mounted, read_basic
from tests.environments import make_trac16

PASSWORDS = {"ivan": "a:b", "zoë": "pässwort"}
CHECKED_IN: list[str] = []


def check(username: str, password: str, _address: str) -> bool:
    CHECKED_IN.append(threading.current_thread().name)
    return PASSWORDS.get(username) == password


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mount") / "trac"
    make_trac16(path)
    concepts = (CourseConcept("http", "HTTP methods", "GET and '''PUT'''."),)
    write_course(path, Course("Web", (), (), concepts, ()), author="ivan", now=datetime(2024, 1, 1, tzinfo=UTC))
    add_user(path, "ivan", "not asked for", permissions=["TRAC_ADMIN"])
    return path


@pytest.fixture(scope="module")
def application(environment: Path) -> Starlette:
    return Starlette(routes=[Mount("/trac", mounted(environment, check))])


@pytest.fixture
async def client(application: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://learn.example") as client:
        yield client


def basic(username: str, password: str, charset: str = "utf-8") -> dict[str, str]:
    encoded = base64.b64encode(f"{username}:{password}".encode(charset)).decode()
    return {"Authorization": f"Basic {encoded}"}


async def sign_in(client: httpx.AsyncClient) -> None:
    answer = await client.get("/trac/login", headers=basic("ivan", "a:b"))
    assert answer.status_code == 302


def form_token(page: httpx.Response) -> str:
    found = re.search(r'name="__FORM_TOKEN"[^>]* value="(\w+)"', page.text)
    assert found
    return found[1]


async def test_the_front_page_is_the_wiki_with_links_under_the_mount(client: httpx.AsyncClient) -> None:
    page = await client.get("/trac/")
    assert page.status_code == 200
    assert "Welcome" in page.text
    assert 'href="/trac/wiki/TitleIndex"' in page.text
    assert "trac.css" in page.text


async def test_the_folder_without_its_slash_leads_to_the_front_page(client: httpx.AsyncClient) -> None:
    page = await client.get("/trac", follow_redirects=True)
    assert str(page.url) == "http://learn.example/trac/"
    assert page.status_code == 200


async def test_a_ticket_is_rendered(client: httpx.AsyncClient) -> None:
    page = await client.get("/trac/ticket/1")
    assert page.status_code == 200
    assert "HTTP methods" in page.text
    assert "<strong>PUT</strong>" in page.text
    assert "[id=h_learntrac_key]" in page.text  # hidden by a style


async def test_a_course_written_meanwhile_shows_at_once(client: httpx.AsyncClient, environment: Path) -> None:
    assert (await client.get("/trac/wiki/Http/Caching")).status_code == 404
    course = Course("Web", (), (), (), (Page("Http/Caching", "Why not to ask twice."),))
    write_course(environment, course, author="ivan", now=datetime(2024, 1, 2, tzinfo=UTC))
    assert "Why not to ask twice." in (await client.get("/trac/wiki/Http/Caching")).text


async def test_a_page_that_is_not_there_is_tracs_own_404(client: httpx.AsyncClient) -> None:
    page = await client.get("/trac/ticket/99")
    assert page.status_code == 404
    assert "Ticket 99 does not exist" in page.text


async def test_every_static_file_of_the_front_page_is_served(client: httpx.AsyncClient) -> None:
    page = await client.get("/trac/")
    files = re.findall(r'(?:src|href)="(/trac/chrome/[^"]+)"', page.text)
    assert len(files) > 3
    for file in files:
        answer = await client.get(file)
        assert answer.status_code == 200, file
        assert len(answer.content) == int(answer.headers["content-length"])
        assert ("css" in answer.headers["content-type"]) == file.endswith(".css")


async def test_a_static_file_is_not_sent_twice(client: httpx.AsyncClient) -> None:
    first = await client.get("/trac/chrome/common/css/trac.css")
    since = {"If-Modified-Since": first.headers["last-modified"]}
    again = await client.get("/trac/chrome/common/css/trac.css", headers=since)
    assert again.status_code == 304


async def test_signing_in_sets_a_cookie_for_trac_only_and_leads_back(client: httpx.AsyncClient) -> None:
    headers = {**basic("ivan", "a:b"), "Referer": "http://learn.example/trac/ticket/1"}
    answer = await client.get("/trac/login", headers=headers)
    assert answer.status_code == 302
    assert answer.headers["location"] == "http://learn.example/trac/ticket/1"
    cookie = next(cookie for cookie in client.cookies.jar if cookie.name == "trac_auth")
    assert cookie.path == "/trac"
    assert cookie.has_nonstandard_attr("HttpOnly")
    page = await client.get("/trac/ticket/1")
    assert re.search(r"logged in as.*ivan", page.text)


async def test_signing_in_does_not_lead_to_another_site(client: httpx.AsyncClient) -> None:
    headers = {**basic("ivan", "a:b"), "Referer": "http://elsewhere.example/trac/ticket/1"}
    answer = await client.get("/trac/login", headers=headers)
    assert answer.headers["location"] == "http://learn.example/trac"


@pytest.mark.parametrize("charset", ["utf-8", "latin-1"])
async def test_names_and_passwords_may_be_any_letters(client: httpx.AsyncClient, charset: str) -> None:
    answer = await client.get("/trac/login", headers=basic("zoë", "pässwort", charset))
    assert answer.status_code == 302
    assert "zoë" in (await client.get("/trac/")).text


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Basic aXZhbg==",
        "Bearer aXZhbjphOmI=",
        basic("ivan", "wrong")["Authorization"],
        basic("", "a:b")["Authorization"],
        basic("nobody", "a:b")["Authorization"],
    ],
)
async def test_without_the_right_password_there_is_a_challenge_and_no_cookie(
    client: httpx.AsyncClient, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = await client.get("/trac/login", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="LearnTrac", charset="UTF-8"'
    assert not client.cookies


@pytest.mark.parametrize("path", ["/trac/", "/trac/logins", "/trac/ticket/1/login"])
async def test_a_password_signs_in_at_login_only(client: httpx.AsyncClient, path: str) -> None:
    page = await client.get(path, headers=basic("ivan", "a:b"))
    assert "logged in as" not in page.text


async def test_a_header_cannot_name_the_user(client: httpx.AsyncClient) -> None:
    page = await client.get("/trac/", headers={"Remote-User": "ivan", "REMOTE_USER": "ivan"})
    assert "logged in as" not in page.text


async def test_the_password_is_checked_off_the_event_loop(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    assert CHECKED_IN[-1] != threading.current_thread().name


async def test_after_logging_out_the_cookie_is_worth_nothing(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    stolen = client.cookies["trac_auth"]
    page = await client.get("/trac/")
    answer = await client.post("/trac/logout", data={"__FORM_TOKEN": form_token(page)})
    assert answer.status_code == 303
    client.cookies.set("trac_auth", stolen, domain="learn.example", path="/trac")
    assert "logged in as" not in (await client.get("/trac/")).text


async def edit(client: httpx.AsyncClient, **fields: str) -> httpx.Response:
    page = await client.get("/trac/ticket/1")
    hidden = {"start_time", "view_time"}
    found = re.findall(r'name="(\w+)"\s+value="([^"]*)"', page.text)
    values = {name: value for name, value in found if name in hidden}
    values |= {"__FORM_TOKEN": form_token(page), "action": "leave", "submit": "Submit changes", **fields}
    return await client.post("/trac/ticket/1", data=values)


async def test_a_ticket_is_edited_through_its_form(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    answer = await edit(client, field_summary="HTTP méthodes", comment="Said better.")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("http://learn.example/trac/ticket/1#comment:")
    page = await client.get("/trac/ticket/1")
    assert "HTTP méthodes" in page.text
    assert "Said better." in page.text


async def test_a_form_without_its_token_changes_nothing(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    answer = await edit(client, field_summary="Forged", __FORM_TOKEN="0" * 24)
    assert answer.status_code == 400
    assert "Forged" not in (await client.get("/trac/ticket/1")).text


async def test_a_file_is_attached_through_its_form(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    page = await client.get("/trac/attachment/ticket/1/?action=new")
    fields = {"__FORM_TOKEN": form_token(page), "action": "new", "realm": "ticket", "id": "1"}
    content = b"line\n" * 20_000
    answer = await client.post(
        "/trac/attachment/ticket/1/?action=new",
        data=fields,
        files={"attachment": ("notes.txt", content, "text/plain")},
    )
    assert answer.status_code == 303, answer.text[:2000]
    back = await client.get("/trac/raw-attachment/ticket/1/notes.txt")
    assert back.content == content


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 2**16


async def test_a_body_over_ten_mebibytes_is_refused(client: httpx.AsyncClient) -> None:
    many = MAX_BODY_BYTES // 2**16
    too_much = await client.post("/trac/ticket/1", content=chunks(many + 1))
    assert too_much.status_code == 413
    just_enough = await client.post("/trac/ticket/1", content=chunks(many))
    assert just_enough.status_code == 200  # no form, so Trac shows the ticket


async def answer(application: Starlette, received: Message, **scope: Any) -> list[Message]:
    """What the application says to one message of a server, below what httpx can send."""
    sent: list[Message] = []

    async def receive() -> Message:
        return received

    async def send(message: Message) -> None:
        sent.append(message)

    common = {"http_version": "1.1", "method": "POST", "path": "/trac/", "query_string": b"", "headers": []}
    await application({"type": "http", **common, **scope}, receive, send)
    return sent


async def test_a_query_of_raw_bytes_is_refused(application: Starlette) -> None:
    body = {"type": "http.request", "body": b""}
    start, *_ = await answer(application, body, query_string=b"q=\xff")
    assert start["status"] == 400


async def test_a_sender_who_goes_away_is_not_answered(application: Starlette) -> None:
    assert await answer(application, {"type": "http.disconnect"}) == []


async def test_a_websocket_is_closed(application: Starlette) -> None:
    sent = await answer(application, {"type": "websocket.connect"}, type="websocket")
    assert [message["type"] for message in sent] == ["websocket.close"]


async def test_many_at_once_are_all_answered(client: httpx.AsyncClient) -> None:
    pages = await asyncio.gather(*(client.get("/trac/ticket/1") for _ in range(20)))
    assert {page.status_code for page in pages} == {200}


@pytest.fixture
def _unchanged_locale() -> Iterator[None]:
    before = locale.setlocale(locale.LC_ALL)
    yield
    assert locale.setlocale(locale.LC_ALL) == before


@pytest.mark.usefixtures("_unchanged_locale")
async def test_trac_leaves_the_locale_of_the_process(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    assert (await client.get("/trac/")).status_code == 200


@pytest.mark.parametrize(
    ("header", "credentials"),
    [
        ("Basic aXZhbjphOmI=", ("ivan", "a:b")),
        ("basic  aXZhbjphOmI= ", ("ivan", "a:b")),
        ("Basic aXZhbjo=", ("ivan", "")),
        ("Basic aXZhbjphOmI", None),
        ("Basic aXZh\xffbjphOmI=", None),
        (basic("ivan", "a\0b")["Authorization"], None),
    ],
)
def test_reading_the_header(header: str, credentials: tuple[str, str] | None) -> None:
    assert read_basic(header) == credentials
