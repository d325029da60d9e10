"""Learning that lies in the past, made by the verbs that record any learning."""

from datetime import datetime, timedelta

from learntrac.concepts import service as concepts
from learntrac.concepts.schemas import CompleteRequest, StartRequest
from learntrac.concepts.service import Learner
from learntrac.concepts.viewing import Viewer
from learntrac.mastery import service as mastery
from learntrac.mastery.service import Answer
from learntrac.trac.visibility import Visibility
from tests.conftest import Api

WRONG, RIGHT = 0.0, 1.0


def days_ago(api: Api, days: float) -> datetime:
    """So many days ago, but not late in the evening: what is studied for up to two hours then stays within its day,
    whatever the time is now.
    """
    at = api.clock() - timedelta(days=days)
    return at - timedelta(hours=2) if at.hour >= 22 else at


async def begin(api: Api, user_id: str, concept: int, at: datetime) -> str:
    """Start a concept at that time; the session's id."""
    learner = Learner(user_id, Viewer(user_id, Visibility(default=True)))
    async with api.parts.database.begin() as session:
        started = await concepts.start(session, learner=learner, concept_id=concept, request=StartRequest(), now=at)
    return started.session_id


async def answer(api: Api, user_id: str, concept: int, at: datetime, *outcomes: float, source: str = "quiz") -> None:
    """Graded answers at that time."""
    async with api.parts.database.begin() as session:
        for outcome in outcomes:
            where = await mastery.get_where(session, user_id=user_id, concept_id=concept)
            graded = Answer("item", outcome, 1, source)
            await mastery.record_answer(session, where, graded, model=api.parts.model, threshold=0.8, now=at)


async def study(
    api: Api,
    user_id: str,
    concept: int,
    at: datetime,
    *outcomes: float,
    minutes: int = 30,
    source: str = "quiz",
    abandon: bool = False,
) -> None:
    """A session that begins at that time, with graded answers, and ends so many minutes later."""
    session_id = await begin(api, user_id, concept, at)
    ends_at = at + timedelta(minutes=minutes)
    await answer(api, user_id, concept, ends_at, *outcomes, source=source)
    learner = Learner(user_id, Viewer(user_id, Visibility(default=True)))
    request = CompleteRequest(session_id=session_id, completion_type="abandoned" if abandon else "completed")
    async with api.parts.database.begin() as session:
        await concepts.complete(
            session,
            learner=learner,
            concept_id=concept,
            request=request,
            reported_quiz_weight=0,
            model=api.parts.model,
            now=ends_at,
        )
