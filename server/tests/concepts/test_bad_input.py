"""What is not of the documented form gets 400 in the envelope, never 500, on both databases."""

from typing import Any

from tests.concepts.trac_edits import titles
from tests.conftest import Answer, Api, Person

REFUSED_NUMBERS = ["-1", "9223372036854775808", "1_000", "%201%20", "true", "1.0", "%2B5", "%EF%BC%95", "1e1", ""]
REFUSED_QUERIES = [
    *(f"limit={number}" for number in (*REFUSED_NUMBERS, "0", "101")),
    *(f"offset={number}" for number in (*REFUSED_NUMBERS, "10000001")),
    *(f"difficulty={number}" for number in ("NaN", "6", "0", "1e999", "-1", "inf", "", "0x3", "3,5", "%D9%A3", "%201")),
    *(f"{name}=a%00b" for name in ("type", "component", "milestone", "owner", "q")),
    *(f"{name}={'x' * 501}" for name in ("type", "component", "milestone", "owner", "q")),
    *("status=done", "status=", "status=New", "sort=name", "sort=", "sort=--id", "sort=id;drop"),
]
ODD_TEXTS = [
    *('"', "'", "*", "AND", "a AND OR NOT", "NEAR(", "NEAR(a b, 2)", ":", "title : a", "^a", "-a", "(", "a & !b | c"),
    *("\\", "%", "_", "😀", "ﷺ" * 500, "㌀" * 500, "x" * 500, "a " * 250, "\u200b", "\ufffd", "\r\n\t", "'; --", "$1"),
]
REFUSED_IDS = [
    "0",
    "-1",
    "2147483648",
    "9223372036854775808",
    "9" * 20,
    "zero",
    "1.0",
    "1%00",
    "%EF%BC%91",
]


def each(name: str, *values: Any) -> list[dict[str, Any]]:
    return [{name: value} for value in values]


TWO_63 = 2**63
STRANGE_BODIES = [
    "",
    "null",
    "[]",
    '"text"',
    "{",
    "[" * 100_000,
    '{"a":' * 100_000,
    '{"feedback": "\\ud800"}',
    '{"\\ud800": 1}',
    '{"feedback": "a\\u0000b"}',
    '{"anything": {"deep": ["\\u0000"]}}',
    '{"quiz_score": NaN}',
    '{"quiz_score": Infinity}',
    '{"quiz_score": 1e999}',
    '{"time_spent": ' + "9" * 5000 + "}",
]
WRONG_STARTS = [
    *each("learning_mode", "fast", None, 1),
    *each("time_commitment", "60", True, 60.5, 0, -1, 10_081, TWO_63, [], {}),
    *each("preferred_resources", "video", [1], [None], ["x" * 51], ["x"] * 21, {}),
]
WRONG_COMPLETIONS = [
    *each("session_id", None, 1, "", "x" * 65, []),
    *each("completion_type", "done", None, True),
    *each("time_spent", "60", True, 1.5, -1, TWO_63, 31_536_001),
    *each("quiz_score", "0.5", True, -0.1, 1.1, TWO_63, []),
    *each("exercises_completed", "ex1", [1], ["x" * 101], ["x"] * 501),
    *each("feedback", 1, "x" * 10_001, ["x"]),
]
INVALID = (400, "VALIDATION_ERROR")


async def send(person: Person, path: str, body: str) -> Answer:
    return await person.send("POST", path, content=body.encode(), headers={"Content-Type": "application/json"})


async def test_a_list_that_is_asked_for_wrongly(api: Api) -> None:
    for query in REFUSED_QUERIES:
        answer = await api.anybody.send("GET", f"/concepts?{query}")
        assert answer.error == INVALID, query
        assert [line["field"] for line in answer["error"]["details"]] == [query.partition("=")[0]], query

    # Words of any kind are words.
    for text in ODD_TEXTS:
        answer = await api.anybody.get("/concepts", q=text)
        assert answer.status == 200, text
    for query in ("q=%ff", "q=%ED%A0%80", "q=%", "component=%ff"):
        assert (await api.anybody.send("GET", f"/concepts?{query}")).body["total"] == 0
    assert await titles(api, q='"*"') == []
    assert len(await titles(api, q="")) == len(await titles(api, q="  ")) == 6
    assert await titles(api, q="http NEAR") == []
    assert await titles(api, q='"CAFÉ"*') == ["Café extras"]


async def test_a_concept_that_cannot_be(api: Api) -> None:
    alice = await api.sign_in("alice")
    for concept_id in REFUSED_IDS:
        assert (await api.anybody.send("GET", f"/concepts/{concept_id}")).error == INVALID, concept_id
        assert (await alice.post(f"/concepts/{concept_id}/start", {})).error == INVALID, concept_id
        done = {"session_id": "x"}
        assert (await alice.post(f"/concepts/{concept_id}/complete", done)).error == INVALID, concept_id
    for path in ("/concepts/2147483647", "/concepts/7", "/concepts/1/2", "/concepts/1/"):
        assert (await api.anybody.get(path)).error == (404, "NOT_FOUND"), path
    assert (await alice.post("/concepts/7/start", {})).error == (404, "NOT_FOUND")


async def test_bodies_that_are_none(api: Api) -> None:
    alice = await api.sign_in("alice")
    for body in STRANGE_BODIES:
        for verb in ("start", "complete"):
            assert (await send(alice, f"/concepts/1/{verb}", body)).error == INVALID, body[:60]


async def test_bodies_with_wrong_values_change_nothing(api: Api) -> None:
    alice = await api.sign_in("alice")
    for wrong in WRONG_STARTS:
        assert (await alice.post("/concepts/1/start", wrong)).error == INVALID, wrong
    begun = await alice.post("/concepts/1/start", {"unheard_of": 1})
    assert begun.status == 200
    for wrong in WRONG_COMPLETIONS:
        body = {"session_id": begun["session_id"]} | wrong
        assert (await alice.post("/concepts/1/complete", body)).error == INVALID, wrong

    # Text of any language is in order.
    done = {"session_id": begun["session_id"], "feedback": "très bien 😀" + "字" * 1000, "exercises_completed": ["é"]}
    assert (await alice.post("/concepts/1/complete", done)).status == 200
    assert (await alice.post("/concepts/1/start", {"preferred_resources": ["видео 😀"]})).status == 200


async def test_who_asks_comes_before_what_they_send(api: Api) -> None:
    for body in ("{", "", "[" * 1000):
        answer = await api.anybody.send(
            "POST", "/concepts/1/start", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.error == (401, "AUTHENTICATION_ERROR")
