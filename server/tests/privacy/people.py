"""Alice and bob with something in every table, and looks into all of them."""

from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select

from learntrac.activity.service import roll_up
from learntrac.audit.service import record
from learntrac.concepts import service as concepts
from learntrac.concepts.schemas import CompleteRequest
from learntrac.concepts.service import Learner
from learntrac.concepts.viewing import Viewer
from learntrac.exercises import authoring
from learntrac.exercises.definition import check_definition
from learntrac.kit.clock import to_micros
from learntrac.mastery import contests
from learntrac.mastery.schemas import DecisionRequest
from learntrac.schema import METADATA
from learntrac.trac.visibility import Visibility
from learntrac.voice import service as voice
from tests.conftest import Api, Person
from tests.exercises.samples import QUIZ
from tests.progress.studying import RIGHT, WRONG, begin, days_ago, study

MESSAGES, FUNCTIONS = 1, 2


async def have_learned(api: Api, *names: str) -> dict[str, Person]:
    """They sign in, study, have an account of LearnTrac's own and are looked at: rows in every section."""
    people = {}
    for name in names:
        people[name] = await api.sign_in(name)
        await _speak(people[name], name)
        await _talk(people[name], name)
        await _talk_aloud(api, name)
        await study(api, name, MESSAGES, days_ago(api, 3), RIGHT, WRONG)
        session_id = await begin(api, name, FUNCTIONS, days_ago(api, 1))
        await _report(api, name, session_id)
        await _contest(api, name)
        await _keep_account(api, name)
        await _tell_the_world(api, name)
        await _certify(api, name)
        await _practise(api, name)
        await _spend(api, name)
        await record_acts(api, name)
    await roll_up(api.parts.database, now=api.clock())
    return people


async def _speak(person: Person, name: str) -> None:
    """Feedback, and a placement test to its end."""
    said = {"concept_id": MESSAGES, "difficulty_rating": 4, "additional_comments": f"Words of {name}."}
    assert (await person.post("/adaptive/feedback", said)).status == 200
    turn = await person.post("/adaptive/placement/start", {})
    while not turn["done"]:
        turn = await person.post(f"/adaptive/placement/{turn['placement_id']}/answer", {"answer": "knows"})


async def _talk(person: Person, name: str) -> None:
    """A talk with the tutor, the question of which goes over to a person."""
    said = {"context": {"concept_id": MESSAGES}, "initial_message": f"What is a message, asks {name}?"}
    chat = (await person.post("/chat/start", said))["chat_id"]
    assert (await person.post(f"/chat/{chat}/handover", {})).status == 200


async def _talk_aloud(api: Api, name: str) -> None:
    """A voice connection, some seconds of speech, and an answer that was spoken."""
    async with api.parts.database.begin() as session:
        connection = voice.Connection(f"voice of {name}", name, "sign-in", "socket", 2_000_000_000)
        await voice.open_connection(session, connection, most=5, now=api.clock())
        await voice.reserve(session, user_id=name, milliseconds=1000, minutes_a_day=60, now=api.clock())
        audio_id = f"audio of {name}"
        await voice.begin_audio(session, audio_id=audio_id, user_id=name, now=api.clock())
        await voice.add_part(session, audio_id=audio_id, user_id=name, place=1, mp3=f"Said to {name}.".encode())


async def _report(api: Api, name: str, session_id: str) -> None:
    learner = Learner(name, Viewer(name, Visibility(default=True)))
    request = CompleteRequest(session_id=session_id, quiz_score=0.5, feedback=f"Said by {name}.")
    async with api.parts.database.begin() as session:
        await concepts.complete(
            session,
            learner=learner,
            concept_id=FUNCTIONS,
            request=request,
            reported_quiz_weight=0,
            model=api.parts.model,
            now=api.clock(),
        )


async def _contest(api: Api, name: str) -> None:
    """Ivan lets stand what they object to."""
    everything = Visibility(default=True)
    evidence = METADATA.tables["evidence"]
    async with api.parts.database.begin() as session:
        wrong = select(evidence.c.id).where(evidence.c.user_id == name, evidence.c.outcome == 0)
        number = (await session.execute(wrong)).scalar_one()
        made = await contests.contest(
            session,
            visibility=everything,
            user_id=name,
            evidence_id=number,
            reason=f"Contested by {name}.",
            now=api.clock(),
        )
        await contests.decide(
            session,
            visibility=everything,
            decided_by="ivan",
            contest_id=made.contest_id,
            request=DecisionRequest(accept=False, note="It was wrong"),
            model=api.parts.model,
            now=api.clock(),
        )


async def _keep_account(api: Api, name: str) -> None:
    values = {"user_id": name, "password_hash": "$argon2id$hash", "role": "student", "created_at": 1}
    async with api.parts.database.begin() as session:
        await session.execute(insert(METADATA.tables["local_account"]).values(**values))


async def _tell_the_world(api: Api, name: str) -> None:
    """They have a webhook, and an event about them is on its way to it."""
    hook: dict[str, Any] = {"kind": "webhook", "owner": name, "url": "https://example.org/", "events": "[]"}
    hook |= {"secret": "sealed", "status": "active", "failures": 0, "created_at": 1, "updated_at": 1}
    event = {"id": f"event of {name}", "event": "user.struggled", "data": f'{{"user_id":"{name}"}}', "at": 1}
    delivery = {"event_id": event["id"], "status": "pending", "attempts": 1, "due_at": 1, "created_at": 1}
    attempt: dict[str, Any] = {"number": 1, "at": 1, "duration_ms": 1, "request_headers": "{}"}
    attempt |= {"response_headers": "{}", "response_body": f"Who is {name}?"}
    async with api.parts.database.begin() as session:

        async def add(table: str, values: dict[str, Any]) -> int:
            done: Any = await session.execute(insert(METADATA.tables[table]).values(**values))
            return int(done.inserted_primary_key[0]) if table in ("webhook", "webhook_delivery") else 0

        number = await add("webhook", hook)
        await add("webhook_event", event | {"user_id": name})
        on_its_way = await add("webhook_delivery", delivery | {"webhook_id": number})
        await add("webhook_attempt", attempt | {"delivery_id": on_its_way})


async def _certify(api: Api, name: str) -> None:
    """They have a certificate."""
    values: dict[str, Any] = {"user_id": name, "kind": "concept", "subject": "1", "prefix": "0123abcd", "code": name}
    values |= {"title": "HTTP messages", "description": "", "full_name": name.title(), "is_name_shown": True}
    values |= {"earned_at": 1, "issued_at": 1, "revoked_at": 2, "revoked_by": "ivan", "reason": f"Not by {name}"}
    async with api.parts.database.begin() as session:
        await session.execute(insert(METADATA.tables["certificate"]).values(**values))


async def _practise(api: Api, name: str) -> None:
    """An exercise they wrote, and their own attempt at it."""
    exercise, concept = f"verbs-{sum(name.encode())}", {"concept_id": MESSAGES}
    async with api.parts.database.begin() as session:
        await authoring.create(
            session,
            visibility=Visibility(default=True),
            author=name,
            exercise_id=exercise,
            definition=check_definition(QUIZ | {"id": exercise}),
            now=api.clock(),
        )
    who: dict[str, Any] = {"user_id": name, "exercise_id": exercise, "started_at": 1}
    opened = {"id": f"session of {name}", "version": 1, "status": "passed", "hints": 0, "helped": 0, "attempts": 1}
    standing = {"type": "quiz", "status": "completed", "best_share": 1, "attempts": 1, "hints": 0, "updated_at": 1}
    tried: dict[str, Any] = {"user_id": name, "exercise_id": exercise, "session_id": opened["id"], "version": 1}
    tried |= {"status": "graded", "language": "", "source": f"Written by {name}.", "explanation": "", "passed": True}
    tried |= {"self_assessment": "{}", "digest": "0", "hints": 0, "score": 10, "max_score": 10, "tests_passed": 1}
    tried |= {"tests_total": 1, "milliseconds": 1, "result": "{}", "issues": "[]", "submitted_at": 1, "note": ""}
    tried |= {"claimed_until": 0}
    rows = {"exercise_session": who | concept | opened, "exercise_standing": who | concept | standing}
    await _insert(api, rows | {"submission": tried | concept})


async def _spend(api: Api, name: str) -> None:
    """A report they ordered, and what a model cost for them."""
    report: dict[str, Any] = {"id": f"export of {name}"[:36], "owner": name, "report_type": "learner_progress"}
    report |= {"format": "csv", "sections": "[]", "filters": "{}", "status": "expired", "progress": 100}
    report |= {"estimated_seconds": 1, "error": "", "size": 0, "created_at": 1}
    spent = {"user_id": name, "period": "2026-01-05", "calls": 1, "tokens": 1, "micro_usd": 1}
    await _insert(api, {"export": report, "ai_spending": spent})


async def _insert(api: Api, rows: dict[str, dict[str, Any]]) -> None:
    async with api.parts.database.begin() as session:
        for table, values in rows.items():
            await session.execute(insert(METADATA.tables[table]).values(**values))


async def record_acts(api: Api, name: str) -> None:
    """Others' acts about them, and theirs about others."""
    now = api.clock() - timedelta(minutes=5)
    async with api.parts.database.begin() as session:
        await record(session, actor="ivan", action="progress.view", subject=name, now=now, details={"n": 1})
        await record(session, actor="cli", action="account.add", subject=name, now=now)
        await record(session, actor="system", action="login.blocked", subject=name, now=now)
        await record(session, actor=name, action="progress.view", subject="carol", now=now)
        await record(session, actor=name, action="audit.view", now=now)
        relation = {"source_concept": 1, "target_concept": 6, "kind": "related_to", "weight": 1, "notes": f"by {name}"}
        relation |= {"is_bidirectional": False, "created_by": name, "created_at": to_micros(now)}
        if name == "alice":  # only one of a kind may relate two concepts
            await session.execute(insert(METADATA.tables["relationship"]).values(**relation))


async def tables(api: Api) -> dict[str, list[Any]]:
    """Every row of every table."""
    dialect = "sqlite" if api.parts.database.is_sqlite else "postgresql"
    async with api.parts.database.read() as session:
        return {
            name: [dict(row) for row in (await session.execute(select(table))).mappings()]
            for name, table in METADATA.tables.items()
            if table.info.get("dialect", dialect) == dialect
        }


async def naming(api: Api, name: str) -> set[str]:
    """The tables of which some row has the name in some column, alone or in a longer text."""
    return {table for table, rows in (await tables(api)).items() if any(name in repr(row) for row in rows)}
