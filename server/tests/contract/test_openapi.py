"""The OpenAPI document is what the server does: for whatever a client that has read it may send."""

import json
import shutil
from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import sha1
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from learntrac.config import Settings
from learntrac.kit.clock import utc_now
from learntrac.kit.errors import CODES_BY_STATUS
from learntrac.kit.http.doors import API
from learntrac.main import make_api
from tests.conftest import PASSWORDS, make_settings
from tests.contract.servers import ROOT, served
from tests.exercises.conftest import right_answers
from tests.exercises.samples import DESIGN, QUIZ
from tests.voice.clients import as_wav, silence

DOCUMENT: dict[str, Any] = make_api(Settings(trac_env=None), utc_now).openapi()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)}
NAMES = {"student": "alice", "instructor": "ivan"}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
REAL = {
    "placement_id": "none",
    "exercise_id": "none",
    "attempt_id": 1,
    "export_id": "export-1",
    "chat_id": "none",
    "handover_id": 1,
    "audio_id": "none",
    "concept_id": 1,
    "user_id": "alice",
    "relationship_id": "rel-1",
    "evidence_id": 1,
    "contest_id": 1,
    "certificate_id": "certificate-1",
    "webhook_id": "webhook-1",
    "delivery_id": "delivery-1",
}
"""What is there, for the parameters of addresses: else nearly every answer would be that nothing is."""


def roles(operation: Any) -> tuple[str, ...]:
    """Whoever may make a difference: where nobody is asked who they are, anybody is everybody."""
    return ("nobody", *NAMES) if operation.definition.raw.get("security") else ("nobody",)


def test_the_document_in_the_repository_is_the_servers() -> None:
    kept = json.loads((ROOT / "docs" / "openapi.json").read_text())

    assert kept == json.loads(json.dumps(DOCUMENT)), "run `make openapi`"


def test_every_operation_says_what_it_is_for() -> None:
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            assert operation["tags"], f"{method} {path}"
            assert operation["summary"], f"{method} {path}"
            assert "503" in operation["responses"]
            assert {"200", "201"} & set(operation["responses"])
            assert "422" not in operation["responses"]


def test_every_error_is_described_as_the_envelope() -> None:
    error = {"$ref": "#/components/schemas/Error"}
    for operations in DOCUMENT["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                content = response["content"].get("application/json")
                assert content is not None or status == "200"
                assert content is None or (content["schema"] == error) == (int(status) >= 400)


@pytest.fixture(scope="module")
def url(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose limits are out of the way."""
    folder = tmp_path_factory.mktemp("openapi") / "trac"
    shutil.copytree(sqlite_template, folder)
    # Guesses are many here, and these hashes are checked in no time.
    lines = [f"{name}:{{SHA}}{b64encode(sha1(word.encode()).digest()).decode()}\n" for name, word in PASSWORDS.items()]
    (folder / "conf" / "htpasswd").write_text("".join(lines))
    with served(make_settings(folder, rate_limit_per_hour=10**6)) as address:
        yield address


def sign_in(url: str, role: str) -> dict[str, str]:
    """The headers of somebody of this role."""
    name = NAMES.get(role)
    if name is None:
        return {}
    login = httpx.post(f"{url}{API}/auth/login", json={"username": name, "password": PASSWORDS[name]})
    return {"Authorization": f"Bearer {login.json()['access_token']}"}


def cases(operation: Any) -> st.SearchStrategy[Any]:
    """Requests as the document allows them and as it does not, half of them about what is there."""
    strategies = [operation.as_strategy()]
    names = [parameter.name for parameter in operation.path_parameters]
    if names:
        strategies.append(operation.as_strategy(path_parameters={name: REAL[name] for name in names}))
    if names or operation.query or operation.body:
        strategies.append(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    return st.one_of(strategies)


def assert_envelope(answer: Any) -> None:
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "details", "request_id", "timestamp"}
    assert error["code"] == CODES_BY_STATUS[answer.status_code]
    # A reply that is kept for a key stays as it was, with the name of the first request.
    if "Idempotency-Key" not in answer.request.headers:
        assert error["request_id"] == answer.headers["x-request-id"][0]


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_as_described(url: str, label: str) -> None:
    headers = [sign_in(url, role) for role in roles(OPERATIONS[label])]

    @given(case=cases(OPERATIONS[label]), who=st.sampled_from(headers))
    @settings(
        max_examples=40,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    def is_as_described(case: Any, who: dict[str, str]) -> None:
        answer = case.call(base_url=url, headers=who)
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code >= 400:
            assert_envelope(answer)

    is_as_described()


def _walk_chat(go: Any, concept: int) -> None:
    """A talk with the tutor, until a person answers."""
    begun = go("POST", "/chat/start", {"context": {"concept_id": concept}, "initial_message": "What is it about?"})
    chat, reply = begun["chat_id"], begun["initial_response"]["message_id"]
    go("POST", "/chat/{chat_id}/message", {"message": "And why?", "include_code_examples": True}, chat_id=chat)
    go("POST", "/chat/{chat_id}/feedback", {"message_id": reply, "rating": 4}, chat_id=chat)
    asked = go("POST", "/chat/{chat_id}/handover", {}, chat_id=chat)["handover_id"]
    go("GET", "/chat/handovers")
    go("POST", "/chat/handovers/{handover_id}/answer", {"answer": "Because."}, handover_id=asked)
    go("GET", "/chat/{chat_id}/history", chat_id=chat)
    go("GET", "/chat/{chat_id}/export", chat_id=chat)
    go("GET", "/chat/offers")
    go("GET", "/chat")
    go("DELETE", "/chat/{chat_id}", chat_id=chat)


def _walk_exercises(go: Any, concept: int) -> None:
    quiz = QUIZ | {"concept": concept, "explain": "Why?"}
    go("POST", "/exercises/preview", quiz)
    written = go("POST", "/exercises", quiz)["id"]
    go("PUT", "/exercises/{exercise_id}", quiz | {"points": 12}, exercise_id=written)
    go("GET", "/exercises/{exercise_id}/definition", exercise_id=written)
    go("GET", "/exercises/{exercise_id}/versions", exercise_id=written)
    go("GET", "/exercises")
    go("GET", "/exercises/{exercise_id}", exercise_id=written)
    begun = go("POST", "/exercises/{exercise_id}/start", exercise_id=written)
    session = {"session_id": begun["session_id"]}
    go("POST", "/exercises/{exercise_id}/hint", session, exercise_id=written)
    solution = {"answers": right_answers(begun["exercise"])}
    done = go("POST", "/exercises/{exercise_id}/submit", session | {"solution": solution}, exercise_id=written)
    explained = session | {"explanation": "GET only reads, and all of the others change something on the server."}
    go("POST", "/exercises/{exercise_id}/explain", explained, exercise_id=written)
    go("POST", "/exercises/{exercise_id}/solution", exercise_id=written)
    go("GET", "/exercises/{exercise_id}/attempts", exercise_id=written)
    attempt = {"exercise_id": written, "attempt_id": done["attempt_id"]}
    go("POST", "/exercises/{exercise_id}/attempts/{attempt_id}/regrade", {"note": "Again"}, **attempt)
    go("GET", "/exercises/{exercise_id}/similar", exercise_id=written)
    design = go("POST", "/exercises", DESIGN | {"concept": concept})["id"]
    begun = go("POST", "/exercises/{exercise_id}/start", exercise_id=design)
    handed = {"session_id": begun["session_id"], "solution": {"code": "# Mine", "language": "markdown"}}
    done = go("POST", "/exercises/{exercise_id}/submit", handed, exercise_id=design)
    attempt = {"exercise_id": design, "attempt_id": done["attempt_id"]}
    judged = {"points": {"Errors": 1.0}, "note": "Said in class"}
    go("POST", "/exercises/{exercise_id}/attempts/{attempt_id}/override", judged, **attempt)
    go("DELETE", "/exercises/{exercise_id}", exercise_id=design)


def test_a_walk_through_every_door(url: str) -> None:
    """What generated requests hardly ever reach: a learner's whole way, each answer 200 and as described."""
    walked: set[str] = set()
    headers: dict[str, str] = {}

    def go(
        method: str,
        template: str,
        body: Any = NOT_SET,
        query: dict[str, Any] | None = None,
        kind: str = "application/json",
        **path_parameters: Any,
    ) -> Any:
        operation = OPERATIONS[f"{method} {API}{template}"]
        walked.add(operation.label)
        media_type = None if body is NOT_SET else kind
        case = operation.Case(path_parameters=path_parameters, query=query or {}, body=body, media_type=media_type)
        answer = case.call(base_url=url, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        case.validate_response(answer, checks=CHECKS)
        return answer.json() if answer.headers["content-type"][0].startswith("application/json") else answer.text

    go("GET", "/health")
    go("GET", "/ready")
    go("GET", "/status")
    login = go("POST", "/auth/login", {"username": "admin", "password": PASSWORDS["admin"]})
    fresh = go("POST", "/auth/refresh", {"refresh_token": login["refresh_token"]})
    headers["Authorization"] = f"Bearer {fresh['access_token']}"
    first = go("GET", "/concepts")["concepts"][0]["id"]
    go("GET", "/concepts/{concept_id}", concept_id=first)
    begun = go("POST", "/concepts/{concept_id}/start", {"learning_mode": "guided"}, concept_id=first)
    done = {"session_id": begun["session_id"], "completion_type": "completed", "quiz_score": 0.9}
    go("POST", "/concepts/{concept_id}/complete", done, concept_id=first)
    go("GET", "/auth/me")
    go("GET", "/progress")
    go("GET", "/progress/{user_id}", user_id="alice")
    go("GET", "/progress/history")
    go("GET", "/mastery")
    receipt = go("GET", "/mastery/{concept_id}", concept_id=first)
    number = receipt["evidence"]["items"][0]["id"]
    contested = go("POST", "/mastery/evidence/{evidence_id}/contest", {"reason": "Too strict"}, evidence_id=number)
    go("GET", "/mastery/contests")
    go("POST", "/mastery/contests/{contest_id}/decide", {"accept": True}, contest_id=contested["contest_id"])
    _walk_exercises(go, first)
    _walk_chat(go, first)
    _walk_voice(go)
    _walk_analytics(go)
    _walk_the_graph(go, first)
    go("GET", "/adaptive/recommendations", query={"count": 3, "timeframe": 600})
    go("POST", "/adaptive/feedback", {"concept_id": first, "difficulty_rating": 2, "preferred_resources": ["video"]})
    go("GET", "/adaptive/achievements", query={"user_id": "alice"})
    asked = go("POST", "/adaptive/placement/start")
    known = {"answer": "knows"}
    go("POST", "/adaptive/placement/{placement_id}/answer", known, placement_id=asked["placement_id"])
    _walk_certificates(go)
    _walk_webhooks(go)
    go("GET", "/audit")
    go("GET", "/users/me/export")
    go("POST", "/auth/logout")

    # Without a worker there is no file, and without a talk no spoken answer: see tests/analytics and tests/voice.
    not_walked = {f"GET {API}/analytics/export/{{export_id}}/download", f"GET {API}/voice/audio/{{audio_id}}.mp3"}
    assert walked == set(OPERATIONS) - not_walked


def _walk_certificates(go: Callable[..., Any]) -> None:
    badge = go("POST", "/certificates", {"achievement_id": "first_step"})["certificate_id"]
    go("GET", "/certificates")
    go("PUT", "/certificates/{certificate_id}", {"show_name": False}, certificate_id=badge)
    go("POST", "/certificates/{certificate_id}/revoke", {"reason": "A mistake"}, certificate_id=badge)


def _walk_voice(go: Callable[..., Any]) -> None:
    go("POST", "/voice/ticket")
    go("GET", "/voice/voices")
    go("POST", "/voice/transcribe", {"audio_file": as_wav(silence(0.2))}, kind="multipart/form-data")


def _walk_webhooks(go: Callable[..., Any]) -> None:
    hook = go("POST", "/webhooks", {"url": "https://example.com/hook", "events": ["export.ready"]})["webhook_id"]
    go("GET", "/webhooks")
    go("GET", "/webhooks/{webhook_id}", webhook_id=hook)
    go("PUT", "/webhooks/{webhook_id}", {"events": ["user.struggled"]}, webhook_id=hook)
    go("POST", "/webhooks/{webhook_id}/rotate-secret", {}, webhook_id=hook)
    sent = go("POST", "/webhooks/{webhook_id}/test", webhook_id=hook)["delivery_id"]
    go("GET", "/webhooks/{webhook_id}/deliveries", webhook_id=hook)
    again = "/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver"
    go("POST", again, webhook_id=hook, delivery_id=sent)
    go("DELETE", "/webhooks/{webhook_id}", webhook_id=hook)


def _walk_analytics(go: Callable[..., Any]) -> None:
    go("GET", "/analytics/dashboard")
    go("GET", "/analytics/learner/{user_id}", user_id="alice")
    go("GET", "/analytics/at-risk")
    wanted = {"report_type": "concept_analytics", "format": "csv"}
    export = go("POST", "/analytics/export", wanted)["export_id"]
    go("GET", "/analytics/export/{export_id}/status", export_id=export)
    go("POST", "/analytics/export/{export_id}/cancel", export_id=export)
    go("GET", "/analytics/export")


def _walk_the_graph(go: Callable[..., Any], first: int) -> None:
    go("GET", "/knowledge/graph")
    go("GET", "/knowledge/path", query={"to": first})
    related = {"source_concept": 1, "target_concept": 6, "relationship_type": "related_to"}
    added = go("POST", "/knowledge/relationships", related)
    go("GET", "/knowledge/relationships")
    go("DELETE", "/knowledge/relationships/{relationship_id}", relationship_id=added["relationship_id"])
    go("GET", "/knowledge/lint")
