"""The demo, served as anybody starts it, is what the specification says."""

import time
from pathlib import Path

import httpx
import pytest

from learntrac.kit.http.doors import API
from tests.backends.neo4j_server import Neo4jServer
from tests.contract.servers import PASSWORD, copied_demo, running
from tests.contract.walking import assert_conforms, walk

pytestmark = pytest.mark.service("conformance")

WALKED = {
    *("GET /health", "GET /status", "POST /auth/login", "POST /auth/login (instructor)", "GET /auth/me"),
    *("POST /auth/refresh", "POST /auth/logout", "GET /concepts", "GET /concepts (anonymous)"),
    *("GET /concepts/{concept_id}", "POST /concepts/{concept_id}/start", "POST /concepts/{concept_id}/complete"),
    *("GET /progress", "GET /progress/{user_id}", "GET /progress/history", "unknown route"),
    *("GET /knowledge/graph", "GET /knowledge/path", "POST /knowledge/relationships"),
    *("POST /webhooks", "webhook, as a student", "webhook: unknown event"),
    *("ws connect", "ws transcription", "ws voice response", "ws forged token is refused"),
    *("POST /voice/transcribe", "transcribe: not audio"),
    *("GET /analytics/dashboard", "GET /analytics/dashboard?user_id", "GET /analytics/learner/{user_id}"),
    *("dashboard of another, as a student", "learner analytics of another", "export, as a student"),
    *("export pdf is downloaded", "export csv is downloaded", "export xlsx is downloaded", "export: unknown format"),
    *("GET /exercises", "GET /exercises?type&difficulty&status", "POST /exercises/{exercise_id}/start"),
    *("POST /exercises/{exercise_id}/submit", "exercise: unknown"),
    *("POST /chat/start", "POST /chat/{chat_id}/message", "GET /chat/{chat_id}/history"),
    *("POST /chat/{chat_id}/feedback", "chat: another's history", "chat: empty message"),
    *("GET /adaptive/recommendations", "POST /adaptive/feedback", "feedback: rating 6"),
}
EMPTY_FOR_A_REASON = {
    "POST /chat/{chat_id}/message": "$.response.code_examples",  # none while a graded exercise is open
    "GET /analytics/dashboard": "common_issues",  # of concepts whose answers came without exercises
    "GET /analytics/dashboard?user_id": "$.struggling_areas",  # of one who does not struggle
    "GET /concepts": "prerequisites",  # of what builds on nothing
    "GET /concepts (anonymous)": "prerequisites",
    "GET /concepts?status&difficulty&limit&offset": "prerequisites",
    "POST /exercises/{exercise_id}/submit": "$.feedback.strengths",  # of "# nothing yet"
    "GET /knowledge/path": "$.alternative_paths",  # to what is known already
    "POST /concepts/{concept_id}/complete": "$.",  # what was completed before opens nothing and earns nothing
}


@pytest.mark.service("neo4j")
def test_the_graph_conforms_on_neo4j_too(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, neo4j: Neo4jServer
) -> None:
    demo = copied_demo(tmp_path_factory, tmp_path / "demo")
    variables = {f"LEARNTRAC_{name.upper()}": value for name, value in neo4j.settings.items()}
    with running("demo", demo, **variables) as url:
        until = time.monotonic() + 60
        while httpx.get(f"{url}{API}/status").json()["services"]["neo4j"] != "healthy":
            assert time.monotonic() < until, "Neo4j does not follow"
            time.sleep(0.2)
        steps = walk(url, student=f"alice:{PASSWORD}", instructor=f"ivan:{PASSWORD}")

    assert_conforms(steps)
    assert {step.name for step in steps if step.verdict != "FAIL"} >= WALKED


def test_the_demo_conforms(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    demo = copied_demo(tmp_path_factory, tmp_path / "demo")
    with running("demo", demo) as url:
        steps = walk(url, student=f"alice:{PASSWORD}", instructor=f"ivan:{PASSWORD}")

    assert_conforms(steps)
    assert {step.name for step in steps if step.verdict != "FAIL"} >= WALKED
    thin = {step.name: step.detail for step in steps if step.verdict == "thin"}
    assert {name: detail for name, detail in thin.items() if EMPTY_FOR_A_REASON.get(name, "?") not in detail} == {}
