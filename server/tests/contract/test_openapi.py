"""The OpenAPI document is what the server does: for whatever a client that has read it may send."""

import json
import shutil
from base64 import b64encode
from collections.abc import Iterator
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
from learntrac.main import API, make_api
from tests.conftest import PASSWORDS, make_settings
from tests.contract.servers import ROOT, served

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
REAL = {"concept_id": 1, "user_id": "alice"}
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
            assert {"200", "503"} <= set(operation["responses"])
            assert "422" not in operation["responses"]


def test_every_error_is_described_as_the_envelope() -> None:
    error = {"$ref": "#/components/schemas/Error"}
    for operations in DOCUMENT["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                schema = response["content"]["application/json"]["schema"]
                assert (schema == error) == (int(status) >= 400)


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


@pytest.mark.parametrize(
    ("label", "role"), [(label, role) for label, operation in OPERATIONS.items() for role in roles(operation)]
)
def test_every_answer_is_as_described(url: str, label: str, role: str) -> None:
    headers = sign_in(url, role)

    @given(case=cases(OPERATIONS[label]))
    @settings(
        max_examples=40,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    def is_as_described(case: Any) -> None:
        answer = case.call(base_url=url, headers=headers)
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code >= 400:
            assert_envelope(answer)

    is_as_described()


def test_a_walk_through_every_door(url: str) -> None:
    """What generated requests hardly ever reach: a learner's whole way, each answer 200 and as described."""
    walked: set[str] = set()
    headers: dict[str, str] = {}

    def go(method: str, template: str, body: Any = NOT_SET, **path_parameters: Any) -> Any:
        operation = OPERATIONS[f"{method} {API}{template}"]
        walked.add(operation.label)
        media_type = None if body is NOT_SET else "application/json"
        case = operation.Case(path_parameters=path_parameters, body=body, media_type=media_type)
        answer = case.call(base_url=url, headers=headers)
        assert answer.status_code == 200, answer.text
        case.validate_response(answer, checks=CHECKS)
        return answer.json()

    go("GET", "/health")
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
    go("POST", "/auth/logout")

    assert walked == set(OPERATIONS)
