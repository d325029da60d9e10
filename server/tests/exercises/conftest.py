"""What tests of exercises share: somebody who writes them, and somebody who does them."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import Answer, Api, Person
from tests.exercises.samples import DESIGN, QUIZ


@dataclass
class Room:
    """An instructor with a class of two, and what they do most often."""

    api: Api
    ivan: Person
    alice: Person
    bob: Person

    async def offer(self, definition: dict[str, Any]) -> str:
        """Have Ivan write an exercise; its id."""
        answer = await self.ivan.post("/exercises", definition)
        assert answer.status == 201, answer.body
        return str(answer["id"])

    async def start(self, person: Person, exercise_id: str) -> Answer:
        answer = await person.post(f"/exercises/{exercise_id}/start")
        assert answer.status == 200, answer.body
        return answer

    async def hand_in(self, person: Person, exercise_id: str, session_id: str, **solution: Any) -> Answer:
        headers = solution.pop("headers", None)
        body = {"session_id": session_id, "solution": solution, "request_feedback": True}
        return await person.post(f"/exercises/{exercise_id}/submit", body, headers=headers)


@pytest.fixture
async def room(api: Api) -> Room:
    return Room(api, await api.sign_in("ivan"), await api.sign_in("alice"), await api.sign_in("bob"))


def right_answers(view: dict[str, Any]) -> dict[str, Any]:
    """All that is right in QUIZ, by the letters that this learner was shown."""
    letters = [{choice["text"]: choice["id"] for choice in question["choices"]} for question in view["questions"]]
    return {
        "q1": letters[0]["GET"],
        "q2": [letters[1]["PUT"], letters[1]["DELETE"]],
        "q3": 404,
        "q4": " content-type ",
        "q5": [letters[4][item] for item in ("request", "handler", "response")],
    }


__all__ = ["DESIGN", "QUIZ", "Room", "right_answers"]


@pytest.fixture
async def python_is_ready(api: Api) -> None:
    """The sandbox for Python, ready: the first time on a machine it builds its interpreter."""
    api.parts.sandbox.start()
    until = time.monotonic() + 300
    while any(tier.language == "python" and tier.refused for tier in api.parts.sandbox.tiers()):
        assert time.monotonic() < until, api.parts.sandbox.tiers()
        await asyncio.sleep(0.05)
