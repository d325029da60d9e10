"""Who may do what: every operation of the server, for everybody who may come.

A new operation fails here until somebody has written down who may use it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from learntrac.config import Settings
from learntrac.kit.clock import utc_now
from learntrac.main import API, make_api
from tests.conftest import Answer, Api, Person

WHO = ("nobody", "student, own", "student, another's", "instructor", "admin")
"""The columns. `own` is alice with what is hers, `another's` bob with what is alice's; so are the last two."""


@dataclass
class World:
    """Four people who are signed in, and alice's session with concept 1."""

    api: Api
    people: dict[str, Person]
    session_id: str

    async def send(self, who: str, method: str, path: str, json: Any = None) -> Answer:
        person = self.people[who]
        if path.startswith(API):
            return await person.send(method, path.removeprefix(API), json=json)
        response = await self.api.client.request(method, path)
        return Answer(response.status_code, response.text, response.headers)


Body = Callable[[World], Any]
ALICE = {"username": "alice", "password": "alice-password"}


def _nothing(_world: World) -> None:
    return None


@dataclass(frozen=True)
class Row:
    """What an operation answers to each of WHO; None where a column means nothing."""

    statuses: tuple[int | None, ...]
    path: str | None = None
    body: Body = _nothing


ANYBODY = (200, 200, None, 200, 200)
LED_ON = (307, 307, None, 307, 307)
WHOEVER_IS_SIGNED_IN = (401, 200, None, 200, 200)

TABLE: dict[str, Row] = {
    f"GET {API}/health": Row(ANYBODY),
    f"GET {API}/status": Row(ANYBODY),
    f"POST {API}/auth/login": Row(ANYBODY, body=lambda _: ALICE),
    f"POST {API}/auth/refresh": Row((401,) * 5, body=lambda _: {"refresh_token": "somebody else's"}),
    f"GET {API}/auth/me": Row(WHOEVER_IS_SIGNED_IN),
    f"GET {API}/concepts": Row(ANYBODY),
    f"GET {API}/concepts/{{concept_id}}": Row(ANYBODY, f"{API}/concepts/1"),
    f"POST {API}/concepts/{{concept_id}}/start": Row(
        WHOEVER_IS_SIGNED_IN, f"{API}/concepts/2/start", lambda _: {"learning_mode": "guided"}
    ),
    f"GET {API}/progress": Row(WHOEVER_IS_SIGNED_IN),
    f"GET {API}/progress/history": Row(WHOEVER_IS_SIGNED_IN),
    f"GET {API}/progress/{{user_id}}": Row((401, 200, 403, 200, 200), f"{API}/progress/alice"),
    f"POST {API}/concepts/{{concept_id}}/complete": Row(
        (401, 200, 404, 404, 404), f"{API}/concepts/1/complete", lambda world: {"session_id": world.session_id}
    ),
    f"POST {API}/auth/logout": Row(WHOEVER_IS_SIGNED_IN),
    f"GET {API}/docs": Row(ANYBODY),
    f"GET {API}/docs/start.js": Row(ANYBODY),
    f"GET {API}/docs/files": Row(ANYBODY, f"{API}/docs/files/swagger-ui.css"),
    f"GET {API}/openapi.json": Row(ANYBODY),
    "GET /": Row(LED_ON),
    "GET /wiki/{rest:path}": Row(LED_ON, "/wiki/Page"),
    "GET /ticket/{rest:path}": Row(LED_ON, "/ticket/1"),
}
CODES = {401: "AUTHENTICATION_ERROR", 403: "AUTHORIZATION_ERROR", 404: "NOT_FOUND"}


def operations(routes: list[Any], prefix: str = "") -> Iterator[str]:
    """`METHOD path` of everything that is routed, what the document leaves out included."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from operations(included.routes, API)
        else:
            methods = getattr(route, "methods", None) or {"GET"}
            yield from (f"{method} {prefix}{route.path}" for method in methods - {"HEAD"})


def test_the_table_has_every_operation_and_no_other() -> None:
    app = make_api(Settings(trac_env=None), utc_now)

    assert sorted(TABLE) == sorted(operations(app.routes))
    documented = {f"{method.upper()} {path}" for path, methods in app.openapi()["paths"].items() for method in methods}
    assert documented <= TABLE.keys()


async def test_everybody_gets_what_the_table_says(api: Api) -> None:
    signed_in = [await api.sign_in(name) for name in ("alice", "bob", "ivan", "admin")]
    people = dict(zip(WHO, [api.anybody, *signed_in], strict=True))
    begun = await signed_in[0].post("/concepts/1/start", {})
    world = World(api, people, begun["session_id"])

    for operation, row in TABLE.items():
        method, template = operation.split(" ")
        # The owner comes last: what others may not do must not have been done before.
        for who, status in sorted(zip(WHO, row.statuses, strict=True), key=lambda cell: cell[0] == "student, own"):
            if status is None:
                continue
            answer = await world.send(who, method, row.path or template, row.body(world))

            assert answer.status == status, f"{operation}, {who}: {answer.body}"
            if status >= 400:
                assert answer.error == (status, CODES[status])
