"""The list of concepts, through the door."""

import pytest

from learntrac.concepts import routes
from tests.concepts.trac_edits import by_sql
from tests.conftest import Api, eventually


def titles(answer: object) -> list[str]:
    return [concept["title"] for concept in answer["concepts"]]  # type: ignore[index] # an Answer


async def test_filters_are_combined(api: Api) -> None:
    answer = await api.anybody.get("/concepts", component="http", difficulty=3, milestone="Basics")

    assert titles(answer) == ["Methods of HTTP"]
    assert answer["total"] == 1


async def test_words_are_found_whatever_their_accents_and_endings(api: Api) -> None:
    assert titles(await api.anybody.get("/concepts", q="CAFE")) == ["Café extras"]
    assert titles(await api.anybody.get("/concepts", q="func requ")) == ["Request handlers"]
    # A title that matches comes before a text that does.
    assert titles(await api.anybody.get("/concepts", q="function")) == ["Python functions", "Request handlers"]


async def test_a_stranger_sees_what_trac_shows_to_anybody(api: Api) -> None:
    assert titles(await api.anybody.get("/concepts"))[0] == "HTTP messages"
    answer = await api.anybody.get("/concepts", limit=1, offset=2)

    assert answer.body.keys() == {"concepts", "total", "limit", "offset"}
    assert (answer["total"], answer["limit"], answer["offset"]) == (6, 1, 2)
    assert answer["concepts"] == [
        {
            "id": 3,
            "title": "Methods of HTTP",
            "description": "GET, PUT and their kin.",
            "type": "task",
            "status": "new",
            "difficulty": 3.0,
            "mastery_threshold": 0.8,
            "component": "http",
            "milestone": "Basics",
            "owner": "",
            "prerequisites": [1],
            "estimated_time": "1 hour 30 minutes",
            "tags": ["http"],
            "created_at": "2026-01-05T09:00:00Z",
            "updated_at": "2026-01-05T09:00:00Z",
        }
    ]
    assert (await api.anybody.get("/concepts"))["limit"] == 20
    assert (await api.anybody.get("/concepts", offset=6))["concepts"] == []


async def test_a_learner_sees_their_own_statuses(api: Api) -> None:
    alice = await api.sign_in("alice")
    await alice.post("/concepts/1/start", {})

    assert titles(await alice.get("/concepts", status="learning")) == ["HTTP messages"]
    assert (await alice.get("/concepts", status="new"))["total"] == 5
    assert (await api.anybody.get("/concepts", status="new"))["total"] == 6
    assert (await (await api.sign_in("bob")).get("/concepts", status="learning"))["total"] == 0


async def test_totals_follow_the_catalog(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are kept between requests, for as long as nothing changes, and no more of them than there is room for."""
    monkeypatch.setattr(routes, "REMEMBERED_TOTALS", 2)
    for component, total in [("http", 3), ("python", 2), ("", 1), ("none", 0), ("http", 3)]:
        assert (await api.anybody.get("/concepts", component=component))["total"] == total
    assert (await api.anybody.get("/concepts", component="http"))["total"] == 3
    assert (await api.anybody.get("/concepts", component="http", offset=50))["total"] == 3
    await by_sql(api.trac, "INSERT INTO ticket (id, summary, component) VALUES (7, 'Seventh', 'http')")

    async def counted() -> bool:
        answer = await api.anybody.get("/concepts", component="http")
        assert answer["total"] == len(answer["concepts"])
        return len(answer["concepts"]) == 4

    await eventually(counted)
    assert (await api.anybody.get("/concepts", component="http", offset=50))["total"] == 4
