"""The interactive page and the document behind it: served from this machine, and true to what the doors do."""

import re
from typing import Any

import orjson
import pytest

from learntrac.kit.clock import utc_now
from learntrac.kit.http.doors import API
from learntrac.main import make_api
from tests.conftest import Api, make_settings


@pytest.fixture
def document(tmp_path: Any) -> dict[str, Any]:
    """The OpenAPI document."""
    return make_api(make_settings(tmp_path), utc_now).openapi()


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, found) for path, methods in document["paths"].items() for method, found in methods.items()]


async def test_the_page_loads_everything_from_here(sqlite_api: Api) -> None:
    page = await sqlite_api.anybody.get("/docs")
    loaded = re.findall(r'(?:src|href)="(?!data:)([^"]+)"', page.body)

    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers.get_list("content-security-policy")[0].startswith("default-src 'self'")
    assert len(loaded) == 3
    for path in loaded:
        assert not path.startswith(("http:", "https:", "//"))
        assert (await sqlite_api.anybody.get(f"/{path}")).status == 200, path


async def test_the_page_opens_the_document(sqlite_api: Api) -> None:
    script = await sqlite_api.anybody.get("/docs/start.js")
    options = orjson.loads(re.search(r"\((\{.*\})\)", script.body).group(1))  # type: ignore[union-attr] # it is there
    answer = await sqlite_api.client.get(options["url"])

    assert answer.status_code == 200
    assert answer.json()["info"]["title"] == "LearnTrac"


async def test_a_file_that_is_not_there_is_an_error_like_any_other(sqlite_api: Api) -> None:
    for path in ("/docs/files/zork.js", "/docs/files/", "/docs/files/..%2f..%2fpyproject.toml"):
        assert (await sqlite_api.anybody.get(path)).error == (404, "NOT_FOUND")


def test_every_error_is_the_envelope(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert set(schemas["Error"]["properties"]) == {"error"}
    assert not {"HTTPValidationError", "ValidationError"} & set(schemas)
    for path, method, operation in operations(document):
        assert "422" not in operation["responses"], (method, path)
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Error"}, (method, path, status)


def test_what_needs_a_token_says_so(document: dict[str, Any]) -> None:
    asked = operations(document)
    secured = {(method, path.removeprefix(API)) for path, method, found in asked if found.get("security")}
    assert ("get", "/auth/me") in secured
    assert ("post", "/auth/logout") in secured
    assert ("post", "/auth/login") not in secured
    for path, method, operation in asked:
        if (method, path.removeprefix(API)) in secured:
            assert {"401", "429"} <= set(operation["responses"])


def test_the_page_can_sign_in(document: dict[str, Any]) -> None:
    (scheme,) = document["components"]["securitySchemes"].values()
    token_url = scheme["flows"]["password"]["tokenUrl"]

    assert set(document["paths"][token_url]["post"]["requestBody"]["content"]) == {
        "application/json",
        "application/x-www-form-urlencoded",
    }


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in re.findall(r'"\$ref":"#/components/schemas/([^"]+)"', orjson.dumps(document).decode()):
        assert reference in document["components"]["schemas"]


def test_the_document_is_made_once(tmp_path: Any) -> None:
    app = make_api(make_settings(tmp_path), utc_now)
    assert app.openapi() is app.openapi()


def test_the_document_names_the_address_people_use(tmp_path: Any) -> None:
    app = make_api(make_settings(tmp_path, public_url="https://learn.example.org/"), utc_now)

    assert app.openapi()["servers"] == [{"url": "https://learn.example.org"}]
