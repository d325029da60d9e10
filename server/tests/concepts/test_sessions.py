"""Starting and completing a concept: what the server decides, whatever the client claims."""

import asyncio
from typing import Any

import orjson
from sqlalchemy import text

from tests.concepts.trac_edits import by_sql, shows
from tests.conftest import Answer, Api, Person, TracCopy, eventually, serving

CONFLICT, MISSING = (409, "CONFLICT"), (404, "NOT_FOUND")


async def start(person: Person, concept_id: int = 1, **body: Any) -> Answer:
    answer = await person.post(f"/concepts/{concept_id}/start", body)
    assert answer.status == 200, answer.body
    return answer


async def complete(person: Person, begun: Answer, **body: Any) -> Answer:
    answer = await person.post(f"/concepts/{begun['concept_id']}/complete", {"session_id": begun["session_id"]} | body)
    assert answer.status == 200, answer.body
    return answer


async def status(person: Person, concept_id: int = 1) -> str:
    return str((await person.get(f"/concepts/{concept_id}"))["status"])


async def rows(api: Api, sql: str) -> list[Any]:
    async with api.parts.database.read() as session:
        return [tuple(row) for row in await session.execute(text(sql))]


def steps(begun: Answer) -> list[tuple[str, str, int]]:
    path = begun["learning_path"]
    assert [step["step"] for step in path] == list(range(1, len(path) + 1))
    return [(step["type"], step["resource"]["type"], step["resource"]["estimated_time"]) for step in path]


async def test_a_concept_is_begun_worked_through_and_opens_others(api: Api) -> None:
    alice, bob = await api.sign_in("alice"), await api.sign_in("bob")
    begun = await start(alice)
    assert (begun["status"], begun["concept_id"], begun["ai_tutor_available"]) == ("active", 1, True)
    assert begun["started_at"].endswith("Z")
    assert (await status(alice), await status(bob), await status(api.anybody)) == ("learning", "new", "new")

    done = await complete(alice, begun, feedback="Very clear.", exercises_completed=["ex1"])
    assert (done["status"], done["mastery_score"], done["next_concepts"]) == ("practicing", 0, [3])
    assert (done["achievements_unlocked"], done["certificate_url"]) == ([], None)
    assert await status(alice) == "practicing"
    [(kept,)] = await rows(api, "SELECT reported FROM learning_session")
    assert orjson.loads(kept)["feedback"] == "Very clear."

    # All prerequisites of the fourth are done only with the second and the third.
    assert (await complete(alice, await start(alice, 3)))["next_concepts"] == [5]
    assert (await complete(alice, await start(alice, 2)))["next_concepts"] == [4]
    assert (await complete(alice, await start(alice, 6)))["next_concepts"] == []


async def test_one_session_at_a_time_and_each_ends_once(api: Api) -> None:
    alice, bob = await api.sign_in("alice"), await api.sign_in("bob")
    begun = await start(alice)
    assert (await alice.post("/concepts/1/start", {})).error == CONFLICT
    await start(bob)
    await start(alice, 2)

    ended = {"session_id": begun["session_id"]}
    assert (await bob.post("/concepts/1/complete", ended)).error == MISSING
    assert (await alice.post("/concepts/2/complete", ended)).error == MISSING
    assert (await alice.post("/concepts/9/complete", ended)).error == MISSING
    assert (await alice.post("/concepts/1/complete", {"session_id": "unheard-of"})).error == MISSING
    assert (await api.anybody.post("/concepts/1/complete", ended)).error == (401, "AUTHENTICATION_ERROR")
    assert (await api.anybody.post("/concepts/1/start", {})).error == (401, "AUTHENTICATION_ERROR")
    await complete(alice, begun)
    assert (await alice.post("/concepts/1/complete", ended)).error == CONFLICT
    abandoned = ended | {"completion_type": "abandoned"}
    assert (await alice.post("/concepts/1/complete", abandoned)).error == CONFLICT

    again = await start(alice)
    assert again["session_id"] != begun["session_id"]
    assert await status(alice) == "practicing"
    await complete(alice, again)


async def test_of_parallel_requests_one_wins(api: Api) -> None:
    alice = await api.sign_in("alice")
    begun = await asyncio.gather(*(alice.post("/concepts/1/start", {}) for _ in range(8)))
    assert sorted(answer.status for answer in begun) == [200] + [409] * 7

    won = next(answer for answer in begun if answer.status == 200)
    body = {"session_id": won["session_id"]}
    ended = await asyncio.gather(*(alice.post("/concepts/1/complete", body) for _ in range(8)))
    assert sorted(answer.status for answer in ended) == [200] + [409] * 7
    assert await rows(api, "SELECT kind, count(*) FROM learning_event GROUP BY kind ORDER BY kind") == [
        ("completed", 1),
        ("started", 1),
    ]


async def test_the_mode_and_the_time_make_the_path(api: Api) -> None:
    alice = await api.sign_in("alice")

    async def path(**body: Any) -> list[tuple[str, str, int]]:
        begun = await start(alice, **body)
        await complete(alice, begun, completion_type="abandoned")
        return steps(begun)

    page, film, tool = ("read", "documentation", 5), ("watch", "video", 27), ("open", "link", 27)
    assert await path(learning_mode="guided") == [page, film, tool, ("reflect", "documentation", 12)]
    assert await path(learning_mode="self-paced") == [page, film, tool]
    assert await path(learning_mode="challenge") == [("check", "documentation", 12), page, film, tool]
    assert await path(learning_mode="self-paced", preferred_resources=["link", "video"]) == [tool, film, page]
    assert await path(learning_mode="self-paced", time_commitment=32) == [page, film]
    assert await path(learning_mode="guided", time_commitment=20) == [page, ("reflect", "documentation", 12)]
    assert await path(learning_mode="self-paced", time_commitment=1) == [page]


async def test_a_path_names_its_resources_and_objectives(api: Api) -> None:
    alice = await api.sign_in("alice")
    path = (await start(alice, learning_mode="challenge"))["learning_path"]

    assert path[0]["objectives"] == ["Name the parts of a message", "Read a status line"]
    assert path[0]["resource"] == {
        "type": "documentation",
        "title": "HTTP messages",
        "url": "/ticket/1",
        "estimated_time": 12,
    }
    assert [step["resource"]["url"] for step in path[1:]] == [
        "/wiki/HttpBasics",
        "https://videos.example.org/http.mp4",
        "https://example.org/playground",
    ]
    assert steps(await start(alice, 2)) == [("read", "documentation", 1)]


async def test_time_is_believed_as_far_as_the_clock_goes(api: Api) -> None:
    alice = await api.sign_in("alice")

    async def counted(minutes: float, **claimed: int) -> int:
        begun = await start(alice)
        api.clock.forward(minutes=minutes)
        return int((await complete(alice, begun, **claimed))["time_spent"])

    assert 300 <= await counted(5) < 310
    assert await counted(5, time_spent=120) == 120
    assert 300 <= await counted(5, time_spent=7200) < 310
    assert await counted(-5, time_spent=7200) == 0
    assert await counted(0, time_spent=0) == 0


async def test_what_a_client_claims_of_itself_changes_nothing(api: Api) -> None:
    alice = await api.sign_in("alice")
    for _ in range(3):
        claims = {"completion_type": "mastered", "quiz_score": 1.0, "exercises_completed": ["ex1"] * 500}
        claims |= {"time_spent": 31_536_000, "status": "mastered", "mastery_score": 1, "user_id": "bob", "weight": 1}
        done = await complete(alice, await start(alice), **claims)
        assert (done["status"], done["mastery_score"], done["achievements_unlocked"]) == ("practicing", 0, [])
        assert (done["time_spent"] < 60, done["certificate_url"]) == (True, None)
    assert await status(alice) == "practicing"
    assert await rows(api, "SELECT DISTINCT user_id, status, mastery_score FROM standing") == [
        ("alice", "practicing", 0)
    ]
    assert await rows(api, "SELECT outcome, weight, source FROM evidence") == [(1.0, 0.0, "reported")] * 3
    assert await rows(api, "SELECT DISTINCT status FROM learning_session") == [("completed",)]
    assert (await alice.get("/concepts", status="mastered"))["total"] == 0


async def test_where_it_is_allowed_to_a_reported_quiz_counts(trac_copy: TracCopy) -> None:
    await by_sql(trac_copy, "UPDATE ticket_custom SET value = '0.6' WHERE name = 'mastery_threshold'")
    await by_sql(trac_copy, "INSERT INTO ticket_custom (ticket, name, value) VALUES (1, 'mastery_threshold', '0.6')")
    async with serving(trac_copy, reported_quiz_weight=1) as api:
        alice = await api.sign_in("alice")
        failed = await complete(alice, await start(alice), quiz_score=0.0, completion_type="mastered")
        assert failed["status"] == "practicing"
        assert 0 < failed["mastery_score"] < 0.6

        score = failed["mastery_score"]
        for _ in range(4):
            done = await complete(alice, await start(alice), quiz_score=1.0)
            assert done["mastery_score"] > score
            score = done["mastery_score"]
        assert done["status"] == await status(alice) == "mastered"
        assert (await alice.get("/concepts", status="mastered"))["total"] == 1
        assert ("mastered",) in await rows(api, "SELECT status FROM learning_session")

        # Mastered stays mastered while it is gone through again, and when that is given up.
        again = await start(alice)
        assert await status(alice) == "mastered"
        await complete(alice, again, completion_type="abandoned")
        assert await status(alice) == "mastered"


async def test_what_is_given_up_counts_as_never_begun(api: Api) -> None:
    alice = await api.sign_in("alice")
    given_up = await complete(alice, await start(alice), completion_type="abandoned", quiz_score=1.0)
    assert (given_up["status"], given_up["mastery_score"], given_up["next_concepts"]) == ("new", 0, [])
    assert await status(alice) == "new"
    assert await rows(api, "SELECT status FROM learning_session") == [("abandoned",)]

    await complete(alice, await start(alice))
    assert (await complete(alice, await start(alice), completion_type="abandoned"))["status"] == "practicing"


async def test_records_outlive_the_ticket(api: Api) -> None:
    alice = await api.sign_in("alice")
    await complete(alice, await start(alice))
    begun = await start(alice, 6)
    await by_sql(api.trac, "DELETE FROM ticket WHERE id = 6")

    async def gone() -> bool:
        return (await alice.get("/concepts/6")).status == 404

    await eventually(gone)
    assert (await alice.post("/concepts/6/complete", {"session_id": begun["session_id"]})).error == MISSING
    assert (await alice.get("/concepts", status="learning"))["total"] == 0
    assert await rows(api, "SELECT count(*) FROM learning_session") == [(2,)]
    assert await rows(api, "SELECT count(*) FROM standing") == [(2,)]

    await by_sql(api.trac, "INSERT INTO ticket (id, summary) VALUES (6, 'Back')")
    await eventually(lambda: shows(api, 6, title="Back"))
    assert await status(alice, 6) == "learning"
    await complete(alice, begun)
