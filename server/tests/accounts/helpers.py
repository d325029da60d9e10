"""What tests of signing in share: quick passwords, other addresses, and a look into the tables."""

import asyncio
import base64
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from learntrac.main import create_app, site
from tests.conftest import PASSWORDS, Answer, Api, Person, TracCopy, serving


def sha(password: str) -> str:
    """An htpasswd hash that is checked in no time."""
    return "{SHA}" + base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()


def write_htpasswd(environment: Path, **passwords: str) -> Path:
    """The environment's own password file, with these users only; the four of the course when none are named."""
    file = environment / "conf" / "htpasswd"
    file.write_text("".join(f"{name}:{sha(password)}\n" for name, password in (passwords or PASSWORDS).items()))
    return file


async def serve_once(trac: TracCopy) -> None:
    """Let LearnTrac make its tables and its catalog."""
    async with serving(trac):
        pass


async def log_in(person: Person, name: str, password: str | None = None, **more: Any) -> Answer:
    """Whatever the API answers to this name and password, by default the right one."""
    body = {"username": name, "password": PASSWORDS[name] if password is None else password}
    return await person.post("/auth/login", body, **more)


async def refresh(person: Person, refresh_token: str, **more: Any) -> Answer:
    """Whatever the API answers to a refresh token."""
    return await person.post("/auth/refresh", {"refresh_token": refresh_token}, **more)


async def is_signed_in(api: Api, token: str) -> bool:
    """Whether an access token is accepted."""
    answer = await Person(api.client, token).get("/auth/me")
    assert answer.status == 200 or answer.error == (401, "AUTHENTICATION_ERROR")
    return answer.status == 200


async def rows(api: Api, sql: str, **values: object) -> list[Any]:
    """What LearnTrac's own database answers."""
    async with api.parts.database.begin() as session:
        result: Any = await session.execute(text(sql), values)
        # A statement that gives no rows says so by itself only where SQLAlchemy ran it.
        return list(result) if getattr(result, "returns_rows", True) else []


@asynccontextmanager
async def from_address(api: Api, address: str) -> AsyncIterator[Person]:
    """Somebody at another network address, of the same server."""
    app = site(create_app(api.parts), api.parts.settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://learn.test") as client:
        yield Person(client)


async def stay_within_one_window(seconds: int, *, needed: float = 5) -> None:
    """Limits slide by the clock on the wall: wait where a window is about to end, so that figures are exact."""
    left = seconds - time.time() % seconds
    if left < needed:
        await asyncio.sleep(left)
