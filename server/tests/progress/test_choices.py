"""What could come next is remembered, and found anew as soon as anything that it follows from is another."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from learntrac.mastery.parameter_file import load
from learntrac.mastery.parameters import Parameters, Weights
from learntrac.progress.choices import Choices
from learntrac.progress.ranking import Candidate, Ranked
from tests.conftest import Api, Person, TracCopy, eventually, serving
from tests.progress.studying import RIGHT, WRONG, answer, begin, days_ago, study
from tests.scraping import scrape

BEST = [Ranked(Candidate(1, "Loops", "new", 3.0, 60, 0.75, 0.8), 1.0)]


def test_it_is_of_one_fingerprint() -> None:
    choices = Choices()
    assert choices.find("alice", 7) is None
    assert choices.keep("alice", 7, BEST) == choices.find("alice", 7) == BEST
    assert choices.find("alice", 8) is choices.find("bob", 7) is None


def test_it_is_kept_of_those_who_asked_last_and_of_each_fifty() -> None:
    choices = Choices(learners=2)
    choices.keep("alice", 1, BEST * 60)
    choices.keep("bob", 1, BEST)
    assert len(choices.find("alice", 1) or ()) == 50

    choices.keep("carol", 1, BEST)

    assert choices.find("bob", 1) is None
    assert choices.find("alice", 1)
    assert choices.find("carol", 1)


async def told(person: Person) -> Any:
    """All that recommends, but for how well the time that a learner has would be filled."""
    progress, list_ = await person.get("/progress"), await person.get("/adaptive/recommendations", count=50)
    return progress["recommendations"], list_["recommendations"], list_["adaptive_path"]


async def statements(api: Api) -> float:
    return (await scrape(api.client)).find("learntrac_backend_call_duration_seconds_count", backend="database") or 0


async def test_who_asks_again_has_it_from_memory(api: Api) -> None:
    await study(api, "alice", 1, days_ago(api, 2), RIGHT)
    alice = await api.sign_in("alice")
    await alice.get("/progress")  # what is the same for everybody is read first

    async def asked_for(*, anew: bool) -> float:
        if anew:
            api.parts.course.choices = Choices()
        before = await statements(api)
        await alice.get("/progress")
        return await statements(api) - before

    # The least of some: what follows Trac beside it asks as well.
    again = min([await asked_for(anew=False) for _ in range(5)])
    assert min([await asked_for(anew=True) for _ in range(5)]) == again + 1


Change = Callable[[Api, Person], Awaitable[Any]]


async def _answers_wrong(api: Api, _alice: Person) -> None:
    await answer(api, "alice", 2, api.clock(), WRONG)


async def _begins(api: Api, _alice: Person) -> None:
    await begin(api, "alice", 6, api.clock())


async def _masters(api: Api, _alice: Person) -> None:
    await study(api, "alice", 2, days_ago(api, 0.1), RIGHT, RIGHT, RIGHT)


async def _says_it_is_too_easy(_api: Api, alice: Person) -> None:
    said = {"concept_id": 1, "difficulty_rating": 1, "clarity_rating": 4, "pace_feedback": "too_slow"}
    assert (await alice.post("/adaptive/feedback", said)).status == 200


async def _is_placed(_api: Api, alice: Person) -> None:
    turn = await alice.post("/adaptive/placement/start")
    while not turn["done"]:
        turn = await alice.post(f"/adaptive/placement/{turn['placement_id']}/answer", {"correct": True})


async def _has_another_model(api: Api, _alice: Person) -> None:
    api.parts.model.current = load(Parameters(Weights(-2.0, 0, 1, 0, 0, 0, 1, 0, 0), 0.0))


@pytest.mark.parametrize(
    "change", [_answers_wrong, _begins, _masters, _says_it_is_too_easy, _is_placed, _has_another_model]
)
async def test_it_is_found_anew_once_anything_is_another(api: Api, change: Change) -> None:
    await study(api, "alice", 1, days_ago(api, 2), RIGHT, RIGHT)
    alice = await api.sign_in("alice")
    before = await told(alice)

    await change(api, alice)
    remembered = await told(alice)
    api.parts.course.choices = Choices()

    assert remembered == await told(alice)
    assert remembered != before


async def test_so_it_is_once_the_course_is_another(trac_copy: TracCopy) -> None:
    async with serving(trac_copy) as api:
        alice = await api.sign_in("alice")
        before = await told(alice)
        trac_copy.execute("UPDATE ticket SET summary = 'Anew', changetime = changetime + 1000000 WHERE id = 1")

        async def is_told() -> bool:
            return bool(await told(alice) != before)

        await eventually(is_told)
        assert "Anew" in {line["title"] for line in (await told(alice))[0]}


async def test_reviews_come_with_time_though_nothing_else_changes(api: Api) -> None:
    await study(api, "alice", 1, days_ago(api, 0.1), RIGHT, RIGHT)
    alice = await api.sign_in("alice")
    assert {line["kind"] for line in (await told(alice))[0]} == {"new"}

    api.clock.forward(days=30)

    alice = await api.sign_in("alice")
    assert "review" in {line["kind"] for line in (await told(alice))[0]}
