"""Graded answers to exercises, as a grader records them."""

from learntrac.mastery.service import Answer, get_where, record_answer
from tests.conftest import Api


async def answer_as(
    api: Api, user_id: str, concept: int, *outcomes: float, threshold: float = 0.8, weight: float = 1
) -> None:
    """Answers of one learner to one concept, in one transaction, at the API's own time."""
    async with api.parts.database.begin() as session:
        for number, outcome in enumerate(outcomes):
            where = await get_where(session, user_id=user_id, concept_id=concept)
            answer = Answer(f"exercise:{number}", outcome, weight, "exercise")
            await record_answer(session, where, answer, model=api.parts.model, threshold=threshold, now=api.clock())
