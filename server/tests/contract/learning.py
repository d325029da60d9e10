"""A learner who has done something that must not be lost."""

from tests.conftest import Api, Person


async def learn(api: Api) -> Person:
    """Alice signs in, begins a concept and completes it."""
    alice = await api.sign_in("alice")
    begun = await alice.post("/concepts/1/start", {"learning_mode": "guided", "time_commitment": 60})
    assert begun.status == 200, begun.body
    done = {"session_id": begun["session_id"], "completion_type": "completed", "time_spent": 60}
    assert (await alice.post("/concepts/1/complete", done)).status == 200
    return alice


async def completed(api: Api) -> int:
    return int((await (await api.sign_in("alice")).get("/progress"))["overall_progress"]["completed_concepts"])
