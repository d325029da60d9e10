"""Where a concept comes from: every row of the guide's table, through the doors, and within two seconds of a change."""

from datetime import UTC, datetime
from typing import Any

from tests.concepts.trac_edits import Component, Milestone, Ticket, WikiPage, by_sql, by_trac, detail, shows, titles
from tests.conftest import Api, eventually

DESCRIPTION = """Read this first.

=== OBJECTIVES ===
 1. Say what it is
 2. Use it

= See also =
 * [wiki:HttpBasics The basics]
 * https://www.youtube.com/watch?v=1
 * [https://example.org/notes.pdf Notes]
 * [https://example.org/tool]
"""


def edit(env: Any, number: int, **fields: str) -> None:
    ticket = Ticket(env, number)
    for name, text in fields.items():
        ticket[name] = text
    ticket.save_changes("ivan", "")


def insert(env: Any, **fields: str) -> int:
    ticket = Ticket(env)
    for name, text in fields.items():
        ticket[name] = text
    return int(ticket.insert())


async def test_the_small_course_is_read_by_every_rule(api: Api) -> None:
    first = await detail(api, 1)
    assert first["learning_objectives"] == ["Name the parts of a message", "Read a status line"]
    assert first["resources"] == [
        {"type": "documentation", "title": "HTTP in short", "url": "/wiki/HttpBasics"},
        {"type": "video", "title": "HTTP in ten minutes", "url": "https://videos.example.org/http.mp4"},
        {"type": "link", "title": "A playground", "url": "https://example.org/playground"},
    ]
    assert (first["tags"], first["estimated_time"], first["status"]) == (["http", "web"], "1 hour", "new")
    assert first["created_at"] == first["updated_at"] == "2026-01-05T09:00:00Z"
    assert first["metadata"]["trac_ticket_id"] == 1
    assert first["metadata"]["custom_fields"]["learning_difficulty"] == "2"

    fourth, fifth = await detail(api, 4), await detail(api, 5)
    assert [item["title"] for item in fourth["prerequisites"]] == ["Python functions", "Methods of HTTP"]
    assert (fourth["type"], fourth["estimated_time"], fourth["difficulty"]) == ("enhancement", "2 hours", 3.5)
    assert (fifth["type"], fifth["mastery_threshold"], fifth["estimated_time"]) == ("bug", 0.9, "1 hour")


async def test_an_edit_in_trac_shows(api: Api) -> None:
    def change(env: Any) -> None:
        edit(
            env, 2, summary="Functions", description=DESCRIPTION, type="defect", component="http", milestone="Beyond",
            owner="alice", keywords="def; call", learning_difficulty="4,5", mastery_threshold="70%",
            time_estimate="1.5 hours", prerequisites="#1, #3", status="accepted",
        )  # fmt: skip

    await by_trac(api.trac, change)
    await eventually(lambda: shows(api, 2, title="Functions"))

    found = await detail(api, 2)
    expected = {
        "title": "Functions",
        "description": DESCRIPTION,
        "type": "bug",
        "status": "learning",
        "component": "http",
        "milestone": "Beyond",
        "owner": "alice",
        "tags": ["def", "call"],
        "difficulty": 4.5,
        "mastery_threshold": 0.7,
        "estimated_time": "1 hour 30 minutes",
        "learning_objectives": ["Say what it is", "Use it"],
    }
    assert {name: found[name] for name in expected} == expected
    assert [item["id"] for item in found["prerequisites"]] == [1, 3]
    assert [item["type"] for item in found["resources"]] == ["documentation", "video", "documentation", "link"]
    assert found["updated_at"] > found["created_at"]
    assert await shows(api, 2, title="Functions", type="bug", prerequisites=[1, 3], tags=["def", "call"])


async def test_tickets_come_and_go(api: Api) -> None:
    await by_trac(api.trac, lambda env: insert(env, summary="Headers", type="task", prerequisites="1"))
    await eventually(lambda: shows(api, 7, title="Headers", prerequisites=[1], owner="", type="task"))
    assert (await api.anybody.get("/concepts"))["total"] == 7

    await by_trac(api.trac, lambda env: Ticket(env, 1).delete())
    await eventually(lambda: shows(api, 7, prerequisites=[]))
    assert (await api.anybody.get("/concepts/1")).error == (404, "NOT_FOUND")
    assert "HTTP messages" not in await titles(api)
    assert (await api.anybody.get("/concepts"))["total"] == 6
    assert await titles(api, q="messages") == []


async def test_renamed_components_and_milestones_show(api: Api) -> None:
    def rename(env: Any) -> None:
        component, milestone = Component(env, "http"), Milestone(env, "Basics")
        component.name, milestone.name = "web", "Start"
        component.update()
        milestone.update()

    await by_trac(api.trac, rename)

    await eventually(lambda: shows(api, 1, component="web", milestone="Start"))
    await eventually(lambda: shows(api, 5, component="web"))
    assert len(await titles(api, component="web")) == 3
    assert await titles(api, component="http") == []


async def test_what_sql_changes_without_a_trace_shows(api: Api) -> None:
    await by_sql(
        api.trac,
        "UPDATE ticket_custom SET value = '5' WHERE ticket = 1 AND name = 'learning_difficulty'",
        "DELETE FROM ticket_custom WHERE ticket = 2 AND name = 'time_estimate'",
        "INSERT INTO ticket_custom (ticket, name, value) VALUES (3, 'colour', 'blue')",
        "UPDATE ticket SET summary = 'Handlers', status = 'closed' WHERE id = 4",
        "UPDATE ticket SET description = 'Nothing else changed.' WHERE id = 5",
    )

    await eventually(lambda: shows(api, 4, title="Handlers", status="mastered"))
    assert await shows(api, 1, difficulty=5.0)
    assert await shows(api, 2, estimated_time="1 hour")
    assert (await detail(api, 3))["metadata"]["custom_fields"]["colour"] == "blue"
    assert await shows(api, 5, description="Nothing else changed.")

    # Values that change places leave every sum over the two tickets as it was.
    await by_sql(
        api.trac,
        "UPDATE ticket_custom SET value = CASE ticket WHEN 1 THEN '3' ELSE '5' END"
        " WHERE name = 'learning_difficulty' AND ticket IN (1, 2)",
        "UPDATE ticket SET summary = CASE id WHEN 1 THEN 'Python functions' ELSE 'HTTP messages' END"
        " WHERE id IN (1, 2)",
    )

    await eventually(lambda: shows(api, 2, difficulty=5.0, title="HTTP messages"))
    assert await shows(api, 1, difficulty=3.0, title="Python functions")


async def test_null_in_every_column_that_may_hold_it(api: Api) -> None:
    columns = ["type", "time", "changetime", "component", "owner", "status", "summary", "description", "keywords"]
    nulls = ", ".join(f"{name} = NULL" for name in [*columns, "milestone", "severity", "priority", "reporter"])
    await by_sql(
        api.trac,
        f"UPDATE ticket SET {nulls} WHERE id = 6",
        "UPDATE ticket_custom SET value = NULL WHERE ticket = 6",
        "UPDATE wiki SET text = NULL, time = NULL, author = NULL, comment = NULL",
    )

    await eventually(lambda: shows(api, 6, title="", type="task", difficulty=3.0, created_at="1970-01-01T00:00:00Z"))
    found = await detail(api, 6)
    assert (found["description"], found["component"], found["owner"], found["tags"]) == ("", "", "", [])
    await by_sql(api.trac, "UPDATE ticket SET owner = '< default >', summary = 'Extras' WHERE id = 6")
    await eventually(lambda: shows(api, 6, title="Extras", owner=""))


async def test_prerequisites_of_mastertickets(api: Api) -> None:
    await by_sql(
        api.trac,
        "CREATE TABLE mastertickets (source integer, dest integer, UNIQUE (source, dest))",
        "INSERT INTO mastertickets VALUES (6, 2), (99, 2), (2, 4)",
    )
    await eventually(lambda: shows(api, 2, prerequisites=[6]))
    assert await shows(api, 4, prerequisites=[2, 3])
    await by_sql(api.trac, "DELETE FROM mastertickets WHERE source = 6", "INSERT INTO mastertickets VALUES (5, 2)")
    await eventually(lambda: shows(api, 2, prerequisites=[5]))
    await by_sql(api.trac, "DROP TABLE mastertickets")
    await eventually(lambda: shows(api, 2, prerequisites=[]))
    assert await shows(api, 4, prerequisites=[2, 3])


async def test_the_mapping_says_which_links_count(api: Api) -> None:
    mapping = api.trac.folder / "conf" / "learntrac.toml"
    await by_sql(
        api.trac,
        "CREATE TABLE subtickets (parent integer, child integer, UNIQUE (parent, child))",
        "CREATE TABLE mastertickets (source integer, dest integer, UNIQUE (source, dest))",
        "INSERT INTO subtickets VALUES (6, 1)",
        "INSERT INTO mastertickets VALUES (2, 6)",
        "INSERT INTO ticket_custom (ticket, name, value) VALUES (6, 'needs', '#3'), (6, 'effort', '3h')",
    )
    await eventually(lambda: shows(api, 6, prerequisites=[2]))

    mapping.write_text("[mapping]\nsubtickets = true\nmastertickets = false\nprerequisites = ['needs']\n")
    await eventually(lambda: shows(api, 6, prerequisites=[1, 3]))
    assert await shows(api, 4, prerequisites=[])
    await by_sql(api.trac, "INSERT INTO subtickets VALUES (6, 5)")
    await eventually(lambda: shows(api, 6, prerequisites=[1, 3, 5]))

    mapping.write_text("[mapping]\nestimated_time = 'effort'\n")
    await eventually(lambda: shows(api, 6, prerequisites=[2], estimated_time="3 hours"))
    mapping.write_text("half an edit [")
    mapping.unlink()
    await eventually(lambda: shows(api, 6, estimated_time="1 hour"))
    assert await shows(api, 4, prerequisites=[2, 3])


async def test_a_dangling_prerequisite_counts_once_its_ticket_is_there(api: Api) -> None:
    await by_trac(api.trac, lambda env: edit(env, 6, prerequisites="#7, #99"))
    await eventually(lambda: shows(api, 6, prerequisites=[]))

    await by_trac(api.trac, lambda env: insert(env, summary="Seventh"))
    await eventually(lambda: shows(api, 6, prerequisites=[7]))


async def test_a_cycle_is_cut_and_whole_again_once_it_is_broken(api: Api) -> None:
    await by_trac(api.trac, lambda env: edit(env, 1, prerequisites="4"))
    await eventually(lambda: shows(api, 1, prerequisites=[4]))
    # Of 1 → 4 → 3 → 1 the last edge, by (concept, prerequisite), closes the cycle.
    assert await shows(api, 3, prerequisites=[1])
    assert await shows(api, 4, prerequisites=[2])

    await by_trac(api.trac, lambda env: edit(env, 1, prerequisites=""))
    await eventually(lambda: shows(api, 4, prerequisites=[2, 3]))
    assert await shows(api, 1, prerequisites=[])


async def test_a_page_that_grows_takes_longer_to_read(api: Api) -> None:
    alice = await api.sign_in("alice")

    async def minutes(concept_id: int) -> int:
        answer = await alice.post(f"/concepts/{concept_id}/start", {"learning_mode": "self-paced"})
        assert answer.status == 200, answer.body
        done = {"session_id": answer["session_id"], "completion_type": "abandoned"}
        assert (await alice.post(f"/concepts/{concept_id}/complete", done)).status == 200
        return int(answer["learning_path"][0]["resource"]["estimated_time"])

    async def takes(expected: int) -> bool:
        return await minutes(1) == expected

    async def write(words: int) -> None:
        def change(env: Any) -> None:
            page = WikiPage(env, "HttpBasics")
            page.text = "word " * words
            page.save("ivan", "")

        await by_trac(api.trac, change)

    assert await minutes(1) == 5  # 90 lines of 9 words and a heading
    await write(2000)
    await eventually(lambda: takes(10))
    await by_trac(api.trac, lambda env: WikiPage(env, "HttpBasics").delete())
    # A page that is not there has no length: it shares the concept's hour with the other two.
    await eventually(lambda: takes(20))


async def test_a_huge_description_and_odd_characters(api: Api) -> None:
    words = " ".join(f"{chr(0x20000 + number)}x{number}" for number in range(40_000))
    summary = "".join(chr(0x4E00 + number * 7 % 20_000) for number in range(3000))
    await by_sql(
        api.trac,
        ("UPDATE ticket SET description = ?, changetime = 1 WHERE id = 6", "needle " + words + "ﷺ" * 100_000),
        ("UPDATE ticket SET summary = ?, owner = ? WHERE id = 5", summary, "o" * 3000),
        ("UPDATE ticket SET keywords = ? WHERE id = 5", " ".join("😀a" * 3000 + str(number) for number in range(20))),
    )

    await eventually(lambda: shows(api, 5, title=summary))
    assert await titles(api, q="needle") == ["Café extras"]
    assert len((await detail(api, 6))["description"]) > 200_000
    assert summary in await titles(api, sort="title")


async def test_a_ticket_dated_in_the_future_hides_no_later_change(api: Api) -> None:
    far = 9_000_000_000_000_000_000
    await by_sql(
        api.trac,
        ("UPDATE ticket SET changetime = ?, time = ? WHERE id = 6", far, far),
        ("INSERT INTO ticket_change VALUES (6, ?, 'ivan', 'comment', '1', '')", far),
    )
    await eventually(lambda: shows(api, 6, updated_at="9999-12-31T23:59:59Z"))

    await by_trac(api.trac, lambda env: edit(env, 2, summary="Later"))
    await eventually(lambda: shows(api, 2, title="Later"))
    assert datetime.fromisoformat((await detail(api, 2))["updated_at"]) <= datetime.now(UTC)
