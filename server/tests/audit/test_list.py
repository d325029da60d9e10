"""`GET /audit`: the log as an administrator reads it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from learntrac.audit.service import record
from tests.audit.looking import acts
from tests.conftest import Answer, Api, Person

AN_HOUR_AGO = timedelta(hours=1)
SEEN = [
    ("ivan", "progress.view", "alice"),
    ("ivan", "progress.view", "bob"),
    ("cli", "account.add", "zoe"),
    ("cli", "user.export", "alice"),
    ("system", "login.blocked", "alice"),
]


async def admin_of(api: Api) -> Person:
    """The administrator, with a log of five acts, a minute apart, from an hour ago."""
    admin = await api.sign_in("admin")
    async with api.parts.database.begin() as session:
        for minute, (actor, action, subject) in enumerate(SEEN):
            at = api.clock() - AN_HOUR_AGO + timedelta(minutes=minute)
            await record(session, actor=actor, action=action, subject=subject, now=at, details={"minute": minute})
    return admin


def shown(answer: Answer) -> list[tuple[str, str, str | None]]:
    """(actor, action, subject) of each line, oldest first."""
    assert answer.status == 200, answer.body
    return [(line["actor"], line["action"], line["subject"]) for line in reversed(answer["entries"])]


async def test_an_entry_shows_everything(api: Api) -> None:
    admin = await admin_of(api)

    (entry,) = (await admin.get("/audit", action="login.ok"))["entries"]
    assert entry.keys() == {"id", "at", "actor", "action", "subject", "request_id", "address", "details"}
    assert (entry["actor"], entry["subject"], entry["address"], entry["details"]) == ("admin", "admin", "127.0.0.1", {})
    assert entry["request_id"].startswith("req-")
    assert datetime.fromisoformat(entry["at"]) > datetime.now(UTC) - timedelta(minutes=1)
    (blocked,) = (await admin.get("/audit", action="login.blocked"))["entries"]
    assert (blocked["request_id"], blocked["address"], blocked["details"]) == ("", "", {"minute": 4})


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"actor": "ivan"}, [0, 1]),
        ({"subject": "alice"}, [0, 3, 4]),
        ({"person": "ivan"}, [0, 1]),
        ({"person": "alice"}, [0, 3, 4]),
        ({"action": "progress."}, [0, 1]),
        ({"action": "login.blocked"}, [4]),
        ({"action": "%"}, []),
        ({"action": "PROGRESS."}, []),
        ({"actor": "ivan", "subject": "bob"}, [1]),
        ({"actor": "nobody"}, []),
    ],
    ids=str,
)
async def test_filters(api: Api, filters: dict[str, str], found: list[int]) -> None:
    answer = await (await admin_of(api)).get("/audit", **filters)

    assert shown(answer) == [SEEN[number] for number in found]
    assert answer["total"] == len(found)


async def test_since_and_until_bound_the_time(api: Api) -> None:
    admin = await admin_of(api)
    middle = (await admin.get("/audit", actor="cli", action="account."))["entries"][0]["at"]
    day = datetime.now(UTC).date()

    assert shown(await admin.get("/audit", until=middle)) == SEEN[:2]
    assert shown(await admin.get("/audit", since=middle, until=_later(middle, minutes=2))) == SEEN[2:4]
    assert shown(await admin.get("/audit", since=f"{day + timedelta(days=2)}")) == []
    assert shown(await admin.get("/audit", until=middle.removesuffix("Z"))) == SEEN[:2], "without a zone it is UTC"
    elsewhere = datetime.fromisoformat(middle) + timedelta(hours=5, minutes=30)
    assert shown(await admin.get("/audit", until=f"{elsewhere:%Y-%m-%dT%H:%M:%S}+05:30")) == SEEN[:2]


def _later(moment: str, **by: float) -> str:
    return (datetime.fromisoformat(moment) + timedelta(**by)).isoformat()


async def test_the_newest_come_first_page_by_page(api: Api) -> None:
    admin, until = await admin_of(api), (datetime.now(UTC) - timedelta(minutes=30)).isoformat()

    pages = [await admin.get("/audit", limit=2, offset=offset, until=until) for offset in (0, 2, 4, 6)]
    assert [len(page["entries"]) for page in pages] == [2, 2, 1, 0]
    assert {(page["total"], page["limit"]) for page in pages} == {(5, 2)}
    minutes = [line["details"]["minute"] for page in pages for line in page["entries"]]
    assert minutes == [4, 3, 2, 1, 0]


async def test_whoever_reads_the_log_is_in_it(api: Api) -> None:
    admin = await admin_of(api)
    for filters in ({}, {"subject": "alice"}, {"actor": "ivan"}, {"person": "bob"}):
        await admin.get("/audit", **filters)

    looks = [("admin", "audit.view", about) for about in (None, "alice", "ivan", "bob")]
    assert await acts(api, "audit.") == looks


BAD: list[dict[str, Any]] = [
    *({"since": value} for value in ("yesterday", "0", "1e9", "2026-13-01", "2026-01-01T25:00", "٢٠٢٦-01-01", "")),
    *({"until": value} for value in ("2026-01-01T10", "2026-01-01 10:00:00.1234567", "2026-01-01T10:00+99:00")),
    *({"limit": value} for value in (0, 101, "x", "1.0")),
    {"offset": -1},
    {"actor": ""},
    {"subject": "x" * 256},
    {"action": "x" * 501},
    {"person": "a\0b"},
]


@pytest.mark.parametrize("query", BAD, ids=ascii)
async def test_bad_filters_are_refused(api: Api, query: dict[str, Any]) -> None:
    admin = await api.sign_in("admin")

    answer = await admin.get("/audit", **query)

    assert answer.error == (400, "VALIDATION_ERROR")
    assert [line["field"] for line in answer["error"]["details"]] == list(query)


@pytest.mark.parametrize("moment", ["0001-01-01", "0001-01-01T00:00+23:59", "9999-12-31T23:59:59.999999-23:59"])
async def test_the_ends_of_the_calendar_are_times_too(api: Api, moment: str) -> None:
    admin = await api.sign_in("admin")

    assert (await admin.get("/audit", since=moment, until=moment))["entries"] == []
