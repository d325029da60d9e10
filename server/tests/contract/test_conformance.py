"""The demo, served as anybody starts it, is what the specification says."""

from pathlib import Path

import pytest

from tests.contract.servers import PASSWORD, copied_demo, running
from tests.contract.walking import assert_all_that_is_built_conforms, walk

pytestmark = pytest.mark.service("conformance")

WALKED = {
    *("GET /health", "GET /status", "POST /auth/login", "POST /auth/login (instructor)", "GET /auth/me"),
    *("POST /auth/refresh", "POST /auth/logout", "GET /concepts", "GET /concepts (anonymous)"),
    *("GET /concepts/{concept_id}", "POST /concepts/{concept_id}/start", "POST /concepts/{concept_id}/complete"),
    *("GET /progress", "GET /progress/{user_id}", "GET /progress/history", "unknown route"),
}
EMPTY_FOR_A_REASON = {
    "GET /concepts": "prerequisites",  # of what builds on nothing
    "GET /concepts (anonymous)": "prerequisites",
    "GET /concepts/{concept_id}": "$.exercises",  # until there are any
    "POST /concepts/{concept_id}/complete": "$.achievements_unlocked",  # until there are any
}


def test_the_demo_conforms(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    demo = copied_demo(tmp_path_factory, tmp_path / "demo")
    with running("demo", demo) as url:
        steps = walk(url, student=f"alice:{PASSWORD}", instructor=f"ivan:{PASSWORD}")

    assert_all_that_is_built_conforms(steps)
    assert {step.name for step in steps if step.verdict != "FAIL"} >= WALKED
    thin = {step.name: step.detail for step in steps if step.verdict == "thin"}
    assert {name: detail for name, detail in thin.items() if EMPTY_FOR_A_REASON.get(name, "?") not in detail} == {}
