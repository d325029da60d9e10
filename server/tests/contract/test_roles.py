"""Who may do what: every operation of the server, for everybody who may come.

A new operation fails here until somebody has written down who may use it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from learntrac.config import Settings
from learntrac.kit.clock import utc_now
from learntrac.kit.errors import CODES_BY_STATUS
from learntrac.kit.http.doors import API
from learntrac.main import make_api
from tests.certificates.certifying import certify
from tests.conftest import Answer, Api, Person
from tests.exercises.samples import QUIZ
from tests.mastery.answering import answer_as

WHO = ("nobody", "student, own", "student, another's", "instructor", "admin")
"""The columns. `own` is alice with what is hers, `another's` bob with what is alice's; so are the last two."""


@dataclass
class World:
    """Four people who are signed in, alice's session with concept 1, and her first answer there."""

    api: Api
    people: dict[str, Person]
    session_id: str

    async def send(self, who: str, method: str, path: str, json: Any = None) -> Answer:
        person = self.people[who]
        if path.startswith(API):
            return await person.send(method, path.removeprefix(API), json=json)
        response = await self.api.client.request(method, path)
        is_json = response.headers.get("content-type", "").startswith("application/json")
        return Answer(response.status_code, response.json() if is_json else response.text, response.headers)


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
INSTRUCTORS = (401, 403, None, 200, 200)
WHOEVER_IS_SIGNED_IN = (401, 200, None, 200, 200)
STRANGERS = (401, 404, 404, 404, 404)
NOT_BY_GET = (404, 404, None, 404, 404)
"""A conversation begins as a WebSocket."""
CODE = "abcdefghijklmnopqrstuvwxyz"
"""What opens alice's certificate for concept 1."""

TABLE: dict[str, Row] = {
    f"GET {API}/health": Row(ANYBODY),
    f"GET {API}/ready": Row(ANYBODY),
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
    f"GET {API}/analytics/dashboard": Row((401, 200, 403, 200, 200), f"{API}/analytics/dashboard?user_id=alice"),
    f"GET {API}/analytics/learner/{{user_id}}": Row((401, 200, 403, 200, 200), f"{API}/analytics/learner/alice"),
    f"GET {API}/analytics/at-risk": Row(INSTRUCTORS),
    f"POST {API}/analytics/export": Row(
        INSTRUCTORS, body=lambda _: {"report_type": "learner_progress", "format": "csv"}
    ),
    f"GET {API}/analytics/export": Row(INSTRUCTORS),
    f"GET {API}/analytics/export/{{export_id}}/status": Row(
        (401, 403, 403, 404, 404), f"{API}/analytics/export/none/status"
    ),
    f"GET {API}/analytics/export/{{export_id}}/download": Row(
        (401, 403, 403, 404, 404), f"{API}/analytics/export/none/download"
    ),
    f"POST {API}/analytics/export/{{export_id}}/cancel": Row(
        (401, 403, 403, 404, 404), f"{API}/analytics/export/none/cancel"
    ),
    f"GET {API}/audit": Row((401, 403, 403, 403, 200)),
    f"GET {API}/users/me/export": Row(WHOEVER_IS_SIGNED_IN),
    f"POST {API}/concepts/{{concept_id}}/complete": Row(
        (401, 200, 404, 404, 404), f"{API}/concepts/1/complete", lambda world: {"session_id": world.session_id}
    ),
    f"GET {API}/knowledge/graph": Row(WHOEVER_IS_SIGNED_IN),
    f"GET {API}/knowledge/path": Row(WHOEVER_IS_SIGNED_IN, f"{API}/knowledge/path?to=1"),
    f"GET {API}/knowledge/relationships": Row(INSTRUCTORS),
    f"GET {API}/knowledge/lint": Row(INSTRUCTORS),
    f"POST {API}/knowledge/relationships": Row(
        (401, 403, None, 201, 409),
        body=lambda _: {"source_concept": 1, "target_concept": 6, "relationship_type": "related_to"},
    ),
    f"DELETE {API}/knowledge/relationships/{{relationship_id}}": Row(
        (401, 403, None, 200, 404), f"{API}/knowledge/relationships/rel-1"
    ),
    f"GET {API}/mastery": Row(WHOEVER_IS_SIGNED_IN),
    f"GET {API}/mastery/{{concept_id}}": Row((401, 200, 403, 200, 200), f"{API}/mastery/1?user_id=alice"),
    f"POST {API}/mastery/evidence/{{evidence_id}}/contest": Row(
        (401, 201, 404, 404, 404), f"{API}/mastery/evidence/1/contest", lambda _: {"reason": "It was right"}
    ),
    f"GET {API}/mastery/contests": Row(INSTRUCTORS),
    f"POST {API}/mastery/contests/{{contest_id}}/decide": Row(
        (401, 403, None, 200, 409), f"{API}/mastery/contests/1/decide", lambda _: {"accept": False}
    ),
    f"GET {API}/adaptive/recommendations": Row(WHOEVER_IS_SIGNED_IN),
    f"POST {API}/adaptive/feedback": Row(WHOEVER_IS_SIGNED_IN, body=lambda _: {"concept_id": 1}),
    f"GET {API}/adaptive/achievements": Row((401, 200, 403, 200, 200), f"{API}/adaptive/achievements?user_id=alice"),
    f"POST {API}/adaptive/placement/start": Row(WHOEVER_IS_SIGNED_IN),
    f"POST {API}/adaptive/placement/{{placement_id}}/answer": Row(
        (401, 404, 404, 404, 404), f"{API}/adaptive/placement/none/answer", lambda _: {"answer": "knows"}
    ),
    f"POST {API}/chat/start": Row(WHOEVER_IS_SIGNED_IN, body=lambda _: {"context": {"mode": "explaining"}}),
    f"GET {API}/chat": Row(WHOEVER_IS_SIGNED_IN),
    f"GET {API}/chat/offers": Row(WHOEVER_IS_SIGNED_IN),
    f"GET {API}/chat/handovers": Row(WHOEVER_IS_SIGNED_IN),
    f"POST {API}/chat/handovers/{{handover_id}}/answer": Row(
        (401, 403, None, 404, 404), f"{API}/chat/handovers/1/answer", lambda _: {"answer": "Like this."}
    ),
    f"POST {API}/chat/{{chat_id}}/message": Row(STRANGERS, f"{API}/chat/none/message", lambda _: {"message": "Why?"}),
    f"GET {API}/chat/{{chat_id}}/history": Row(STRANGERS, f"{API}/chat/none/history"),
    f"GET {API}/chat/{{chat_id}}/export": Row(STRANGERS, f"{API}/chat/none/export"),
    f"POST {API}/chat/{{chat_id}}/feedback": Row(
        STRANGERS, f"{API}/chat/none/feedback", lambda _: {"message_id": "msg-1", "rating": 5, "helpful": True}
    ),
    f"POST {API}/chat/{{chat_id}}/handover": Row(STRANGERS, f"{API}/chat/none/handover", lambda _: {}),
    f"DELETE {API}/chat/{{chat_id}}": Row(STRANGERS, f"{API}/chat/none"),
    f"GET {API}/exercises": Row(WHOEVER_IS_SIGNED_IN),
    f"POST {API}/exercises": Row((401, 403, None, 201, 409), body=lambda _: QUIZ),
    f"POST {API}/exercises/preview": Row(INSTRUCTORS, body=lambda _: QUIZ),
    f"GET {API}/exercises/{{exercise_id}}": Row(WHOEVER_IS_SIGNED_IN, f"{API}/exercises/verbs"),
    f"GET {API}/exercises/{{exercise_id}}/definition": Row(INSTRUCTORS, f"{API}/exercises/verbs/definition"),
    f"GET {API}/exercises/{{exercise_id}}/versions": Row(INSTRUCTORS, f"{API}/exercises/verbs/versions"),
    f"GET {API}/exercises/{{exercise_id}}/similar": Row(INSTRUCTORS, f"{API}/exercises/verbs/similar"),
    f"GET {API}/exercises/{{exercise_id}}/attempts": Row(WHOEVER_IS_SIGNED_IN, f"{API}/exercises/verbs/attempts"),
    f"POST {API}/exercises/{{exercise_id}}/start": Row(WHOEVER_IS_SIGNED_IN, f"{API}/exercises/verbs/start"),
    f"POST {API}/exercises/{{exercise_id}}/submit": Row(
        STRANGERS, f"{API}/exercises/verbs/submit", lambda _: {"session_id": "none", "solution": {"answers": {}}}
    ),
    f"POST {API}/exercises/{{exercise_id}}/hint": Row(
        STRANGERS, f"{API}/exercises/verbs/hint", lambda _: {"session_id": "none"}
    ),
    f"POST {API}/exercises/{{exercise_id}}/explain": Row(
        STRANGERS,
        f"{API}/exercises/verbs/explain",
        lambda _: {"session_id": "none", "explanation": "Because it is so."},
    ),
    f"POST {API}/exercises/{{exercise_id}}/solution": Row(
        (401, 409, None, 409, 409), f"{API}/exercises/verbs/solution"
    ),
    f"POST {API}/exercises/{{exercise_id}}/attempts/{{attempt_id}}/override": Row(
        (401, 403, None, 404, 404),
        f"{API}/exercises/verbs/attempts/7/override",
        lambda _: {"points": {"one": 1}, "note": "It is there"},
    ),
    f"POST {API}/exercises/{{exercise_id}}/attempts/{{attempt_id}}/regrade": Row(
        (401, 403, None, 404, 404), f"{API}/exercises/verbs/attempts/7/regrade", lambda _: {}
    ),
    f"PUT {API}/exercises/{{exercise_id}}": Row(INSTRUCTORS, f"{API}/exercises/verbs", lambda _: QUIZ),
    f"DELETE {API}/exercises/{{exercise_id}}": Row((401, 403, None, 200, 404), f"{API}/exercises/verbs"),
    "GET /ws/voice": Row(NOT_BY_GET, "/ws/voice"),
    "POST /ws/voice/gateway": Row((404, 404, None, 404, 404), "/ws/voice/gateway"),
    f"POST {API}/voice/ticket": Row(WHOEVER_IS_SIGNED_IN),
    f"GET {API}/voice/voices": Row(WHOEVER_IS_SIGNED_IN),
    f"POST {API}/voice/transcribe": Row((401, 400, None, 400, 400)),
    f"GET {API}/voice/audio/{{audio_id}}.mp3": Row((404, 404, 404, 404, 404), f"{API}/voice/audio/none.mp3"),
    f"GET {API}/certificates": Row((401, 200, 403, 200, 200), f"{API}/certificates?user_id=alice"),
    f"POST {API}/certificates": Row((401, 409, 409, 409, 409), body=lambda _: {"concept_id": 2}),
    f"PUT {API}/certificates/{{certificate_id}}": Row(
        (401, 200, 404, 404, 404), f"{API}/certificates/certificate-1", lambda _: {"show_name": True}
    ),
    f"POST {API}/certificates/{{certificate_id}}/revoke": Row(
        (401, 403, None, 200, 409), f"{API}/certificates/certificate-1/revoke", lambda _: {"reason": "A mistake"}
    ),
    "GET /certificates/did.json": Row(ANYBODY),
    "GET /certificates/issuer": Row(ANYBODY),
    "GET /certificates/status/{number}": Row(ANYBODY, "/certificates/status/1"),
    "GET /certificates/{name}.pdf": Row(ANYBODY, f"/certificates/1-0123abcd.pdf?token={CODE}"),
    "GET /certificates/{code}.json": Row(ANYBODY, f"/certificates/{CODE}.json"),
    "GET /certificates/{code}.jwt": Row(ANYBODY, f"/certificates/{CODE}.jwt"),
    "GET /certificates/{code}": Row(ANYBODY, f"/certificates/{CODE}"),
    f"POST {API}/webhooks": Row(
        (401, 403, None, 201, 201), body=lambda _: {"url": "https://example.com/", "events": ["export.ready"]}
    ),
    f"GET {API}/webhooks": Row(INSTRUCTORS),
    f"GET {API}/webhooks/{{webhook_id}}": Row(INSTRUCTORS, f"{API}/webhooks/webhook-1"),
    f"PUT {API}/webhooks/{{webhook_id}}": Row(INSTRUCTORS, f"{API}/webhooks/webhook-1", lambda _: {}),
    f"POST {API}/webhooks/{{webhook_id}}/rotate-secret": Row(
        INSTRUCTORS, f"{API}/webhooks/webhook-1/rotate-secret", lambda _: {}
    ),
    f"POST {API}/webhooks/{{webhook_id}}/test": Row((401, 403, None, 201, 201), f"{API}/webhooks/webhook-1/test"),
    f"GET {API}/webhooks/{{webhook_id}}/deliveries": Row(INSTRUCTORS, f"{API}/webhooks/webhook-1/deliveries"),
    f"POST {API}/webhooks/{{webhook_id}}/deliveries/{{delivery_id}}/redeliver": Row(
        (401, 403, None, 201, 201), f"{API}/webhooks/webhook-1/deliveries/delivery-1/redeliver"
    ),
    f"DELETE {API}/webhooks/{{webhook_id}}": Row((401, 403, None, 200, 404), f"{API}/webhooks/webhook-1"),
    f"POST {API}/auth/logout": Row(WHOEVER_IS_SIGNED_IN),
    f"GET {API}/docs": Row(ANYBODY),
    f"GET {API}/docs/start.js": Row(ANYBODY),
    f"GET {API}/docs/files": Row(ANYBODY, f"{API}/docs/files/swagger-ui.css"),
    f"GET {API}/openapi.json": Row(ANYBODY),
    "GET /metrics": Row(ANYBODY),
    "GET /": Row(LED_ON),
    "GET /wiki/{rest:path}": Row(LED_ON, "/wiki/Page"),
    "GET /ticket/{rest:path}": Row(LED_ON, "/ticket/1"),
}
CODES = CODES_BY_STATUS


def operations(routes: list[Any], prefix: str = "") -> Iterator[str]:
    """`METHOD path` of everything that is routed, what the document leaves out included."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from operations(included.routes, route.include_context.prefix)
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
    await answer_as(api, "alice", 1, 1.0)
    await certify(api, "alice", CODE)
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
