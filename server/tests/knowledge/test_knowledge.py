"""The knowledge graph through the door, on both databases. The small course: 1 → 3 → 4, 2 → 4, 3 → 5, and 6 alone."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from learntrac.kit.clock import to_micros
from tests.concepts.test_visibility import use_authz
from tests.conftest import Answer, Api, Person, TracCopy, eventually, serving


async def master(api: Api, name: str, *concepts: int) -> None:
    """Let somebody have mastered these."""
    async with api.parts.database.begin() as session:
        for concept in concepts:
            now = to_micros(api.clock())
            await session.execute(
                text(
                    "INSERT INTO standing (user_id, concept_id, status, mastery_score, answers, threshold, terms,"
                    " begun_at, completed_at, mastered_at, updated_at)"
                    " VALUES (:user, :concept, 'mastered', 0.9, 3, 0.8, '[]', :now, :now, :now, :now)"
                ),
                {"user": name, "concept": concept, "now": now},
            )


def statuses(answer: Answer) -> dict[str, str]:
    return {node["id"]: node["status"] for node in answer["nodes"]}


def arrows(answer: Answer) -> set[tuple[str, str, str]]:
    return {(edge["source"], edge["relationship"], edge["target"]) for edge in answer["edges"]}


async def relate(person: Person, source: int, target: int, kind: str = "related_to", **more: Any) -> Answer:
    body = {"source_concept": source, "target_concept": target, "relationship_type": kind} | more
    return await person.post("/knowledge/relationships", body)


class TestGraph:
    async def test_around_a_concept_both_ways(self, api: Api) -> None:
        alice = await api.sign_in("alice")
        await master(api, "alice", 1)
        answer = await alice.get("/knowledge/graph", center_concept=3, depth=1)

        assert [node["id"] for node in answer["nodes"]] == ["concept-3", "concept-1", "concept-4", "concept-5"]
        assert statuses(answer) == {
            "concept-1": "mastered",
            "concept-3": "available",
            "concept-4": "locked",
            "concept-5": "locked",
        }
        assert ("concept-1", "prerequisite_for", "concept-3") in arrows(answer)
        assert answer["nodes"][0] == {
            "id": "concept-3",
            "label": "Methods of HTTP",
            "type": "concept",
            "mastery": 0.0,
            "status": "available",
            "properties": {"difficulty": 3.0, "estimated_time": "1h 30m", "component": "http"},
        }
        http = next(cluster for cluster in answer["clusters"] if cluster["id"] == "http-cluster")
        assert http["concepts"] == ["concept-3", "concept-1", "concept-5"]
        assert http["mastery"] == 0.3

    async def test_without_a_centre_the_whole_course_is_shown(self, api: Api) -> None:
        answer = await (await api.sign_in("bob")).get("/knowledge/graph")

        assert len(answer["nodes"]) == 6
        assert not answer["truncated"]

    async def test_without_mastery_there_is_none(self, api: Api) -> None:
        answer = await (await api.sign_in("bob")).get("/knowledge/graph", include_mastery="false")

        assert {node["mastery"] for node in answer["nodes"]} == {None}
        assert {cluster["mastery"] for cluster in answer["clusters"]} == {None}

    async def test_as_a_drawing(self, api: Api) -> None:
        alice = await api.sign_in("alice")
        dot = await alice.send("GET", "/knowledge/graph", headers={"Accept": "text/vnd.graphviz"})
        mermaid = await alice.send("GET", "/knowledge/graph", headers={"Accept": "text/vnd.mermaid"})

        assert 'c1 [label="HTTP messages", fillcolor="#ffffff"];' in dot.body
        assert 'c1 -> c3 [style="solid"];' in dot.body
        assert 'c6["Café extras"]:::available' in mermaid.body
        assert "c1 --> c3" in mermaid.body

    @pytest.mark.parametrize(
        "query", ["depth=6", "depth=0", "depth=2.0", "center_concept=x", "center_concept=0", "include_mastery=maybe"]
    )
    async def test_what_is_refused(self, api: Api, query: str) -> None:
        alice = await api.sign_in("alice")

        assert (await alice.send("GET", f"/knowledge/graph?{query}")).error == (400, "VALIDATION_ERROR")

    async def test_an_unknown_centre(self, api: Api) -> None:
        alice = await api.sign_in("alice")

        assert (await alice.get("/knowledge/graph", center_concept=99)).error == (404, "NOT_FOUND")

    async def test_a_hidden_concept_is_nowhere_and_connects_nothing(self, trac_copy: TracCopy) -> None:
        use_authz(trac_copy, "[ticket:3]\nivan = TICKET_VIEW\n* = !TICKET_VIEW\n")
        async with serving(trac_copy) as api:
            alice = await api.sign_in("alice")
            around = await alice.get("/knowledge/graph", center_concept=1, depth=5)

            assert set(statuses(around)) == {"concept-1"}, "the others are reached over 3 only"
            assert around["edges"] == []
            assert (await alice.get("/knowledge/graph", center_concept=3)).error == (404, "NOT_FOUND")
            assert (await alice.get("/knowledge/path", to=3)).error == (404, "NOT_FOUND")
            assert [step["concept_id"] for step in (await alice.get("/knowledge/path", to=5))["path"]] == [5]
            assert 3 not in [node["id"] for node in (await alice.get("/knowledge/graph"))["nodes"]]


class TestPath:
    async def test_from_what_the_learner_knows(self, api: Api) -> None:
        alice = await api.sign_in("alice")
        await master(api, "alice", 1, 2)
        answer = await alice.get("/knowledge/path", to=4, optimize_for="time")

        assert answer["path"] == [
            {
                "step": 1,
                "concept_id": 2,
                "title": "Python functions",
                "status": "mastered",
                "estimated_time": 0,
                "reason": "Known already",
            },
            {
                "step": 2,
                "concept_id": 3,
                "title": "Methods of HTTP",
                "status": "available",
                "estimated_time": 90,
                "reason": "Required prerequisite",
            },
            {
                "step": 3,
                "concept_id": 4,
                "title": "Request handlers",
                "status": "locked",
                "estimated_time": 120,
                "reason": "Target concept",
            },
        ]
        assert (answer["total_concepts"], answer["total_estimated_time"]) == (3, 210)
        assert answer["difficulty_progression"] == [3.0, 3.0, 3.5]
        assert answer["alternative_paths"] == []

    async def test_from_a_given_concept(self, api: Api) -> None:
        answer = await (await api.sign_in("bob")).get("/knowledge/path", **{"from": 3, "to": 5})

        assert [step["concept_id"] for step in answer["path"]] == [3, 5]
        assert answer["path"][0]["reason"] == "Starting concept"

    async def test_to_what_is_known(self, api: Api) -> None:
        alice = await api.sign_in("alice")
        await master(api, "alice", 1)
        answer = await alice.get("/knowledge/path", to=1)

        assert [(step["concept_id"], step["estimated_time"]) for step in answer["path"]] == [(1, 0)]

    async def test_an_alternative_gives_a_choice(self, api: Api) -> None:
        ivan, alice = await api.sign_in("ivan"), await api.sign_in("alice")
        await relate(ivan, 6, 3, "alternative_to")
        answer = await alice.get("/knowledge/path", to=5, optimize_for="prerequisites")

        assert [step["concept_id"] for step in answer["path"]] == [6, 5]
        assert answer["path"][0]["reason"] == "Alternative to a prerequisite"
        assert answer["alternative_paths"] == [{"path": [1, 3, 5], "total_time": 210, "difficulty_score": 3.0}]

    @pytest.mark.parametrize("query", ["", "to=0", "to=5&optimize_for=luck", "to=5&from=x"])
    async def test_what_is_refused(self, api: Api, query: str) -> None:
        alice = await api.sign_in("alice")

        assert (await alice.send("GET", f"/knowledge/path?{query}")).error == (400, "VALIDATION_ERROR")

    @pytest.mark.parametrize("query", ["to=99", "to=5&from=99"])
    async def test_an_unknown_end(self, api: Api, query: str) -> None:
        alice = await api.sign_in("alice")

        assert (await alice.send("GET", f"/knowledge/path?{query}")).error == (404, "NOT_FOUND")


class TestRelationships:
    async def test_one_is_added_listed_and_removed(self, api: Api) -> None:
        ivan = await api.sign_in("ivan")
        added = await relate(ivan, 1, 6, weight=0.7, notes="Both are about the web")
        assert added.status == 201
        assert {key: added[key] for key in ("source", "target", "type")} == {
            "source": 1,
            "target": 6,
            "type": "related_to",
        }
        listed = await ivan.get("/knowledge/relationships", concept=6)
        assert listed["total"] == 1
        assert listed["relationships"][0]["notes"] == "Both are about the web"
        assert ("concept-1", "related_to", "concept-6") in arrows(await ivan.get("/knowledge/graph"))

        path = f"/knowledge/relationships/{added['relationship_id']}"
        assert (await ivan.send("DELETE", path)).status == 200
        assert (await ivan.send("DELETE", path)).error == (404, "NOT_FOUND")
        assert (await ivan.get("/knowledge/relationships"))["total"] == 0

    async def test_both_ways(self, api: Api) -> None:
        ivan = await api.sign_in("ivan")
        await relate(ivan, 1, 6, bidirectional=True)

        assert {("concept-1", "related_to", "concept-6"), ("concept-6", "related_to", "concept-1")} <= arrows(
            await ivan.get("/knowledge/graph")
        )
        assert (await relate(ivan, 6, 1)).error == (409, "CONFLICT")

    async def test_a_prerequisite_joins_those_of_trac(self, api: Api) -> None:
        ivan, alice = await api.sign_in("ivan"), await api.sign_in("alice")
        added = await relate(ivan, 6, 1, "prerequisite_for", weight=0.4)
        assert statuses(await alice.get("/knowledge/graph"))["concept-1"] == "locked"
        shown = (await alice.get("/concepts/1"))["prerequisites"]
        assert [prerequisite["id"] for prerequisite in shown] == [6]

        async def listed() -> bool:
            concepts = (await alice.get("/concepts"))["concepts"]
            return [one["prerequisites"] for one in concepts if one["id"] == 1] == [[6]]

        await eventually(listed)
        await ivan.send("DELETE", f"/knowledge/relationships/{added['relationship_id']}")
        assert (await alice.get("/concepts/1"))["prerequisites"] == []

        async def gone() -> bool:
            return not await listed()

        await eventually(gone)

    async def test_a_restart_keeps_it(self, api: Api) -> None:
        ivan = await api.sign_in("ivan")
        await relate(ivan, 6, 1, "prerequisite_for")
        async with serving(api.trac) as again:
            await again.parts.sync.step()
            assert [one["id"] for one in (await again.anybody.get("/concepts/1"))["prerequisites"]] == [6]

    @pytest.mark.parametrize(("source", "target", "cycle"), [(3, 1, "#3 → #1 → #3"), (4, 1, "#4 → #3 → #1 → #4")])
    async def test_a_cycle_is_refused_by_name(self, api: Api, source: int, target: int, cycle: str) -> None:
        ivan = await api.sign_in("ivan")
        answer = await relate(ivan, source, target, "prerequisite_for")

        assert answer.error == (409, "CONFLICT")
        assert cycle in answer["error"]["message"]

    async def test_of_two_that_would_close_a_cycle_together_one_is_refused(self, api: Api) -> None:
        ivan = await api.sign_in("ivan")
        answers = await asyncio.gather(
            relate(ivan, 6, 2, "prerequisite_for"),
            relate(ivan, 2, 6, "prerequisite_for"),
        )

        assert sorted(answer.status for answer in answers) == [201, 409]

    @pytest.mark.parametrize("kind", ["prerequisite_for", "related_to", "alternative_to"])
    async def test_twice_is_once(self, api: Api, kind: str) -> None:
        ivan = await api.sign_in("ivan")

        assert (await relate(ivan, 1, 6, kind)).status == 201
        assert (await relate(ivan, 1, 6, kind)).error == (409, "CONFLICT")

    async def test_what_the_ticket_says_needs_no_saying(self, api: Api) -> None:
        ivan = await api.sign_in("ivan")

        assert (await relate(ivan, 1, 3, "prerequisite_for")).error == (409, "CONFLICT")

    @pytest.mark.parametrize(
        "more",
        [
            {"target_concept": 1},
            {"weight": 1.5},
            {"weight": -0.1},
            {"weight": "0.5"},
            {"relationship_type": "prerequisite_for", "bidirectional": True},
            {"relationship_type": "enemy_of"},
            {"source_concept": 0},
            {"source_concept": True},
            {"notes": "x" * 2001},
        ],
    )
    async def test_what_is_refused(self, api: Api, more: dict[str, Any]) -> None:
        ivan = await api.sign_in("ivan")
        body = {"source_concept": 1, "target_concept": 6, "relationship_type": "related_to"} | more

        assert (await ivan.post("/knowledge/relationships", body)).error == (400, "VALIDATION_ERROR")

    async def test_a_weight_that_is_no_number(self, api: Api) -> None:
        ivan = await api.sign_in("ivan")
        body = '{"source_concept": 1, "target_concept": 6, "relationship_type": "related_to", "weight": NaN}'
        answer = await ivan.send(
            "POST", "/knowledge/relationships", content=body, headers={"Content-Type": "application/json"}
        )

        assert answer.error == (400, "VALIDATION_ERROR")

    async def test_an_unknown_concept(self, api: Api) -> None:
        ivan = await api.sign_in("ivan")

        assert (await relate(ivan, 1, 99)).error == (404, "NOT_FOUND")
        assert (await ivan.send("DELETE", "/knowledge/relationships/one")).error == (404, "NOT_FOUND")


async def test_the_linter_reports(api: Api) -> None:
    ivan = await api.sign_in("ivan")
    await relate(ivan, 1, 4, "prerequisite_for")
    answer = await ivan.get("/knowledge/lint")

    assert answer["redundant"] == [{"prerequisite": 1, "concept": 4, "by": [3]}]
    assert answer["orphans"] == [6]
    assert (answer["concepts"], answer["prerequisites"]) == (6, 5)
    assert (answer["cycles"], answer["dangling"], answer["doubtful"]) == ([], [], [])


async def test_the_linter_hears_the_learners(api: Api) -> None:
    ivan = await api.sign_in("ivan")
    async with api.parts.database.begin() as session:
        for number in range(80):
            user, knew = f"learner-{number}", number < 40
            if knew:
                await session.execute(
                    text(
                        "INSERT INTO standing (user_id, concept_id, status, mastery_score, answers, threshold, terms,"
                        " begun_at, mastered_at, updated_at)"
                        " VALUES (:user, 1, 'mastered', 0.9, 3, 0.8, '[]', 1, 10, 10)"
                    ),
                    {"user": user},
                )
            await session.execute(
                text(
                    "INSERT INTO evidence (user_id, concept_id, item_id, outcome, weight, source, threshold,"
                    " prerequisites, voided, at)"
                    " VALUES (:user, 3, 'quiz', :outcome, 1, 'quiz', 0.8, '[]', false, 20)"
                ),
                {"user": user, "outcome": 0 if knew and number % 2 else 1},
            )
    [doubt] = (await ivan.get("/knowledge/lint"))["doubtful"]

    assert (doubt["prerequisite"], doubt["concept"]) == (1, 3)
    assert (doubt["learners_with"], doubt["right_with"], doubt["right_without"]) == (40, 0.5, 1.0)
    assert doubt["difference"] == -0.5
    assert doubt["at_most"] < 0
