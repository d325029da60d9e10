"""Neo4j as the knowledge graph's copy: it follows the catalog, and whatever becomes of it, nobody but the operator
notices.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from learntrac.backends.graph import fallback
from learntrac.backends.graph.copying import Neo4jCopy
from learntrac.backends.graph.neo4j import Neo4jClient
from learntrac.operations import diagnose, rebuild_graph
from learntrac.trac.environment import EnvironmentProblem
from tests.backends.neo4j_server import Neo4jServer, Wire, shared_server, wired
from tests.conftest import Api, Person, TracCopy, eventually, make_settings, serving
from tests.contract.servers import ROOT
from tests.environments import CACHE

pytestmark = pytest.mark.service("neo4j")

GUIDE = ROOT / "docs" / "guide" / "knowledge-graph.md"


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[EventDict]]:
    with capture_logs() as lines:
        yield lines


@asynccontextmanager
async def followed(trac: TracCopy, server: Neo4jServer, wire: Wire | None = None, **changes: Any) -> AsyncIterator[Api]:
    """The API with this Neo4j, perhaps by a wire; the copy is in step."""
    settings = server.settings | ({"neo4j_url": wire.url} if wire else {}) | changes
    async with serving(trac, **settings) as api:
        await api.drain()
        yield api


def copy_of(api: Api) -> Neo4jCopy:
    assert api.parts.graph_copy
    return api.parts.graph_copy


async def neo4j_is(api: Api, state: str) -> bool:
    """What `/status` says of Neo4j."""
    answer = await api.anybody.get("/status")
    assert answer["status"] == ("operational" if answer["services"]["neo4j"] == "healthy" else "degraded")
    return bool(answer["services"]["neo4j"] == state)


async def drawn(person: Person) -> set[tuple[int, int]]:
    """The edges of the whole picture."""
    answer = await person.get("/knowledge/graph")
    assert answer.status == 200, answer.body
    ends = ((edge["source"], edge["target"]) for edge in answer["edges"])
    return {(int(source.split("-")[1]), int(target.split("-")[1])) for source, target in ends}


async def same(api: Api) -> None:
    """The copy holds what the catalog holds, and knows that it does."""
    difference = await copy_of(api).differences()
    assert (difference.node_count, difference.edge_count) == (0, 0)
    state = await api.parts.database.hot.rows("SELECT identity, generation FROM catalog_state")
    assert await copy_of(api).held() == tuple(state[0])


async def relate(api: Api, source: int, target: int, kind: str = "related_to", **more: Any) -> str:
    ivan = await api.sign_in("ivan")
    body = {"source_concept": source, "target_concept": target, "relationship_type": kind, **more}
    answer = await ivan.post("/knowledge/relationships", body)
    assert answer.status == 201, answer.body
    return str(answer["relationship_id"])


async def forget_what_neo4j_holds() -> None:
    """Wait until the server asks Neo4j again."""
    await asyncio.sleep(fallback.HELD_KNOWN_FOR_SECONDS)


class TestFollowing:
    async def test_it_holds_the_course_as_neo4js_users_expect(self, trac_copy: TracCopy, neo4j: Neo4jServer) -> None:
        async with followed(trac_copy, neo4j) as api:
            await same(api)
            concept = await (await api.sign_in("alice")).get("/concepts/1")
            assert await neo4j_is(api, "healthy")

        rows = neo4j.run("MATCH (c:Concept {id: 1}) RETURN properties(c)")
        assert rows == [
            [
                {
                    "id": 1,
                    "title": concept["title"],
                    "difficulty": concept["difficulty"],
                    "estimated_minutes": 60,
                    "component": concept["component"],
                    "milestone": concept["milestone"],
                    "type": concept["type"],
                }
            ]
        ]
        assert neo4j.run("MATCH ()-[r:PREREQUISITE_FOR]->() RETURN DISTINCT r.weight") == [[1.0]]

    async def test_a_change_in_trac_arrives_by_itself(self, trac_copy: TracCopy, neo4j: Neo4jServer) -> None:
        async with followed(trac_copy, neo4j) as api:
            trac_copy.execute("UPDATE ticket SET summary = ?, changetime = changetime + 1 WHERE id = 2", "Renamed")
            trac_copy.execute("DELETE FROM ticket WHERE id = 6")

            async def arrived() -> bool:
                await api.drain()
                titles = dict(neo4j.run("MATCH (c:Concept) RETURN c.id, c.title"))
                return titles.get(2) == "Renamed" and 6 not in titles

            await eventually(arrived)
            await same(api)

    async def test_a_relationship_comes_and_goes(self, trac_copy: TracCopy, neo4j: Neo4jServer) -> None:
        related = "MATCH (a:Concept)-[r:RELATED_TO]->(b:Concept) RETURN a.id, b.id, r.weight ORDER BY a.id"
        async with followed(trac_copy, neo4j) as api:
            name = await relate(api, 1, 6, bidirectional=True, weight=0.5)
            await api.drain()
            assert neo4j.run(related) == [[1, 6, 0.5], [6, 1, 0.5]]

            await (await api.sign_in("ivan")).send("DELETE", f"/knowledge/relationships/{name}")
            await api.drain()
            assert neo4j.run(related) == []
            await same(api)

    async def test_only_what_changed_is_written(self, trac_copy: TracCopy, neo4j: Neo4jServer) -> None:
        async with followed(trac_copy, neo4j) as api:
            assert await copy_of(api).follow() == 0
            await relate(api, 1, 6)
            assert await copy_of(api).follow() == 1

    async def test_what_was_changed_there_by_hand_is_found_and_mended(
        self, trac_copy: TracCopy, neo4j: Neo4jServer
    ) -> None:
        async with followed(trac_copy, neo4j) as api:
            neo4j.run("MATCH (c:Concept {id: 1}) SET c.title = 'scribbled' CREATE (:Concept {id: 'x'}), (:Concept)")
            neo4j.run("MATCH (:Concept)-[r:PREREQUISITE_FOR]->(:Concept {id: 3}) DELETE r")
            await api.drain()
            assert await copy_of(api).follow() > 0, "the counts tell"
            await same(api)
            assert neo4j.run("MATCH (c:Concept) RETURN count(c)") == [[6]]

    async def test_other_peoples_nodes_are_left_alone(self, trac_copy: TracCopy, neo4j: Neo4jServer) -> None:
        neo4j.run("CREATE (:Book {title: 'mine'})")
        async with followed(trac_copy, neo4j) as api:
            neo4j.run("MATCH (b:Book), (c:Concept {id: 1}) CREATE (b)-[:EXPLAINS]->(c)")
            await relate(api, 1, 6)
            await api.drain()
            await same(api)
        assert neo4j.run("MATCH (:Book)-[:EXPLAINS]->(c:Concept) RETURN c.id") == [[1]]

    async def test_a_copy_of_another_catalog_is_replaced(self, trac_copy: TracCopy, neo4j: Neo4jServer) -> None:
        neo4j.run("CREATE (:LearnTracSync {catalog: 'another', generation: 1}), (:Concept {id: 77, title: 'theirs'})")
        async with followed(trac_copy, neo4j) as api:
            await same(api)

    async def test_many_changes_are_compared_as_a_whole(
        self, trac_copy: TracCopy, neo4j: Neo4jServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with followed(trac_copy, neo4j) as api:
            monkeypatch.setattr("learntrac.backends.graph.copying.MOST_ONE_BY_ONE", 1)
            await relate(api, 1, 6)
            assert await copy_of(api).follow() == 1
            await same(api)


class TestFailing:
    @pytest.mark.parametrize("away", ["cut", "hang"])
    async def test_it_may_go_away_and_come_back(self, trac_copy: TracCopy, neo4j: Neo4jServer, away: str) -> None:
        async with wired(neo4j) as wire, followed(trac_copy, neo4j, wire) as api:
            alice = await api.sign_in("alice")
            before = await drawn(alice)
            await getattr(wire, away)()

            assert await drawn(alice) == before
            assert (await alice.get("/knowledge/path", to=4)).status == 200
            await relate(api, 1, 6)
            await api.drain()
            assert await drawn(alice) == before | {(1, 6)}
            assert await neo4j_is(api, "unavailable")

            await wire.mend()
            await eventually(lambda: is_in_step(api))
            assert await neo4j_is(api, "healthy")
            assert await drawn(alice) == before | {(1, 6)}

    @pytest.mark.parametrize("trac_copy", ["postgresql"], indirect=True)
    async def test_it_may_be_killed_and_come_back_with_nothing(self, trac_copy: TracCopy, tmp_path: Path) -> None:
        with shared_server(tmp_path / "first", CACHE) as first:
            async with wired(first) as wire, followed(trac_copy, first, wire) as api:
                alice = await api.sign_in("alice")
                before = await drawn(alice)
                first.kill()

                assert await drawn(alice) == before
                assert (await alice.get("/knowledge/path", to=4)).status == 200
                await relate(api, 1, 6)
                await api.drain()
                assert await neo4j_is(api, "unavailable")
                with shared_server(tmp_path / "second", CACHE) as second:
                    await wire.lead_to(second.port)
                    await eventually(lambda: is_in_step(api), within_seconds=60)
                    assert await drawn(alice) == before | {(1, 6)}

    async def test_no_answer_is_older_than_the_catalog(self, trac_copy: TracCopy, neo4j: Neo4jServer) -> None:
        async with followed(trac_copy, neo4j) as api:
            alice = await api.sign_in("alice")
            before = await drawn(alice)
            await relate(api, 1, 6)

            assert await drawn(alice) == before | {(1, 6)}, "though no job has run"
            assert await neo4j_is(api, "healthy"), "a moment's delay is nothing to report"
            api.clock.forward(seconds=fallback.LATE_AFTER_SECONDS)
            assert await neo4j_is(api, "degraded")

    async def test_it_may_lose_everything(self, trac_copy: TracCopy, neo4j: Neo4jServer) -> None:
        async with followed(trac_copy, neo4j) as api:
            alice = await api.sign_in("alice")
            before = await drawn(alice)
            neo4j.run("MATCH (n) DETACH DELETE n")
            await forget_what_neo4j_holds()

            assert await drawn(alice) == before
            assert await neo4j_is(api, "degraded")
            await copy_of(api).follow()
            await same(api)

    async def test_it_may_be_down_at_the_start(
        self, trac_copy: TracCopy, neo4j: Neo4jServer, logs: list[EventDict]
    ) -> None:
        async with wired(neo4j) as wire:
            await wire.cut()
            async with followed(trac_copy, neo4j, wire) as api:
                assert len(await drawn(await api.sign_in("alice"))) == 4
                warned = [line for line in logs if line["log_level"] == "warning" and "neo4j" in line["event"]]
                assert len(warned) == 1

                await wire.mend()
                await eventually(lambda: is_in_step(api))

    async def test_a_wrong_password_is_tried_seldom_and_never_told(
        self, trac_copy: TracCopy, neo4j: Neo4jServer, logs: list[EventDict]
    ) -> None:
        async with followed(trac_copy, neo4j, neo4j_password="wrong-secret") as api:
            assert len(await drawn(await api.sign_in("alice"))) == 4
            answer = await api.anybody.get("/status")
            assert answer["services"]["neo4j"] == "unavailable"
            assert answer["checks"]["neo4j"]["detail"].startswith("it refuses the user or the password")
            assert "wrong-secret" not in str(logs) + str(answer.body)


async def is_in_step(api: Api) -> bool:
    """Let the job run that is put every half minute."""
    async with api.parts.database.begin() as session:
        await api.parts.queue.put(session, "knowledge.follow", key="knowledge.follow")
    await api.drain()
    return await neo4j_is(api, "healthy")


class TestCommands:
    async def test_it_is_written_anew(self, trac_copy: TracCopy, neo4j: Neo4jServer) -> None:
        settings, seen = make_settings(trac_copy.folder, **neo4j.settings), []
        async with followed(trac_copy, neo4j) as api:
            neo4j.run("CREATE (:Book), (:Concept {id: 99})")
            assert await rebuild_graph(settings, on_progress=lambda *done: seen.append(done)) == (6, 4)
            assert seen[-1] == (10, 10)
            await same(api)
        assert neo4j.run("MATCH (b:Book) RETURN count(b)") == [[1]]

    async def test_doctor_says_how_much_differs(self, trac_copy: TracCopy, neo4j: Neo4jServer) -> None:
        settings = make_settings(trac_copy.folder, **neo4j.settings)
        async with followed(trac_copy, neo4j):
            assert (
                "Neo4j holds what the catalog holds." in (await diagnose(settings, on_progress=lambda *_: None)).notes
            )
            neo4j.run("MATCH (c:Concept {id: 1}) SET c.title = 'scribbled'")
            neo4j.run("MATCH (:Concept)-[r:PREREQUISITE_FOR]->(:Concept {id: 3}) SET r.weight = 0.1")
            told = (await diagnose(settings, on_progress=lambda *_: None)).warnings[-1]
            assert told.startswith("Neo4j differs from the catalog in 1 concept and 1 edge;")

    async def test_without_a_neo4j_there_is_nothing_to_write(self, trac_copy: TracCopy) -> None:
        with pytest.raises(EnvironmentProblem, match="LEARNTRAC_NEO4J_URL"):
            await rebuild_graph(make_settings(trac_copy.folder), on_progress=lambda *_: None)

    async def test_a_neo4j_that_is_away_is_said_in_one_line(self, trac_copy: TracCopy) -> None:
        settings = make_settings(trac_copy.folder, neo4j_url="bolt://127.0.0.1:1", neo4j_user="neo4j")
        with pytest.raises(EnvironmentProblem, match="cannot be used"):
            await rebuild_graph(settings, on_progress=lambda *_: None)
        told = (await diagnose(settings, on_progress=lambda *_: None)).warnings[-1]
        assert told.startswith("Neo4j cannot be compared with the catalog:")


async def test_the_guides_queries_work(trac_copy: TracCopy, neo4j: Neo4jServer) -> None:
    queries = re.findall(r"```cypher\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(queries) == 3
    async with followed(trac_copy, neo4j):
        answers = [neo4j.run(query, id=4) for query in queries]
    assert all(answers)


@pytest.mark.parametrize(
    "url", ["http://host:7474", "bolt://", "bolt://host:port", "redis://host", "", "neo4j://h?x=secret"]
)
def test_what_is_no_url_of_a_neo4j_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"^a Neo4j URL is ") as caught:
        Neo4jClient(url)
    assert "secret" not in str(caught.value)


async def test_user_and_password_may_stand_in_the_url(neo4j: Neo4jServer) -> None:
    client = Neo4jClient(neo4j.url.replace("//", "//neo4j:a%20password%20%2F%20with%20%40%20signs@") + "/neo4j")
    async with client.reading() as transaction:
        assert await (await transaction.run("RETURN 1 AS one")).single(strict=True)
    await client.close()
