"""Every filter, sort and page of the list, alone and combined: what a plain filter over all concepts would find."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.conftest import Person, TracCopy, serving

Concept = dict[str, Any]

TYPES = ("task", "defect", "enhancement", "Übung")
COMPONENTS = ("http", "python", "", "no such")
MILESTONES = ("Basics", "Beyond", "")
OWNERS = ("alice", "bob", "")
STATUSES = ("new", "assigned", "accepted", "reopened", "closed")
TITLES = ("Äpfel und Birnen", "zebra", "Zebra crossing", "apple_pie", "42 ways", "日本", "Über http", "zebra")
TEXTS = ("Reading about HTTP/2.", "Functions and functional style", "Café au lait", "")
KEYWORDS = ("web, api", "café", "functions;http", "")
SORTS = ("id", "title", "difficulty", "created_at", "updated_at", "estimated_time")
MANY = 60

filters = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["new", "learning", "practicing", "mastered"]),
        "type": st.sampled_from(["task", "bug", "defect", "enhancement", "Übung"]),
        "difficulty": st.sampled_from(["1", "2", "3", "3.0", "3.5", "4", "5"]),
        "component": st.sampled_from(COMPONENTS),
        "milestone": st.sampled_from(MILESTONES),
        "owner": st.sampled_from(OWNERS),
        "q": st.lists(
            st.sampled_from(["http", "FUNC", "caf", "ÄPF", "zebra", "a", "ways", "日", '"*', "nothing at all"]),
            min_size=1,
            max_size=2,
        ).map(" ".join),
        "sort": st.sampled_from([*SORTS, *(f"-{name}" for name in SORTS), "relevance"]),
    },
)


def fill(trac: TracCopy) -> None:
    """Sixty more tickets whose every field has few values, so that filters meet."""
    tickets, custom = list[str](), list[str]()
    for number in range(7, 7 + MANY):
        texts = [
            values[number * 7 // step % len(values)]
            for step, values in enumerate(
                (TITLES, TEXTS, KEYWORDS, TYPES, COMPONENTS, MILESTONES, OWNERS, STATUSES), start=1
            )
        ]
        quoted = ", ".join(f"'{value}'" for value in texts)
        times = f"{(number * 13 % 5) * 1_000_000}, {(number * 11 % 7) * 1_000_000}"
        tickets.append(f"({number}, {quoted}, {times})")
        custom.append(f"({number}, 'learning_difficulty', '{1 + number % 9 / 2}')")
        custom.append(f"({number}, 'time_estimate', '{15 * (1 + number % 4)}m')")
        custom.append(f"({number}, 'mastery_threshold', '0.5')")
    columns = "id, summary, description, keywords, type, component, milestone, owner, status, time, changetime"
    trac.execute(f"INSERT INTO ticket ({columns}) VALUES {', '.join(tickets)}")
    trac.execute(f"INSERT INTO ticket_custom (ticket, name, value) VALUES {', '.join(custom)}")


async def learn(person: Person) -> None:
    """Some concepts begun, some worked through, some mastered."""
    for number in range(8, 26, 2):
        begun = await person.post(f"/concepts/{number}/start", {})
        done = {"session_id": begun["session_id"]}
        if number % 3 == 0:
            await person.post(f"/concepts/{number}/complete", done)
        if number % 3 == 1:
            await person.post(f"/concepts/{number}/complete", done | {"quiz_score": 1})


@pytest.fixture
async def busy(trac_copy: TracCopy) -> AsyncIterator[dict[str, Person]]:
    """A course with many concepts: by name, somebody without a token, a learner at work and one who did nothing."""
    fill(trac_copy)
    async with serving(trac_copy, reported_quiz_weight=1) as api:
        alice = await api.sign_in("alice")
        await learn(alice)
        yield {"nobody": api.anybody, "alice": alice, "bob": await api.sign_in("bob")}


async def everything(person: Person) -> list[Concept]:
    answer = await person.get("/concepts", limit=100)
    assert answer["total"] == len(answer["concepts"]) == 6 + MANY
    return list(answer["concepts"])


def words(*texts: str) -> list[str]:
    plain = " ".join(texts).lower().translate(str.maketrans("äéü", "aeu"))
    return re.findall(r"[^\W_]+", plain)


def has(asked: str, *texts: str) -> bool:
    terms = words(asked)
    return bool(terms) and all(any(word.startswith(term) for word in words(*texts)) for term in terms)


def minutes(shown: str) -> int:
    found = re.fullmatch(r"(?:(\d+) hours?)? ?(?:(\d+) minutes?)?", shown)
    assert found
    return 60 * int(found[1] or 0) + int(found[2] or 0)


def fits(concept: Concept, asked: dict[str, str]) -> bool:
    for name in ("status", "type", "component", "milestone", "owner"):
        if name in asked and concept[name] != asked[name]:
            return False
    difficulty = float(asked.get("difficulty", 0))
    if difficulty and concept["difficulty"] != difficulty and int(concept["difficulty"]) != difficulty:
        return False
    return "q" not in asked or has(asked["q"], concept["title"], concept["description"], *concept["tags"])


def in_order(found: list[Concept], asked: dict[str, str]) -> list[Concept]:
    sort = asked.get("sort") or ("relevance" if "q" in asked else "id")
    name = sort.removeprefix("-")
    if name == "relevance":
        return sorted(found, key=lambda each: ("q" in asked and not has(asked["q"], each["title"]), each["id"]))
    value = {"title": lambda text: text.encode(), "estimated_time": minutes}.get(name, lambda same: same)
    return sorted(found, key=lambda each: (value(each[name]), each["id"]), reverse=sort != name)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    who=st.sampled_from(["nobody", "alice", "bob"]),
    asked=filters,
    limit=st.integers(1, 40),
    offset=st.integers(0, 70),
)
@example(who="alice", asked={"status": "mastered"}, limit=100, offset=0)
@example(who="alice", asked={"status": "new", "component": "http"}, limit=100, offset=0)
@example(who="alice", asked={"status": "learning", "q": "zebra", "sort": "-title"}, limit=100, offset=0)
@example(who="nobody", asked={"status": "practicing", "type": "bug"}, limit=100, offset=0)
async def test_a_list_is_what_a_plain_filter_finds(
    busy: dict[str, Person], who: str, asked: dict[str, str], limit: int, offset: int
) -> None:
    expected = in_order([each for each in await everything(busy[who]) if fits(each, asked)], asked)

    answer = await busy[who].get("/concepts", limit=limit, offset=offset, **asked)
    assert answer.status == 200, answer.body
    assert answer["concepts"] == expected[offset : offset + limit]
    assert (answer["total"], answer["limit"], answer["offset"]) == (len(expected), limit, offset)


async def test_the_filters_are_worth_combining(busy: dict[str, Person]) -> None:
    """The property above would say little if most filters found nothing, or a learner had one status only."""
    for name, values in {"type": TYPES[2:], "component": COMPONENTS, "milestone": MILESTONES, "owner": OWNERS}.items():
        for value in values:
            assert (await busy["nobody"].get("/concepts", **{name: value}))["total"] > 0, (name, value)
    for who in ("nobody", "alice"):
        for status in ("new", "learning", "practicing", "mastered"):
            assert (await busy[who].get("/concepts", status=status))["total"] > 0, (who, status)
    assert (await busy["bob"].get("/concepts", status="new"))["total"] == 6 + MANY
    await pages_join_to_the_whole(busy["alice"])


async def pages_join_to_the_whole(alice: Person) -> None:
    for sort in (*SORTS, *(f"-{name}" for name in SORTS), "relevance"):
        pages = [await alice.get("/concepts", limit=7, offset=offset, sort=sort) for offset in range(0, 77, 7)]

        joined = [concept for page in pages for concept in page["concepts"]]
        assert joined == (await alice.get("/concepts", limit=100, sort=sort))["concepts"]
        assert {page["total"] for page in pages} == {6 + MANY}
